"""The steps of a run as lines for a person: a mark, a name, a bar where in the run it was, its time, its detail."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from imapcheck.output.waterfall import Bar, layout
from imapcheck.result import CheckResult, StepResult
from imapcheck.steps import StepName
from imapcheck.trace import NOT_REACHED, StepEvent, StepFinished, StepStarted
from imapcheck.wording import length

_NAME, _TIME = 12, 10
_NARROW, _LEAST_DETAIL = 60, 24
_STYLES = {"passed": "green", "failed": "red", "refused": "yellow", "skipped": "dim"}
_SIGNS = {
    True: {"passed": "✓", "failed": "✗", "refused": "!", "skipped": "-", "running": "…", "bar": "█", "mark": "▏"},
    False: {"passed": "+", "failed": "x", "refused": "!", "skipped": "-", "running": ".", "bar": "#", "mark": "|"},
}


def signs(console: Console) -> dict[str, str]:
    """Marks and bars that the console's encoding can write."""
    return _SIGNS[console.encoding.lower().startswith("utf")]


@dataclass
class _StepLine:
    spans: list[tuple[float, float]] = field(default_factory=list)
    result: StepResult | None = None
    seen_ms: float = 0.0


class StepLines:
    """The rows of one attempt, live or from a result. `timeout` is the run's, in seconds, for the clock."""

    def __init__(self, timeout: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows: dict[StepName, _StepLine] = {}
        self._timeout, self._clock = timeout, clock
        self._began: float | None = None

    @classmethod
    def of(cls, result: CheckResult) -> "StepLines":
        """Laid out from a result's step times, one after the other."""
        lines, offset = cls(), 0.0
        for step in result.steps:
            lines.take(StepFinished(step.name, offset, step))
            offset += step.duration_ms or 0.0
        return lines

    @property
    def empty(self) -> bool:
        return not self._rows

    def take(self, event: StepEvent) -> None:
        """A step began or ended; `dns` begins another attempt."""
        self._began = self._began if self._began is not None else self._clock()
        match event:
            case StepStarted():
                if event.step == "dns":
                    self._rows.clear()
                self._rows.setdefault(event.step, _StepLine()).result = None
            case StepFinished(result=result):
                row = self._rows.setdefault(event.step, _StepLine())
                total = result.duration_ms or 0.0
                row.spans.append((event.offset_ms, total - row.seen_ms))
                row.seen_ms, row.result = total, result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, shown = options.max_width, list(self._rows.items())
        not_reached = [name for name, row in shown if row.result is not None and row.result.detail == NOT_REACHED]
        ended = [row.result for _, row in shown if row.result is not None]
        laid_out = {row.name: row.bars for row in layout(ended, {}, {name: row.spans for name, row in shown}).rows}
        for name, row in shown:
            if name not in not_reached:
                yield from self._lines(console, name, row, laid_out.get(name, ()), width)
        if not_reached:
            first, *rest = Text(f"- not reached: {', '.join(not_reached)}", "dim").wrap(console, width - 2)
            yield first
            yield from (Text("  ").append_text(line) for line in rest)

    def _lines(self, console: Console, name: str, row: _StepLine, bars: Sequence[Bar], width: int) -> Iterator[Text]:
        sign, status = signs(console), row.result.status if row.result is not None else "running"
        cells = width - _NAME - _TIME - 4 if width < _NARROW else min(30, 18 + (width - _NARROW) // 4)
        style = _STYLES.get(status, "cyan")
        took = f"{self._time(row):>{_TIME}}"
        bar = _drawn(bars, max(4, cells + _TIME - len(took)), sign)
        head = Text.assemble((sign[status], style), f" {name:<{_NAME}} ", (bar, style), f" {took}")
        # A failure's words stand below, with all that belongs to it.
        detail = (row.result.detail or "") if row.result is not None and status != "failed" else ""
        room = width - head.cell_len - 1
        if not detail:
            yield head
        elif room >= min(_LEAST_DETAIL, len(detail)):
            first, *rest = Text(detail, "dim").wrap(console, room)
            yield Text.assemble(head, " ", first)
            yield from (Text.assemble(" " * (head.cell_len + 1), line) for line in rest)
        else:
            yield head
            indent = 2 if width < _NARROW else _NAME + 3
            yield from (
                Text(" " * indent).append_text(line) for line in Text(detail, "dim").wrap(console, width - indent)
            )

    def _time(self, row: _StepLine) -> str:
        if row.result is None:
            return self._elapsed()
        duration = row.result.duration_ms
        return "" if duration is None else length(duration)

    def _elapsed(self) -> str:
        """`12 s of 30 s`, from the second second on: before that nobody reads it."""
        waited = self._clock() - (self._began if self._began is not None else self._clock())
        if waited < 1:
            return ""
        limit = "" if self._timeout is None else f" of {length(self._timeout * 1000)}"
        return f"{length(round(waited) * 1000)}{limit}"


def _drawn(bars: Sequence[Bar], cells: int, sign: dict[str, str]) -> str:
    drawn = [" "] * cells
    for bar in bars:
        first = min(cells - 1, int(bar.start * cells))
        last = min(cells - 1, int((bar.start + bar.length) * cells))
        drawn[first : last + 1] = (sign["bar"] if bar.length else sign["mark"]) * (last - first + 1)
    return "".join(drawn)
