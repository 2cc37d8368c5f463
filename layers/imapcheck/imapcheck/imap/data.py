"""What the server's data says: mailboxes, search results, fetched items (RFC 9051 section 7).

Pure functions over `Response`; whatever cannot be read is a `CheckFailure` `protocol_error`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from imapclient.datetime_util import parse_to_datetime

from imapcheck.imap.decoder import Response, broken

_MAX_UID = 0xFFFFFFFF


class Mailbox(NamedTuple):
    """A line of LIST: `name` as on the wire, attributes in lower case, `delimiter` empty where there is none."""

    name: bytes
    delimiter: bytes
    attributes: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What a search found: how many messages, the highest UID, and the first UIDs if they were asked for."""

    count: int = 0
    highest: int | None = None
    uids: tuple[int, ...] = ()


class Fetched(NamedTuple):
    """A message that was fetched and not kept: its size in octets, INTERNALDATE if asked for, and its beginning."""

    size: int
    internal_date: datetime | None
    beginning: bytes


class SearchCollector:
    """Adds up SEARCH and ESEARCH responses without holding every UID."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._count = 0
        self._highest = 0
        self._uids: list[int] = []

    def take(self, response: Response, tag: bytes) -> None:
        if response.name not in (b"SEARCH", b"ESEARCH"):
            return
        if response.segments:
            raise broken("a search result that cannot be read")
        ranges = _search_ranges(response.text) if response.name == b"SEARCH" else _esearch_ranges(response.text, tag)
        for low, high in ranges:
            self._add(low, high)

    def _add(self, low: int, high: int) -> None:
        low, high = min(low, high), max(low, high)
        if not 1 <= low <= high <= _MAX_UID:
            raise broken("a search result with an impossible UID")
        self._count += high - low + 1
        self._highest = max(self._highest, high)
        room = self._keep - len(self._uids)
        if room > 0:
            self._uids.extend(range(low, min(high, low + room - 1) + 1))

    def found(self) -> Found:
        return Found(self._count, self._highest or None, tuple(self._uids))


_PREFIX = re.compile(rb"[\x20-\x7e]{0,200}")
_UID_OR_RANGE = re.compile(rb"([0-9]{1,10})(?::([0-9]{1,10}))?(?:,|$)")


def _search_ranges(text: bytes) -> Iterator[tuple[int, int]]:
    """`2 84 882` and, with CONDSTORE, `(MODSEQ 917162500)` after it (RFC 7162 section 3.1.5)."""
    text = re.sub(rb"\(MODSEQ [0-9]+\)\s*$", b"", text, flags=re.IGNORECASE).strip()
    if not re.fullmatch(rb"[0-9 ]*", text):
        raise broken("a search result that cannot be read")
    for match in re.finditer(rb"[0-9]+", text):
        number = int(match[0][:11])
        yield number, number


_PLAIN_ESEARCH = re.compile(rb'\(TAG "([A-Z0-9]+)"\) UID(?: ALL ([0-9:,]+))?')


def _esearch_ranges(text: bytes, tag: bytes) -> Iterator[tuple[int, int]]:
    """`(TAG "A0009") UID ALL 1:17,21` (RFC 9051 section 7.3.4); another command's result is not ours."""
    if (plain := _PLAIN_ESEARCH.fullmatch(text)) is not None:
        return _set_ranges(plain[2] or b"") if plain[1] == tag else iter(())
    return _esearch_items(text, tag)


def _esearch_items(text: bytes, tag: bytes) -> Iterator[tuple[int, int]]:
    match = re.match(rb'\s*(?:\(TAG "?([^")]*)"?\))?\s*(?:UID(?: |$))?\s*', text, re.IGNORECASE)
    if match and match[1] is not None and match[1] != tag:
        return
    rest = text[match.end() :] if match else text
    if not re.fullmatch(rb"(?:[A-Za-z]+ (?:[0-9:,]+|\([0-9 ]*\)) ?)*", rest):
        raise broken("a search result that cannot be read")
    for item in re.finditer(rb"([A-Za-z]+) ([0-9:,]+)", rest):
        if item[1].upper() == b"ALL":
            yield from _set_ranges(item[2])


def _set_ranges(text: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(text):
        match = _UID_OR_RANGE.match(text, position)
        if match is None:
            raise broken("a search result with a set of UIDs that cannot be read")
        yield int(match[1]), int(match[2] or match[1])
        position = match.end()


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
            return Mailbox(spelt, delimiter or b"", words)
    raise broken("a LIST response that cannot be read")


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
    return Mailbox(atom if quoted is None else quoted, delimiter or b"", words)


def _astring(value: bytes | int | None) -> bytes:
    """The parser reads a bare atom `2026` as a number and `NIL` as None: as mailboxes they are names."""
    if value is None:
        return b"NIL"
    return b"%d" % value if isinstance(value, int) else value


def fetch_items(data: tuple[Any, ...]) -> dict[bytes, Any]:
    match data:
        case (tuple() as items,) if len(items) % 2 == 0:
            return {
                key.upper(): value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, bytes)
            }
    raise broken("a FETCH response that cannot be read")


def fetched_message(response: Response, uid: int) -> Fetched | None:
    """The message of a FETCH response, or None where it is another's or tells only flags."""
    match response.segments:
        case ((line, literal), b")") if plain := _PLAIN_FETCH.fullmatch(line):
            return _fetched(literal, None) if int(plain[1]) == uid else None
    items = fetch_items(response.parsed())
    content = items.get(b"BODY[]")
    if items.get(b"UID", uid) != uid or not isinstance(content, bytes):
        return None
    return _fetched(content, internal_date_of(items))


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
