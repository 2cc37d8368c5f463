"""How a story spells steps and lists, and how it breaks its lines."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from imapcheck.text import printable
from imapcheck.wording import length

COLUMNS = 80
SUBJECT_LIMIT = 99
NAMES_SHOWN = 8


def names(found: Sequence[str], unnamed: int = 0) -> str:
    """The first names, and how many more there are."""
    more = max(0, len(found) - NAMES_SHOWN) + unnamed
    return ", ".join(found[:NAMES_SHOWN]) + (f" and {more} more" if more else "")


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning and how long it was."""
    if len(text) <= limit:
        return text
    note = f" … ({len(text)} characters)"
    return text[: limit - len(note)] + note


def timed_steps(step_ms: Mapping[str, float], marks: Mapping[str, str]) -> tuple[str, ...]:
    """`dns 3 ms`, `connect 21 ms`, `authenticate 412 ms <- failed`: what is marked but has no time comes last."""
    timed = [f"{name} {length(took)}{f' <- {marks[name]}' if name in marks else ''}" for name, took in step_ms.items()]
    return (*timed, *(f"{name} <- {mark}" for name, mark in marks.items() if name not in step_ms))


def wrap(text: str, indent: str = "", *, first: str | None = None) -> list[str]:
    """`text` in lines of at most 80 columns; nothing is lost."""
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_on_hyphens=False,
    )  # fmt: skip


def flow(pieces: Iterable[str], gap: str = "  ", *, indent: str = "", columns: int = COLUMNS) -> list[str]:
    """The pieces side by side in lines of at most `columns`, broken between pieces where that can be."""
    lines: list[str] = []
    for piece in pieces:
        longer = f"{lines[-1]}{gap}{piece}" if lines else piece
        if lines and len(longer) <= columns:
            lines[-1] = longer
        else:
            lines += wrap(piece, indent, first=indent if lines else "")
    return lines


def ascii_line(parts: Iterable[str], limit: int = SUBJECT_LIMIT) -> str:
    """The parts as one line of ASCII, as many as fit.

    An SNS subject has fewer than 100 characters, none of which is a control character (API reference, Publish).
    """
    line = ""
    for part in (printable(part).encode("ascii", "replace").decode() for part in parts):
        if len(line) + len(part) > limit:
            break
        line += part
    return line
