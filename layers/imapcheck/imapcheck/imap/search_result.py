"""SEARCH and ESEARCH (RFC 9051 section 7.3.4): how many messages, which is the newest; read as a stream.

A mailbox may hold millions of matches. Their UIDs come in pieces as the octets do, and of each piece only what
is needed to count a UID once is kept: a few octets for a thousand neighbours, one or four for each UID apart.
"""

import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import le, lt, sub
from typing import Literal

from imapcheck.errors import broken
from imapcheck.imap.decoder import Response, unreadable

_MAX_UID = 0xFFFFFFFF
_MOST_IN_DISORDER = 1_000_000
_MOST_HELD = 1 << 16
_PACKED_TOGETHER = 1000

type Ranges = tuple[Sequence[int], Sequence[int]]
"""Lows and highs; the same object twice where each is a UID by itself."""


@dataclass(frozen=True)
class Matches:
    """What a search found: how many messages, the highest UID, and the lowest UIDs if they were asked for."""

    count: int = 0
    highest: int | None = None
    uids: tuple[int, ...] = ()


class SearchCollector:
    """Takes every response to one search of `tag`, SEARCH and ESEARCH alike; a UID told twice counts once.

    `begin`, `feed` and `end` are for a response that comes in pieces, `take` for one that is whole.
    """

    def __init__(self, tag: bytes, keep: int) -> None:
        self._tag = tag
        self._keep = keep
        self._uids = _Uids()
        self._reader: _SearchReader | _EsearchReader | None = None

    def take(self, response: Response) -> None:
        if response.name not in (b"SEARCH", b"ESEARCH"):
            return
        if response.segments:
            raise _unreadable()
        if response.name == b"ESEARCH" and (plain := _PLAIN_ESEARCH.fullmatch(response.text)) is not None:
            if plain[1] == self._tag:
                self._uids.add(_set_ranges(plain[2]))
            return
        self.begin(response.name)
        self.feed(response.text)
        self.end()

    def take_set(self, text: bytes) -> None:
        """A bare UID set, such as VANISHED has."""
        self._uids.add(_set_ranges(text))

    def begin(self, name: bytes) -> None:
        self._reader = _SearchReader() if name == b"SEARCH" else _EsearchReader(self._tag)

    def feed(self, text: bytes) -> None:
        """The next piece of the line after its name; it may end anywhere."""
        assert self._reader is not None
        for ranges in self._reader.read(text, last=False):
            self._uids.add(ranges)

    def end(self) -> None:
        """The line is over."""
        assert self._reader is not None
        for ranges in self._reader.read(b"", last=True):
            self._uids.add(ranges)

    def matches(self) -> Matches:
        return self._uids.matches(self._keep)


class _Uids:
    """A set of UIDs. As long as they come in ascending order, which is the rule, they are counted as they come."""

    def __init__(self) -> None:
        self._count = 0
        self._highest = 0
        self._runs: list[tuple[int, array[int] | None, array[int] | int]] = []
        self._disorder = array("Q")  # low and high in one number: a hostile server may send a million

    def add(self, ranges: Ranges) -> None:
        lows, highs = ranges
        if not lows:
            return
        if lows is not highs and not all(map(le, lows, highs)):
            lows, highs = list(map(min, lows, highs)), list(map(max, lows, highs))
        if min(lows) < 1 or max(highs) > _MAX_UID:
            raise broken("a search result with a UID that cannot be")
        if lows[0] > self._highest and all(map(lt, highs, lows[1:])):
            self._count += len(lows) + (0 if lows is highs else sum(highs) - sum(lows))
            self._highest = highs[-1]
            self._runs.append(_packed(lows, highs))
        else:
            self._disorder.extend(low << 32 | high for low, high in zip(lows, highs, strict=True))
            if len(self._disorder) > _MOST_IN_DISORDER:
                raise broken(f"a search result of more than {_MOST_IN_DISORDER} messages in no order")

    def matches(self, keep: int) -> Matches:
        if self._disorder:
            self._sort()
        lowest: list[int] = []
        for low, high in self._ranges():
            if len(lowest) >= keep:
                break
            lowest += range(low, min(high, low + keep - len(lowest) - 1) + 1)
        return Matches(self._count, self._highest or None, tuple(lowest))

    def _ranges(self) -> Iterator[tuple[int, int]]:
        for run in self._runs:
            yield from _unpacked(*run)

    def _sort(self) -> None:
        """Count anew, each UID once."""
        ordered = sorted(itertools.chain((low << 32 | high for low, high in self._ranges()), self._disorder))
        self._disorder, self._runs = array("Q"), []
        self._count = self._highest = 0
        for apart in itertools.batched(_apart(ordered), _PACKED_TOGETHER):
            lows, highs = [low for low, _ in apart], [high for _, high in apart]
            self.add((lows, lows if lows == highs else highs))


def _apart(ordered: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ranges in ascending order, each without what came before it."""
    reached = 0
    for packed in ordered:
        low, high = packed >> 32, packed & _MAX_UID
        if high > reached:
            yield max(low, reached + 1), high
            reached = high


def _packed(lows: Sequence[int], highs: Sequence[int]) -> tuple[int, "array[int] | None", "array[int] | int"]:
    """(first, gaps, lengths): neighbours as one range, UIDs apart as the gaps between them."""
    if highs[-1] - lows[0] == len(lows) - 1:
        return lows[0], None, highs[-1]
    gaps = list(map(sub, lows[1:], lows))
    lengths = 0 if lows is highs else array("I", map(sub, highs, lows))
    return lows[0], array("B" if max(gaps, default=0) < 256 else "I", gaps), lengths


def _unpacked(first: int, gaps: "array[int] | None", lengths: "array[int] | int") -> Iterator[tuple[int, int]]:
    if gaps is None:
        assert isinstance(lengths, int)
        yield first, lengths
        return
    low = first
    for index in range(len(gaps) + 1):
        low += gaps[index - 1] if index else 0
        yield low, low + (lengths if isinstance(lengths, int) else lengths[index])


_PLAIN_ESEARCH = re.compile(rb'\(TAG "([A-Z0-9]+)"\) UID ALL ([0-9:,]+)')


class _SearchReader:
    """`2 84 882` and, with CONDSTORE, `(MODSEQ 917162500)` after it (RFC 7162 section 3.1.5)."""

    def __init__(self) -> None:
        self._held = b""

    def read(self, text: bytes, *, last: bool) -> Iterable[Ranges]:
        text = self._held + text
        numbers, bracket, tail = text.partition(b"(")
        if last and bracket and not re.fullmatch(rb"MODSEQ [0-9]+\) *", tail, re.IGNORECASE):
            raise _unreadable()
        end = len(numbers) if last or bracket else numbers.rfind(b" ") + 1
        self._held = text[end:]
        if len(self._held) > 200:
            raise _unreadable()
        uids = _numbers(numbers[:end].split(), b"0123456789 ", numbers[:end])
        return [(uids, uids)]


class _EsearchReader:
    """`(TAG "A0009") UID ALL 1:17,21`; another command's result is not ours, one without ALL no answer to us."""

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._held = b""
        self._at: Literal["head", "name", "set", "value", "not ours"] = "head"
        self._items: dict[bytes, bytes] = {}

    def read(self, text: bytes, *, last: bool) -> Iterator[Ranges]:
        self._held += text
        if self._at == "head" and (last or len(self._held) > 500):
            self._read_head()
        while self._held and self._at in ("name", "set", "value"):
            before = self._at, len(self._held)
            if self._at == "set":
                yield self._read_set(last)
            else:
                self._read_item(last)
            if (self._at, len(self._held)) == before:
                break
        if self._at == "not ours":
            self._held = b""
        elif len(self._held) > _MOST_HELD:
            raise _unreadable()
        if last:
            self._conclude()

    def _read_head(self) -> None:
        match = _ESEARCH_HEAD.match(self._held)
        assert match is not None
        self._held = self._held[match.end() :]
        self._at = "not ours" if match[1] is not None and match[1] != self._tag else "name"

    def _read_item(self, last: bool) -> None:
        """An item's name; then, of what we did not ask for, its value."""
        self._held = self._held.lstrip(b" ")
        if not self._held:
            return
        end = self._held.find(b" ")
        if self._held.startswith(b"("):
            end = self._held.find(b")") + 1 or -1
        if end < 0 and not last:
            return
        word = self._held if end < 0 else self._held[:end]
        self._held = b"" if end < 0 else self._held[end:].lstrip(b" ")
        if self._at == "value":
            self._at = "name"
            self._items[next(reversed(self._items))] = word
        elif re.fullmatch(rb"[A-Za-z][A-Za-z0-9-]{0,40}", word):
            self._items[word.upper()] = b""
            self._at = "set" if word.upper() == b"ALL" else "value"
        else:
            raise _unreadable()

    def _read_set(self, last: bool) -> Ranges:
        text, space, rest = self._held.partition(b" ")
        if space or last:
            self._held, self._at = rest, "name"
            return _set_ranges(text)
        end = text.rfind(b",") + 1
        self._held = text[end:]
        return _set_ranges(text[: max(end - 1, 0)]) if end else ([], [])

    def _conclude(self) -> None:
        if self._at in ("set", "value") or self._held:
            raise _unreadable()
        if self._items and b"ALL" not in self._items and self._items != {b"COUNT": b"0"}:
            raise broken("a search result without ALL, which is what was asked for")


_ESEARCH_HEAD = re.compile(rb' *(?:\(TAG +"?([^")]*)"?\))? *(?:UID(?: |$))? *', re.IGNORECASE)


def _set_ranges(text: bytes) -> Ranges:
    """`1:17,21`."""
    parts = text.split(b",")
    if b":" not in text:
        uids = _numbers(parts, b"0123456789,", text)
        return uids, uids
    pairs = [part.partition(b":") for part in parts]
    lows = [low for low, _, _ in pairs]
    highs = [high if colon else low for low, colon, high in pairs]
    allowed = b"0123456789:,"
    return _numbers(lows, allowed, text), _numbers(highs, allowed, text)


def _numbers(words: Sequence[bytes], allowed: bytes, text: bytes) -> list[int]:
    """The numbers of a piece that holds nothing but `allowed` octets."""
    if text.translate(None, allowed) or (words and not 1 <= min(map(len, words)) <= max(map(len, words)) <= 10):
        raise _unreadable()
    try:
        return list(map(int, words))
    except ValueError:  # two colons in one range
        raise _unreadable() from None


def _unreadable() -> Exception:
    return unreadable("a search result")
