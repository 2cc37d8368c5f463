"""What is taken from a run, and at which value it is no longer taken."""

from dataclasses import replace
from typing import Any

import pytest

from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.kinds import CERTIFICATE, NOT_RUNNING, SLOW, UNAVAILABLE
from imapcheck.alarms.sentences import exceeded, matches_before
from imapcheck.alarms.spell import certificate_days
from imapcheck.aws.alarm_event import number
from imapcheck.failures import FailureType
from imapcheck.result import SearchFacts
from support.story_scenes import FAULTS, SEEN, change, minutes_ago, run_of

LIMIT = 10**12


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (0, 0.0), (1.5, 1.5), (LIMIT - 1, LIMIT - 1.0), (LIMIT, None), (1 - LIMIT, 1.0 - LIMIT), (-LIMIT, None),
        (True, None), (False, None), ("1", None), (None, None), (float("nan"), None), ([1], None),
    ],
)  # fmt: skip
def test_number(value: object, taken: float | None) -> None:
    """Only one that can be reckoned with."""
    assert number(value) == taken


def test_exceeded_thresholds_worst_first() -> None:
    """By how many times the limit was passed; what was only reached was not passed."""
    over = (("total", 500.0, 600.0), ("search", 10.0, 30.0), ("list", 10.0, 10.0), ("dns", 0.0, 11.0))
    run = run_of(minutes_ago(0), exceeded=over)
    assert [item.name for item in exceeded(run)] == ["search", "total"]


@pytest.mark.parametrize(
    ("certificate", "days"),
    [
        ({"verified": True, "certificate_days_remaining": 9}, 9.0),
        ({"verified": False, "certificate_days_remaining": 9}, None),
        ({"verified": True, "certificate_days_remaining": None}, None),
    ],
)
def test_days_of_a_certificate(certificate: dict[str, Any], days: float | None) -> None:
    """Of one that was verified."""
    assert certificate_days(run_of(minutes_ago(0), certificate={**SEEN, **certificate})) == days
    lost = FailureType.CONNECTION_REFUSED
    assert certificate_days(run_of(minutes_ago(0), type=lost, fault=FAULTS[lost])) is None


@pytest.mark.parametrize(("age", "told"), [(60.0, True), (0.0, True), (10.0**9 - 1, True), (-1.0, False), (1e9, False)])
def test_match_of_an_age_that_cannot_be_is_not_dated(age: float, told: bool) -> None:
    """Nothing is made of it."""
    run = run_of(minutes_ago(0), type=FailureType.TOO_OLD, fault=FAULTS[FailureType.TOO_OLD])
    run = replace(run, search=SearchFacts(3, age_seconds=age))
    assert bool(matches_before(change(UNAVAILABLE), run, None)) is told


REFUSED = FailureType.CONNECTION_REFUSED


@pytest.mark.parametrize(
    ("kind", "threshold", "line", "bad"),
    [
        (UNAVAILABLE, 100.0, {}, False),
        (UNAVAILABLE, 100.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, True),
        (NOT_RUNNING, 1.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, True),
        (SLOW, 1.0, {"slow": True}, True),
        (SLOW, 1.0, {}, False),
        (SLOW, 1.0, {"type": REFUSED, "fault": FAULTS[REFUSED], "slow": True}, None),
        (CERTIFICATE, 61.0, {}, False),
        (CERTIFICATE, 61.1, {}, True),
        (CERTIFICATE, None, {"certificate": {**SEEN, "certificate_days_remaining": 0.5}}, False),
        (CERTIFICATE, None, {"certificate": {**SEEN, "certificate_days_remaining": -0.5}}, True),
        (CERTIFICATE, 14.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, None),
    ],
)
def test_what_is_bad_in_the_eyes_of_an_alarm(
    kind: AlarmKind, threshold: float | None, line: dict[str, Any], bad: bool | None
) -> None:
    """None is what the alarm does not see."""
    assert kind.is_bad(run_of(minutes_ago(0), **line), change(kind, threshold=threshold)) is bad
