"""How a story spells times, durations and lists, at the borders."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from imapcheck.alarms.layout import (
    ascii_line,
    between,
    clock,
    cut,
    flow,
    ms,
    names,
    seconds,
    timed_steps,
    wrap,
)
from imapcheck.alarms.story import head_line

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EARLY = NOON.replace(hour=0, minute=5)


@pytest.mark.parametrize(("value", "text"), [(0.0, "0.0 ms"), (0.94, "0.9 ms"), (1.0, "1 ms"), (412.4, "412 ms")])
def test_milliseconds(value: float, text: str) -> None:
    """A decimal below one."""
    assert ms(value) == text


@pytest.mark.parametrize(("value", "text"), [(29_210.0, "29.2 s"), (30_000.0, "30 s"), (49.0, "0 s")])
def test_seconds(value: float, text: str) -> None:
    """To the tenth, where there is one."""
    assert seconds(value) == text


def test_clock_tells_the_day_where_it_is_another_in_utc() -> None:
    """Whatever the zone in which the time is given."""
    elsewhere = timezone(timedelta(hours=-5))
    assert clock(EARLY.astimezone(elsewhere), NOON) == "00:05"
    assert clock(EARLY - timedelta(minutes=6), NOON) == "23 Nov 23:59"
    assert between(EARLY - timedelta(minutes=6), EARLY) == "23 Nov 23:59 to 24 Nov 00:05 UTC"
    assert between(EARLY, NOON) == "24 Nov 00:05 to 12:00 UTC"


@pytest.mark.parametrize(
    ("number", "unnamed", "end"),
    [(8, 0, "n7"), (9, 0, "n7 and 1 more"), (8, 2, "n7 and 2 more"), (10, 1, "n7 and 3 more")],
)
def test_names(number: int, unnamed: int, end: str) -> None:
    """Eight, and how many more."""
    assert names([f"n{n}" for n in range(number)], unnamed).endswith(end)


def test_cut() -> None:
    """What fits stays; what does not is as long as it may be, and says how long it was."""
    assert cut("x" * 40, 40) == "x" * 40
    assert cut("x" * 41, 40) == f"{'x' * 22} … (41 characters)"


def test_timed_steps() -> None:
    """What is marked and has no time comes last."""
    assert timed_steps({"dns": 3.1, "tls": 44.6}, {"tls": "failed", "list": "not tried"}) == (
        "dns 3",
        "tls 45 <- failed",
        "list <- not tried",
    )


def test_pieces_flow_up_to_the_last_column() -> None:
    """80 fit and 81 do not; a piece that is too long is wrapped."""
    assert flow(["a" * 39, "b" * 39]) == [f"{'a' * 39}  {'b' * 39}"]
    assert flow(["a" * 39, "b" * 40], indent="  ") == ["a" * 39, f"  {'b' * 40}"]
    assert flow(["a" * 39, "b" * 40], " ") == [f"{'a' * 39} {'b' * 40}"]
    assert [len(line) for line in flow(["c " * 60])] == [79, 39]
    assert wrap(f"{'a' * 74} well-known") == ["a" * 74, "well-known"]
    assert wrap("well-known " * 8, "  ", first="- ") == [f"- {' '.join(['well-known'] * 7)}", "  well-known"]


def test_subject_has_fewer_than_a_hundred_characters_of_ascii() -> None:
    """A part that does not fit is left out, and all after it."""
    assert ascii_line(("x" * 90, "y" * 9, "z")) == "x" * 90 + "y" * 9
    assert ascii_line(("x" * 90, "y" * 10, "z")) == "x" * 90
    assert ascii_line(("Büro",)) == "B?ro"


@pytest.mark.parametrize(("length", "end"), [(66, "s"), (67, "s"), (68, "s"), (69, "…"), (70, "…")])
def test_head_line_has_eighty_columns(length: int, end: str) -> None:
    """`DOWN  mail` and two blanks leave 68."""
    line = head_line("DOWN", "mail", "s" * length)
    assert len(line) == min(80, 12 + length)
    assert line.endswith(end)
    assert head_line("DOWN", "mail", None) == "DOWN  mail"
