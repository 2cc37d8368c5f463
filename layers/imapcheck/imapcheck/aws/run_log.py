"""The one log line of a run (docs/operations.md, "the log line"), written and read; which loggers may write at all.

CloudWatch Logs Insights reads 200 fields of a JSON line, each element of an array one, in no documented choice; and
a server must not decide how long a line is. So lists are cut, the transcript is one string, and what questions are
asked about comes first. What `run_fields` writes `read_run` reads: the same result but for what `shortened` names, the
transcript of a run that was available, and texts with something that cannot be seen.
"""

import json
import logging
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imapcheck.errors import ImapcheckError
from imapcheck.result import CheckResult, PlaceFacts, StepResult, as_json
from imapcheck.text import one_line, printable

FINISHED = "check finished"
COULD_NOT_RUN = "check could not run"
OUTSIDE_STREAMS = "outside/"
"""What the names of the log streams begin with that machines outside write to; the stack's PublishPolicy has it too."""
_MOST_OCTETS = 150_000
_LONGEST_TEXT = 2000
_LONGEST_PLACE, _LONGEST_NOTE = 5000, 300
_MOST_ELEMENTS = {
    "failures": 2,
    "earlier_failures": 1,
    "warnings": 3,
    "exceeded": 4,
    "server.tls.certificate_names": 10,
}
_MOST_OTHERS = 5
_LEFT_OUT = "\n[...]\n"
_LIBRARIES = ("botocore", "boto3", "s3transfer", "urllib3", "imapclient")


def run_fields(result: CheckResult, *, instant_test: bool, cold_start: bool) -> dict[str, Any]:
    """The line's fields in their order; `transcript` is there only where something failed.

    Below 150 fields and 200 KB whatever the server sent; `shortened` names what was cut for that.
    """
    shortened: list[str] = []
    failure = result.failure
    apart = dict.fromkeys(("steps", "transcript", "places", "failure"))
    content = _bounded(result.to_dict() | apart, "", shortened)
    for name in apart:
        del content[name]
    fields = {
        "check": result.check,
        "verdict": result.verdict,
        "available": result.available,
        "slow": result.slow,
        "instant_test": instant_test,
        "step": failure.step if failure is not None else None,
        "type": failure.type.value if failure is not None else None,
        "detail": _bounded(failure.detail, "detail", shortened) if failure is not None else None,
        "duration_ms": result.duration_ms,
        "step_ms": result.step_ms,
        "steps": "\n".join(_bounded(_note(step), "steps", shortened) for step in result.steps),
        "places": None if result.places is None else [_place_note(place, shortened) for place in result.places],
        "warnings": content["warnings"],
        "cold_start": cold_start,
        "result": content,
    }
    if failure is not None:
        room = max(_MOST_OCTETS - _octets(fields), 0)
        fields["transcript"] = middle_left_out("\n".join(result.transcript), room, shortened)
    return fields | ({"shortened": ", ".join(sorted(set(shortened)))} if shortened else {})


def read_run(text: str) -> CheckResult | None:
    """The run of a line of the log; None for any other line, for an instant test, and for a line in another shape."""
    line = _object(text)
    if line.get("message") != FINISHED or line.get("instant_test") is not False:
        return None
    try:
        result = _result(line)
        return result if result.check == line["check"] else None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):  # pydantic's error is a ValueError
        return None


def _result(line: dict[str, Any]) -> CheckResult:
    result, times, text = line["result"], line["step_ms"], line.get("steps")
    if text is None:  # an older version's line
        notes: dict[str, tuple[str, str | None]] = dict.fromkeys(times, ("passed", None))
        notes |= {failure["step"]: ("failed", failure["detail"]) for failure in result["failures"]}
    else:
        notes = dict(map(_read_note, _lines(text)))
    steps = [
        {"name": name, "status": status, "duration_ms": times.get(name), "detail": detail}
        for name, (status, detail) in notes.items()
    ]
    apart = {
        "steps": steps,
        "transcript": _lines(line.get("transcript")),
        "places": _read_places(line.get("places")),
        "failure": next(iter(result["failures"]), None),
    }
    return CheckResult.from_dict({**result, **apart})


def _read_places(places: list[str] | None) -> list[object] | None:
    return None if places is None else [json.loads(place) for place in places]


def _lines(text: str | None) -> list[str]:
    return text.split("\n") if text else []


def _note(step: StepResult) -> str:
    """`dns` of a step that passed; `namespace refused: NO not now`, `connect passed: 2 addresses were tried`."""
    if step.status == "passed" and step.detail is None:
        return step.name
    return printable(f"{step.name} {step.status}" + ("" if step.detail is None else f": {step.detail}"))


def _place_note(place: PlaceFacts, shortened: list[str]) -> str:
    """One field a place, as Logs Insights counts them."""
    content = as_json(asdict(place))
    note = json.dumps(content, ensure_ascii=False)
    if _octets(note) <= _LONGEST_PLACE:
        return note
    shortened.append("places")
    for part in (*content["steps"], content["failure"] or {}):
        part |= {key: text[: _fitting(text, _LONGEST_NOTE)] for key, text in part.items() if isinstance(text, str)}
    return json.dumps(content, ensure_ascii=False)


def _read_note(note: str) -> tuple[str, tuple[str, str | None]]:
    head, colon, detail = note.partition(": ")
    name, _, status = head.partition(" ")
    return name, (status or "passed", detail if colon else None)


def read_error(text: str) -> tuple[str, str] | None:
    """(check, error) of a line that says why a check could not run; None for any other, and for an instant test."""
    line = _object(text)
    check, error = line.get("check"), line.get("error")
    if line.get("message") != COULD_NOT_RUN or line.get("instant_test") is not False:
        return None
    return (check, one_line(error, 500)) if isinstance(check, str) and isinstance(error, str) else None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # the runtime's own lines are not all JSON
        return {}
    return found if isinstance(found, dict) else {}


def error_fields(event: object, error: Exception, *, instant_test: bool) -> dict[str, Any]:
    """The fields of the line `COULD_NOT_RUN`: which check, and why, in one line.

    Our own errors name what is wrong and never a value. Of any other, a bug, only type and place are told: its text
    could hold whatever the function had in its hands.
    """
    name = event.get("name" if instant_test else "check") if isinstance(event, dict) else None
    told = "; ".join(str(error).splitlines()) if isinstance(error, ImapcheckError) else _place(error)
    check = one_line(name, 60) if isinstance(name, str) else None
    return error_line_fields(check, f"{type(error).__name__}: {told}", instant_test=instant_test)


def error_line_fields(check: str | None, error: str, *, instant_test: bool) -> dict[str, Any]:
    """The fields of the line `COULD_NOT_RUN` for a reason that shows no value."""
    return {"check": check, "error": one_line(error, 400), "instant_test": instant_test}


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "in a place unknown"
    return f"{place}; the function's log has its text"


def _bounded(value: Any, path: str, shortened: list[str]) -> Any:
    """`value` with every list and text within its limit; what was cut is named in `shortened`."""
    match value:
        case dict():
            return {key: _bounded(item, f"{path}.{key}".lstrip("."), shortened) for key, item in value.items()}
        case list():
            most = _MOST_ELEMENTS.get(path, _MOST_OTHERS)
            if len(value) > most:
                shortened.append(path)
            return [_bounded(item, path, shortened) for item in value[:most]]
        case str() if _octets(value) > _LONGEST_TEXT:
            shortened.append(path)
            return value[: _fitting(value, _LONGEST_TEXT)] + " ..."
    return value


def middle_left_out(text: str, room: int, shortened: list[str]) -> str:
    """The beginning and, longer, the end of a transcript: where the session failed."""
    if _octets(text) <= room:
        return text
    shortened.append("transcript")
    head = _fitting(text, room // 4)
    tail = _fitting(text[::-1], room // 2)
    return f"{text[:head]}{_LEFT_OUT}{text[len(text) - tail :]}"


def _fitting(text: str, octets: int) -> int:
    """How many of the first characters of `text` stay within `octets` as JSON."""
    fitting = len(text)
    while (needed := _octets(text[:fitting])) > octets and fitting:
        fitting = min(fitting - 1, fitting * octets // needed)
    return fitting


def _octets(value: Any) -> int:
    """As JSON at its longest, every other character escaped."""
    return len(json.dumps(value))


def keep_libraries_quiet() -> None:
    """Let no library log below WARNING, whatever levels are set: botocore's DEBUG shows whole secrets.

    Their records end here instead of at the root logger, and those of WARNING and above go on to it.
    """
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.propagate = False
        if not any(isinstance(handler, _OnlyWarnings) for handler in logger.handlers):
            logger.addHandler(_OnlyWarnings())


class _OnlyWarnings(logging.Handler):
    """Hands records of WARNING and above to the root logger's handlers."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger().handle(record)
