"""Several checks at a glance: a table with the worst first, and a last line that counts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from imapcheck.output.outcome import Outcome, State, passed_limits, worst_first
from imapcheck.output.terminal.verdict import STYLES, WORDS
from imapcheck.result import CheckResult
from imapcheck.wording import failure_line, length, warning_line

_NARROW, _WIDE = 60, 100
_COUNTED: tuple[tuple[State, str], ...] = (
    ("unavailable", "not available"),
    ("crashed", "with an internal error"),
    ("not_run", "could not run"),
    ("partial", "not from everywhere"),
    ("slow", "slow"),
    ("available", "available"),
)


def table(outcomes: Iterable[Outcome], width: int) -> Table:
    """Check, verdict, time; with room for it why, which stands below in any case, and the slowest step."""
    columns = 3 if width < _NARROW else 4 if width < _WIDE else 5
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    grid.add_column("check", overflow="fold", min_width=5)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("time", justify="right", no_wrap=True)
    if columns > 3:
        grid.add_column("why", overflow="fold", min_width=8)
    if columns > 4:
        grid.add_column("slowest step", no_wrap=True)
    for outcome in worst_first(outcomes):
        grid.add_row(*_cells(outcome)[:columns])
    return grid


def _cells(outcome: Outcome) -> list[str | Text]:
    result = outcome.result
    return [
        Text(outcome.check),
        Text(WORDS[outcome.state], "yellow" if warns(outcome) else STYLES[outcome.state]),
        length(result.duration_ms) if result is not None else "",
        Text(why(outcome)),
        _slowest(result) if result is not None and result.available else "",
    ]


def why(outcome: Outcome) -> str:
    """What a row has room for; the words stand below the table."""
    result = outcome.result
    if result is None:
        return ""
    if result.reason is not None:
        return failure_line(result.reason.step, result.reason.type)
    return ", ".join([*passed_limits(result), *(warning_line(warning.type) for warning in result.warnings)])


def count(outcomes: Sequence[Outcome]) -> Text:
    """`40 checks: 2 not available, 38 available, 1 of them with a warning`: the last line."""
    found = Counter(outcome.state for outcome in outcomes)
    warned = sum(map(warns, outcomes))
    parts = [(f"{found[state]} {words}", f"bold {STYLES[state]}") for state, words in _COUNTED if found[state]]
    line = Text(f"{len(outcomes)} checks: ", "bold")
    for index, part in enumerate(parts):
        line.append(", " if index else "").append(*part)
    if warned:
        line.append(", ").append(f"{warned} with a warning", "bold yellow")
    return line


def warns(outcome: Outcome) -> bool:
    """It is available, and something will need a person."""
    return outcome.warned and outcome.state in ("available", "slow")


def _slowest(result: CheckResult) -> str:
    ran = [step for step in result.steps if step.duration_ms is not None]
    if not ran:
        return ""
    slowest = max(ran, key=lambda step: step.duration_ms or 0.0)
    return f"{slowest.name} {length(slowest.duration_ms or 0.0)}"
