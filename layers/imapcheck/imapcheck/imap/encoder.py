"""How commands are written: quoted strings, literals, mailbox names and UID sets (RFC 9051 section 9).

The other half of the pair is `decoder`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from imapclient import imap_utf7

from imapcheck.transcript import MASK

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_MASK_BYTES = MASK.encode()


@dataclass(frozen=True)
class Literal:
    """Octets that go out after `{n}` and the server's continuation; `shown` is what the transcript says."""

    data: bytes
    shown: bytes


@dataclass(frozen=True)
class Secret:
    """Octets that go out within the line; the transcript shows the mask instead."""

    data: bytes


type Part = bytes | Literal | Secret


def string(value: bytes, shown: bytes | None = None) -> bytes | Literal:
    """A quoted string where the grammar permits it, else a literal. NUL is never sent: ValueError."""
    if b"\0" in value:
        raise ValueError("NUL cannot be sent")
    if _QUOTABLE.fullmatch(value) and len(value) <= 1000:
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(value, b"{%d octets}" % len(value) if shown is None else shown)


def secret_string(value: bytes) -> Literal | Secret:
    """As `string`, for what the transcript must not show, not even by its length."""
    spelt = string(value, shown=_MASK_BYTES)
    return Secret(spelt) if isinstance(spelt, bytes) else spelt


def encode_command(tag: bytes, parts: Sequence[Part]) -> list[tuple[bytes, bytes]]:
    """A command as it goes out, and as it is shown: a line, then each literal with the rest of its line."""
    if set(map(type, parts)) == {bytes}:
        line = b" ".join((tag, b"".join(cast("Sequence[bytes]", parts))))
        return [(line + b"\r\n", line)]
    chunks = [(bytearray(tag + b" "), bytearray(tag + b" "))]
    for part in parts:
        wire, shown = chunks[-1]
        match part:
            case Literal(data, as_shown):
                wire += b"{%d}\r\n" % len(data)
                shown += b"{...}" if as_shown == _MASK_BYTES else b"{%d}" % len(data)
                chunks.append((bytearray(data), bytearray(as_shown)))
            case Secret(data):
                wire += data
                shown += _MASK_BYTES
            case _:
                wire += part
                shown += part
    chunks[-1][0].extend(b"\r\n")
    return [(bytes(wire), bytes(shown)) for wire, shown in chunks]


def encode_mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name in modified UTF-7 (RFC 3501 section 5.1.3), or in UTF-8; INBOX is INBOX in any case."""
    if name.upper() == "INBOX":
        return b"INBOX"
    if utf8:
        return name.encode("utf-8")
    encoded: bytes = imap_utf7.encode(name)
    return encoded


def decode_mailbox(name: bytes, *, utf8: bool) -> str:
    """A mailbox name off the wire as text; what is not valid modified UTF-7 stays as it is."""
    if utf8:
        return name.decode("utf-8", "backslashreplace")
    try:
        decoded: str = imap_utf7.decode(name)
    except (ValueError, UnicodeError):
        return name.decode("utf-8", "backslashreplace")
    return decoded


def uid_set(uids: Iterable[int]) -> bytes:
    """Exactly these UIDs, ranges only where every UID between is one of them."""
    ranges: list[list[int]] = []
    for uid in sorted(set(uids)):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges)
