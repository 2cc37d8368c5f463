"""Do the recurring mute windows of a check leave a gap, or are its alarms silent for ever?

By the calendar of each time zone on its own, changes of the clock apart: a doubt is told where it is certain.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from imapcheck.definition.monitoring import MuteDefinition
from imapcheck.definition.mute_windows import cron_fields, merged

_DAY = 1440
"""Minutes, as all numbers of time here."""
_FIRST_DAY = date(2027, 1, 1).toordinal()
_DAYS = 800
"""Two years and more, so that every month and every day of the week has its turn."""
_LONGEST = 15
"""Days; before that the windows of earlier days are missing."""

type Interval = tuple[int, int]


def leave_no_gap(windows: Iterable[MuteDefinition]) -> bool:
    """The recurring ones among `windows`, of any one time zone, follow each other without end."""
    by_zone: dict[str, list[MuteDefinition]] = {}
    for window in windows:
        if window.cron is not None:
            by_zone.setdefault(window.timezone, []).append(window)
    return any(_endless(found) for found in by_zone.values())


def _endless(windows: Sequence[MuteDefinition]) -> bool:
    muted = merged(interval for window in windows for interval in _intervals(window))
    return any(start <= _LONGEST * _DAY and end >= _DAYS * _DAY for start, end in muted)


def _intervals(window: MuteDefinition) -> Iterator[Interval]:
    """From start to end in minutes since the first day, for each day of the calendar that the window's cron names."""
    minutes, hours, days, months, weekdays = cron_fields(window.cron or "")
    length = int(window.duration.total_seconds()) // 60
    of_a_day = merged((60 * hour + minute, 60 * hour + minute + length) for hour in hours for minute in minutes)
    for day in range(_DAYS):
        found = date.fromordinal(_FIRST_DAY + day)
        if found.day in days and found.month in months and found.isoweekday() % 7 in weekdays:
            yield from ((day * _DAY + start, day * _DAY + end) for start, end in of_a_day)
