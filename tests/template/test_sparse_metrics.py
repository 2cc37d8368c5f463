"""A metric is billed by the hour in which it has a value, so some are published less often than they could be.

Every alarm is replayed twice: as it is, with what is published, and as it would be if every run published everything
and the alarm judged each run. What people are told must be the same, but for the end of `certificate`.

| alarm | published less | is in alarm | ends |
|---|---|---|---|
| unavailable, partial, not-running | nothing | the same | the same |
| slow, `total` alone | no `Slow`: the alarm reads `Duration` | the same | the same |
| slow, other thresholds | nothing | the same | the same |
| certificate | once in six hours while there are days enough | the same | at most six hours and five minutes later |
| certificate, two servers of one name | the same | once instead of once a change | six hours after the last bad run |
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from imapcheck.aws.metrics import metrics_of
from imapcheck.definition.files import parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import CheckResult, PlaceFacts
from support.depth import deep
from support.results import result
from template.alarm_simulator import AlarmRule, Reading, Simulation, Transition, Value, told
from template.stack_alarms import EVERY, TOTAL, USUAL, check_alarms
from template.test_partial_alarm import of_metric_math

HOUR = 3600
READINGS = [Reading(extra=extra) for extra in (1, 2, 5)]
"""The wall clock is not offered for periods of six hours."""
WEDNESDAY = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
LIMIT = 14
PLACES = ("us-east-2", "ap-northeast-1")


@dataclass(frozen=True)
class Run:
    """One run: when it was due, and when CloudWatch has its values; what it found."""

    at: float
    seen: float
    available: bool = True
    took: float = 800.0
    days: float | None = 60.0
    partial: bool = False


type Course = Callable[[int], Run]


def course(every: str, seed: int, change: Callable[[int, Run], Run | None], hours: float = 0) -> list[Run]:
    """60 runs, or runs over so many hours, from any moment of the six hours on; `change` may leave one out."""
    chance, seconds = random.Random(f"{every} {seed}"), EVERY[every]
    start = WEDNESDAY + chance.randrange(6 * HOUR)
    due = (start + seconds * number for number in range(max(60, int(hours * HOUR / seconds))))
    runs = (Run(at, at + chance.uniform(5, 50 if seconds < 300 else 240)) for at in due)
    return [changed for number, run in enumerate(runs) if (changed := change(number, run)) is not None]


def definition(every: str, **fields: object) -> CheckDefinition:
    check = {"name": "mail", "server": "imaps://mail.example/", "secret": "x", "schedule": {"every": every}, **fields}
    return parse_definition(check, source="test")


def of(run: Run) -> CheckResult:
    found = result("mail", duration_ms=run.took)
    assert found.server.tls is not None
    tls = None if run.days is None else replace(found.server.tls, verified=True, certificate_days_remaining=run.days)
    places = (PlaceFacts("eu-central-1", True, True), *(PlaceFacts(name, True, not run.partial) for name in PLACES))
    return replace(
        found,
        available=run.available,
        verdict="down" if not run.available else "partial" if run.partial else "up",
        places=places,
        slow=run.took > TOTAL,
        server=replace(found.server, tls=tls),
    )


def published(rule: AlarmRule, runs: list[Run], check: CheckDefinition) -> list[Value]:
    """The values of the rule's metric that CloudWatch gets."""
    return [
        Value(run.at + metric.after, metric.value, run.seen)
        for run in runs
        for metric in metrics_of(of(run), check, datetime.fromtimestamp(run.at, UTC))
        if metric.name == rule.metric
    ]


def replay(rule: AlarmRule, values: list[Value], reading: Reading, until: float) -> list[Transition]:
    return told(Simulation(rule, created=WEDNESDAY - HOUR, reading=reading).replay(values, until).transitions)


def both(
    kind: str, runs: list[Run], every: str, value: Callable[[Run], float | None], **fields: object
) -> Iterator[tuple[list[Transition], list[Transition]]]:
    """What people are told, by each reading: with what is published; and with a `value` a run, judged by itself."""
    rule = check_alarms(every, by_duration=fields.get("thresholds") == {"total": TOTAL})[kind]
    each = replace(check_alarms(every)[kind], period=EVERY[every])
    sparse = published(rule, runs, definition(every, **fields))
    whole = [Value(run.at, found, run.seen) for run in runs if (found := value(run)) is not None]
    until = runs[-1].at + 12 * HOUR
    for reading in READINGS:
        yield replay(rule, sparse, reading, until), replay(each, whole, reading, until)


def times(changes: list[Transition]) -> list[tuple[float, str]]:
    return [(change.at, change.after) for change in changes]


CASES = deep(itertools.product(EVERY, range(2)), lambda every, seed: every in USUAL and seed == 0)


@pytest.mark.parametrize(("every", "seed"), CASES)
def test_outages_and_silence_are_told_as_ever(every: str, seed: int) -> None:
    """Also with the smallest set of metrics."""

    def change(number: int, run: Run) -> Run | None:
        if 30 <= number < 42:
            return None
        return replace(run, available=not (10 <= number < 20 or number == 25), days=None if number == 12 else 60.0)

    runs = course(every, seed, change)
    for kind, metrics in itertools.product(("unavailable", "not-running"), ("alarms", "main")):
        for sparse, dense in both(kind, runs, every, lambda run: 100.0 if run.available else 0.0, metrics=metrics):
            assert times(sparse) == times(dense) != []


@pytest.mark.parametrize(("every", "seed"), CASES)
def test_partial_runs_are_told_as_ever(every: str, seed: int) -> None:
    """With an outage in between, and a run that is missing."""

    def change(number: int, run: Run) -> Run | None:
        if number == 33:
            return None
        return replace(run, partial=10 <= number < 20 or 28 <= number < 40, available=number != 31)

    rule, runs = check_alarms(every, places=PLACES)["partial"], course(every, seed, change)
    dense = [Value(run.at, float(run.partial and run.available), run.seen) for run in runs]
    for metrics in ("alarms", "main"):
        check = definition(every, metrics=metrics, schedule={"every": every, "places": list(PLACES)})
        sparse = [
            replace(value, value=of_metric_math(value.value))
            for value in published(replace(rule, metric="Availability"), runs, check)
        ]
        for reading in READINGS:
            until = runs[-1].at + 12 * HOUR
            replayed = [times(replay(rule, values, reading, until)) for values in (sparse, dense)]
            assert replayed[0] == replayed[1] != []


@pytest.mark.parametrize("thresholds", [{"total": TOTAL}, {"total": TOTAL, "tls": 900}], ids=["total", "total and tls"])
@pytest.mark.parametrize(("every", "seed"), CASES)
def test_slow_runs_are_told_as_ever(every: str, seed: int, thresholds: dict[str, float]) -> None:
    """By the duration as by the verdict, to the microsecond; runs that were not available say nothing."""

    def change(number: int, run: Run) -> Run:
        took = TOTAL + 0.001 if 10 <= number < 20 or number in (25, 26) else TOTAL
        return replace(run, took=took, available=number not in (12, 18, 19, 20, 21))

    runs = course(every, seed, change)
    for metrics in ("alarms", "main"):
        told_of = both(
            "slow", runs, every,
            lambda run: None if not run.available else 1.0 if run.took > TOTAL else 0.0,
            thresholds=thresholds, metrics=metrics,
        )  # fmt: skip
        for sparse, dense in told_of:
            assert times(sparse) == times(dense) != []


@pytest.mark.parametrize(("every", "seed"), CASES)
def test_certificate_is_told_in_time_and_its_renewal_within_six_hours(every: str, seed: int) -> None:
    """Days count down; the certificate is renewed at some moment; runs without one in between change nothing.

    Where the first run of six hours saw no certificate it is the next six hours'.
    """
    seconds = EVERY[every]
    few, renewed = 12 * HOUR, 60 * HOUR
    if seconds > 2 * HOUR:
        few, renewed = 10 * seconds, 25 * seconds

    def change(number: int, run: Run) -> Run | None:
        at = seconds * number
        left = 89.0 if at >= renewed else LIMIT + (few - at) / (24 * HOUR)
        blind = number % 7 == 3 and run.at % (6 * HOUR) >= seconds
        return replace(run, days=None if blind else left, available=number % 11 != 5)

    runs = course(every, seed, change, hours=72)
    for sparse, dense in both("certificate", runs, every, lambda run: run.days, metrics="alarms"):
        assert [change.after for change in sparse] == [change.after for change in dense] == ["ALARM", "OK"]
        assert sparse[0].at == dense[0].at
        assert 0 <= sparse[1].at - dense[1].at <= max(6 * HOUR + 300, seconds)


def test_two_servers_behind_one_name_are_told_of_once() -> None:
    """Judged by each run the alarm would end at each good one; over six hours it stays until both are renewed."""
    chance = random.Random(1)
    until = WEDNESDAY + timedelta(days=2).total_seconds()

    def change(_: int, run: Run) -> Run:
        return replace(run, days=10.0 if run.at < until and chance.random() < 0.5 else 80.0)

    for sparse, dense in both("certificate", course("5m", 1, change, hours=72), "5m", lambda run: run.days):
        assert [change.after for change in sparse] == ["ALARM", "OK"]
        assert len(dense) > 100


@pytest.mark.parametrize("every", deep(EVERY, {*USUAL, "6h", "8h"}.__contains__))
def test_certificate_has_a_value_in_every_six_hours_and_no_more(every: str) -> None:
    """Billed in four hours of a day; below the limit in every run; without a schedule, run by hand, always.

    Four hours do not divide six.
    """
    runs = course(every, 7, lambda _, run: run, hours=30)
    rule = check_alarms(every)["certificate"]
    assert rule.period == max(6 * HOUR, EVERY[every])
    values = published(rule, runs, definition(every))
    if every == "4h":
        assert len(values) == len(runs)
        return
    slots = [value.at // rule.period for value in values]
    assert len(slots) == len(set(slots))
    assert len(slots) >= (runs[-1].at - runs[0].at) // rule.period
    low = [replace(run, days=LIMIT - 0.01) for run in runs]
    assert len(published(rule, low, definition(every))) == len(runs)
    assert len(published(rule, runs, definition(every, schedule=None))) == len(runs)
