"""One November as users may see it: an outage, runs that one place could not make, a night of maintenance."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Plan, Point, Times, figures
from support.month_oracle import MINUTE, Run, utc


def points_of(runs: Sequence[Run]) -> list[Point]:
    """As CloudWatch sums up what a log's lines say, in whatever order they came."""
    found: dict[datetime, list[float]] = defaultdict(list)
    for at, share in runs:
        found[at.replace(minute=at.minute // 5 * 5, second=0)].append(share)
    return [Point(at, len(shares), sum(shares), min(shares)) for at, shares in found.items()]


def a_month(check: str = "mail", goal: float | None = 99.9) -> Figures:
    """8,640 runs less an hour of maintenance; 7 failed, 8 were reached from two places of three."""
    month = Month.parse("2026-11")
    muted = ((utc("2026-11-15T02:00"), utc("2026-11-15T03:00")),)
    runs = {utc("2026-10-31T23:00") + number * 5 * MINUTE: 100.0 for number in range(8652)}
    runs |= {utc("2026-11-24T10:10") + number * 5 * MINUTE: 0.0 for number in range(7)}
    runs |= {utc("2026-11-09T15:00") + number * 5 * MINUTE: 66.67 for number in range(8)}
    found = figures(Plan(check, 5 * MINUTE, goal, muted), month, points_of(list(runs.items())), month.end)
    outages = tuple(replace(outage, cause="authenticate: authentication_failed") for outage in found.outages)
    return replace(
        found, outages=outages, times=Times(588, 1204), times_before=Times(540, 980),
        places={"Frankfurt": 100.0, "Tokyo": 99.9},
    )  # fmt: skip
