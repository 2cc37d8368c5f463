"""The alarm `partial` beside `unavailable`, replayed: one place's trouble is one alarm, and an outage is the other."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from imapcheck.check.judge import verdict_of
from imapcheck.result import PlaceFacts
from support.results import result
from template.alarm_simulator import READINGS, AlarmRule, Reading, Simulation, Value, actions, told
from template.stack_alarms import check_alarms

UP, PARTIAL, DOWN = 100.0, 66.67, 0.0
SECONDS = 300
ALARMS = check_alarms("5m", places=("us-east-2", "ap-northeast-1"))
READ = [reading for reading in READINGS if reading.extra <= 2]


def published(home: bool, *others: bool | None) -> float:
    """What a run's `Availability` is: by the code that decides it; home's session is as good as its reach."""
    places = [PlaceFacts(f"place-{number}", vote is not None, vote) for number, vote in enumerate((home, *others))]
    votes = [place.reached for place in places]
    verdict = verdict_of(votes, session_good=home, quorum=len(votes) // 2 + 1)
    return replace(result("mail"), places=tuple(places), verdict=verdict).share_reached


def of_metric_math(value: float) -> float:
    """What `IF(m > 1 AND m < 99.99, 1, 0)` comes to."""
    assert ALARMS["partial"].metric == "IF(m > 1 AND m < 99.99, 1, 0)"
    return 1.0 if 1 < value < 99.99 else 0.0


def changes(kind: str, runs: Sequence[float], reading: Reading) -> list[tuple[str, int]]:
    """(state, at which run) of what reaches people."""
    rule: AlarmRule = ALARMS[kind]
    seen = [of_metric_math(run) if kind == "partial" else run for run in runs]
    values = [Value(at * SECONDS + 1.0, value, at * SECONDS + 31.0) for at, value in enumerate(seen)]
    ran = told(actions(Simulation(rule, reading=reading).replay(values, (len(runs) + 2) * SECONDS).transitions))
    return [(change.after, int(change.at // SECONDS)) for change in ran]


@pytest.mark.parametrize("reading", READ, ids=str)
class TestPartial:
    """Under each reading of CloudWatch's documentation."""

    def test_one_bad_place_for_an_hour(self, reading: Reading) -> None:
        """Sets `partial` alone, once, and it ends once."""
        runs = [UP] * 10 + [PARTIAL] * 12 + [UP] * 12
        found = changes("partial", runs, reading)
        assert [state for state, _ in found] == ["ALARM", "OK"]
        assert 15 <= found[0][1] <= 17
        assert changes("unavailable", runs, reading) == []

    def test_quorum_is_down_at_its_second_run(self, reading: Reading) -> None:
        """And `partial` says nothing of it."""
        runs = [UP] * 10 + [DOWN] * 8 + [UP] * 12
        found = changes("unavailable", runs, reading)
        assert [state for state, _ in found] == ["ALARM", "OK"]
        assert 11 <= found[0][1] <= 13
        assert changes("partial", runs, reading) == []

    def test_outage_that_ends_in_a_partial_one(self, reading: Reading) -> None:
        """The outage ends (its story says that it is no recovery), and the partial one is told by itself."""
        runs = [UP] * 10 + [DOWN] * 8 + [PARTIAL] * 60
        assert [state for state, _ in changes("unavailable", runs, reading)] == ["ALARM", "OK"]
        found = changes("partial", runs, reading)
        assert [state for state, _ in found] == ["ALARM"]
        assert found[0][1] <= 18 + 8

    def test_partial_down_partial(self, reading: Reading) -> None:
        """Each of the three is told."""
        runs = [UP] * 10 + [PARTIAL] * 12 + [DOWN] * 12 + [PARTIAL] * 12 + [UP] * 12
        assert [state for state, _ in changes("partial", runs, reading)] == ["ALARM", "OK"] * 2
        assert [state for state, _ in changes("unavailable", runs, reading)] == ["ALARM", "OK"]

    def test_place_that_is_silent_for_an_hour(self, reading: Reading) -> None:
        """It accuses nobody: what is published is what the others saw."""
        silent = [published(True, True, None) for _ in range(12)]
        assert set(silent) == {UP}
        runs = [UP] * 10 + silent + [UP] * 12
        assert changes("partial", runs, reading) == []
        assert changes("unavailable", runs, reading) == []

    def test_silent_place_hides_no_other(self, reading: Reading) -> None:
        """One does not answer while another cannot reach it, and while none can."""
        runs = [UP] * 10 + [published(True, None, False)] * 12 + [UP] * 12
        assert [state for state, _ in changes("partial", runs, reading)] == ["ALARM", "OK"]
        assert changes("unavailable", runs, reading) == []
        runs = [UP] * 10 + [published(False, None, False)] * 12 + [UP] * 12
        assert [state for state, _ in changes("unavailable", runs, reading)] == ["ALARM", "OK"]
        assert changes("partial", runs, reading) == []

    def test_place_that_flaps(self, reading: Reading) -> None:
        """One run of three: neither."""
        runs = [UP] * 10 + [PARTIAL, UP, UP] * 20
        assert changes("partial", runs, reading) == []
        assert changes("unavailable", runs, reading) == []
