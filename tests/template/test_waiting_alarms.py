"""`waiting-alarms`, replayed against a queue: it sees every alarm that nobody takes or that cannot be reported."""

import math
from collections.abc import Iterable, Sequence

import pytest

from template.alarm_simulator import AlarmRule, Reading, Simulation, Value
from template.reading import of_type, read

MINUTE, DELAY = 60, 90
"""Seconds: SQS publishes each minute; what CloudWatch has of a minute it has within a minute or two."""
HOUR = 3600


def rule() -> AlarmRule:
    """The alarm as the template has it."""
    alarms = of_type(read("template.yaml"), "AWS::CloudWatch::Alarm")
    return AlarmRule.of(alarms["WaitingAlarmsAlarm"])


def visibility() -> int:
    return int(of_type(read("template.yaml"), "AWS::SQS::Queue")["AlarmEvents"]["VisibilityTimeout"])


def receives() -> int:
    queue = of_type(read("template.yaml"), "AWS::SQS::Queue")["AlarmEvents"]
    return int(queue["RedrivePolicy"]["maxReceiveCount"])


def lengths(stays: Sequence[tuple[float, float]], until: float, published: Iterable[float] = ()) -> list[Value]:
    """What the expression comes to: messages that are in the queue, visible or not, when each minute is published."""
    minutes = published or range(0, math.ceil(until), MINUTE)
    return [Value(at, sum(start <= at < end for start, end in stays), at + DELAY) for at in minutes]


def alarms(values: Iterable[Value], until: float, reading: Reading | None = None) -> list[float]:
    return Simulation(rule(), reading=reading or Reading()).replay(values, until).alarms()


@pytest.mark.parametrize("arrives", [600.0, 631.0, 659.0])
def test_message_that_is_tried_again_and_again_is_seen(arrives: float) -> None:
    """Long before it becomes a dead letter, though SQS leaves it out of the age of the oldest message."""
    gone = arrives + visibility() * receives()
    values = lengths([(arrives, gone)], 2 * HOUR)
    for extra in (1, 2, 5):
        for sliding in (True, False):
            found = alarms(values, 2 * HOUR, Reading(extra=extra, sliding=sliding))
            assert len(found) == 1
            assert arrives + 9 * MINUTE < found[0] < arrives + 14 * MINUTE < gone


def test_message_that_nothing_takes_is_seen_and_its_end_too() -> None:
    """A trigger that is disabled, for an hour."""
    simulation = Simulation(rule()).replay(lengths([(600, 600 + HOUR)], 3 * HOUR), 3 * HOUR)
    assert [change.after for change in simulation.transitions] == ["OK", "ALARM", "OK"]


def test_next_time_is_seen_where_an_empty_queue_publishes_nothing() -> None:
    """The alarm does not stay as it was: a state that lasts would report nothing the next time."""
    stays = [(600.0, 600.0 + HOUR), (3.0 * HOUR, 4.0 * HOUR)]
    values = [value for value in lengths(stays, 6 * HOUR) if value.value]
    assert len(alarms(values, 6 * HOUR)) == 2


@pytest.mark.parametrize("seconds", [5, 25, 85, 400])
def test_alarm_that_is_reported_is_not_one_that_waits(seconds: float) -> None:
    """At once, after the batching window, after a batch that took its time, at the second try."""
    assert alarms(lengths([(631, 631 + seconds)], 2 * HOUR), 2 * HOUR) == []


def test_many_changes_one_after_the_other_are_none_that_wait() -> None:
    """A change every other minute for an hour, each reported within half a minute."""
    stays = [(600.0 + 120 * number, 628.0 + 120 * number) for number in range(30)]
    assert alarms(lengths(stays, 2 * HOUR), 2 * HOUR) == []
