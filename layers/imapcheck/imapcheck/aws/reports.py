"""What is sent by the hour: reminders, passed budgets, and on the first of a month the report of the one before.

The event's `scheduled_time` is the only clock, and there is no state: each run says what the hour before it brought.
What cannot be had is said, and in the end the run fails, so that the alarm on this function's errors reports it.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from imapcheck.alarms.reminder import reminder_story
from imapcheck.alarms.story import Story
from imapcheck.alarms.times import zone_of
from imapcheck.aws.month_reader import MonthReader, notes_of, plan_of
from imapcheck.aws.month_series import series_of
from imapcheck.aws.publisher import Publisher
from imapcheck.aws.reminders import HOUR, Reminders
from imapcheck.aws.settings import MessageSettings
from imapcheck.definition.files import load_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.mute_windows import muted_between
from imapcheck.definition.parts import check_files
from imapcheck.errors import DefinitionError
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Passed, passed
from imapcheck.month.text import budget_story, report_story

_LOG = logging.getLogger("imapcheck")
REPORT_HOUR = 6
"""UTC, of the first of a month."""
LATE, LATE_OUTSIDE = timedelta(minutes=15), timedelta(minutes=75)
"""By when the lines of an hour have come: those of checks outside may wait an hour for their uplink."""
_LOG_SECONDS = 300.0


class SomeFailed(Exception):
    """Something could not be had or sent; the messages that could be were sent."""


class Reports:
    """What lives as long as the Lambda environment: clients and definitions."""

    def __init__(self, settings: MessageSettings, *, logs: Any, cloudwatch: Any, sns: Any) -> None:
        self._settings = settings
        self._logs = logs
        self._cloudwatch = cloudwatch
        self._publisher = Publisher(sns, settings.alarm_topic, settings.contact_topic)
        self._definitions = dict(_load(settings.definitions))
        self._outside = frozenset(name for name, item in self._definitions.items() if item.runs_outside)
        self._reminders = Reminders(
            cloudwatch, logs, stack=settings.stack, group=settings.log_group, outside=self._outside,
            time_zone=settings.time_zone,
        )  # fmt: skip
        self._zone = zone_of(settings.time_zone)
        self._unsent: list[str] = []

    def run(self, now: datetime) -> None:
        """Send what the hour before `now` brought. Raises `SomeFailed` in the end where anything failed."""
        steps = [self._remind, self._tell_budgets]
        if now.day == 1 and now.hour == REPORT_HOUR:
            steps.append(self._report)
        failed = self._unsent = []
        for step in steps:
            try:
                step(now)
            except Exception as error:  # noqa: BLE001 - the other parts go on, and then this run fails
                _LOG.exception("a part of the hour's messages failed")
                failed.append(f"{step.__name__.strip('_')}: {type(error).__name__}")
        if failed:
            raise SomeFailed("; ".join(failed))

    def _remind(self, now: datetime) -> None:
        due = self._reminders.due(self._definitions, now)
        for contact, checks in self._readers(item.change.check for item in due):
            some = [item for item in due if item.change.check in checks]
            about = [(item.change.check, item.change.kind.name, "ALARM") for item in some]
            self._send(reminder_story(some, self._settings.dashboard_url), about, contact, reminder=True)

    def _tell_budgets(self, now: datetime) -> None:
        found = list(self._passed(now))
        for contact, checks in self._readers(item.figures.plan.check for item in found):
            some = [item for item in found if item.figures.plan.check in checks]
            about = [(item.figures.plan.check, "budget", "BUDGET") for item in some]
            self._send(budget_story(some, self._zone), about, contact)

    def _passed(self, now: datetime) -> Iterator[Passed]:
        """The marks of budgets that the hour before passed, of the months that it lies in."""
        goals = {name: item for name, item in self._definitions.items() if item.slo is not None}
        for late in (LATE, LATE_OUTSIDE):
            end = now - late
            start = end - HOUR
            month = Month.of(start)
            checks = [name for name, item in goals.items() if item.deployed_schedule and _lateness(item) == late]
            for name, series in series_of(self._cloudwatch, self._settings.namespace, checks, month, end, now):
                muted = muted_between(goals[name].alarms.mute, month.start, Month.of(end).end)
                plan = plan_of(name, goals[name], month)
                if plan is not None:
                    yield from passed(replace(plan, not_counted=muted), series.runs, start, end)

    def _report(self, now: datetime) -> None:
        month = Month.of(now).before
        reader = MonthReader(
            self._cloudwatch, self._logs, namespace=self._settings.namespace, group=self._settings.log_group,
            outside=self._outside, seconds=_LOG_SECONDS,
        )  # fmt: skip
        scheduled = [name for name, item in self._definitions.items() if item.deployed_schedule is not None]
        problem: Exception | None = None
        found: list[Figures] = []
        try:
            found = reader.read(self._definitions, month, month.end, now)
        except Exception as error:  # noqa: BLE001 - the report says so, and then this run fails
            _LOG.exception("the month's figures could not be read")
            problem = error
        for contact, checks in self._readers(scheduled):
            some = [item for item in found if item.plan.check in checks]
            notes = notes_of(some, reader.problem)
            if problem is not None:
                some, notes = [], [_no_figures(sorted(checks), problem)]
            story = report_story(month, some, notes, self._zone)
            self._send(story, [(name, "report", "REPORT") for name in checks], contact)
        if problem is not None:
            raise problem

    def _readers(self, checks: Iterable[str]) -> Iterator[tuple[str | None, list[str]]]:
        """Who reads of which of `checks`: the topic of everything (None), then each contact of its own alone."""
        names = sorted(set(checks))
        if not names:
            return
        yield None, names
        contacts: dict[str, list[str]] = {}
        for name in names:
            for address in self._definitions[name].alarms.notify:
                contacts.setdefault(address.lower(), []).append(name)
        yield from sorted(contacts.items())

    def _send(
        self, story: Story, about: Sequence[tuple[str, str, str]], contact: str | None, *, reminder: bool = False
    ) -> None:
        """To `AlarmTopic`, or to one contact; what one reader cannot be sent is sent to the others all the same."""
        try:
            self._publisher.send(story, about, contact, reminder=reminder)
        except Exception as error:  # noqa: BLE001 - this run fails in the end
            _LOG.exception("a message could not be published")
            self._unsent.append(f"{story.subject.partition(' ')[0]}: {type(error).__name__}")


def _no_figures(checks: Sequence[str], problem: Exception) -> str:
    response = getattr(problem, "response", {})
    code = response.get("Error", {}).get("Code") or type(problem).__name__
    return f"There are no figures for {', '.join(checks)}: CloudWatch did not give them ({code})."


def _lateness(definition: CheckDefinition) -> timedelta:
    return LATE_OUTSIDE if definition.runs_outside else LATE


def _load(folder: Path) -> Iterator[tuple[str, CheckDefinition]]:
    """The deployed definitions; one that cannot be read is passed over, as `run_check` reports it."""
    for path in check_files(folder):
        try:
            yield path.stem, load_definition(path)
        except DefinitionError as error:
            _LOG.warning("no reminder, budget or report for the check %s: %s", path.stem, error)


def read_clock(event: Mapping[str, Any]) -> datetime:
    """The event's `scheduled_time`. Raises `ValueError` where it holds none with a zone."""
    text = event.get("scheduled_time")
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("the event needs scheduled_time, such as 2026-12-01T06:00:00Z")
    return moment.astimezone(UTC)
