"""Since when and how long: UTC, beside it the clock of the readers' own time zone, and how long that is."""

from datetime import datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from imapcheck.alarms.kind import Change
from imapcheck.asked import Asked
from imapcheck.wording import between, clock, date, elapsed, local_clock, local_clocks


def since_beside(change: Change, asked: Asked, since: datetime, earlier: str = "") -> str:
    """`since 24 Nov 10:12 UTC, 11:12 CET (5 min)`: how long it was when the alarm changed."""
    local = _beside(since, zone_of(asked.time_zone))
    passed = f" ({elapsed(change.at - since)})" if since < change.at else ""
    return f"since {date(since, change.at)}{earlier}{local}{passed}"


def between_beside(change: Change, asked: Asked, since: datetime, until: datetime) -> str:
    """`24 Nov 10:15 to 10:50 UTC, 11:15 to 11:50 CET`."""
    return stretch_beside(since, until, change.at, zone_of(asked.time_zone))


def date_beside(moment: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`24 Nov 10:12 UTC, 11:12 CET`; without `zone` UTC alone."""
    return f"{date(moment, now)}{_beside(moment, zone)}"


def clock_beside(moment: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`10:12 UTC, 11:12 CET`, with the day where it is another than `now`'s."""
    return f"{clock(moment, now)}{_beside(moment, zone)}"


def stretch_beside(first: datetime, last: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`24 Nov 10:15 to 10:50 UTC, 11:15 to 11:50 CET`; without `zone` UTC alone."""
    local = "" if zone is None else f", {local_clocks(first, last, zone)}"
    return f"{between(first, last, now)}{local}"


def _beside(moment: datetime, zone: tzinfo | None) -> str:
    return "" if zone is None else f", {local_clock(moment, zone)}"


@cache
def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of an IANA name; None of UTC, and of a name that this system does not know: a story is told anyway."""
    if name in (None, "", "UTC"):
        return None
    try:
        return ZoneInfo(name or "")
    except (KeyError, OSError, ValueError):
        return None
