"""Text as it may safely be taken in and shown: no smuggled lines on the way in, one clean line on the way out."""

import unicodedata

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


def show_bytes(data: bytes, limit: int = 400) -> str:
    """Octets from a server as one clean line: UTF-8 where it is, escapes where not."""
    return one_line(data[: 4 * limit + 4].decode("utf-8", "backslashreplace"), limit)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
