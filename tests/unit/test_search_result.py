"""SEARCH and ESEARCH in any pieces, any order, of any length: how many UIDs, each once, and the highest."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.errors import CheckFailure
from imapcheck.imap.decoder import Response
from imapcheck.imap.search_result import Matches, SearchCollector

TAG = b"A0009"
RANGES = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 6)), max_size=60)


def collect(*lines: tuple[bytes, bytes], piece: int = 1 << 20, keep: int = 0) -> Matches:
    """What a search found whose responses are (name, text), each in pieces of that many octets."""
    collector = SearchCollector(TAG, keep)
    for name, text in lines:
        if len(text) <= piece or name == b"FETCH":
            collector.take(Response("untagged", name, None, text))
            continue
        collector.begin(name)
        for start in range(0, len(text), piece):
            collector.feed(text[start : start + piece])
        collector.end()
    return collector.matches()


def esearch(ranges: list[tuple[int, int]], backwards: bool = False) -> bytes:
    shown = []
    for low, length in ranges:
        ends = (low + length, low) if backwards else (low, low + length)
        shown.append(b"%d:%d" % ends if length else b"%d" % low)
    return b'(TAG "A0009") UID' + (b" ALL " + b",".join(shown) if shown else b"")


@given(RANGES, st.integers(1, 40), st.booleans(), st.integers(0, 50))
def test_esearch_counts_each_uid_once(ranges: list[tuple[int, int]], piece: int, backwards: bool, keep: int) -> None:
    """Overlapping ranges, in any order, either end first, cut anywhere."""
    uids = {uid for low, length in ranges for uid in range(low, low + length + 1)}
    found = collect((b"ESEARCH", esearch(ranges, backwards)), piece=piece, keep=keep)
    assert found == Matches(len(uids), max(uids, default=None), tuple(sorted(uids)[:keep]))


def test_item_without_end_is_not_held() -> None:
    """A name that never ends is given up at 64 KiB, not at its end."""
    collector = SearchCollector(TAG, 0)
    collector.begin(b"ESEARCH")
    collector.feed(b'(TAG "A0009") UID ' + b"y" * (1 << 16))
    with pytest.raises(CheckFailure, match="cannot be read"):
        collector.feed(b"y")


@given(
    st.lists(st.integers(1, 300), max_size=80),
    st.integers(1, 40),
    st.integers(0, 50),
    st.sampled_from([b"", b" (MODSEQ 917)"]),
)
def test_search_counts_each_uid_once(uids: list[int], piece: int, keep: int, tail: bytes) -> None:
    """Numbers in any order, told twice, with CONDSTORE's tail."""
    text = b" ".join(b"%d" % uid for uid in uids) + (tail if uids else b"")
    found = collect((b"SEARCH", text), piece=piece, keep=keep)
    assert found == Matches(len(set(uids)), max(uids, default=None), tuple(sorted(set(uids))[:keep]))


@given(st.lists(RANGES, max_size=4), st.integers(1, 40), st.randoms())
def test_several_responses_to_one_command_are_one_result(
    several: list[list[tuple[int, int]]], piece: int, order: random.Random
) -> None:
    """SEARCH and ESEARCH, in parts or told twice, are not added up; another command's is not ours."""
    uids = {uid for ranges in several for low, length in ranges for uid in range(low, low + length + 1)}
    lines = [(b"ESEARCH", esearch(ranges)) for ranges in several]
    for ranges in several:
        numbers = [uid for low, length in ranges for uid in range(low, low + length + 1)]
        lines.append((b"SEARCH", b" ".join(b"%d" % uid for uid in numbers)))
    lines.append((b"ESEARCH", b'(TAG "A0008") UID ALL 1:4000'))
    lines.append((b"FETCH", b"(UID 5000)"))
    order.shuffle(lines)
    assert collect(*lines, piece=piece) == Matches(len(uids), max(uids, default=None))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b'(TAG "A0009") UID', 0),
        (b'(TAG "A0009") UID ', 0),
        (b"(TAG A0009) uid all 2,4", 2),
        (b"UID ALL 2,4", 2),
        (b'(TAG "A0009") UID COUNT 0', 0),
        (b'(TAG "A0009") UID MIN 2 MAX 4 COUNT 2 ALL 2,4', 2),
        (b'(TAG "A0009") UID ALL 2,4 MODSEQ 917', 2),
        (b'(TAG "A0009") UID X-ODD (1 2 3) ALL 2,4', 2),
        (b'(TAG "A0008") UID COUNT 5', 0),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_esearch_in_odd_spellings(text: bytes, count: int, piece: int) -> None:
    """Items that were not asked for are passed over."""
    assert collect((b"ESEARCH", text), piece=piece).count == count


@pytest.mark.parametrize(
    "text",
    [
        b'(TAG "A0009") UID COUNT 5',
        b'(TAG "A0009") UID MIN 2 MAX 9',
        b'(TAG "A0009") UID MODSEQ 5',
        b'(TAG "A0009") UID PARTIAL (1:2 5,6)',
        b'(TAG "A0009") UID ALL',
        b'(TAG "A0009") UID ALL 1,,2',
        b'(TAG "A0009") UID ALL 1:2:3',
        b'(TAG "A0009") UID ALL 1:*',
        b'(TAG "A0009") UID ALL 0',
        b'(TAG "A0009") UID ALL 4294967296',
        b'(TAG "A0009") UID ALL 99999999999999999999',
        b'(TAG "A0009") UID ALL 1 2',
        b'(TAG "A0009") UID ALL 1 COUNT',
        b'(TAG "A0009") UID what?',
        b"\xff",
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_esearch_that_is_no_answer(text: bytes, piece: int) -> None:
    """Without ALL nobody knows which message is the newest; a set that cannot be read counts nothing."""
    with pytest.raises(CheckFailure, match="search result") as raised:
        collect((b"ESEARCH", text), piece=piece)
    assert raised.value.type == "protocol_error"


@pytest.mark.parametrize(
    "text", [b"1 x", b"1,2", b"0", b"-1", b"4294967296", b"9" * 5000, b"1 (MODSEQ x)", b"1 (", b"(MODSEQ 5"]
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_search_that_is_no_answer(text: bytes, piece: int) -> None:
    with pytest.raises(CheckFailure, match="search result"):
        collect((b"SEARCH", text), piece=piece)


def test_search_result_with_a_literal_is_no_answer() -> None:
    """No item of one has a literal (RFC 4731); what stands behind it was not read as a part of the set."""
    for name, line in ((b"ESEARCH", b'(TAG "A0009") UID ALL 1:2 X {3}'), (b"SEARCH", b"1 {3}")):
        response = Response("untagged", name, None, line, ((line, b"abc"), b" 4"))
        with pytest.raises(CheckFailure, match="search result"):
            SearchCollector(TAG, 0).take(response)


def held_for(name: bytes, matches: int, step: int) -> int:
    """Octets that a collector holds on to for so many matches, `step` apart; none of its pieces stays."""
    collector = SearchCollector(TAG, 10)
    separator = b" " if name == b"SEARCH" else b","
    tracemalloc.start()
    try:
        collector.begin(name)
        collector.feed(b"" if name == b"SEARCH" else b'(TAG "A0009") UID ALL ')
        for start in range(0, matches, 8000):
            uids = range(start, min(start + 8000, matches))
            collector.feed(b"".join(b"%b%d" % (separator if uid else b"", uid * step + 1) for uid in uids))
        collector.end()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = collector.matches()
    assert (found.count, found.highest, found.uids[:2]) == (matches, (matches - 1) * step + 1, (1, step + 1))
    assert peak < held + 3_000_000
    return held


@pytest.mark.parametrize(("step", "octets_each"), [(1, 0.2), (2, 1.2), (4000, 4.5)])
@pytest.mark.parametrize("name", [b"SEARCH", b"ESEARCH"])
def test_matches_are_counted_in_bounded_memory(name: bytes, step: int, octets_each: float) -> None:
    """Neighbours, every second one, or far apart: next to nothing, one octet or four for each."""
    assert held_for(name, 40_000, step) < 40_000 * octets_each + 20_000


@pytest.mark.long
@pytest.mark.parametrize(("step", "octets_each"), [(1, 0.2), (2, 1.2), (4000, 4.5)])
@pytest.mark.parametrize("name", [b"SEARCH", b"ESEARCH"])
def test_million_matches_are_counted_in_bounded_memory(name: bytes, step: int, octets_each: float) -> None:
    """As above; printed for the record with -s."""
    held = held_for(name, 1_000_000, step)
    print(f"{name.decode()} of a million UIDs {step} apart holds {held} octets")
    assert held < 1_000_000 * octets_each + 20_000


def test_result_in_no_order_ends_before_memory_does() -> None:
    """A server that repeats itself for ever."""
    collector = SearchCollector(TAG, 0)
    collector.begin(b"SEARCH")
    with pytest.raises(CheckFailure, match="in no order"):
        for _ in range(2000):
            collector.feed(b"9 8 7 6 5 4 3 2 1 " * 100)
