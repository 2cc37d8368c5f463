"""The figures of a month: availability, what the goal allows and what is used of it, outages, days, times.

Pure: points in, figures out. A point is what CloudWatch keeps of the runs of five minutes; of a file of results, or of
whatever else, it is one run. One number everywhere: availability is the sum of the runs' availability by their number,
so that a run which some places could not make counts by the share of those that could. What is decided (kept or
missed, how much of a budget is used) is decided on exact fractions.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from imapcheck.definition.mute_windows import Stretch, is_muted, length_of, without
from imapcheck.month.calendar import Month

PERIOD = timedelta(minutes=5)
"""Of a point: the finest that CloudWatch keeps for two months, and what windows of maintenance are measured by."""
_DOWN_BELOW = 1.0
"""Percent: 0 is down; a run that only some places could make has a share above it."""
_EXACT = 1_000_000
_LEAST_GAP = timedelta(minutes=10)
MARKS = (Fraction(4, 5), Fraction(1))
"""Of a budget; passing one is reported."""


@dataclass(frozen=True)
class Point:
    """The runs that began in one period: how many, the sum of their availability in percent, and the lowest."""

    at: datetime
    runs: float
    total: float
    lowest: float


@dataclass(frozen=True)
class Plan:
    """What a check's month is judged by; `not_counted` is in order and apart."""

    check: str
    every: timedelta
    goal: float | None = None
    not_counted: tuple[Stretch, ...] = ()

    def runs_in(self, stretch: Stretch) -> int:
        """The runs that are planned in a stretch of time: never one too many, as nobody knows when each is due."""
        return sum((last - first) // self.every for first, last in without(stretch, self.not_counted))


@dataclass(frozen=True)
class Outage:
    """Points in a row in which some run found the server down; `ended` is the next good one, None where none came.

    `length` is without what lies in windows that are not counted, and `unseen` is how much of it nobody looked.
    """

    began: datetime
    ended: datetime | None
    length: timedelta
    unseen: timedelta = timedelta()
    cause: str | None = None


@dataclass(frozen=True)
class Day:
    """One day: `available` is in percent, None where no run counts."""

    at: datetime
    available: float | None
    down: bool


@dataclass(frozen=True)
class Times:
    """Median and 95th percentile of the time of available runs, in milliseconds."""

    median: float
    p95: float


@dataclass(frozen=True)
class Figures:
    """The month of one check up to `until`, as far as its runs tell. Nothing is known of it where `runs` is 0."""

    plan: Plan
    month: Month
    began: datetime
    until: datetime
    runs: int
    good: Fraction
    planned: int
    due: int
    muted: int
    outages: tuple[Outage, ...] = ()
    days: tuple[Day, ...] = ()
    times: Times | None = None
    times_before: Times | None = None
    not_tested: int | None = None
    places: dict[str, float] = field(default_factory=dict)

    @property
    def available(self) -> float | None:
        """Percent."""
        return None if not self.runs else float(100 * self.good / self.runs)

    @property
    def kept(self) -> bool | None:
        """Whether the goal was kept; None where there is none, or no run."""
        goal = self.plan.goal
        return None if goal is None or not self.runs else 100 * self.good >= exact(goal) * self.runs

    @property
    def lacking(self) -> Fraction:
        """What the runs lack of 100 %, in runs."""
        return self.runs - self.good

    @property
    def allowed(self) -> Fraction | None:
        """The budget: how many of the month's planned runs may fail; None without a goal."""
        return None if self.plan.goal is None else (100 - exact(self.plan.goal)) / 100 * self.planned

    @property
    def not_run(self) -> int:
        """Runs that were due and did not happen: they count neither as good nor as bad."""
        return max(0, self.due - self.runs)

    @property
    def is_whole(self) -> bool:
        """The month is over."""
        return self.until >= self.month.end

    @property
    def used(self) -> Fraction | None:
        """The share of the budget that is used; above 1 it is exceeded. None without a goal or runs."""
        if self.allowed is None or not self.runs:
            return None
        if not self.allowed:
            return MARKS[-1] if self.lacking else Fraction(0)
        return self.lacking / self.allowed


def figures(plan: Plan, month: Month, points: Iterable[Point], until: datetime) -> Figures:
    """The month's figures from its points, in any order; what began at `until` or later is not looked at.

    A check with a point before the month is planned for the whole of it, any other from its first run on.
    """
    until = min(until, month.end)
    known = sorted((point for point in points if point.runs > 0 and point.at < until), key=lambda point: point.at)
    within = [point for point in known if point.at >= month.start]
    counted = [point for point in within if not is_muted(plan.not_counted, point.at)]
    began = max(month.start, known[0].at) if known else until
    return Figures(
        plan=plan,
        month=month,
        began=began,
        until=until,
        runs=round(sum(point.runs for point in counted)),
        good=Fraction(sum(round(point.total * _EXACT) for point in counted), 100 * _EXACT),
        planned=plan.runs_in((began, month.end)),
        due=plan.runs_in((began, max(began, until))),
        muted=length_of(_within(plan.not_counted, began, month.end)) // plan.every,
        outages=tuple(_outages(plan, counted, until)),
        days=tuple(_days(month, counted)),
    )


def exact(value: float) -> Fraction:
    """A percentage as it is written: 99.9 is 999/10, and sums of shares lose nothing that anybody wrote."""
    return Fraction(round(value * _EXACT), _EXACT)


def _within(stretches: Iterable[Stretch], start: datetime, end: datetime) -> Iterator[Stretch]:
    for first, last in stretches:
        if first < end and last > start:
            yield max(first, start), min(last, end)


def _outages(plan: Plan, counted: Sequence[Point], until: datetime) -> Iterator[Outage]:
    began: datetime | None = None
    for point in counted:
        if point.lowest < _DOWN_BELOW:
            began = began or point.at
        elif began is not None:
            yield _outage(plan, counted, began, point.at, until)
            began = None
    if began is not None:
        yield _outage(plan, counted, began, None, until)


def _outage(plan: Plan, counted: Sequence[Point], began: datetime, ended: datetime | None, until: datetime) -> Outage:
    end = until if ended is None else ended
    looks = [*(point.at for point in counted if began <= point.at < end), end]
    gaps = (length_of(without(pair, plan.not_counted)) - plan.every for pair in pairwise(looks))
    least = max(plan.every + PERIOD, _LEAST_GAP)
    return Outage(
        began,
        ended,
        length_of(without((began, end), plan.not_counted)),
        sum((g for g in gaps if g > least), timedelta()),
    )


def _days(month: Month, counted: Sequence[Point]) -> Iterator[Day]:
    found: dict[int, list[Point]] = {}
    for point in counted:
        found.setdefault(point.at.day, []).append(point)
    for start in month.days:
        points = found.get(start.day, [])
        runs = sum(point.runs for point in points)
        available = sum(point.total for point in points) / runs if runs else None
        yield Day(start, available, any(point.lowest < _DOWN_BELOW for point in points))


def longest_first(outages: Iterable[Outage]) -> list[Outage]:
    """As a report tells them; of two of one length the earlier first."""
    return sorted(outages, key=lambda outage: (-outage.length, outage.began))


def times_of(points: Iterable[Point], not_counted: Sequence[Stretch]) -> Times | None:
    """From points of the runs' durations in milliseconds; where a point is of several runs, their average is each's.

    The nearest rank: the smallest time that at least half, or 95 %, of the runs do not exceed.
    """
    counted = [point for point in points if point.runs > 0 and not is_muted(not_counted, point.at)]
    ordered = sorted((point.total / point.runs, point.runs) for point in counted)
    if not ordered:
        return None
    ranks, so_far = [], 0.0
    for _, runs in ordered:
        so_far += runs
        ranks.append(so_far)
    median, p95 = (ordered[bisect_left(ranks, math.ceil(share * so_far / 100))][0] for share in (50, 95))
    return Times(median, p95)


@dataclass(frozen=True)
class Passed:
    """A budget of which a mark was passed: `mark` is the highest, and `figures` are those at that time."""

    mark: Fraction
    figures: Figures


def passed(plan: Plan, points: Sequence[Point], start: datetime, end: datetime) -> list[Passed]:
    """The marks that the runs of [start, end) passed: one of each month that these lie in, at most."""
    found = []
    for month in dict.fromkeys((Month.of(start), Month.of(end - timedelta(microseconds=1)))):
        before, after = (figures(plan, month, points, moment) for moment in (max(start, month.start), end))
        used_before, used = before.used or Fraction(0), after.used or Fraction(0)
        marks = [mark for mark in MARKS if used_before < mark <= used]
        if marks:
            found.append(Passed(max(marks), after))
    return found
