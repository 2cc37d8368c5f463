"""When the mute windows of a check lie, by the clocks of each window's zone, and arithmetic with stretches of time."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from imapcheck.definition.monitoring import CRON_FIELDS, MuteDefinition

type Stretch = tuple[datetime, datetime]
"""From, inclusive, to, exclusive; in UTC."""


def muted_between(windows: Iterable[MuteDefinition], start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """The stretches of [start, end) that lie in one of `windows`: in order, apart, cut at both ends.

    A window lasts its `duration` from the moment that the clocks of its zone show its beginning. Where they show it
    twice, the first time counts; where they skip it, it begins as long after the change as it would have.
    """
    found = (stretch for window in windows for stretch in _stretches(window, start, end))
    inside = ((max(first, start), min(last, end)) for first, last in found if first < end and last > start)
    return tuple(merged(inside))


def _stretches(window: MuteDefinition, start: datetime, end: datetime) -> Iterator[Stretch]:
    """Those of one window that may touch [start, end)."""
    from zoneinfo import ZoneInfo  # loads nothing where there is no window

    zone = ZoneInfo(window.timezone)
    for local in _beginnings(window, (start - window.duration).date(), end.date()):
        began = local.replace(tzinfo=zone).astimezone(UTC)
        yield began, began + window.duration


def _beginnings(window: MuteDefinition, first: date, last: date) -> Iterator[datetime]:
    """When the window begins by its zone's clocks, from the day before `first` to the day after `last`."""
    if window.cron is None:
        yield datetime.fromisoformat(window.at or "")
        return
    minutes, hours, days, months, weekdays = cron_fields(window.cron)
    for number in range(first.toordinal() - 1, last.toordinal() + 2):
        day = date.fromordinal(number)
        if day.day in days and day.month in months and day.isoweekday() % 7 in weekdays:
            yield from (datetime.combine(day, time(hour, minute)) for hour in hours for minute in minutes)


def is_muted(stretches: Sequence[Stretch], moment: datetime) -> bool:
    """Whether `moment` lies in one of the stretches, which are in order and apart."""
    at = bisect_right(stretches, moment, key=lambda stretch: stretch[0])
    return at > 0 and moment < stretches[at - 1][1]


def without(stretch: Stretch, muted: Iterable[Stretch]) -> Iterator[Stretch]:
    """What is left of `stretch`; `muted` is in order and apart."""
    start, end = stretch
    for first, last in muted:
        if first >= end:
            break
        if start < first:
            yield start, first
        start = max(start, last)
    if start < end:
        yield start, end


def length_of(stretches: Iterable[Stretch]) -> timedelta:
    """How long they are together."""
    return sum((last - first for first, last in stretches), timedelta())


def cron_fields(cron: str) -> list[set[int]]:
    """The numbers that each of the five fields stands for."""
    return [
        {number for part in field.split(",") for number in _numbers(part, known)}
        for field, (_, known) in zip(cron.split(), CRON_FIELDS, strict=True)
    ]


def _numbers(part: str, known: dict[str, int]) -> Iterable[int]:
    if part == "*":
        return known.values()
    first, _, last = part.partition("-")
    return range(known[first], known[last or first] + 1)


def merged[T: (int, datetime)](intervals: Iterable[tuple[T, T]]) -> list[tuple[T, T]]:
    """Sorted; what touches or overlaps is one."""
    found: list[tuple[T, T]] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
