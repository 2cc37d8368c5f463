"""The two alarms that watch the monitor over all checks, and how long events may wait: numbers and words."""

from collections.abc import Sequence

from imapcheck.alarms.alarm import Alarm, Signal
from imapcheck.definition.monitoring import RunsOf, ScheduleDefinition

_HOUR, _DAY = 3600, 86_400


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
        "Lambda discarded events for the function that runs checks: either runs raised an error (then monitor-errors"
        " fires too), or the account's or the function's concurrency is used up and checks were not run."
    )
    return _at_the_first("dropped-events", says, "AsyncEventsDropped", schedules)


def _at_the_first(name: str, says: str, metric: str, schedules: Sequence[ScheduleDefinition]) -> Alarm:
    period, runs = _lasting_window(schedules)
    return Alarm(
        name, says, Signal(metric, "Maximum"), "GreaterThanOrEqualToThreshold", 1, period, runs, missing="notBreaching",
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
