"""The simulator against the guide's own examples, page by page."""

import itertools

import pytest

from template.alarm_simulator import (
    READINGS,
    AlarmRule,
    Mute,
    Reading,
    Series,
    Simulation,
    State,
    Transition,
    Value,
    actions,
    decide,
    state,
)  # fmt: skip

MINUTE, HOUR = 60, 3600
POINT = {"0": 100.0, "X": 0.0, "-": None}


def rule(
    *, datapoints: int = 3, periods: int = 3, period: int = 300, missing: str = "ignore", warm_up: int = 0
) -> AlarmRule:
    return AlarmRule.of(
        {
            "AlarmName": "x", "MetricName": "Availability", "Statistic": "Minimum", "Period": period,
            "EvaluationPeriods": periods, "DatapointsToAlarm": datapoints, "ComparisonOperator": "LessThanThreshold",
            "Threshold": 100, "TreatMissingData": missing,
            "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": warm_up},
        }
    )  # fmt: skip


THREE_OF_THREE = [
    ("0-X-X", "OK", "OK", "OK", "OK"),
    ("0----", "OK", "OK", "OK", "OK"),
    ("-----", "INSUFFICIENT_DATA", "kept", "ALARM", "OK"),
    ("0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("--X--", "ALARM", "kept", "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0-X--", "OK", "OK", "ALARM", "OK"),
    ("----0", "OK", "OK", "ALARM", "OK"),
    ("---X-", "ALARM", "kept", "ALARM", "OK"),
]


@pytest.mark.parametrize(("datapoints", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)], ids=["3of3", "2of3"])
@pytest.mark.parametrize("before", ["INSUFFICIENT_DATA", "OK", "ALARM"])
def test_tables_of_missing_data(datapoints: int, table: list[tuple[str, ...]], before: State) -> None:
    """*Configuring how CloudWatch alarms treat missing data*, both tables, every cell (X breaches, - is missing)."""
    for row, *cells in table:
        for missing, wanted in zip(("missing", "ignore", "breaching", "notBreaching"), cells, strict=True):
            asked = rule(datapoints=datapoints, missing=missing)
            found = decide(asked, [POINT[char] for char in row], before, Reading())
            assert found == (before if wanted == "kept" else wanted), (row, missing)


def test_premature_alarm_state_waits_for_the_next_datapoint() -> None:
    """The page's own words: neither `- - - - X` nor `- - - X -` alarms at once with 3 of 3 and `missing`."""
    for row, wanted in (("----X", "INSUFFICIENT_DATA"), ("---X-", "INSUFFICIENT_DATA"), ("--X--", "ALARM")):
        points = [POINT[char] for char in row]
        assert decide(rule(missing="missing"), points, "INSUFFICIENT_DATA", Reading()) == wanted
    assert decide(rule(), [None, None, 0.0, None, None], "OK", Reading(premature_on_ignore=True)) == "ALARM"


def test_sliding_window_ends_now_and_wall_clock_window_with_the_hour() -> None:
    """*Alarm evaluation window*: a value of 13:30 is within 13:08-14:08, and in the clock's hour at 14:00 alone."""
    asked, values = rule(datapoints=1, periods=1, period=HOUR), [Value(13.5 * HOUR, 0.0, 13.5 * HOUR)]
    assert state(asked, values, 13 * HOUR + 40 * MINUTE, "OK", Reading(extra=0)) == "ALARM"
    assert state(asked, values, 13 * HOUR + 40 * MINUTE, "OK", Reading(extra=0, sliding=False)) == "OK"
    assert state(asked, values, 14 * HOUR, "OK", Reading(extra=0, sliding=False)) == "ALARM"


def test_warm_up_ends_as_in_the_page() -> None:
    """*Alarm warm-up periods*: 5 minutes by 3, created at 10:00, data from 10:04: evaluated from about 10:19 on."""
    values = [Value(minute * MINUTE, 100.0, minute * MINUTE) for minute in range(604, 700)]
    simulation = Simulation(rule(warm_up=60), created=600 * MINUTE).replay(values, 700 * MINUTE)
    assert [change.at / MINUTE for change in simulation.transitions] == [pytest.approx(619, abs=1)]
    silent = Simulation(rule(warm_up=60, missing="breaching"), created=600 * MINUTE).replay([], 700 * MINUTE)
    assert silent.alarms() == [660 * MINUTE]


def test_mute_windows_do_as_in_the_page() -> None:
    """*How alarm mute rules work*, scenarios 1 to 3: recovered before the end, not recovered, overlapping windows."""
    down, up = Transition(20, "OK", "ALARM"), Transition(40, "ALARM", "OK")
    window = Mute(10, 50)
    assert actions([down, up], [window]) == []
    assert actions([down], [window]) == [Transition(50, "OK", "ALARM")]
    assert actions([down], [window, Mute(30, 90)]) == [Transition(90, "OK", "ALARM")]
    assert actions([down, up], [Mute(30, 50)]) == [down, Transition(50, "ALARM", "OK")]
    assert actions([down, up], [window], Reading(last_muted_state=True)) == [Transition(50, "ALARM", "OK")]


@pytest.mark.parametrize("reading", READINGS)
def test_minutes_left_out_change_nothing(reading: Reading) -> None:
    """The simulator skips minutes in which no window gains or loses a value; one that skips none says the same."""
    flags = [bool(k & 5) for k in range(24)]
    values = [Value(97.0 * k, 0.0 if bad else 100.0, 97.0 * k + 70) for k, bad in enumerate(flags) if k % 7]
    asked = rule(datapoints=2, period=120, missing="breaching")
    quick = Simulation(asked, reading=reading).replay(values, 4000)
    before: State = "INSUFFICIENT_DATA"
    slow = []
    for now in itertools.count(MINUTE, MINUTE):
        if now > 4000:
            break
        after = state(asked, Series(values).values, now, before, reading)
        if after != before:
            slow.append(Transition(float(now), before, after))
        before = after
    assert len(slow) > 2
    assert quick.transitions == slow
