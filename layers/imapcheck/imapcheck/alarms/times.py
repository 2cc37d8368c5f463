"""Since when and how long: UTC, beside it the clock of the readers' own time zone, and how long that is."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from imapcheck.alarms.kind import Change
from imapcheck.asked import Asked
from imapcheck.wording import between, date, elapsed, local_clock, local_clocks


def since_beside(change: Change, asked: Asked, since: datetime, earlier: str = "") -> str:
    """`since 24 Nov 10:12 UTC, 11:12 CET (5 min)`: how long it was when the alarm changed."""
    zone = zone_of(asked.time_zone)
    local = "" if zone is None else f", {local_clock(since, zone)}"
    passed = f" ({elapsed(change.at - since)})" if since < change.at else ""
    return f"since {date(since, change.at)}{earlier}{local}{passed}"


def between_beside(change: Change, asked: Asked, since: datetime, until: datetime) -> str:
    """`24 Nov 10:15 to 10:50 UTC, 11:15 to 11:50 CET`."""
    zone = zone_of(asked.time_zone)
    local = "" if zone is None else f", {local_clocks(since, until, zone)}"
    return f"{between(since, until, change.at)}{local}"


@cache
def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of an IANA name; None of UTC, and of a name that this system does not know: a story is told anyway."""
    if name in (None, "", "UTC"):
        return None
    try:
        return ZoneInfo(name or "")
    except (KeyError, OSError, ValueError):
        return None
