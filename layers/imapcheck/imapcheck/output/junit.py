"""JUnit's XML, as CI systems show it: a test case for each check.

A server that is not available is a `failure`, a check that could not run an `error`. What XML 1.0 cannot
carry (section 2.2: most control characters, halves of surrogate pairs) is shown as an escape.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from imapcheck.output.outcome import Outcome, passed_limits, words_of
from imapcheck.result import CheckResult, isoformat
from imapcheck.wording import failure_line, length, warning_line

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(outcomes: Sequence[Outcome]) -> tuple[str, int | None]:
    """The document; the exit status is the command line's."""
    return render(outcomes), None


def render(outcomes: Sequence[Outcome]) -> str:
    """The document as ASCII text that ends with a line end."""
    suite = ET.Element("testsuite", _totals(outcomes) | {"skipped": "0"} | _started(outcomes))
    suite.extend(_case(outcome) for outcome in outcomes)
    root = ET.Element("testsuites", _totals(outcomes))
    root.append(suite)
    ET.indent(root)
    octets: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return octets.decode("ascii") + "\n"


def _totals(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {
        "name": "imapcheck",
        "tests": str(len(outcomes)),
        "failures": str(sum(outcome.state == "unavailable" for outcome in outcomes)),
        "errors": str(sum(outcome.result is None for outcome in outcomes)),
        "time": _time(sum(outcome.result.duration_ms for outcome in outcomes if outcome.result is not None)),
    }


def _started(outcomes: Sequence[Outcome]) -> dict[str, str]:
    moments = [outcome.result.started_at for outcome in outcomes if outcome.result is not None]
    # JUnit's schema wants a time without zone and without fractions.
    return {"timestamp": isoformat(min(moments))[:19]} if moments else {}


def _case(outcome: Outcome) -> ET.Element:
    result = outcome.result
    case = ET.Element("testcase", {"classname": "imapcheck", "name": _clean(outcome.check)})
    case.set("time", _time(result.duration_ms if result is not None else 0.0))
    if result is None:
        kind = "internal_error" if outcome.crashed else "could_not_run"
        _add(case, "error", outcome.error or "", type=kind, message=outcome.first_line)
        return case
    if (failure := result.reason) is not None:
        message = failure_line(failure.step, failure.type, words_of(result, failure))
        _add(case, "failure", _story(outcome, result), type=failure.type.value, message=message)
    _add(case, "system-out", "\n".join(_steps(result)))
    return case


def _story(outcome: Outcome, result: CheckResult) -> str:
    """Every failure with what to do, then the transcript."""
    lines = [f"{outcome.check} at {outcome.asked.server} was not available."]
    for failure in result.reasons:
        lines += [failure_line(failure.step, failure.type, words_of(result, failure)), f"What to do: {failure.advice}"]
    return "\n".join([*lines, "", *result.transcript])


def _steps(result: CheckResult) -> list[str]:
    lines = []
    for step in result.steps:
        time = "" if step.duration_ms is None else f" {length(step.duration_ms)}"
        lines.append(f"{step.name}: {step.status}{time}{f' ({step.detail})' if step.detail else ''}")
    lines += [f"slow: {words}" for words in passed_limits(result)]
    return lines + [warning_line(warning.type, warning.detail) for warning in result.warnings]


def _add(case: ET.Element, tag: str, text: str, **attributes: str) -> None:
    element = ET.SubElement(case, tag, {name: _clean(value) for name, value in attributes.items()})
    element.text = _clean(text)


def _clean(text: str) -> str:
    return _NO_XML.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"
