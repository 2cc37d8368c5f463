"""What is taken from a log line, and at which value it is no longer taken."""

from datetime import timedelta
from typing import Any

import pytest

from imapcheck.failures import FailureType
from imapcheck.output.story_facts import Kind, Run, judge, number
from support.story_scenes import BEFORE, CERTIFICATE, FAULTS, change, log_line, minutes_ago

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


def run(**fields: Any) -> Run:
    return Run.from_line({**log_line(minutes_ago(0)), **fields})


def with_result(**fields: Any) -> Run:
    line = log_line(minutes_ago(0))
    return Run.from_line({**line, "result": {**line["result"], **fields}})


@pytest.mark.parametrize(
    ("step", "taken"),
    [
        ("examine", "examine"), ("locate_sent", "locate_sent"), ("x9", "x9"), ("a" * 40, "a" * 40), ("a" * 41, None),
        ("", None), ("EXAMINE", None), ("a b", None), ("a\n", None), (7, None), (None, None),
    ],
)  # fmt: skip
def test_name_of_a_step(step: object, taken: str | None) -> None:
    """A word such as ours are."""
    assert run(step=step).step == run(type=step).type == taken


@pytest.mark.parametrize(
    ("fields", "available", "slow"),
    [({}, True, False), ({"slow": True}, True, True), ({"slow": 1}, True, False), ({"available": False}, False, False)],
)
def test_verdict_of_a_line(fields: dict[str, Any], available: bool, slow: bool) -> None:
    """Only true is true."""
    assert (run(**fields).available, run(**fields).slow) == (available, slow)


@pytest.mark.parametrize(
    "fields",
    [{"available": None}, {"available": "yes"}, {"check": ""}, {"check": None}, {"result": None}, {"result": {}}],
)
def test_line_that_is_no_run(fields: dict[str, Any]) -> None:
    """It is refused."""
    with pytest.raises(ValueError, match="not the log line of a run"):
        run(**fields)


def test_time_needs_a_zone() -> None:
    """Without one nobody knows when it was."""
    with pytest.raises(ValueError, match="zone"):
        with_result(started_at="2026-11-24T10:12:07")


@pytest.mark.parametrize(
    ("search", "matches", "age"),
    [
        ({"matches": 3, "age_seconds": 60}, 3, 60),
        ({"matches": 0, "age_seconds": 0}, 0, 0),
        ({"matches": None, "age_seconds": -1}, None, None),
        ({"matches": 2.0, "age_seconds": 10**9 - 1}, 2, 10**9 - 1),
        ({"age_seconds": 10**9}, None, None),
        (None, None, None),
    ],
)
def test_what_the_search_found(search: dict[str, Any] | None, matches: int | None, age: float | None) -> None:
    """Nothing is made of an age that cannot be."""
    found = with_result(search=search)
    newest = None if found.newest_match is None else (found.started_at - found.newest_match).total_seconds()
    assert (found.matches, newest) == (matches, age)


def test_transcript_and_times_of_a_line() -> None:
    """Lines without what cannot be seen; times without what is none."""
    told = run(transcript="C: A\nS: \x07", step_ms={"dns": 3, "tls": "4", "No Step": 5, "list": None}, duration_ms="x")
    assert told.transcript == ("C: A", "S: \\x07")
    assert told.step_ms == {"dns": 3.0}
    assert told.duration_ms == 0.0
    assert run(transcript=["C: A"]).transcript == ()
    assert run(step_ms=[1]).step_ms == {}


def test_failures_after_the_first_and_warnings() -> None:
    """Whatever is no object is left out."""
    told = with_result(failures=[{"step": "a"}, "x", {"step": "b"}], warnings=[{"type": "quota"}, 1])
    assert [item["step"] for item in told.later_failures] == ["b"]
    assert [item["type"] for item in told.warnings] == ["quota"]
    assert with_result(failures="x", warnings=None).later_failures == ()
    assert told.address == "192.0.2.10"
    assert told.advice is None
    assert with_result(failure={"advice": "Look."}).advice == "Look."


@pytest.mark.parametrize(
    ("certificate", "days"),
    [
        ({"verified": True, "certificate_days_remaining": 9}, 9.0),
        ({"verified": False, "certificate_days_remaining": 9}, None),
        ({"verified": True}, None),
        (None, None),
    ],
)
def test_days_of_a_certificate(certificate: dict[str, Any] | None, days: float | None) -> None:
    """Of one that was verified."""
    assert with_result(server={"tls": certificate}).certificate_days == days


def test_exceeded_thresholds_worst_first() -> None:
    """By how many times the limit was passed; what was only reached was not passed."""
    over = [
        {"name": "total", "limit_ms": 500, "duration_ms": 600},
        {"name": "search", "limit_ms": 10, "duration_ms": 30},
        {"name": "list", "limit_ms": 10, "duration_ms": 10},
        {"name": "Odd Name", "limit_ms": 10, "duration_ms": 11},
        {"name": "dns", "limit_ms": 0, "duration_ms": 11},
        {"name": "tls", "limit_ms": 10},
    ]
    told = with_result(exceeded=over).exceeded({"fetch": 1.0})
    assert told == [("search", 10, 30), ("total", 500, 600), ("threshold", 10, 11)]
    limits = {"total": 100.0, "fetch": BEFORE["fetch"], "dns": 1.0, "starttls": 1.0}
    total = round(sum(BEFORE.values()), 3)
    assert run().exceeded(limits) == [("total", 100.0, total), ("dns", 1.0, 3.1)]


REFUSED = FailureType.CONNECTION_REFUSED


@pytest.mark.parametrize(
    ("kind", "threshold", "line", "bad"),
    [
        (Kind.UNAVAILABLE, 100.0, {}, False),
        (Kind.UNAVAILABLE, 100.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, True),
        (Kind.NOT_RUNNING, 1.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, True),
        (Kind.SLOW, 1.0, {"slow": True}, True),
        (Kind.SLOW, 1.0, {}, False),
        (Kind.SLOW, 1.0, {"type": REFUSED, "fault": FAULTS[REFUSED], "slow": True}, None),
        (Kind.CERTIFICATE, 61.0, {}, False),
        (Kind.CERTIFICATE, 61.1, {}, True),
        (Kind.CERTIFICATE, None, {"certificate": {**CERTIFICATE, "certificate_days_remaining": 0.5}}, False),
        (Kind.CERTIFICATE, None, {"certificate": {**CERTIFICATE, "certificate_days_remaining": -0.5}}, True),
        (Kind.CERTIFICATE, 14.0, {"type": REFUSED, "fault": FAULTS[REFUSED]}, None),
    ],
)
def test_what_is_bad_in_the_eyes_of_an_alarm(
    kind: Kind, threshold: float | None, line: dict[str, Any], bad: bool | None
) -> None:
    """None is what the alarm does not see."""
    [told] = [Run.from_line(log_line(minutes_ago(0) + timedelta(0), **line))]
    assert judge(change(kind, threshold=threshold))(told) is bad
