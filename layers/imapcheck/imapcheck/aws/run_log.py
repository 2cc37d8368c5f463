"""The one log line of a run (docs/operations.md, "the log line"), and which loggers may write at all.

CloudWatch Logs Insights reads 200 fields of a JSON line, each element of an array one, in no documented choice; and
a server must not decide how long a line is. So lists are cut, the transcript is one string, and what questions are
asked about comes first.
"""

import json
import logging
import traceback
from pathlib import Path
from typing import Any

from imapcheck.errors import ImapcheckError
from imapcheck.result import CheckResult
from imapcheck.text import one_line

FINISHED = "check finished"
COULD_NOT_RUN = "check could not run"
_MOST_OCTETS = 150_000
_LONGEST_TEXT = 2000
_MOST_ELEMENTS = {"failures": 2, "earlier_failures": 2, "warnings": 3, "exceeded": 4}
_MOST_OTHERS = 5
_MOST_REFUSED = 8
_LEFT_OUT = "\n[...]\n"
_LIBRARIES = ("botocore", "boto3", "s3transfer", "urllib3", "imapclient")


def run_fields(result: CheckResult, *, instant_test: bool, cold_start: bool) -> dict[str, Any]:
    """The line's fields in their order; `transcript` is there only where the run was unavailable.

    Below 150 fields and 200 KB whatever the server sent; `shortened` names what was cut for that.
    """
    shortened: list[str] = []
    failure = result.failure
    content = _bounded(result.to_dict() | {"steps": None, "transcript": None}, "", shortened)
    del content["steps"], content["transcript"]
    fields = {
        "check": result.check,
        "available": result.available,
        "slow": result.slow,
        "instant_test": instant_test,
        "step": failure.step if failure is not None else None,
        "type": failure.type.value if failure is not None else None,
        "detail": _bounded(failure.detail, "detail", shortened) if failure is not None else None,
        "duration_ms": result.duration_ms,
        "step_ms": {step.name: step.duration_ms for step in result.steps if step.duration_ms is not None},
        "refused": _refused(result, shortened),
        "warnings": content["warnings"],
        "cold_start": cold_start,
        "result": content,
    }
    if not result.available:
        room = max(_MOST_OCTETS - _octets(fields), 0)
        fields["transcript"] = _middle_left_out("\n".join(result.transcript), room, shortened)
    return fields | ({"shortened": ", ".join(sorted(set(shortened)))} if shortened else {})


def _refused(result: CheckResult, shortened: list[str]) -> dict[str, Any]:
    """The server's words by the name of each step that it refused and that may be refused."""
    steps = [step for step in result.steps if step.status == "refused"]
    if len(steps) > _MOST_REFUSED:
        shortened.append("refused")
    return {step.name: _bounded(step.detail, "refused", shortened) for step in steps[:_MOST_REFUSED]}


def error_fields(event: object, error: Exception, *, instant_test: bool) -> dict[str, Any]:
    """The fields of the line `COULD_NOT_RUN`: which check, and why, in one line.

    Our own errors name what is wrong and never a value. Of any other, a bug, only type and place are told: its text
    could hold whatever the function had in its hands.
    """
    name = event.get("name" if instant_test else "check") if isinstance(event, dict) else None
    told = "; ".join(str(error).splitlines()) if isinstance(error, ImapcheckError) else _place(error)
    return {
        "check": one_line(name, 60) if isinstance(name, str) else None,
        "error": one_line(f"{type(error).__name__}: {told}", 400),
        "instant_test": instant_test,
    }


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


def _middle_left_out(text: str, room: int, shortened: list[str]) -> str:
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
