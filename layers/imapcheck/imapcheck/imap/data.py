"""What the server's data says: mailboxes and fetched items (RFC 9051 section 7); `search_result` reads the rest.

Pure functions over `Response`; whatever cannot be read is a `CheckFailure` `protocol_error`.
"""

import itertools
import re
from datetime import datetime
from typing import Any, NamedTuple

from imapclient.datetime_util import parse_to_datetime

from imapcheck.errors import CheckFailure, broken
from imapcheck.imap.decoder import Response, unreadable
from imapcheck.imap.special_uses import SPECIAL_USES

_ATTRIBUTES = frozenset({"\\noselect", "\\nonexistent"} | {use.lower() for use in SPECIAL_USES})


class Mailbox(NamedTuple):
    """A line of LIST: `name` as on the wire, `delimiter` empty where there is none.

    Of the attributes those that mean something here, in lower case: a server may send any number of others.
    """

    name: bytes
    delimiter: bytes
    attributes: frozenset[str]


class Resource(NamedTuple):
    """What a quota root limits: a name such as `STORAGE`, in its own units (RFC 9208 section 5)."""

    name: bytes
    used: int
    limit: int

    def used_percent(self) -> float:
        """How full it is; where nothing may be used it is full."""
        return round(self.used * 100 / self.limit, 1) if self.limit > 0 else 100.0


class Fetched(NamedTuple):
    """A message that was fetched and not kept: its size in octets, INTERNALDATE if asked for, and its beginning.

    `contradicted` says that the same response tells of octets which the message should have, and it came empty.
    """

    size: int
    internal_date: datetime | None
    beginning: bytes
    contradicted: bool = False


_PREFIX = re.compile(rb"[\x20-\x7e]{0,200}")


def personal_prefix(response: Response) -> bytes:
    """The prefix of the first personal namespace; empty where there is none that could be sent back."""
    match = None if response.segments else _PLAIN_NAMESPACE.fullmatch(response.text)
    prefix = match[1] if match is not None else _parsed_prefix(response.parsed())
    return prefix if _PREFIX.fullmatch(prefix) else b""


def _parsed_prefix(data: tuple[Any, ...]) -> bytes:
    match data:
        case (((bytes() as prefix, _, *_), *_), *_):
            return prefix
    return b""


def _parsed_mailbox(data: tuple[Any, ...]) -> Mailbox:
    match data:
        case (tuple() as attributes, delimiter, bytes() | int() | None as name, *_) if delimiter is None or isinstance(
            delimiter, bytes
        ):
            words = frozenset(str(item, "ascii", "replace").lower() for item in attributes if isinstance(item, bytes))
            spelt = _astring(name)
            if b"\0" in spelt:
                raise broken("a mailbox name that contains NUL")
            return _mailbox(spelt, delimiter or b"", words)
    raise unreadable("a LIST response")


# Nearly all responses are of these shapes; reading them takes a tenth of what the parser takes.
_PLAIN_LIST = re.compile(
    rb'\(([\\A-Za-z ]*)\) (?:"([^\0"\\])"|NIL) (?:"([^\0"\\]*)"|([A-Za-z&][!#$&\'+,./0-9:;<=>?@A-Z^_`a-z|}~-]*))'
)
_PLAIN_NAMESPACE = re.compile(rb'\(\("([^"\\]{0,200})" (?:"[^"\\]"|NIL)\)\) NIL NIL')
_PLAIN_FETCH = re.compile(rb"\(UID ([0-9]{1,10}) BODY\[\] \{[0-9]+\}")


def mailbox_of(response: Response) -> Mailbox:
    """A LIST response."""
    match = None if response.segments else _PLAIN_LIST.fullmatch(response.text)
    if match is None or (match[4] is not None and match[4].upper() == b"NIL"):
        return _parsed_mailbox(response.parsed())
    attributes, delimiter, quoted, atom = match.groups()
    words = frozenset(attributes.decode("ascii").lower().split())
    return _mailbox(atom if quoted is None else quoted, delimiter or b"", words)


def _mailbox(name: bytes, delimiter: bytes, words: frozenset[str]) -> Mailbox:
    """A delimiter at the end says that names stand below it (RFC 9051 section 6.3.4): `Sent/` is `Sent`."""
    while delimiter and len(name) > 1 and name.endswith(delimiter):
        name = name.removesuffix(delimiter)
    return Mailbox(name, delimiter, words & _ATTRIBUTES)


def _astring(value: bytes | int | None) -> bytes:
    """The parser reads a bare atom `2026` as a number and `NIL` as None: as mailboxes they are names."""
    if value is None:
        return b"NIL"
    return b"%d" % value if isinstance(value, int) else value


def resources_of(response: Response) -> list[Resource]:
    """A QUOTA response (RFC 9208 section 4.1.1): `"root" (STORAGE 10 512)`."""
    match response.parsed():
        case (_, tuple() as triplets) if len(triplets) % 3 == 0:
            found = [Resource(*triplet) for triplet in itertools.batched(triplets, 3)]
            if all(_is_resource(one) for one in found):
                return found
    raise unreadable("a QUOTA response")


def _is_resource(one: Resource) -> bool:
    """A name and two numbers, as RFC 9208 has them: none below zero or above 63 bits."""
    numbers = (one.used, one.limit)
    return isinstance(one.name, bytes) and all(isinstance(n, int) and 0 <= n < 1 << 63 for n in numbers)


def status_uid_next(response: Response) -> int | None:
    """UIDNEXT of a STATUS response (RFC 9051 section 7.3.4): `"Junk" (UIDNEXT 7)`."""
    match response.parsed():
        case (_, tuple() as items) if len(items) % 2 == 0:
            for name, value in itertools.batched(items, 2):
                if isinstance(name, bytes) and name.upper() == b"UIDNEXT" and isinstance(value, int):
                    return value
            return None
    raise broken("a STATUS response that cannot be read")


def fetch_items(data: tuple[Any, ...]) -> dict[bytes, Any]:
    match data:
        case (tuple() as items,) if len(items) % 2 == 0:
            return {
                key.upper(): value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, bytes)
            }
    raise unreadable("a FETCH response")


def fetched_message(response: Response, uid: int) -> Fetched | None:
    """The message of a FETCH response, or None where it is another's, readable or not, or tells only flags."""
    match response.segments:
        case ((line, literal), b")") if plain := _PLAIN_FETCH.fullmatch(line):
            return _fetched(literal, None) if int(plain[1]) == uid else None
    try:
        items = fetch_items(response.parsed())
    except CheckFailure:
        if _tells_of(response, uid):
            raise
        return None
    content = items.get(b"BODY[]")
    if items.get(b"UID", uid) != uid or not isinstance(content, bytes):
        return None
    fetched = _fetched(content, internal_date_of(items))
    return fetched._replace(contradicted=not fetched.size and _has_octets(items))


def _tells_of(response: Response, uid: int) -> bool:
    """Whether a response that cannot be read names the message, as far as can be seen."""
    lines = [segment if isinstance(segment, bytes) else segment[0] for segment in response.segments or (response.text,)]
    return any(re.search(rb"\bUID 0*%d\b" % uid, line, re.IGNORECASE) for line in lines)


def _has_octets(items: dict[bytes, Any]) -> bool:
    """RFC822.SIZE or another part of the message says that there is something in it."""
    size = items.get(b"RFC822.SIZE")
    if isinstance(size, int) and size > 0:
        return True
    return any(
        key.startswith((b"BODY[", b"RFC822")) and isinstance(part, bytes) and part for key, part in items.items()
    )


def _fetched(content: bytes, date: datetime | None) -> Fetched:
    """Its own length is a counted literal's size; its octets are what was kept of it."""
    return Fetched(len(content), date, bytes.__getitem__(content, slice(None)))


def internal_date_of(items: dict[bytes, Any]) -> datetime | None:
    value = items.get(b"INTERNALDATE")
    if not isinstance(value, bytes):
        return None
    try:
        parsed: datetime = parse_to_datetime(value, normalise=False)
        # A zone of more than a day passes the parser and raises only here.
        return parsed if parsed.utcoffset() is not None else None
    except (ValueError, TypeError, OverflowError):
        return None


def header_text(items: dict[bytes, Any]) -> bytes | None:
    for key, value in items.items():
        if key.startswith(b"BODY[HEADER") and isinstance(value, bytes):
            return bytes.__getitem__(value, slice(None))
    return None
