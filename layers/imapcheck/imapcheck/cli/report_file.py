"""`--html FILE`: a place is found before the first check runs, and the file appears whole or not at all."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from imapcheck.cli.orders import Order
from imapcheck.output.entry import Entry
from imapcheck.output.json_lines import json_object
from imapcheck.output.outcome import Outcome
from imapcheck.output.story_facts import Watched

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
            part.replace(target)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportFileError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None


def page_of(orders: Sequence[Order], outcomes: Sequence[Outcome]) -> str:
    """The report of a call, each file in it: a result, or why there is none."""
    from imapcheck.output.html import page  # loaded where a report is asked for

    entries = [
        Entry(json_object(outcome, transcript=True), _watched(order))
        for order, outcome in zip(orders, outcomes, strict=True)
    ]
    return page(entries, datetime.now(UTC))


def _watched(order: Order) -> Watched:
    """What the report says of a definition; without one, which file could not be read."""
    definition = order.definition
    if definition is None:
        return Watched(file=str(order.file))
    return Watched(
        definition.server, definition.secret, definition.alarms.runbook, str(order.file), definition.thresholds
    )
