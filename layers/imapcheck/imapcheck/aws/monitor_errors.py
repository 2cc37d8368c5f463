"""Why a check could not run, as the log tells it.

Nothing is an error of a check but the line that the handler writes of it (`run_log.COULD_NOT_RUN`). Where
the function failed before its handler, or was stopped in it, Lambda's plain text is all there is: it names no check.
"""

import re
from typing import NamedTuple

from imapcheck.aws.run_log import read_error
from imapcheck.text import one_line

ERROR_PATTERN = '?ERROR ?"Task timed out" ?"Runtime exited"'
"""For `FilterLogEvents`: the lines that `read_failed_run` may find something in, and others."""
_FUNCTION = re.compile(
    r"(?:\[ERROR\] |RequestId: \S+ Error: |\S+Z \S+ )?((?:Task timed out|Runtime exited|Runtime\.\w+)[^\r\n]*)"
)
_AT_START = ", in <module>"


class FailedRun(NamedTuple):
    """A run that there was not; `check` is None where the function failed whichever check it was for."""

    check: str | None
    error: str


def read_failed_run(text: str) -> FailedRun | None:
    """Why a check, or the function, did not run; an instant test is no alarm's business."""
    if (ours := read_error(text)) is not None:
        return FailedRun(*ours)
    error = _of_the_function(text)
    return None if error is None else FailedRun(None, f"the function itself: {one_line(error, 500)}")


def _of_the_function(text: str) -> str | None:
    """The runtime ends the lines of a text, traceback included, with CR alone, so that they stay one event."""
    if match := _FUNCTION.match(text):
        return match[1]
    if text.startswith("[ERROR] ") and _AT_START in text:
        return text.splitlines()[0].removeprefix("[ERROR] ")
    return None
