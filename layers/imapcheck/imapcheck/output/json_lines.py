"""One JSON object a line: `--json`, and the file that `--append` writes and `summary` reads.

Lines are ASCII, so that they are valid JSON whatever the locale. A line that was cut short by a crash is
ended before the next is written, and left out by the reader.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imapcheck.output.outcome import Outcome
from imapcheck.result import SCHEMA_VERSION, CheckResult
from imapcheck.text import printable

_MOST_OCTETS = 4 << 20
"""Of a line that is read: no result is as long."""


def json_object(outcome: Outcome, *, transcript: bool) -> dict[str, Any]:
    """The result, or `schema`, `check` and `error`; the transcript is in it on failure or where it was asked for."""
    if outcome.result is None:
        return {"schema": SCHEMA_VERSION, "check": outcome.check, "error": outcome.error}
    content = outcome.result.to_dict()
    if outcome.result.available and not transcript:
        content["transcript"] = []
    return content


def json_line(outcome: Outcome, *, transcript: bool) -> str:
    """`json_object` as one line of ASCII, without its line end."""
    return json.dumps(json_object(outcome, transcript=transcript), ensure_ascii=True, allow_nan=False)


def append_line(file: Path, line: str | None) -> None:
    """Add `line` to `file` in one write; other processes may do the same. Raises `OSError`.

    None adds nothing, but shows that it could be done.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if line is None:
            return
        start = b"" if _ends_whole(descriptor) else b"\n"
        octets = start + line.encode("ascii") + b"\n"
        while octets:
            octets = octets[os.write(descriptor, octets) :]
    finally:
        os.close(descriptor)


def read_lines(file: Path) -> Iterator[Outcome | None]:
    """What each line says came of a check, or None for a line that says nothing of one, or never ends.

    Raises `OSError`, also where it is not an ordinary file: reading a pipe or a device might have no end.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "found a folder, pipe or device, expected a file", str(file))
    with file.open("rb") as lines:
        while line := lines.readline(_MOST_OCTETS):
            ended = line.endswith(b"\n")
            while not ended and (rest := lines.readline(_MOST_OCTETS)):
                line, ended = b"", rest.endswith(b"\n")
            if not line:
                yield None
            elif line.strip():
                yield _outcome(line.decode("utf-8", "replace"))


def _ends_whole(descriptor: int) -> bool:
    """Whether the file is empty or its last line was written to the end."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return True
    os.lseek(descriptor, -1, os.SEEK_END)  # what is written goes to the end all the same
    return os.read(descriptor, 1) == b"\n"


def _outcome(line: str) -> Outcome | None:
    try:
        content = json.loads(line)
        if isinstance(content, dict) and isinstance(error := content.get("error"), str):
            return Outcome(printable(str(content.get("check"))), error=error)
        result = CheckResult.from_dict(content)
    except (ValueError, RecursionError):
        return None
    return Outcome(result.check or result.server.host, result)
