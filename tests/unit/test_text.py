"""Lengths of time and numbers of things, as people read them."""

from datetime import timedelta

import pytest

from imapcheck.text import count, days, duration


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
    ("number", "told"),
    [(0.0, "0 days"), (0.99, "0 days"), (1.0, "1 day"), (1.99, "1 day"), (2, "2 days"), (13.6, "13 days")],
)
def test_days_are_rounded_down(number: float, told: str) -> None:
    """Nobody has half a day more than is said."""
    assert days(number) == told
