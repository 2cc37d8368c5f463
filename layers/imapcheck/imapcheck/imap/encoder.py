"""How commands are written: quoted strings, literals, mailbox names and UID sets (RFC 9051 section 9)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imapclient import imap_utf7

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


@dataclass(frozen=True)
class Literal:
    """Octets that go out after `{n}` and the server's continuation; `shown` is what the transcript says."""

    data: bytes
    shown: bytes


type Part = bytes | Literal


def string(value: bytes, shown: bytes | None = None) -> Part:
    """A quoted string where the grammar permits it, else a literal. NUL is never sent: ValueError."""
    if b"\0" in value:
        raise ValueError("NUL cannot be sent")
    if _QUOTABLE.fullmatch(value) and len(value) <= 1000:
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(value, b"{%d octets}" % len(value) if shown is None else shown)


def encode_mailbox(name: str) -> bytes:
    """A mailbox name in modified UTF-7 (RFC 3501 section 5.1.3)."""
    encoded: bytes = imap_utf7.encode(name)
    return encoded


def decode_mailbox(name: bytes) -> str:
    """A mailbox name off the wire as text; what is not valid modified UTF-7 stays as it is."""
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
