"""What a month's report learns from the log: why each outage began, and what each place could reach."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from imapcheck.aws import month_log
from imapcheck.aws.month_log import MonthLog
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Plan, Point, figures
from imapcheck.result import CheckResult, PlaceFacts
from support.alarm_stack import Stack
from support.full_results import available, refused
from support.log_lines import log_line

EVERY = timedelta(minutes=5)
# All of it lies in one hour, and so in one month.
BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
FRANKFURT, TOKYO = "eu-central-1", "ap-northeast-1"


def run(number: int, *unreached: str, login_tested: bool = True) -> CheckResult:
    """One from two places; the server is down where neither reached it."""
    places = tuple(PlaceFacts(place, True, place not in unreached) for place in (FRANKFURT, TOKYO))
    made = refused("mail") if len(unreached) == 2 else available("mail")
    verdict = {0: "up", 1: "partial", 2: "down"}[len(unreached)]
    return replace(
        made, started_at=BEGAN + number * EVERY, run_id=str(uuid4()), places=places, login_tested=login_tested,
        verdict=verdict,  # type: ignore[arg-type]
    )  # fmt: skip


def explained(stack: Stack, runs: Sequence[CheckResult], places: Sequence[str] = (FRANKFURT, TOKYO)) -> Figures:
    stack.log([(item.started_at, log_line(item)) for item in runs])
    shares = {"up": 100.0, "partial": 50.0, "down": 0.0}
    points = [Point(item.started_at, 1, shares[item.verdict], shares[item.verdict]) for item in runs]
    month = Month.of(BEGAN)
    found = figures(Plan("mail", EVERY, 99.9), month, points, month.end)
    return MonthLog(stack.logs, stack.group, (), 8.0).explain(found, points, places=places)


def test_each_place_has_its_share_and_untested_logins_are_counted(stack: Stack) -> None:
    month = explained(stack, [run(0, FRANKFURT, TOKYO), run(1, TOKYO), run(2, TOKYO, login_tested=False), run(3)])
    assert month.places == {"Frankfurt": 75.0, "Tokyo": 25.0}
    assert month.not_tested == 1


def test_places_that_reached_all_are_whole_and_no_login_is_missing(stack: Stack) -> None:
    month = explained(stack, [run(number) for number in range(4)])
    assert (month.places, month.not_tested) == ({"Frankfurt": 100.0, "Tokyo": 100.0}, 0)


def test_check_of_one_place_has_no_shares(stack: Stack) -> None:
    month = explained(stack, [run(0, FRANKFURT, TOKYO), run(1)], places=())
    assert (month.places, month.not_tested) == ({}, None)


def test_longest_outages_are_explained_first(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read for so many and no more, however bad the month was."""
    monkeypatch.setattr(month_log, "MOST_WINDOWS", 2)
    bad = {0, 2, 3, 5, 6, 7}
    month = explained(stack, [run(n, FRANKFURT, TOKYO) if n in bad else run(n) for n in range(9)], places=())
    cause = "authenticate: authentication_failed"
    assert [(outage.length // EVERY, outage.cause) for outage in month.outages] == [(1, None), (2, cause), (3, cause)]
