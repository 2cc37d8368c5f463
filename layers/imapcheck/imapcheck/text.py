"""Text as it may safely be taken in and shown: no smuggled lines on the way in, one clean line on the way out."""

import unicodedata
from datetime import UTC, datetime, timedelta

_MIB = 1 << 20
_REFUSED_CATEGORIES = {"Cc", "Zl", "Zp", "Cs"}


def forbidden_character(text: str) -> str | None:
    """The first character that could end a line of the protocol or of a header, as `U+000A`, or None.

    Refused are control characters (CR, LF and NUL among them; a tab is kept), the Unicode line and
    paragraph separators and halves of surrogate pairs, which cannot be encoded.
    """
    for char in text:
        if char != "\t" and unicodedata.category(char) in _REFUSED_CATEGORIES:
            return f"U+{ord(char):04X}"
    return None


def one_line(text: str, limit: int = 400) -> str:
    """`text` with everything unprintable escaped, cut to `limit` characters."""
    if text.isprintable() and len(text) <= limit:
        return text
    clean = printable(text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def printable(text: str) -> str:
    """`text` whole, with everything unprintable escaped."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def minute(moment: datetime) -> str:
    """A time for people, to the minute: `7 Dec 2026 09:00 UTC`."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y %H:%M} UTC"


def duration(length: timedelta) -> str:
    """A length of time for people: `45 s`, `35 min`, `4 h 5 min`, `2 d 3 h`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    for size, unit, small, small_unit in ((1440, "d", 60, "h"), (60, "h", 1, "min")):
        if minutes >= size:
            rest = minutes % size // small
            return f"{minutes // size} {unit} {rest} {small_unit}" if rest else f"{minutes // size} {unit}"
    return f"{minutes} min"


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def excess(size: int, limit: int) -> str:
    """Octets over a limit, for people: `30 MiB; the limit is 25 MiB`, and exact where it is close or below 1 MiB."""
    if max(size, limit) < _MIB or _size(size) == _size(limit):
        return f"{size} bytes; the limit is {limit}"
    return f"{_size(size)}; the limit is {_size(limit)}"


def _size(octets: int) -> str:
    """From 1 MiB on to a tenth of it."""
    return f"{octets / _MIB:.1f}".removesuffix(".0") + " MiB" if octets >= _MIB else f"{octets} bytes"


def days(number: float) -> str:
    """`1 day`, `13 days`: whole days, rounded down: never more than there are."""
    return count(int(number), "day")


def show_bytes(data: bytes, limit: int = 400) -> str:
    """Octets from a server as one clean line: UTF-8 where it is, escapes where not."""
    return one_line(data[: 4 * limit + 4].decode("utf-8", "backslashreplace"), limit)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
