"""What a person sees: steps as they happen with a waterfall bar, a verdict, a table for several checks."""

import json
import sys
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from imapcheck.result import CheckResult, StepResult
from imapcheck.trace import Hook, StepEvent, StepFinished, StepStarted

_BAR = 30
_LAST_LINES = 8
_MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "refused": ("!", "yellow"),
    "skipped": ("-", "dim"),
}


class Display:
    """How results are shown; problems (of ours) go to stderr whatever the style."""

    @staticmethod
    def for_run(*, as_json: bool, count: int, transcript: bool) -> "Display":
        if as_json:
            return JsonDisplay(transcript=transcript)
        return OneCheckDisplay(transcript=transcript) if count == 1 else ManyChecksDisplay(count, transcript=transcript)

    def __init__(self, *, transcript: bool) -> None:
        self.transcript = transcript

    def hooks(self) -> tuple[Hook, ...]:
        return ()

    def progress(self, outcome: object) -> None:
        """A check has ended, in whatever order."""

    def result(self, result: CheckResult) -> None:
        """A result, in the order of the arguments."""
        raise NotImplementedError

    def problem(self, text: str) -> None:
        print(text, file=sys.stderr)

    def finish(self) -> None:
        """Nothing more will come."""


class JsonDisplay(Display):
    """One result object per line on stdout, and nothing else."""

    def result(self, result: CheckResult) -> None:
        print(json.dumps(json_result(result, transcript=self.transcript), ensure_ascii=False), flush=True)


def json_result(result: CheckResult, *, transcript: bool) -> dict[str, Any]:
    """The result as JSON types; the transcript is in it on failure, or where it was asked for."""
    content = result.to_dict()
    if result.available and not transcript:
        content["transcript"] = []
    return content


class OneCheckDisplay(Display):
    """Live steps under a waterfall, then the verdict."""

    def __init__(self, *, transcript: bool, console: Console | None = None) -> None:
        super().__init__(transcript=transcript)
        self.console = console or Console(highlight=False)
        self._waterfall = Waterfall()
        self._live = Live(self._waterfall, console=self.console, auto_refresh=False, transient=True)
        self._on_terminal = self.console.is_terminal

    def hooks(self) -> tuple[Hook, ...]:
        return (self._step,) if self._on_terminal else ()

    def result(self, result: CheckResult) -> None:
        self._live.stop()
        self.console.print(waterfall_of(result, self._waterfall))
        show_verdict(self.console, result, transcript=self.transcript)

    def _step(self, event: StepEvent) -> None:
        if not self._live.is_started:
            self._live.start()
        self._waterfall.step(event)
        self._live.refresh()


class ManyChecksDisplay(Display):
    """A progress bar while they run, then a table."""

    def __init__(self, count: int, *, transcript: bool) -> None:
        super().__init__(transcript=transcript)
        self.console = Console(highlight=False)
        self._results: list[CheckResult] = []
        self._bar = Progress(
            TextColumn("running checks"), BarColumn(), MofNCompleteColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=count)
        self._bar.start()

    def progress(self, outcome: object) -> None:
        self._bar.advance(self._task)

    def result(self, result: CheckResult) -> None:
        self._results.append(result)

    def finish(self) -> None:
        self._bar.stop()
        if not self._results:
            return
        self.console.print(_table(self._results))
        for result in self._results:
            if result.failure is not None or self.transcript:
                self.console.print()
                show_verdict(self.console, result, transcript=self.transcript)


class Waterfall:
    """The steps of one attempt: a name, a bar where in the run it was, its time, its detail."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[list[tuple[float, float]], StepResult | None]] = {}
        self._seen: dict[str, float] = {}

    def step(self, event: StepEvent) -> None:
        spans, _ = self._rows.get(event.step, ([], None))
        match event:
            case StepStarted():
                if event.step == "dns":  # another attempt begins
                    self._rows.clear()
                    self._seen.clear()
                    spans = []
                self._rows[event.step] = (spans, None)
            case StepFinished(result=result):
                total = result.duration_ms or 0.0
                spans.append((event.offset_ms, total - self._seen.get(event.step, 0.0)))
                self._seen[event.step] = total
                self._rows[event.step] = (spans, result)

    def __rich__(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        for width in (1, 12, _BAR, 12):
            grid.add_column(no_wrap=True, min_width=width)
        grid.add_column(overflow="fold")
        end = max((start + length for spans, _ in self._rows.values() for start, length in spans), default=1.0)
        for name, (spans, result) in self._rows.items():
            mark, style = _MARKS[result.status] if result is not None else ("…", "cyan")
            detail = (result.detail or "") if result is not None else ""
            grid.add_row(
                Text(mark, style), Text(name), Text(_bar(spans, end), style), _time(result), Text(detail, "dim")
            )
        return grid


def waterfall_of(result: CheckResult, live: Waterfall) -> RenderableType:
    """The waterfall that was shown live, or one laid out from the result's step times."""
    if live._rows:  # noqa: SLF001 - the module's own class
        return live
    waterfall, offset = Waterfall(), 0.0
    for step in result.steps:
        waterfall.step(StepFinished(step.name, offset, step))
        offset += step.duration_ms or 0.0
    return waterfall


def show_verdict(console: Console, result: CheckResult, *, transcript: bool) -> None:
    """Available or not, and on failure the step, the server's words and the last lines of the transcript."""
    console.print(_verdict(result), soft_wrap=True)
    if result.failure is not None:
        failure = result.failure
        console.print(Text(f"  {failure.step}: {failure.type.value} ({failure.category.value})", "red"))
        console.print(Text(f"  {failure.detail}"), soft_wrap=True)
    if result.server.tls is not None and not result.server.tls.verified:
        console.print(Text("  warning: the server's certificate was not verified", "yellow"))
    lines = result.transcript
    if not transcript:
        lines = lines[-_LAST_LINES:] if result.failure is not None else ()
    for line in lines:
        console.print(Text(f"    {line}", "dim"), soft_wrap=True)


def _verdict(result: CheckResult) -> Text:
    name = escape(result.check or result.server.host)
    words, style = ("available", "bold green") if result.available else ("NOT AVAILABLE", "bold red")
    if result.slow:
        words, style = "available, but slow", "bold yellow"
    attempts = f" in {result.attempts} attempts" if result.attempts > 1 else ""
    facts = [f"{result.duration_ms:.0f} ms{attempts}"]
    if result.search is not None:
        facts.append(f"{result.search.matches} found")
    if result.new_message is not None and result.new_message.message_id is not None:
        facts.append(f"filed in {result.new_message.mailbox}")
    if result.server.tls is not None and result.server.tls.certificate_days_remaining is not None:
        facts.append(f"certificate {result.server.tls.certificate_days_remaining:.0f} days")
    return Text.assemble((f"{name}: ", "bold"), (words, style), (f"  ({', '.join(facts)})", ""))


def _table(results: list[CheckResult]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("check", "verdict", "step", "type"):
        table.add_column(column)
    table.add_column("ms", justify="right")
    table.add_column("slowest step")
    for result in results:
        verdict = Text("available", "green") if result.available else Text("NOT AVAILABLE", "red")
        if result.slow:
            verdict = Text("slow", "yellow")
        failure = result.failure
        table.add_row(
            Text(result.check or result.server.host),
            verdict,
            failure.step if failure else "",
            failure.type.value if failure else "",
            f"{result.duration_ms:.0f}",
            _slowest(result),
        )
    return table


def _slowest(result: CheckResult) -> str:
    slowest = max(result.steps, key=lambda step: step.duration_ms or 0.0, default=None)
    return f"{slowest.name} {slowest.duration_ms or 0.0:.0f} ms" if slowest is not None else ""


def _bar(spans: list[tuple[float, float]], end: float) -> str:
    cells = [" "] * _BAR
    for start, length in spans:
        first = min(_BAR - 1, int(start / end * _BAR))
        last = min(_BAR - 1, int((start + length) / end * _BAR))
        cells[first : last + 1] = "█" * (last - first + 1) if length else "▏"
    return "".join(cells[:_BAR])


def _time(result: StepResult | None) -> Text:
    if result is None or result.duration_ms is None:
        return Text("", justify="right")
    return Text(f"{result.duration_ms:9.1f} ms", justify="right")
