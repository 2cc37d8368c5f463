"""`--html FILE`: a place is found before the first check runs, and the file appears whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from imapcheck.output.outcome import Outcome

type Write = Callable[[str], None]


class ReportFileError(Exception):
    """The file cannot be written; `str()` names it and says why."""


@contextmanager
def report_file(path: Path) -> Iterator[Write]:
    """Give what writes the report to `path`; where it is not called, what was there before stays.

    Raises `ReportFileError` at once where there is no place for the file, and when writing fails; what the body
    raises passes through.
    """
    with _told(path):
        target = path.resolve()
        if target.is_dir():
            raise IsADirectoryError(0, "is a folder")
        in_place = target.exists() and not target.is_file()  # a pipe, /dev/stdout: nothing that could be replaced
        part = target if in_place else _beside(target)
    try:
        yield lambda text: _write(path, part, target, text)
    finally:
        if not in_place:
            part.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    """A new file in the target's folder, with the rights that the user's umask gives."""
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def _write(path: Path, part: Path, target: Path, text: str) -> None:
    with _told(path):
        part.write_text(text, encoding="utf-8")
        if part != target:
            if target.exists():  # it may be for its owner alone: there are names and a transcript in it
                shutil.copymode(target, part)
            part.replace(target)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportFileError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None


def page_of(outcomes: Sequence[Outcome], again: Sequence[str] = ()) -> str:
    """The report of a call, each file in it: a result, or why there is none; `again` as `page` takes it."""
    from imapcheck.report.page import page  # loaded where a report is asked for

    return page(outcomes, datetime.now(UTC), again)
