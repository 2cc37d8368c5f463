"""The stack's own alarms, replayed under every reading of CloudWatch's documentation: what rings, and what does not.

Runs jitter as EventBridge Scheduler lets them: within a minute, and from 5 minutes on within a flexible minute
more. Their metrics are stamped with the scheduled time, so that each period of an alarm holds one run.
"""

import itertools
import random
from collections.abc import Callable, Sequence

import pytest

from support.depth import deep
from template.alarm_simulator import READINGS, AlarmRule, Mute, Reading, Simulation, Value, actions, told
from template.stack_alarms import EVERY, TOTAL, USUAL, check_alarms, monitor_errors

WINDOWS = [Reading(extra=extra, sliding=sliding) for extra, sliding in itertools.product((1, 2, 5), (True, False))]
LATENCY = 20.0
"""Seconds from a run's start until CloudWatch has its values."""

type Wanted = Callable[[int], float | None]


@pytest.fixture(params=deep(EVERY, USUAL.__contains__))
def every(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def series(
    every: str, value: Wanted, *, runs: int = 40, seed: int = 1, start: float = 0.0, stamped: str = "scheduled"
) -> list[Value]:
    """The values of `runs` runs from `start` on; None where a run published none."""
    jitter, seconds = random.Random(seed), EVERY[every]
    spread = 59 + (60 if seconds >= 300 else 0)
    found = []
    for index in range(runs):
        due = start + 17.0 * seed + seconds * index
        started = due + jitter.random() * spread
        if (published := value(index)) is not None:
            found.append(Value(due if stamped == "scheduled" else started, published, started + LATENCY))
    return found


def outage(first: int, after: int, *, down: float | None = 0, up: float = 100) -> Wanted:
    """`down` from run `first` until before run `after`, else `up`."""
    return lambda index: down if first <= index < after else up


def replayed(rule: AlarmRule, values: Sequence[Value], every: str, reading: Reading, runs: int = 40) -> Simulation:
    return Simulation(rule, reading=reading).replay(values, EVERY[every] * (runs + 1))


@pytest.mark.parametrize("seed", range(3))
def test_healthy_server_and_new_deployment_are_quiet(every: str, seed: int) -> None:
    """Whatever the jitter and the schedule's place in the period; also where the first run comes an interval late."""
    healthy = {"unavailable": 100, "not-running": 100, "slow": 0, "certificate": 60}
    for (kind, value), reading, late in itertools.product(healthy.items(), READINGS, (0, 1)):
        values = series(every, lambda _, value=value: value, runs=12, seed=seed, start=late * EVERY[every])  # type: ignore[misc]
        assert replayed(check_alarms(every)[kind], values, every, reading, 12).alarms() == [], (kind, reading)


@pytest.mark.parametrize("seed", range(3))
def test_single_blip_does_not_alarm(every: str, seed: int) -> None:
    """One unavailable run among good ones, at the defaults."""
    values = series(every, outage(10, 11), runs=20, seed=seed)
    for reading in READINGS:
        assert replayed(check_alarms(every)["unavailable"], values, every, reading, 20).alarms() == []


RUNS_OF = ["1 of 1", "2 of 2", "2 of 3", "3 of 3", "4 of 5", "3 of 7", "5 of 10", "10 of 10"]
LONGEST_WINDOW = 7 * 86_400
"""Seconds; `validate` refuses what CloudWatch would."""


@pytest.mark.parametrize(
    ("every", "runs_of"),
    deep(
        (
            pair
            for pair in itertools.product(EVERY, RUNS_OF)
            if int(pair[1].split()[2]) * EVERY[pair[0]] <= LONGEST_WINDOW
        ),
        lambda every, _: every in USUAL,
    ),
)
def test_outage_rings_once_and_recovery_once(every: str, runs_of: str) -> None:
    """In time: at the M-th bad run and a few minutes, and back when M good ones or fewer have made up for it."""
    datapoints, _, periods = runs_of.split()
    rule = check_alarms(every, unavailable=runs_of)["unavailable"]
    values = series(every, outage(15, 30), runs=50)
    for reading in WINDOWS:
        ran = told(actions(replayed(rule, values, every, reading, 50).transitions))
        assert [change.after for change in ran] == ["ALARM", "OK"], reading
        grace = 300 + (0 if reading.sliding else EVERY[every])
        expected = values[15 + int(datapoints) - 1].at
        assert expected <= ran[0].at <= expected + grace, reading
        assert values[30].at < ran[1].at <= values[30 + int(periods) - 1].at + grace, reading


def test_values_delivered_twice_change_nothing(every: str) -> None:
    """CloudWatch may store a log line's metrics more than once (embedded metric format: at least once)."""
    for kind, value in (
        ("unavailable", outage(10, 20)),
        ("not-running", outage(10, 20, down=None)),
        ("slow", lambda k: k & 8),
    ):
        values = series(every, value)
        for reading in WINDOWS:
            once = replayed(check_alarms(every)[kind], values, every, reading)
            twice = replayed(check_alarms(every)[kind], values + values, every, reading)
            assert once.alarms() == twice.alarms() != []


def test_runs_must_be_stamped_with_their_scheduled_time() -> None:
    """Stamped when they started, two runs share a sliding period or none falls into it, and one outage rings again."""

    def rang(stamped: str) -> int:
        rule = check_alarms("5m")["unavailable"]
        return max(
            len(replayed(rule, series("5m", outage(10, 25), seed=seed, stamped=stamped), "5m", reading).alarms())
            for seed, reading in itertools.product(range(30), WINDOWS)
        )

    assert rang("scheduled") == 1
    assert rang("started") > 1


def test_dead_schedule_raises_not_running_and_never_unavailable(every: str) -> None:
    """Runs that stop, and runs that fail for an unreadable secret, publish nothing: the monitor is what is broken."""
    values = series(every, outage(10, 25, down=None))
    for reading in READINGS:
        assert replayed(check_alarms(every)["unavailable"], values, every, reading).alarms() == []
        simulation = replayed(check_alarms(every)["not-running"], values, every, reading)
        [rang] = simulation.alarms()
        last = values[9].at
        assert last + 3 * EVERY[every] <= rang <= last + (4 + reading.extra) * EVERY[every] + 60
        assert simulation.state == "OK"


@pytest.mark.parametrize("intervals", [2, 3, 7])
def test_schedule_that_never_starts_is_told_after_the_warm_up(every: str, intervals: int) -> None:
    """Quiet at first, not for ever: after four intervals, and two days at most, as CloudWatch warms up no longer."""
    rule = check_alarms(every, not_running=intervals)["not-running"]
    assert rule.warm_up == min(4 * EVERY[every] + 300, 2880 * 60)
    for reading in READINGS:
        assert Simulation(rule, reading=reading).replay([], rule.warm_up + 86_400).alarms() == [rule.warm_up]


def test_outage_that_began_before_the_schedule_died_stays_in_alarm(every: str) -> None:
    """Missing data is ignored: silence is no recovery."""
    values = series(every, lambda index: 100 if index < 10 else 0 if index < 20 else None)
    for reading in READINGS:
        simulation = replayed(check_alarms(every)["unavailable"], values, every, reading)
        assert (simulation.state, len(simulation.alarms())) == ("ALARM", 1)


SLOW = pytest.mark.parametrize(("by_duration", "quick", "slow"), [(False, 0.0, 1.0), (True, TOTAL, TOTAL + 0.001)])
"""Each way in which runs are told to be slow: by the metric for it, and by their duration."""


@SLOW
def test_slow_needs_three_runs_in_a_row(every: str, by_duration: bool, quick: float, slow: float) -> None:
    """Two slow runs are a bad moment, three a trend."""
    rule = check_alarms(every, by_duration=by_duration)["slow"]
    for reading in WINDOWS:
        assert replayed(rule, series(every, outage(10, 12, down=slow, up=quick)), every, reading).alarms() == []
        assert len(replayed(rule, series(every, outage(10, 20, down=slow, up=quick)), every, reading).alarms()) == 1


@SLOW
def test_slow_server_that_goes_down_has_not_recovered(every: str, by_duration: bool, quick: float, slow: float) -> None:
    """Runs that are not available say nothing about speed: no OK while it is down, one when it is fast again."""
    rule = check_alarms(every, by_duration=by_duration)["slow"]
    values = series(every, lambda index: quick if index < 10 else slow if index < 18 else None if index < 30 else quick)
    for reading in READINGS:
        ran = told(replayed(rule, values, every, reading).transitions)
        assert [change.after for change in ran] == ["ALARM", "OK"]
        assert ran[1].at > 30 * EVERY[every]


def test_part_of_the_places_is_not_unavailable(every: str) -> None:
    """What only some reach is another alarm's matter; nobody is 0."""
    rule = check_alarms(every)["unavailable"]
    for reading in WINDOWS:
        for share in (33.3, 50, 99.9):
            assert replayed(rule, series(every, outage(10, 20, down=share)), every, reading).alarms() == []
        assert len(replayed(rule, series(every, outage(10, 20, down=0)), every, reading).alarms()) == 1


@pytest.mark.parametrize("reading", WINDOWS)
def test_mute_window_that_ends_during_an_outage_rings_then(every: str, reading: Reading) -> None:
    """And one that outlasts the outage does not ring; one that begins later does not hide what already rang."""
    seconds = EVERY[every]
    during, over = Mute(5 * seconds, 25 * seconds), Mute(5 * seconds, 38 * seconds)
    values = series(every, outage(10, 30))
    transitions = replayed(check_alarms(every)["unavailable"], values, every, reading).transitions
    assert [(change.at, change.after) for change in told(actions(transitions, [during]))][:1] == [(during.end, "ALARM")]
    assert [change.after for change in told(actions(transitions, [during]))] == ["ALARM", "OK"]
    assert told(actions(transitions, [over])) == []
    late = told(actions(transitions, [Mute(20 * seconds, 38 * seconds)]))
    assert [change.after for change in late] == ["ALARM", "OK"]
    assert late[1].at == 38 * seconds


@pytest.mark.parametrize("reading", READINGS)
def test_resumed_alarms_are_new_ones(every: str, reading: Reading) -> None:
    """After a pause: fine again tells nothing (though the OK action runs), still down rings."""
    seconds = EVERY[every]
    resumed = 20.5 * seconds
    for down, wanted in ((False, []), (True, ["ALARM"])):
        values = series(every, lambda index, down=down: None if 10 <= index < 21 else 0 if down else 100)  # type: ignore[misc]
        for kind, told_of in (("unavailable", wanted), ("not-running", [])):
            new = Simulation(check_alarms(every)[kind], created=resumed, reading=reading).replay(values, 40 * seconds)
            assert [change.after for change in told(new.transitions)] == told_of, kind
            if not told_of:
                assert [change.after for change in new.transitions] == ["OK"], kind


MIXED = ["1m", "5m", "15m", "1h", "6h", "12h"]


@pytest.mark.parametrize("broken", deep([*MIXED, "24h"], USUAL[1:].__contains__))
def test_one_broken_definition_among_many_rings_once(broken: str) -> None:
    """`monitor-errors` over checks of all intervals: once, not all day, and clear after it was mended."""
    rule = monitor_errors([*MIXED, broken])
    longest = max(EVERY[broken], EVERY["12h"])
    days = 8 * 86_400
    errors = series(broken, lambda _: 1, runs=int(days / EVERY[broken]) if EVERY[broken] > 600 else 1440)
    for reading in WINDOWS:
        simulation = Simulation(rule, reading=reading).replay(errors, errors[-1].at + 3 * longest)
        assert [change.after for change in told(simulation.transitions)] == ["ALARM", "OK"], reading
        mended = simulation.transitions[-1].at - errors[-1].at
        assert 2 * longest <= mended <= 2 * longest + (reading.extra + 3) * rule.period


def test_second_broken_definition_is_told_by_its_own_alarm() -> None:
    """`monitor-errors` is in ALARM already; `not-running` of that check is not."""
    errors = series("5m", lambda _: 1, runs=400) + series("15m", lambda index: 1 if index > 20 else None, runs=130)
    rings = Simulation(monitor_errors(["5m", "15m"])).replay(errors, 130 * 900)
    own = Simulation(check_alarms("15m")["not-running"])
    own.replay(series("15m", lambda index: 100 if index <= 20 else None, runs=130), 130 * 900)
    assert (len(rings.alarms()), len(own.alarms())) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "reading"),
    deep(
        ((*pair, reading) for pair in (("5m", "1h"), ("1m", "24h"), ("1h", "12h")) for reading in WINDOWS),
        lambda old, _, reading: old != "1m" or reading == WINDOWS[0],
    ),
)
def test_longer_interval_rings_nothing(old: str, new: str, reading: Reading) -> None:
    """The alarms are updated in place: the warm-up is over for good, and the old runs lie in the new periods."""
    runs = 2 * EVERY[new] // EVERY[old]
    changed, until = float(runs * EVERY[old]), float(runs * EVERY[old] + 6 * EVERY[new])
    values = series(old, lambda _: 100, runs=runs) + series(new, lambda _: 100, runs=6, start=changed)
    for kind in ("unavailable", "not-running"):
        simulation = Simulation(check_alarms(old)[kind], reading=reading).replay(values, changed)
        simulation.update(period=EVERY[new]).replay(values, until)
        assert simulation.alarms() == [], kind


@pytest.mark.parametrize(("old", "new"), [("1h", "5m"), ("24h", "1m"), ("12h", "1h")])
@pytest.mark.parametrize("reading", WINDOWS)
def test_shorter_interval_may_ring_not_running_once_until_the_first_run(old: str, new: str, reading: Reading) -> None:
    """The new, short window holds no run yet, and CloudWatch warms an alarm up only when it is created."""
    changed, until = 20.5 * EVERY[old], 20.5 * EVERY[old] + 20 * EVERY[new]
    values = series(old, lambda _: 100, runs=20) + series(new, lambda _: 100, runs=20, start=changed + EVERY[new])
    unavailable = Simulation(check_alarms(old)["unavailable"], reading=reading).replay(values, changed)
    assert unavailable.update(period=EVERY[new]).replay(values, until).alarms() == []
    updated = Simulation(check_alarms(old)["not-running"], reading=reading).replay(values, changed)
    updated.update(period=EVERY[new]).replay(values, until)
    assert (len(updated.alarms()), updated.state) == (1, "OK")
    replaced = Simulation(check_alarms(new)["not-running"], created=changed, reading=reading).replay(values, until)
    assert replaced.alarms() == []
