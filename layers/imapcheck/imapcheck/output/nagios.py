"""Nagios, Icinga, Checkmk: a status line, performance data with ranges, an exit status.

Rests on the Monitoring Plugins' development guidelines: one line, `|`, performance data as
`label=value[unit];[warn];[crit];[min];[max]`, then the long text. Of several checks the worst counts, in
the order CRITICAL, UNKNOWN, WARNING, OK: an outage never hides behind a file that could not be read.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from imapcheck.measures import MEASURES, number
from imapcheck.output.outcome import Outcome, passed_limits, words_of, worst_first
from imapcheck.result import CheckResult, Failure
from imapcheck.text import one_line
from imapcheck.wording import failure_line, length, warning_line

type Status = Literal["OK", "WARNING", "CRITICAL", "UNKNOWN"]
EXIT: dict[Status, int] = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
_WORST_FIRST: tuple[Status, ...] = ("CRITICAL", "UNKNOWN", "WARNING", "OK")
# What ends the text for Nagios, or what its web pages and notification commands would read as more than text.
_HARMLESS = str.maketrans({"|": "/", "<": "(", ">": ")", "`": "'", "$": "?"})
_NAMED, _MOST_CHARACTERS = 5, 1000


def status_of(outcome: Outcome) -> Status:
    """The state that Nagios shows for one check."""
    if outcome.result is None:
        return "UNKNOWN"
    if not outcome.result.available:
        return "CRITICAL"
    return "WARNING" if outcome.result.slow or outcome.result.warnings else "OK"


def document(outcomes: Sequence[Outcome]) -> tuple[str, int | None]:
    """The plugin's output with its line end, and its exit status."""
    text, status = render(outcomes)
    return f"{text}\n", status


def render(outcomes: Sequence[Outcome]) -> tuple[str, int]:
    """The plugin's whole output without its last line end, and its exit status."""
    found = {status_of(outcome) for outcome in outcomes} or {"UNKNOWN"}
    status = next(status for status in _WORST_FIRST if status in found)
    if len(outcomes) == 1:
        [outcome] = outcomes
        first, rest = f"{outcome.check} {_words(outcome)}", _details(outcome)
    else:
        first = _count(outcomes)
        rest = [f"{status_of(outcome)} {outcome.check} {_words(outcome)}" for outcome in worst_first(outcomes)]
    data = " ".join(item for outcome in outcomes for item in _data(outcome, prefixed=len(outcomes) != 1))
    line = f"IMAP {status} - {_harmless(first)}" + (f" | {data}" if data else "")
    return "\n".join([line, *map(_harmless, rest)]), EXIT[status]


def _harmless(text: str) -> str:
    return one_line(text, _MOST_CHARACTERS).translate(_HARMLESS)


def _words(outcome: Outcome) -> str:
    result = outcome.result
    if result is None:
        return f"could not run: {outcome.first_line}"
    if result.reason is not None:
        return f"NOT AVAILABLE: {_line(result, result.reason)}"
    words = f"available in {length(result.duration_ms)}"
    return ", ".join(
        [words, *passed_limits(result), *(warning_line(warning.type, warning.detail) for warning in result.warnings)]
    )


def _details(outcome: Outcome) -> list[str]:
    """The long text of a single check: every failure with its advice, then where the time went."""
    result = outcome.result
    if result is None:
        return (outcome.error or "").splitlines()[1:]
    advice = [failure_line(failure.step, failure.type, failure.advice) for failure in result.reasons]
    also = [_line(result, failure) for failure in result.reasons[1:]]
    times = [f"{step.name} {length(step.duration_ms)}" for step in result.steps if step.duration_ms is not None]
    return [*also, *advice, outcome.asked.server or "", ", ".join(times)]


def _line(result: CheckResult, failure: Failure) -> str:
    return failure_line(failure.step, failure.type, words_of(result, failure))


def _count(outcomes: Sequence[Outcome]) -> str:
    """`2 of 40 checks not available: a, b; 1 could not run: c`."""
    if not outcomes:
        return "no check was run"
    texts = []
    for words, status in (("not available", "CRITICAL"), ("could not run", "UNKNOWN"), ("with a warning", "WARNING")):
        names = [outcome.check for outcome in outcomes if status_of(outcome) == status]
        if names:
            named = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            texts.append(f"{len(names)} {words}: {named}")
    return f"{len(outcomes)} checks: " + ("; ".join(texts) if texts else "all available")


def _data(outcome: Outcome, *, prefixed: bool) -> Iterable[str]:
    """Performance data: seconds, days, counts. The times of a run that failed are not those of a working server."""
    result = outcome.result
    if result is None:
        return
    prefix = f"{outcome.check}_" if prefixed else ""
    limits = outcome.asked.thresholds
    if result.available:
        timeout = outcome.asked.timeout
        yield _item(prefix + "total", result.duration_ms / 1000, "s", _seconds(limits.get("total")), "", "0", timeout)
        for step in result.steps:
            if step.duration_ms is not None:
                seconds = step.duration_ms / 1000
                yield _item(prefix + step.name, seconds, "s", _seconds(limits.get(step.name)), "", "0")
    yield from _facts(prefix, result, outcome)


def _facts(prefix: str, result: CheckResult, outcome: Outcome) -> Iterable[str]:
    """What else was measured, held against what the definition asks for."""
    for measure in MEASURES:
        value = measure.of(result)
        if value is not None and measure.nagios is not None:
            (label, unit), asked = measure.nagios, outcome.asked
            yield _item(
                prefix + label, value, unit, measure.warn(asked), measure.fail(asked), measure.least, measure.most
            )


def _item(
    label: str, value: float, unit: str, warn: str, crit: str, least: str, most: float | None = None
) -> str:  # fmt: skip
    fields = [f"{_label(label)}={number(value)}{unit}", warn, crit, least, number(most)]
    while not fields[-1]:
        fields.pop()
    return ";".join(fields)


def _label(label: str) -> str:
    return label if label.replace("_", "").isalnum() else f"'{label}'"


def _seconds(milliseconds: float | None) -> str:
    return "" if milliseconds is None else number(milliseconds / 1000)
