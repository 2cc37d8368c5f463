"""Lengths of time and numbers of things, as people read them."""

from datetime import timedelta

import pytest

from imapcheck.text import count, duration, excess


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
