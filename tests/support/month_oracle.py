"""The second opinion on a month's figures: from single runs, minute by minute, with nothing of the product's code.

Slow and plain on purpose. A window is a dict as in a definition; a run is (when, availability in percent).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

type Run = tuple[datetime, float]


def _names(field: str, names: Sequence[str]) -> set[str]:
    """Of the names, those that a field of cron means."""
    if field == "*":
        return set(names)
    found: set[str] = set()
    for part in field.split(","):
        first, _, last = part.partition("-")
        found |= set(names[names.index(first) : names.index(last or first) + 1])
    return found


def _beginnings(window: dict[str, Any]) -> Callable[[datetime], bool]:
    """Whether the window begins at a time on the wall."""
    if "at" in window:
        once = datetime.fromisoformat(window["at"])
        return lambda wall: wall == once
    minute, hour, day, month, weekday = window["cron"].split()
    minutes, hours = _names(minute, [str(n) for n in range(60)]), _names(hour, [str(n) for n in range(24)])
    days, months = _names(day, [str(n) for n in range(1, 32)]), _names(month, MONTHS)
    weekdays = _names(weekday, (DAYS[-1], *DAYS[:-1]))
    return lambda wall: (
        str(wall.minute) in minutes
        and str(wall.hour) in hours
        and str(wall.day) in days
        and MONTHS[wall.month - 1] in months
        and DAYS[wall.weekday()] in weekdays
    )


def muted_minutes(windows: Sequence[dict[str, Any]], start: datetime, end: datetime) -> set[datetime]:
    """Every minute (UTC) of the range that lies in a window: the clock on the wall is watched as it goes."""
    found: set[datetime] = set()
    for window in windows:
        zone, begins = ZoneInfo(window.get("timezone", "UTC")), _beginnings(window)
        moment = start - window["duration"] - timedelta(days=1)
        seen_to = moment.astimezone(zone).replace(tzinfo=None) - MINUTE
        while moment < end:
            wall = moment.astimezone(zone).replace(tzinfo=None)
            if wall > seen_to:  # the clock was not put back: these minutes have not been on the wall yet
                skipped = (wall - seen_to) // MINUTE - 1
                for number in range(skipped + 1):
                    on_time = wall - (skipped - number) * MINUTE
                    if begins(on_time):
                        first = moment + (number if number < skipped else 0) * MINUTE
                        found |= {first + step * MINUTE for step in range(window["duration"] // MINUTE)}
                seen_to = wall
            moment += MINUTE
    return {minute for minute in found if start <= minute < end}


def _five(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)


def opinion(
    runs: Sequence[Run], every: timedelta, goal: str | None, windows: Sequence[dict[str, Any]],
    start: datetime, end: datetime, until: datetime,
) -> dict[str, Any]:  # fmt: skip
    """Everything that a month's figures hold."""
    known = sorted(run for run in runs if _five(run[0]) < min(until, end))
    before = [run for run in known if run[0] < start]
    within = [run for run in known if run[0] >= start]
    muted = muted_minutes(windows, start, end)
    counted = [run for run in within if _five(run[0]) not in muted]
    began = start if before else (_five(within[0][0]) if within else until)

    def fitting(last: datetime) -> int:
        """Runs that fit between `began` and `last`, stretch by stretch."""
        total, stretch, moment = 0, 0, began
        while moment < last:
            if moment in muted:
                total, stretch = total + (stretch * MINUTE) // every, 0
            else:
                stretch += 1
            moment += MINUTE
        return total + (stretch * MINUTE) // every

    good = sum((Decimal(str(share)) for _, share in counted), Decimal(0)) / 100
    planned, due = fitting(end), fitting(min(until, end))
    lacking = len(counted) - good
    found: dict[str, Any] = {
        "runs": len(counted), "good": good, "planned": planned, "not_run": max(0, due - len(counted)),
        "kept": None, "allowed": None, "outages": _outages(counted, muted, min(until, end)), "began": began,
    }  # fmt: skip
    if goal is not None:
        found["allowed"] = (100 - Decimal(goal)) * planned / 100
        if counted:
            found["kept"] = good * 100 >= Decimal(goal) * len(counted)
            budget = found["allowed"]
            found["over 80 %"] = lacking > 0 if not budget else lacking * 100 >= 80 * budget
            found["over 100 %"] = lacking > 0 if not budget else lacking >= budget
    return found


def _outages(counted: Sequence[Run], muted: set[datetime], until: datetime) -> list[tuple[Any, ...]]:
    """(began, ended or None, minutes that count) by periods of five minutes, a zero among its runs makes one bad."""
    periods: dict[datetime, bool] = {}
    for at, share in counted:
        periods[_five(at)] = periods.get(_five(at), False) or share == 0
    found: list[tuple[Any, ...]] = []
    began = None
    for at in sorted(periods):
        if periods[at] and began is None:
            began = at
        if not periods[at] and began is not None:
            found.append((began, at, _minutes(began, at, muted)))
            began = None
    if began is not None:
        found.append((began, None, _minutes(began, until, muted)))
    return found


def _minutes(first: datetime, last: datetime, muted: set[datetime]) -> int:
    return sum((first + step * MINUTE) not in muted for step in range((last - first) // MINUTE))


def rank(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent of all do not exceed."""
    return next(
        value for value in sorted(values) if 100 * sum(other <= value for other in values) >= percent * len(values)
    )


def utc(text: str) -> datetime:
    """`2026-10-25T01:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
