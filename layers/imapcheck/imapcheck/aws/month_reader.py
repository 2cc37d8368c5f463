"""A month's figures from CloudWatch, with what the log adds: for the hourly function and `imapcheck report` alike."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from imapcheck.aws.month_log import MonthLog
from imapcheck.aws.month_series import series_of
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.mute_windows import Stretch, merged, muted_between
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Plan, figures, times_of


class MonthReader:
    """The figures of a month from CloudWatch, with what the log adds."""

    def __init__(
        self, cloudwatch: Any, logs: Any, *, namespace: str, group: str, outside: Collection[str], seconds: float
    ) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace
        self._log = MonthLog(logs, group, outside, seconds)

    @property
    def problem(self) -> str | None:
        """Why the log gave no causes, or not all."""
        return self._log.problem

    def read(
        self,
        definitions: Mapping[str, CheckDefinition],
        month: Month,
        until: datetime,
        now: datetime,
        besides: Sequence[Stretch] = (),
    ) -> list[Figures]:
        """Each scheduled check's month up to `until`, without what lies in `besides`. Raises what CloudWatch raises."""
        plans = {name: plan for name, item in definitions.items() if (plan := plan_of(name, item, month, besides))}
        found = []
        for name, series in series_of(
            self._cloudwatch, self._namespace, list(plans), month, until, now, durations=True
        ):
            plan, before = plans[name], plan_of(name, definitions[name], month.before)
            item = figures(plan, month, series.runs, until)
            timed = times_of(series.durations, plan.not_counted)
            timed_before = times_of(series.durations_before, before.not_counted if before else ())
            item = replace(item, times=timed, times_before=timed_before)
            schedule = definitions[name].deployed_schedule
            found.append(self._log.explain(item, series.runs, places=schedule.places if schedule else ()))
        return found


def plan_of(name: str, definition: CheckDefinition, month: Month, besides: Sequence[Stretch] = ()) -> Plan | None:
    """What a month of the check is judged by; None where nothing runs it."""
    schedule = definition.deployed_schedule
    if schedule is None:
        return None
    muted = muted_between(definition.alarms.mute, month.start, month.end)
    goal = None if definition.slo is None else definition.slo.available
    return Plan(name, timedelta(seconds=schedule.seconds), goal, tuple(merged((*muted, *besides))))


def notes_of(found: Iterable[Figures], problem: str | None) -> list[str]:
    """What a report lacks, and why."""
    notes = [f"Not all causes and places are known: {problem}."] if problem else []
    lost = sum(outage.cause is None for item in found for outage in item.outages)
    if lost and not problem:
        notes.append(
            "Causes that are not known are not in the log, or no longer: it is kept for LogRetentionDays, and at most"
            " 50 outages a check are looked up."
        )
    return notes
