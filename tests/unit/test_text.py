"""Lengths of time and numbers of things, as people read them."""

from datetime import datetime, timedelta, timezone

import pytest

from imapcheck.text import count, days, duration, excess, forbidden_character, minute, one_line, show_bytes


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (150, "2 min"),
        (3569, "59 min"),
        (3570, "1 h"),
        (3660, "1 h 1 min"),
        (14_700, "4 h 5 min"),
        (86_340, "23 h 59 min"),
        (86_370, "1 d"),
        (90_000, "1 d 1 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_length_of_time(seconds: float, told: str) -> None:
    """The two largest units that say something."""
    assert duration(timedelta(seconds=seconds)) == told


def test_number_of_things() -> None:
    """One is one, all else are many."""
    assert [count(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("plain", 5, "plain"),
        ("plainly", 5, "plai…"),
        ("ä" * 400, 400, "ä" * 400),
        ("ä" * 401, 400, "ä" * 399 + "…"),
        ("a\nb", 400, "a\\nb"),
        ("a\r\n\tb", 400, "a\\r\\n\\tb"),
        ("\x1b[2J\u202eb\x00", 400, "\\x1b[2J\\u202eb\\x00"),
        ("\n\n\n", 6, "\\n\\n\\n"),
        ("\n\n\n", 5, "\\n\\n…"),
    ],
)
def test_one_clean_line(text: str, limit: int, line: str) -> None:
    """Nothing in it moves a cursor or begins another line; what was cut ends in an ellipsis."""
    assert one_line(text, limit) == line


def test_bytes_of_a_server_as_one_clean_line() -> None:
    """UTF-8 where it is, escapes where not; and characters count, not octets."""
    assert show_bytes("Grüße\r\n".encode()) == "Grüße\\r\\n"
    assert show_bytes(b"Gr\xfc\xdfe") == "Gr\\xfc\\xdfe"
    assert show_bytes("𝄞".encode() * 10, 10) == "𝄞" * 10
    assert show_bytes("𝄞".encode() * 11, 10) == "𝄞" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\tb ä 𝄞", None),
        ("a\nb", "U+000A"),
        ("a\rb\n", "U+000D"),
        ("\0", "U+0000"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("a\u2028", "U+2028"),
        ("a\u2029", "U+2029"),
        ("\udc80", "U+DC80"),
        ("\u200b\u202e", None),
    ],
)
def test_character_that_ends_a_line_somewhere(text: str, found: str | None) -> None:
    """Control characters, Unicode's separators of lines and paragraphs, halves of surrogate pairs."""
    assert forbidden_character(text) == found


def test_minute_is_told_in_utc() -> None:
    """Whatever the zone of the time."""
    assert minute(datetime(2026, 12, 7, 10, 5, 59, tzinfo=timezone(timedelta(hours=1)))) == "7 Dec 2026 09:05 UTC"


@pytest.mark.parametrize(
    ("size", "limit", "told"),
    [
        (100, 10, "100 bytes; the limit is 10"),
        (31_457_280, 26_214_400, "30 MiB; the limit is 25 MiB"),
        (31_997_280, 26_214_400, "30.5 MiB; the limit is 25 MiB"),
        (26_214_401, 26_214_400, "26214401 bytes; the limit is 26214400"),
        (2_000_000, 500_000, "1.9 MiB; the limit is 500000 bytes"),
    ],
)
def test_octets_over_a_limit(size: int, limit: int, told: str) -> None:
    """Large ones in MiB, unless both would read the same."""
    assert excess(size, limit) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(0.0, "0 days"), (0.99, "0 days"), (1.0, "1 day"), (1.99, "1 day"), (2, "2 days"), (13.6, "13 days")],
)
def test_days_are_rounded_down(number: float, told: str) -> None:
    """Nobody has half a day more than is said."""
    assert days(number) == told
