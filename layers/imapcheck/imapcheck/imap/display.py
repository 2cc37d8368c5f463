"""How a response stands in the transcript: literals by their length, and of a FETCH what is no part of a message."""

import re

_LITERAL = re.compile(rb"~?\{[0-9]+\+?\}$")


def displayed_response(name: bytes, head: bytes, pieces: list[tuple[bytes, int | None]]) -> bytes:
    """A response of `pieces`, its lines and the size of the literal after each; of a FETCH the known items only."""
    parts = []
    for line, size in pieces:
        known = _known_fetch_items(line) if name == b"FETCH" else line
        parts.append(known if size is None else _LITERAL.sub(b"", known) + b"{%d octets}" % size)
    return (head + b" " + b"".join(parts)).rstrip(b" ")


_FETCH_TOKENS = re.compile(
    rb"(?P<known>[()]| +|UID \d+|INTERNALDATE \"[0-9A-Za-z: +-]{20,30}\"|FLAGS \([A-Za-z0-9\\$_ -]{0,200}\)"
    rb"|MODSEQ \(\d+\)|RFC822\.SIZE \d+|BODY\[[A-Z0-9. ()-]{0,60}\](?:<\d+>)?|NIL|~?\{\d+\}$)"
    rb"|(?P<quoted>\"(?:[^\"\\]|\\.)*\")",
    re.IGNORECASE | re.DOTALL,
)


def _known_fetch_items(line: bytes) -> bytes:
    """A FETCH line in which whatever is not a known item is shown as its number of octets."""
    out, position = bytearray(), 0
    while position < len(line):
        match = _FETCH_TOKENS.match(line, position)
        if match is None:
            return bytes(out + b"{%d octets}" % (len(line) - position))
        quoted = match["quoted"]
        out += match[0] if quoted is None else b"{%d octets}" % (len(quoted) - 2)
        position = match.end()
    return bytes(out)
