"""Header fields that every reader reads alike: written by rules of our own, not folded by Python.

Python's patch releases fold differently, and some lose the quotes of a display name, so that a comma in it
begins another recipient. Here nothing that means anything is ever left to a reader's interpretation: a display
name or a text that is not plain words goes out in RFC 2047's encoded words, whose letters mean nothing to
any parser of addresses, and a line ends only where a word does.
"""

import base64
import re
from collections.abc import Iterable, Iterator

from imapcheck.definition.addresses import Address

# At most 76 characters of a line may hold encoded words (RFC 2047 section 2): 39 octets, and room for `Subject: `.
_OCTETS_AT_ONCE = 39
_LINE = 76
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")


def address_field(name: str, addresses: Iterable[Address]) -> str:
    """`To: ..` with CRLF at its end; each mailbox on a line of its own."""
    return f"{name}: " + ",\r\n ".join(map(mailbox, addresses)) + "\r\n"


def text_field(name: str, text: str) -> str:
    """`Subject: ..` with CRLF at its end, whatever the text: it is read back as it is."""
    if _PLAIN_TEXT.fullmatch(text) and "=?" not in text:
        return f"{name}: " + _folded(text, len(name) + 2) + "\r\n"
    return f"{name}: " + _encoded(text) + "\r\n"


def mailbox(address: Address) -> str:
    """`alice@example.com` or `Alice <alice@example.com>`."""
    if not address.display_name:
        return address.addr_spec
    name = address.display_name
    words = _folded(name, 6) if _PLAIN_NAME.fullmatch(name) else _encoded(name)
    last = len(words) - words.rfind("\n") - 1
    fold = "\r\n" if last + len(address.addr_spec) + 9 > _LINE else ""
    return f"{words}{fold} <{address.addr_spec}>"


def _folded(text: str, column: int) -> str:
    """`text`, words with single spaces between them, with a line end before a space wherever a line grows too long."""
    lines, room = [""], _LINE - column
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = _LINE - 1
        else:
            lines[-1] += (" " if lines[-1] else "") + word
    return "\r\n ".join(lines)


def _encoded(text: str) -> str:
    """Encoded words (RFC 2047 section 2), each of whole characters, a line each."""
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    chunk = b""
    for char in text:
        octets = char.encode("utf-8")
        if len(chunk) + len(octets) > _OCTETS_AT_ONCE:
            yield chunk
            chunk = b""
        chunk += octets
    yield chunk
