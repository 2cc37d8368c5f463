"""docs/fleet.md says what a new account loses in an outage: its table is computed here, and held to the page."""

import heapq
import random
import re

from support.artifact import ROOT

INTERVAL, FLEXIBLE, MAX_AGE = 300, 60, 300
"""Seconds: every 5 minutes, within a flexible minute; an event that has waited for longer is dropped."""
EXECUTIONS, HOURS = 10, 12


def outcome(checks: int, timeout: int, executions: int = EXECUTIONS) -> tuple[float, float]:
    """(share of the runs that are dropped, the longest wait in seconds) while each run takes its whole time-out.

    First come, first served. Lambda tries a throttled event again after growing pauses, so this is the best case.
    """
    chance = random.Random(1)
    due = sorted(INTERVAL * number + FLEXIBLE * chance.random() for number in range(HOURS * 12) for _ in range(checks))
    free = [0.0] * executions
    waits = []
    for at in due:
        begins = max(at, free[0])
        if begins - at <= MAX_AGE:
            heapq.heapreplace(free, begins + timeout)
            waits.append(begins - at)
    return 1 - len(waits) / len(due), max(waits)


def cell(checks: int, timeout: int) -> str:
    dropped, wait = outcome(checks, timeout)
    return f"**{100 * dropped:.0f} % dropped**" if dropped else f"none dropped, waits {wait:.0f} s at most"


def test_table_is_what_comes_out() -> None:
    """Also the page's advice: 20 checks lose nothing, and with 50 executions nobody does."""
    page = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    table = page.split("<!-- concurrency: 10 -->\n")[1].split("<!-- end -->")[0]
    timeouts = [15, 30, 60, 120]
    rows = [f"| {checks} | {' | '.join(cell(checks, timeout) for timeout in timeouts)} |" for checks in (20, 50, 99)]
    assert table.splitlines()[2:] == rows
    assert re.search(r"Above 20 checks", page)
    assert all(outcome(99, timeout, executions=50)[0] == 0 for timeout in timeouts)
