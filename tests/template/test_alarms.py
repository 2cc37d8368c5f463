"""The template's own alarms, replayed: what rings, when, and what does not."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from template.alarm_simulator import AlarmRule, Simulation, Value
from template.conftest import Translate

INTERVALS = [1, 2, 5, 10, 15, 20, 30, 60]
LATENCY = 20.0


@pytest.fixture(params=INTERVALS, ids=lambda minutes: f"every {minutes} min")
def interval(request: pytest.FixtureRequest) -> int:
    minutes: int = request.param
    return minutes * 60


@pytest.fixture
def rule(translate: Translate, interval: int) -> Callable[[str], AlarmRule]:
    """An alarm of the check `mail` by the last part of its name."""
    template = translate(Checks="mail", IntervalMinutes=str(interval // 60))

    def find(kind: str) -> AlarmRule:
        for resource in template["Resources"].values():
            if resource["Properties"].get("AlarmName", "").endswith(f"-mail-{kind}"):
                return AlarmRule.of(resource["Properties"])
        raise AssertionError(kind)

    return find


def runs(interval: int, count: int, *, seed: int = 1, offset: float = 17.0, latency: float = LATENCY) -> list[float]:
    """When runs start: the schedule's beat from its creation on, and a jitter inside the minute."""
    jitter = random.Random(seed)
    return [offset + interval * index + jitter.random() * 59 for index in range(count)]


def series(times: list[float], value: Callable[[int], float | None], latency: float = LATENCY) -> list[Value]:
    """A value for each run; None where the run published none."""
    return [
        Value(at, published, at + latency) for index, at in enumerate(times) if (published := value(index)) is not None
    ]


@pytest.mark.parametrize("seed", range(5))
def test_healthy_server_and_new_deployment_are_quiet(
    rule: Callable[[str], AlarmRule], interval: int, seed: int
) -> None:
    """From the first minute on nothing rings, whatever the jitter and the schedule's place in the period."""
    times = runs(interval, 60, seed=seed, offset=seed * 13.0)
    until = times[-1] + interval
    healthy = {"unavailable": 100, "not-running": 100, "slow": 0, "certificate": 60}
    for kind, value in healthy.items():
        assert Simulation(rule(kind)).replay(series(times, lambda _, value=value: value), until).alarms() == []  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(5))
def test_single_blip_does_not_alarm(rule: Callable[[str], AlarmRule], interval: int, seed: int) -> None:
    """One unavailable run among good ones, at the defaults."""
    times = runs(interval, 40, seed=seed, offset=seed * 11.0)
    values = series(times, lambda index: 0 if index == 20 else 100)
    assert Simulation(rule("unavailable")).replay(values, times[-1]).alarms() == []


@pytest.mark.parametrize("seed", range(5))
def test_outage_alarms_after_two_runs_and_recovery_sends_ok(
    rule: Callable[[str], AlarmRule], interval: int, seed: int
) -> None:
    """It rings within two intervals and three minutes of the first bad run, or three where a period held none."""
    times = runs(interval, 60, seed=seed, offset=seed * 11.0)
    values = series(times, lambda index: 0 if 20 <= index < 40 else 100)
    simulation = Simulation(rule("unavailable")).replay(values, times[-1])
    [rang] = simulation.alarms()
    assert times[21] < rang <= times[20] + 3 * interval + 180
    after = [second for second, state in simulation.transitions if state == "OK" and second > rang]
    assert len(after) == 1
    assert times[40] < after[0] <= times[40] + 3 * interval + 180


def test_dead_schedule_raises_not_running_and_never_unavailable(
    rule: Callable[[str], AlarmRule], interval: int
) -> None:
    """Runs that stop, and runs that fail for an unreadable secret, publish nothing: the monitor is what is broken."""
    times = runs(interval, 60)
    values = series(times, lambda index: None if 20 <= index < 40 else 100)
    assert Simulation(rule("unavailable")).replay(values, times[-1]).alarms() == []
    simulation = Simulation(rule("not-running")).replay(values, times[-1])
    [rang] = simulation.alarms()
    assert rang <= times[19] + 7 * interval + 180
    assert simulation.state == "OK"


def test_schedule_that_never_starts_is_told_after_the_warm_up(rule: Callable[[str], AlarmRule], interval: int) -> None:
    """Quiet at first, not for ever."""
    found = rule("not-running")
    assert found.warm_up >= 3 * interval
    simulation = Simulation(found).replay([], found.warm_up + 3600)
    assert len(simulation.alarms()) == 1


def test_outage_that_began_before_the_schedule_died_stays_in_alarm(
    rule: Callable[[str], AlarmRule], interval: int
) -> None:
    """Missing data is ignored: silence is no recovery."""
    times = runs(interval, 60)
    values = series(times, lambda index: 100 if index < 10 else 0 if index < 20 else None)
    simulation = Simulation(rule("unavailable")).replay(values, times[-1])
    assert simulation.state == "ALARM"
    assert len(simulation.alarms()) == 1


def test_slow_needs_three_runs_in_a_row(rule: Callable[[str], AlarmRule], interval: int) -> None:
    """Two slow runs are a bad moment, three a trend; an unavailable run says slow 0."""
    times = runs(interval, 40)
    two = series(times, lambda index: 1 if index in (10, 11) else 0)
    many = series(times, lambda index: 1 if 10 <= index < 20 else 0)
    assert Simulation(rule("slow")).replay(two, times[-1]).alarms() == []
    assert len(Simulation(rule("slow")).replay(many, times[-1]).alarms()) == 1


def test_certificate_rings_below_the_days_and_again_falls_silent(
    rule: Callable[[str], AlarmRule], interval: int
) -> None:
    """Fewer days than the parameter; a renewed certificate sends OK; a run without TLS changes nothing."""
    times = runs(interval, 40)
    values = series(times, lambda index: 13.9 if 10 <= index < 20 else None if index < 25 else 80)
    simulation = Simulation(rule("certificate")).replay(values, times[-1])
    assert [state for _, state in simulation.transitions] == ["ALARM", "OK"]


def test_simulator_follows_the_guides_own_table() -> None:
    """The cases of the guide's table for 3 out of 3 that the template's alarms meet (X breaches, - is missing)."""
    properties: dict[str, Any] = {
        "AlarmName": "x", "Statistic": "Minimum", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 3,
        "ComparisonOperator": "LessThanThreshold", "Threshold": 100, "ActionsEnabled": True,
    }  # fmt: skip
    point = {"0": 100.0, "X": 0.0, "-": None}
    table = [
        ("0-X-X", "OK", "OK", "OK"),
        ("0----", "OK", "OK", "OK"),
        ("-----", "ALARM", "OK", "OK"),
        ("0XXX-", "ALARM", "ALARM", "ALARM"),
        ("--X--", "ALARM", "OK", "OK"),
    ]
    for row, breaching, not_breaching, ignore in table:
        for missing, wanted in (("breaching", breaching), ("notBreaching", not_breaching), ("ignore", ignore)):
            rule = AlarmRule.of(properties | {"TreatMissingData": missing})
            assert rule.decide([point[char] for char in row], "OK") == wanted, (row, missing)
