"""What a line of the function's log tells: a run, or why a check could not run.

Nothing is an error of a check but the line that the handler writes of it (`run_log.COULD_NOT_RUN`). Where
the function failed before its handler, or was stopped in it, Lambda's plain text is all there is: it names no check.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from imapcheck.aws.run_log import COULD_NOT_RUN, FINISHED
from imapcheck.output.story_facts import Run, clean

ERROR_PATTERN = '?ERROR ?"Task timed out" ?"Runtime exited"'
"""For `FilterLogEvents`: the lines that `failure` may find something in, and others."""
_FUNCTION = re.compile(
    r"(?:\[ERROR\] |RequestId: \S+ Error: |\S+Z \S+ )?((?:Task timed out|Runtime exited|Runtime\.\w+)[^\r\n]*)"
)
_AT_START = ", in <module>"


class Failure(NamedTuple):
    """A run that there was not; `check` is None where the function failed whichever check it was for."""

    check: str | None
    text: str


def run(text: str) -> Run | None:
    """The run of a line; an instant test is no alarm's business."""
    line = _object(text)
    if line.get("message") != FINISHED or line.get("instant_test") is True:
        return None
    try:
        return Run.from_line(line)
    except ValueError:
        return None


def failure(text: str) -> Failure | None:
    """Why a check, or the function, did not run; an instant test is no alarm's business."""
    line = _object(text)
    if line:
        check, told = line.get("check"), line.get("error")
        ours = line.get("message") == COULD_NOT_RUN and line.get("instant_test") is not True
        return Failure(check, clean(told)) if ours and isinstance(check, str) and isinstance(told, str) else None
    told = _of_the_function(text)
    return None if told is None else Failure(None, f"the function itself: {clean(told)}")


def _of_the_function(text: str) -> str | None:
    """The runtime ends the lines of a text, traceback included, with CR alone, so that they stay one event."""
    if found := _FUNCTION.match(text):
        return found[1]
    if text.startswith("[ERROR] ") and _AT_START in text:
        return text.splitlines()[0].removeprefix("[ERROR] ")
    return None


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
