"""A month's figures: availability, budget, outages, maintenance by the clocks of its zone; a second program agrees."""

import itertools
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from imapcheck.definition.monitoring import MuteDefinition
from imapcheck.definition.mute_windows import muted_between
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Plan, Point, figures, passed, times_of
from imapcheck.month.text import head_of, lines_of, report_story
from support.depth import deep
from support.month_oracle import MINUTE, Run, muted_minutes, opinion, rank, utc
from support.month_scene import points_of

EVERY = {"1m": MINUTE, "5m": 5 * MINUTE, "6m": 6 * MINUTE, "1h": 60 * MINUTE}
BERLIN = {"cron": "30 2 * * SUN", "duration": timedelta(hours=2), "timezone": "Europe/Berlin"}
NEW_YORK = {"cron": "30 1,22 1-7 * SUN,WED", "duration": timedelta(minutes=90), "timezone": "America/New_York"}
LORD_HOWE = {"cron": "0 2 * * *", "duration": timedelta(minutes=45), "timezone": "Australia/Lord_Howe"}
ONCE = {"at": "2026-10-25T02:15", "duration": timedelta(hours=3), "timezone": "Europe/Berlin"}
LONG = {"cron": "0 22 27 * *", "duration": timedelta(days=6), "timezone": "Asia/Kathmandu"}


def window(fields: dict[str, Any]) -> MuteDefinition:
    minutes = fields["duration"] // MINUTE
    return MuteDefinition.model_validate(fields | {"duration": f"{minutes}m"})


def lived(seed: int, month: Month, every: timedelta) -> list[Run]:
    """Runs of a month with outages, partial ones, a pause and gaps; some checks begin in the month, some before."""
    chance = random.Random(seed)
    begins = month.start - timedelta(days=2) if chance.random() < 0.5 else month.start + timedelta(days=11, hours=5)
    pause = month.start + timedelta(days=chance.randrange(20), hours=chance.randrange(24))
    found: list[Run] = []
    moment, until_down, until_partial = begins + chance.randrange(60) * MINUTE, begins, begins
    while moment < month.end + timedelta(hours=1):
        if chance.random() < 0.004:
            until_down = moment + chance.randrange(1, 400) * MINUTE
        if chance.random() < 0.004:
            until_partial = moment + chance.randrange(1, 400) * MINUTE
        is_there = not pause <= moment < pause + timedelta(hours=30) and chance.random() > 0.01
        share = 0.0 if moment < until_down else 100 * 2 / 3 if moment < until_partial else 100.0
        if is_there:
            found.append((moment, round(share, 6)))
        moment += every
    chance.shuffle(found)
    return found


MONTHS: list[tuple[str, list[dict[str, Any]]]] = [
    ("2026-10", [BERLIN]), ("2026-10", [NEW_YORK, ONCE]), ("2026-03", [BERLIN]), ("2026-11", []),
    ("2026-04", [LORD_HOWE]), ("2027-02", [LONG, BERLIN]),
]  # fmt: skip
SHALLOW = {("1m", 0), ("5m", 1), ("5m", 5), ("6m", 4), *(("1h", number) for number in range(6))}


@pytest.mark.parametrize(
    ("every", "number"), deep(itertools.product(EVERY, range(len(MONTHS))), lambda *case: case in SHALLOW)
)
def test_second_program_confirms_the_figures(every: str, number: int) -> None:
    """In months in which clocks change, at intervals that fit into five minutes or do not, whole months and running."""
    month, windows = MONTHS[number]
    asked, length = Month.parse(month), EVERY[every]
    for seed, goal, until in ((1, "99.9", asked.end), (2, "97.25", asked.start + timedelta(days=19, minutes=35))):
        runs = lived(seed + int(month[-2:]) * 100, asked, length)
        muted = muted_between(map(window, windows), asked.start, asked.end)
        found = figures(Plan("mail", length, float(goal), muted), asked, points_of(runs), until)
        agrees(found, opinion(runs, length, goal, windows, asked.start, asked.end, until))


def agrees(found: Figures, expected: dict[str, Any]) -> None:
    assert found.runs == expected["runs"]
    assert found.good == Fraction(expected["good"])
    assert (found.planned, found.not_run, found.began) == (
        expected["planned"],
        expected["not_run"],
        expected["began"],
    )
    assert (found.kept, found.allowed) == (expected["kept"], Fraction(expected["allowed"]))
    outages = [(outage.began, outage.ended, outage.length // MINUTE) for outage in found.outages]
    assert outages == expected["outages"]
    if found.runs:
        assert found.used is not None
        assert (found.used >= Fraction(4, 5)) == expected["over 80 %"]
        assert (found.used >= 1) == expected["over 100 %"]


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        (BERLIN, "2026-03-29T01:30", "2026-03-29T03:30"),  # 02:30 is skipped: as long after the change
        (BERLIN, "2026-10-25T00:30", "2026-10-25T02:30"),  # 02:30 comes twice: the first one
        (BERLIN, "2026-11-01T01:30", "2026-11-01T03:30"),
        (BERLIN | {"cron": "0 3 * * SUN"}, "2026-03-29T01:00", "2026-03-29T03:00"),
        (ONCE, "2026-10-25T00:15", "2026-10-25T03:15"),
        (LORD_HOWE, "2026-10-03T15:30", "2026-10-03T16:15"),  # half an hour forward, at 02:00
    ],
)
def test_windows_go_by_the_clocks_of_their_zone(fields: dict[str, Any], first: str, last: str) -> None:
    """Around the changes to and from summer time; a window lasts as long as it says."""
    start, end = utc(first) - timedelta(hours=6), utc(last) + timedelta(hours=6)
    assert muted_between([window(fields)], start, end) == ((utc(first), utc(last)),)
    assert min(muted_minutes([fields], start, end)) == utc(first)


def test_window_that_began_before_the_month_is_cut_at_its_beginning() -> None:
    """Six days from the 27th of the month before on; what overlaps is one."""
    month = Month.parse("2026-11")
    found = muted_between([window(LONG), window(LONG | {"cron": "0 22 26 * *"})], month.start, month.end)
    assert found[0] == (utc("2026-11-01T00:00"), utc("2026-11-02T16:15"))
    assert found[-1][1] == month.end


def steady(first: str, number: int, every: int, share: float = 100.0) -> list[Run]:
    return [(utc(first) + step * every * MINUTE, share) for step in range(number)]


def a_november(bad: int, goal: float | None = 99.9) -> Figures:
    """8,640 runs, the first `bad` of the 24th failed."""
    month = Month.parse("2026-11")
    runs = dict(steady("2026-11-01T00:00", 8640, 5)) | dict(steady("2026-11-24T10:10", bad, 5, 0.0))
    earlier = steady("2026-10-31T23:00", 12, 5)
    return figures(Plan("mail", 5 * MINUTE, goal), month, points_of([*earlier, *runs.items()]), month.end)


@pytest.mark.parametrize(("bad", "kept", "share"), [(8, True, "99.9 %"), (9, False, "99.89 %"), (0, True, "100 %")])
def test_goal_is_decided_on_the_exact_figure(bad: int, kept: bool, share: str) -> None:
    """99.8958 % is not 99.9 %, whatever rounding would say."""
    found = a_november(bad)
    assert found.kept is kept
    assert head_of(found) == f"mail: {share} available, goal 99.9 %: {'kept' if kept else 'missed'}"


def test_exactly_the_goal_is_kept() -> None:
    """One of a thousand at 99.9 %: fractions, as 99.9 * 1000 of floats is anything."""
    month = Month.parse("2026-11")
    runs = [*steady("2026-11-01T00:00", 999, 5), *steady("2026-11-09T00:00", 1, 5, 0.0)]
    assert figures(Plan("mail", 5 * MINUTE, 99.9), month, points_of(runs), month.end).kept is True


def test_partial_runs_count_by_their_share_and_are_no_outage() -> None:
    """Two of three places."""
    month = Month.parse("2026-11")
    runs = [*steady("2026-11-01T00:00", 97, 5), *steady("2026-11-09T00:00", 3, 5, 66.666667)]
    found = figures(Plan("mail", 5 * MINUTE), month, points_of(runs), month.end)
    assert found.available == pytest.approx(99.0, abs=0.001)
    assert found.outages == ()
    assert any(line.startswith("1 of 100 runs failed, those that only some") for line in lines_of(found))


def test_check_without_a_run_has_neither_number_nor_verdict() -> None:
    """Nothing is 100 % or 0 % of nothing."""
    month = Month.parse("2026-11")
    found = figures(Plan("mail", 5 * MINUTE, 99.9), month, [], month.end)
    assert (found.available, found.kept, found.used, found.not_run) == (None, None, None, 0)
    assert "%" not in report_story(month, [found]).text


def test_what_was_not_run_is_told_and_is_neither_good_nor_bad() -> None:
    """A day's pause: 288 runs."""
    month = Month.parse("2026-11")
    runs = [run for run in steady("2026-10-31T00:00", 8640 + 288, 5) if run[0].day != 10 or run[0].month != 11]
    found = figures(Plan("mail", 5 * MINUTE, 99.9), month, points_of(runs), month.end)
    assert (found.not_run, found.available, found.kept) == (288, 100.0, True)
    assert "288 runs did not happen: neither good nor bad" in lines_of(found)


def test_outage_around_a_window_is_one_and_its_length_leaves_the_window_out() -> None:
    """Down at 01:00, maintenance from 02:00 to 04:00, good again at 05:00."""
    month = Month.parse("2026-11")
    muted = ((utc("2026-11-05T02:00"), utc("2026-11-05T04:00")),)
    runs = dict(steady("2026-11-01T00:00", 8640, 5)) | dict(steady("2026-11-05T01:00", 48, 5, 0.0))
    [outage] = figures(Plan("mail", 5 * MINUTE, None, muted), month, points_of([*runs.items()]), month.end).outages
    assert (outage.began, outage.ended) == (utc("2026-11-05T01:00"), utc("2026-11-05T05:00"))
    assert (outage.length, outage.unseen) == (timedelta(hours=2), timedelta())


def test_outage_in_which_nobody_looked_says_so() -> None:
    """A pause of a day within it."""
    month = Month.parse("2026-11")
    runs = [*steady("2026-11-05T00:00", 12, 5, 0.0), *steady("2026-11-06T00:00", 12, 5)]
    [outage] = figures(Plan("mail", 5 * MINUTE), month, points_of(runs), month.end).outages
    assert (outage.length, outage.unseen) == (timedelta(days=1), timedelta(hours=23))


def test_times_are_nearest_ranks_of_the_runs_that_count() -> None:
    """As the second program ranks them."""
    chance = random.Random(7)
    values = [round(chance.lognormvariate(6, 0.5), 1) for _ in range(1000)]
    timed = [
        Point(utc("2026-11-01T00:00") + number * 5 * MINUTE, 1, value, value) for number, value in enumerate(values)
    ]
    found = times_of(timed, ())
    assert found is not None
    assert (found.median, found.p95) == (rank(values, 50), rank(values, 95))
    muted = ((utc("2026-11-01T00:00"), utc("2026-11-02T00:00")),)
    left = times_of(timed, muted)
    assert left is not None
    assert left.median == rank(values[288:], 50)
    assert times_of(timed[:288], muted) is None


def hours(runs: Sequence[Run], plan: Plan, first: str, last: str) -> list[tuple[datetime, Fraction]]:
    """In which hours, by the end of each, a mark of the budget is reported."""
    moment, seen = utc(first), points_of(runs)
    found: list[tuple[datetime, Fraction]] = []
    while moment <= utc(last):
        found += [(moment, item.mark) for item in passed(plan, seen, moment - timedelta(hours=1), moment)]
        moment += timedelta(hours=1)
    return found


def test_budget_is_reported_in_the_hour_in_which_a_mark_is_passed() -> None:
    """8.64 runs may fail: the 7th is 80 %, the 9th is more than all. Once each, and anew the next month."""
    bad = {utc(f"2026-11-{day:02d}T10:20") for day in range(2, 12)}
    runs = [(at, 0.0 if at in bad else 100.0) for at, _ in steady("2026-10-31T23:00", 12 + 288 * 11, 5)]
    plan = Plan("mail", 5 * MINUTE, 99.9)
    assert hours(runs, plan, "2026-11-07T00:45", "2026-11-11T20:45") == [
        (utc("2026-11-08T10:45"), Fraction(4, 5)),
        (utc("2026-11-10T10:45"), Fraction(1)),
    ]


def test_marks_of_both_months_are_reported_in_the_hour_between_them() -> None:
    """A check every hour whose single failure is too many: the last of November, the first of December."""
    bad = {utc("2026-11-30T23:50"), utc("2026-12-01T00:50")}
    runs = [(at, 0.0 if at in bad else 100.0) for at, _ in steady("2026-10-31T00:50", 24 * 33, 60)]
    found = passed(
        Plan("mail", 60 * MINUTE, 99.9), points_of(runs), utc("2026-11-30T23:55") - 10 * MINUTE, utc("2026-12-01T00:55")
    )
    assert [(str(item.figures.month), item.mark) for item in found] == [
        ("2026-11", Fraction(1)),
        ("2026-12", Fraction(1)),
    ]


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "2026", "", "26-11", "2026-11-01", "9999-12", "２０２６-11"]
)
def test_month_that_is_none(text: str) -> None:
    """Is refused, not guessed."""
    with pytest.raises(ValueError, match="no month"):
        Month.parse(text)
