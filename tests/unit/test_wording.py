"""Times, lengths, sizes, shares, counts and failures, as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from imapcheck.wording import (
    apart,
    between,
    clock,
    clocks,
    count,
    date,
    days,
    days_left,
    elapsed,
    excess,
    failure_line,
    length,
    over_limit,
    percent,
    size,
    warning_line,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EARLY = NOON.replace(hour=0, minute=5)
NEW_YEAR = datetime(2027, 1, 1, 0, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-1, "0 ms"),
        (0, "0 ms"),
        (0.04, "<0.1 ms"),
        (0.05, "0.1 ms"),
        (9.94, "9.9 ms"),
        (9.95, "10 ms"),
        (412.4, "412 ms"),
        (999.4, "999 ms"),
        (999.5, "1 s"),
        (1234, "1.2 s"),
        (29_210, "29.2 s"),
        (30_000, "30 s"),
        (89_940, "89.9 s"),
        (90_000, "1 min 30 s"),
        (120_000, "2 min"),
        (599_400, "9 min 59 s"),
        (600_000, "10 min"),
        (640_000, "11 min"),
        (3_570_000, "1 h"),
    ],
)
def test_length(ms: float, text: str) -> None:
    """The border belongs to the larger unit; no zeros behind the point."""
    assert length(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
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
def test_elapsed(seconds: float, text: str) -> None:
    """The two largest units that say something."""
    assert elapsed(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("took", "limit", "texts"),
    [
        (6.0, 1.0, ("6 ms", "1 ms")),
        (5432.0, 2000.0, ("5.4 s", "2 s")),
        (412.4, 412.0, ("412.4 ms", "412 ms")),
        (1000.4, 1000.0, ("1.0004 s", "1 s")),
        (86_401_000, 86_400_000, ("86401 s", "86400 s")),
        (2000.0, 2000.0, ("2 s", "2 s")),
        (912_210, 900_000, ("912 s", "900 s")),
    ],
)
def test_lengths_that_are_compared_differ(took: float, limit: float, texts: tuple[str, str]) -> None:
    """`took 2 s (limit 2 s)` would read as an error of ours."""
    assert apart(took, limit) == texts
    assert over_limit("total", took, limit) == f"total took {texts[0]} (limit {texts[1]})"


def test_date_is_told_in_utc_and_with_another_year() -> None:
    """Whatever the zone of the time; without a `now` the year stands, as nobody knows when it is read."""
    elsewhere = datetime(2026, 12, 7, 10, 5, 59, tzinfo=timezone(timedelta(hours=1)))
    assert date(elsewhere) == "7 Dec 2026 09:05 UTC"
    assert date(elsewhere, NOON) == "7 Dec 09:05 UTC"
    assert date(elsewhere, NEW_YEAR) == "7 Dec 2026 09:05 UTC"
    assert date(NEW_YEAR.astimezone(timezone(timedelta(hours=-5))), NEW_YEAR, seconds=True) == "1 Jan 00:02:07 UTC"


def test_clock_has_the_date_of_another_day() -> None:
    """And the year of another year."""
    assert clock(EARLY.astimezone(timezone(timedelta(hours=-5))), NOON) == "00:05 UTC"
    assert clock(NEW_YEAR, NEW_YEAR, seconds=True) == "00:02:07 UTC"
    assert clock(EARLY - timedelta(minutes=6), NOON) == "23 Nov 23:59 UTC"
    assert clock(NEW_YEAR, NOON) == "1 Jan 2027 00:02 UTC"
    assert clocks(EARLY - timedelta(minutes=6), EARLY, NOON) == "23 Nov 23:59 to 00:05 UTC"


def test_between_two_times() -> None:
    """The date once where it is the same."""
    assert between(EARLY - timedelta(minutes=6), EARLY, NOON) == "23 Nov 23:59 to 24 Nov 00:05 UTC"
    assert between(EARLY, NOON, NOON) == "24 Nov 00:05 to 12:00 UTC"
    assert between(EARLY, NOON) == "24 Nov 2026 00:05 to 12:00 UTC"
    assert between(NOON, NEW_YEAR, NOON) == "24 Nov 12:00 to 1 Jan 2027 00:02 UTC"


@pytest.mark.parametrize(
    ("share", "text"),
    [(100, "100 %"), (99.999, "99.99 %"), (99.86, "99.86 %"), (90.0, "90 %"), (0, "0 %"), (100 * 2 / 3, "66.66 %")],
)
def test_share_is_rounded_down(share: float, text: str) -> None:
    """100 % is said where nothing is missing, and nowhere else."""
    assert percent(share) == text


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


def test_days_of_a_certificate() -> None:
    """On its last day it has not expired."""
    assert [days_left(number) for number in (13.6, 0.0, -2.5)] == ["13 days left", "0 days left", "expired 2 days ago"]


@pytest.mark.parametrize(
    ("octets", "limit", "told"),
    [
        (100, 10, "100 bytes; the limit is 10"),
        (31_457_280, 26_214_400, "30 MiB; the limit is 25 MiB"),
        (31_997_280, 26_214_400, "30.5 MiB; the limit is 25 MiB"),
        (26_214_401, 26_214_400, "26214401 bytes; the limit is 26214400"),
        (2_000_000, 500_000, "1.9 MiB; the limit is 500,000 bytes"),
    ],
)
def test_octets_over_a_limit(octets: int, limit: int, told: str) -> None:
    """Large ones in MiB, unless both would read the same."""
    assert excess(octets, limit) == told


def test_size() -> None:
    """Bytes below 1 MiB."""
    assert [size(number) for number in (1, 4321, 1 << 20, 5_600_000)] == ["1 byte", "4,321 bytes", "1 MiB", "5.3 MiB"]


def test_failure_and_warning() -> None:
    """With a detail and without one."""
    assert failure_line("dns", "timeout", "no answer") == "dns: timeout: no answer"
    assert failure_line("dns", "timeout") == "dns: timeout"
    assert warning_line("quota", "91 %") == "warning: quota: 91 %"
