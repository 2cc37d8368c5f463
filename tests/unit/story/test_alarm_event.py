"""CloudWatch's alarm JSON: check and kind are found in the metric, and nothing that arrives is a crash."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.kinds import KINDS, NOT_RUNNING, SLOW, UNAVAILABLE
from imapcheck.aws.alarm_event import NotOurs, read_alarm
from support.alarm_events import alarm_message, alarm_of, as_body

AT = datetime(2026, 11, 24, 10, 17, 31, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("state", ["ALARM", "OK"])
def test_change_is_read_with_its_numbers(kind: AlarmKind, state: str) -> None:
    """Whatever the alarm is called."""
    message = alarm_message(kind, AT, state=state, check="mail-1", AlarmName="whatever")
    event = read_alarm(as_body(message))
    change, trigger = event.change, message["Trigger"]
    assert event.worth_telling
    assert (change.alarm, change.check, change.kind, change.state, change.at) == ("whatever", "mail-1", kind, state, AT)
    assert (change.needed, change.periods) == (trigger["DatapointsToAlarm"], trigger["EvaluationPeriods"])
    assert (change.threshold, change.period) == (trigger["Threshold"], timedelta(seconds=alarm_of(kind).period))


@pytest.mark.parametrize("statistic", ["SAMPLE_COUNT", "SampleCount", "SAMPLECOUNT"])
def test_statistic_tells_not_running_from_unavailable(statistic: str) -> None:
    """Both look at Availability."""
    message = alarm_message(UNAVAILABLE, AT)
    message["Trigger"]["Statistic"] = statistic
    assert read_alarm(as_body(message)).change.kind is NOT_RUNNING


@pytest.mark.parametrize(
    ("state", "previous", "told"),
    [
        ("ALARM", "OK", True), ("ALARM", "INSUFFICIENT_DATA", True), ("OK", "ALARM", True),
        ("OK", "INSUFFICIENT_DATA", False), ("INSUFFICIENT_DATA", "ALARM", False),
    ],
)  # fmt: skip
def test_only_an_alarm_and_its_end_are_worth_telling(state: str, previous: str, told: bool) -> None:
    """Every new alarm turns OK once, and that is nothing to be told at night."""
    assert read_alarm(as_body(alarm_message(SLOW, AT, state=state, previous=previous))).worth_telling is told


@pytest.mark.parametrize(
    "trigger",
    [
        {"Dimensions": []}, {"Dimensions": [{"name": "Check", "value": 'x" || true'}]}, {"MetricName": "Errors"},
        {"Statistic": "Average"}, {"Dimensions": [{"name": "FunctionName", "value": "x"}]}, {"Dimensions": {}},
    ],
)  # fmt: skip
def test_alarm_of_something_else_is_not_ours(trigger: dict[str, Any]) -> None:
    """It is named by state and name alone."""
    message = alarm_message(UNAVAILABLE, AT)
    message["Trigger"] |= trigger
    with pytest.raises(NotOurs, match="ALARM: teststack-gmail-unavailable"):
        read_alarm(as_body(message))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000+0000", "2000-12-31T00:00:00.000+0000",
                                  "3000-01-01T00:00:00.000+0000", "9999-12-31T23:59:59.999+0000"])  # fmt: skip
def test_time_that_nothing_can_be_reckoned_from_is_not_ours(time: str) -> None:
    """Windows of the log lie hours before and after it."""
    with pytest.raises(NotOurs, match="ALARM: teststack-gmail-unavailable"):
        read_alarm(as_body(alarm_message(UNAVAILABLE, AT) | {"StateChangeTime": time}))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_message_in_another_shape_is_read_or_not_ours(data: st.DataObject) -> None:
    """Numbers beyond all bounds, other types, missing members."""
    message = alarm_message(UNAVAILABLE, AT)
    for place in (message, message["Trigger"]):
        for key in data.draw(st.lists(st.sampled_from(sorted(place)), max_size=3)):
            place[key] = data.draw(VALUES)
    try:
        change = read_alarm(json.dumps(message)).change
    except NotOurs:
        return
    assert change.at - change.period * (2 * change.periods + 2) < change.at


@pytest.mark.parametrize("number", [float("inf"), float("nan"), -1, 0, 10**400, 1e300])
def test_number_out_of_all_bounds_leaves_what_is_usual(number: float) -> None:
    """`json` reads them all."""
    message = alarm_message(UNAVAILABLE, AT)
    message["Trigger"] |= {"Period": number, "EvaluationPeriods": number, "DatapointsToAlarm": number}
    change = read_alarm(json.dumps(message)).change
    assert (change.needed, change.periods, change.period) == (1, 1, timedelta(minutes=5))


@given(st.text() | st.sampled_from(["[" * 100_000, "9" * 5000, '{"Message": "{"}']))
def test_any_text_is_read_or_not_ours(body: str) -> None:
    """Somebody may publish to the topic by hand."""
    with pytest.raises(NotOurs):
        read_alarm(body)
