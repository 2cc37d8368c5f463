"""The alarms of one check, and the two that watch the monitor over all of them: numbers and words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import RunsOf, ScheduleDefinition

type Operator = Literal["LessThanThreshold", "GreaterThanOrEqualToThreshold"]

_HOUR, _DAY = 3600, 86_400
_LONGEST_WARM_UP = 2880
"""Minutes; CloudWatch takes no more (API reference, WarmUpConfiguration)."""


@dataclass(frozen=True)
class Alarm:
    """What differs between alarms. `runs` is M of N periods of `period` seconds; `warm_up` is in minutes."""

    kind: str
    says: str
    metric: str
    statistic: str
    operator: Operator
    threshold: int
    period: int
    runs: RunsOf
    missing: Literal["ignore", "breaching", "notBreaching"]
    warm_up: int | None = None


def alarms_of(definition: CheckDefinition, schedule: ScheduleDefinition) -> Iterator[Alarm]:
    """The alarms that this check can ever ring: no `slow` without thresholds, no `certificate` unverified."""
    yield _unavailable(definition, schedule.seconds)
    yield _not_running(definition, schedule)
    if definition.thresholds:
        yield _slow(definition, schedule.seconds)
    if definition.verifies_certificate:
        yield _certificate(definition, schedule.seconds)


def _unavailable(definition: CheckDefinition, period: int) -> Alarm:
    """Silence is not a recovery: missing data changes nothing."""
    runs = definition.alarms.unavailable
    says = (
        f"The mail server {definition.host} is not available: a mail client could not log in, find, read or file mail"
        f" in {_of_the_last(runs)} of the check {definition.label}. The step that failed and the server's words are in"
        f" the log and on the dashboard."
    )
    return Alarm(
        "unavailable", says, "Availability", "Minimum", "LessThanThreshold", 100, period, runs, missing="ignore"
    )


def _not_running(definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm:
    """Missing data is what it rings for, but not before a new schedule had the time to run."""
    count = definition.alarms.not_running
    says = (
        f"The monitor itself is broken: the check {definition.label} has published nothing for {count} intervals of"
        f" {schedule.every}, so nobody knows how {definition.host} is. Look at the stack's other alarms, and in the log"
        " for an error that names the check or its secret."
    )
    warm_up = min(4 * schedule.seconds // 60 + 5, _LONGEST_WARM_UP)
    return Alarm(
        "not-running", says, "Availability", "SampleCount", "LessThanThreshold", 1,
        schedule.seconds, RunsOf(count, count), missing="breaching", warm_up=warm_up,
    )  # fmt: skip


def _slow(definition: CheckDefinition, period: int) -> Alarm:
    runs = definition.alarms.slow
    says = (
        f"The mail server {definition.host} works, but {_of_the_last(runs)} of the check {definition.label} were over"
        " a threshold of its definition. The dashboard shows which step grew."
    )
    return Alarm(
        "slow", says, "Slow", "Maximum", "GreaterThanOrEqualToThreshold", 1, period, runs, missing="ignore"
    )  # fmt: skip


def _certificate(definition: CheckDefinition, period: int) -> Alarm:
    days = definition.alarms.certificate_days
    says = (
        f"The certificate of the mail server {definition.host} (check {definition.label}) is valid for fewer than"
        f" {days} days. When it has expired no mail client connects: renew it, and have the server load it."
    )
    return Alarm(
        "certificate", says, "CertificateDaysRemaining", "Minimum", "LessThanThreshold", days,
        period, RunsOf(1, 1), missing="ignore",
    )  # fmt: skip


def monitor_errors(schedules: Sequence[ScheduleDefinition]) -> Alarm:
    """Runs that ended in an error of the monitor. As the window outlasts the longest interval, one check rings once."""
    says = (
        "The monitor itself failed: a definition or a secret is wrong, or there is a bug. The mail server is not the"
        " cause. The function's log has the error, which names the check and the secret."
    )
    return _at_the_first("monitor-errors", says, "MonitorErrors", schedules)


def dropped_events(schedules: Sequence[ScheduleDefinition]) -> Alarm:
    """What Lambda took and never ran, or ran to an error: it counts both as dropped, as nothing is run again."""
    says = (
        "Lambda gave up events for the function that runs checks: either runs raised an error (then monitor-errors"
        " rings too), or the account's or the function's concurrency is used up and checks were not run."
    )
    return _at_the_first("dropped-events", says, "AsyncEventsDropped", schedules)


def _at_the_first(kind: str, says: str, metric: str, schedules: Sequence[ScheduleDefinition]) -> Alarm:
    period, runs = _lasting_window(schedules)
    return Alarm(
        kind, says, metric, "Maximum", "GreaterThanOrEqualToThreshold", 1, period, runs, missing="notBreaching",
    )  # fmt: skip


def event_age(schedules: Sequence[ScheduleDefinition]) -> int:
    """Seconds after which Lambda gives an event up: the shortest interval, at least 5 minutes, at most 6 hours."""
    shortest = min((schedule.seconds for schedule in schedules), default=0)
    return min(max(shortest, 300), 6 * _HOUR)


def delivery_age(schedule: ScheduleDefinition) -> int:
    """Seconds after which EventBridge Scheduler gives an event up, in which it may try again."""
    return min(max(schedule.seconds, 60), _HOUR)


def latest_delivery(schedules: Sequence[ScheduleDefinition]) -> int:
    """Seconds that an event may be late: what the schedule and then Lambda may take before they give it up."""
    return event_age(schedules) + max(map(delivery_age, schedules), default=0)


def _lasting_window(schedules: Sequence[ScheduleDefinition]) -> tuple[int, RunsOf]:
    """Period and 1 of N for at least twice the longest interval, within CloudWatch's longest window."""
    lasting = 2 * max((schedule.seconds for schedule in schedules), default=0)
    period = 300 if lasting + 300 <= _DAY else _HOUR
    return period, RunsOf(1, max(-(-lasting // period) + 1, 3))


def _of_the_last(runs: RunsOf) -> str:
    if runs.periods == 1:
        return "the last run"
    if runs.datapoints == runs.periods:
        return f"the last {runs.periods} runs"
    return f"{runs.datapoints} of the last {runs.periods} runs"
