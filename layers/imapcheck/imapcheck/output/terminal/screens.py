"""What a person sees of a call: steps as they happen, then the verdict; for several checks a table."""

import threading
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from imapcheck.output.outcome import Outcome, worst_first
from imapcheck.output.screen import Screen, is_fine
from imapcheck.output.terminal.live import LiveDisplay, Trimmed
from imapcheck.output.terminal.steps import StepLines
from imapcheck.output.terminal.table import count, table
from imapcheck.output.terminal.verdict import evidence, reasons, verdict
from imapcheck.trace import Hook, StepEvent

_MOST_STORIES_WITH_TRANSCRIPT = 5


def console_for(width: int | None = None) -> Console:
    """A console on standard output that marks nothing up by itself."""
    return Console(highlight=False, width=width)


def say(console: Console, lines: Iterable[Text], indent: int = 4) -> None:
    """Print `lines` at once: on a terminal wrapped under a hanging indent, in a pipe each as one line."""
    parts = list[Text]()
    for line in lines:
        if not console.is_terminal:
            parts.append(line.copy())
        elif line.cell_len <= console.width:
            parts += line.wrap(console, console.width)
        else:
            parts += _hanging(console, line, indent)
    for part in parts:
        part.rstrip()
    if parts:
        console.print(*parts, sep="\n", soft_wrap=True)


def _hanging(console: Console, line: Text, indent: int) -> list[Text]:
    first, *_ = line.wrap(console, console.width)
    rest = line[len(first.plain) :]
    rest.plain = rest.plain.lstrip(" ")
    return [first, *(Text(" " * indent).append_text(part) for part in rest.wrap(console, console.width - indent))]


class OneCheckScreen(Screen):
    """Live steps with a running clock, then what the verdict rests on, then the verdict."""

    def __init__(
        self, *, transcript: bool, timeout: float | None = None, quiet: bool = False, console: Console | None = None
    ) -> None:
        self.console = console or console_for()
        self._transcript, self._quiet = transcript, quiet
        self._steps = StepLines(timeout)
        self._live = LiveDisplay(self.console, lambda: self._steps) if self.console.is_terminal and not quiet else None

    def hooks(self, check: str) -> tuple[Hook, ...]:
        return (self._step,) if self._live is not None else ()

    def result(self, outcome: Outcome) -> None:
        self.close()
        if outcome.result is None:
            say(Console(stderr=True, highlight=False), _lines(outcome.error))
            return
        if self._quiet and is_fine(outcome):
            return
        self.console.print(Trimmed(StepLines.of(outcome.result) if self._steps.empty else self._steps))
        shown = list(evidence(outcome.result, transcript=self._transcript))
        if shown:
            self.console.print()
            say(self.console, shown, 6)
        if shown or outcome.state == "unavailable":
            self.console.print()
        say(self.console, verdict(outcome))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def interrupted(self) -> None:
        self.close()
        if not self._steps.empty:
            self.console.print(Trimmed(self._steps))

    def _step(self, event: StepEvent) -> None:
        self._steps.take(event)
        assert self._live is not None
        self._live.show()


class ManyChecksScreen(Screen):
    """Which checks are still running, then a table with the worst first, then why, then a count."""

    def __init__(self, count: int, *, transcript: bool, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or console_for()
        self._transcript, self._quiet, self._count = transcript, quiet, count
        self._running: dict[str, None] = {}
        self._ended: list[Outcome] = []
        self._lock = threading.Lock()
        self._live = LiveDisplay(self.console, self._progress) if self.console.is_terminal and not quiet else None

    def started(self, check: str) -> None:
        with self._lock:
            self._running[check] = None
        if self._live is not None:
            self._live.show()

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._running.pop(outcome.check, None)
            self._ended.append(outcome)
        if self._live is not None:
            self._live.show()

    def finish(self, outcomes: list[Outcome]) -> int | None:
        self.close()
        shown = [outcome for outcome in outcomes if not (self._quiet and is_fine(outcome))]
        if not shown:
            return None
        self.console.print(Trimmed(table(shown, self.console.width)))
        told = [outcome for outcome in worst_first(shown) if self._transcript or not is_fine(outcome)]
        for outcome in told:
            self._story(outcome, brief=len(told) > _MOST_STORIES_WITH_TRANSCRIPT)
        self.console.print()
        say(self.console, [count(outcomes)])
        return None

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def interrupted(self) -> None:
        self.close()
        if self._live is not None:
            if self._ended:
                self.console.print(Trimmed(table(self._ended, self.console.width)))
            say(self.console, [Text(self._progress().plain)])

    def _story(self, outcome: Outcome, *, brief: bool) -> None:
        self.console.print()
        if outcome.result is None:
            say(self.console, _lines(outcome.error))
            return
        say(self.console, [Text.assemble((outcome.check, "bold"), f"  {outcome.asked.server}")])
        say(self.console, reasons(outcome.result))
        if self._transcript or not brief:
            say(self.console, evidence(outcome.result, transcript=self._transcript), 6)

    def _progress(self) -> Text:
        with self._lock:
            running = list(self._running)
        return Text(
            f"{len(self._ended)} of {self._count} done; running: {', '.join(running)}",
            no_wrap=True,
            overflow="ellipsis",
        )


def _lines(text: str | None) -> list[Text]:
    return [Text(line) for line in (text or "").splitlines()]
