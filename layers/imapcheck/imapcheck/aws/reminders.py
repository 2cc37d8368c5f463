"""Which alarms are reminded of in an hour: those that are in alarm, at each multiple of `alarms.remind`.

No state is kept: the run at T takes what has come due since the last run before it that lay in no mute window. So a
reminder that falls into a window comes with the first run after it, and a second delivery finds the same again.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from imapcheck.alarms.bare import bare
from imapcheck.alarms.kind import UNTOLD, Change, Evidence
from imapcheck.alarms.kinds import CERTIFICATE, NOT_RUNNING, UNAVAILABLE, kind_of
from imapcheck.alarms.reminder import Reminder
from imapcheck.aws.alarm_config import read_config
from imapcheck.aws.deployed import interval_of
from imapcheck.aws.evidence import RunLog
from imapcheck.aws.maintenance import MuteRules
from imapcheck.aws.month_series import failed_runs, newest_value
from imapcheck.aws.ringing import Alarms
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.mute_windows import Stretch, is_muted, merged, muted_between
from imapcheck.definition.plain import plain

_LOG = logging.getLogger("imapcheck")
HOUR = timedelta(hours=1)
CERTIFICATE_DAYS = (7, 3, 1)
_NEWEST = timedelta(hours=31)
"""A certificate's days are published each 6 hours, or at a longer interval of the check, which is a day at most."""
_EVIDENCE_SECONDS = 30.0


def last_run_before(now: datetime, since: datetime, muted: Sequence[Stretch]) -> datetime:
    """The newest hourly run before `now` that could have sent something; `since` or earlier where there was none."""
    previous = now - HOUR
    while previous > since and is_muted(muted, previous):
        previous -= HOUR
    return previous


def is_due(since: datetime, every: timedelta, muted: Sequence[Stretch], now: datetime) -> bool:
    """Whether a multiple of `every` after `since` has come since the last run that could have sent it."""
    if is_muted(muted, now):
        return False
    previous = last_run_before(now, since, muted)
    return (now - since) // every > max(0, (previous - since) // every)


def certificate_is_due(left: timedelta, since: datetime, muted: Sequence[Stretch], now: datetime) -> bool:
    """Whether 7, 3 or 1 days are left since the last run that could have said so; `left` is how long at `now`."""
    if is_muted(muted, now):
        return False
    before = left + (now - max(since, last_run_before(now, since, muted)))
    return any(left <= timedelta(days=mark) < before for mark in CERTIFICATE_DAYS)


class Reminders:
    """Finds what is due among the alarms of one stack."""

    def __init__(
        self, cloudwatch: Any, logs: Any, *, stack: str, group: str, outside: Collection[str], time_zone: str = "UTC"
    ) -> None:
        self._cloudwatch = cloudwatch
        self._alarms = Alarms(cloudwatch, stack)
        self._logs, self._group, self._outside = logs, group, outside
        self._stack, self._time_zone = stack, time_zone

    def due(self, definitions: Mapping[str, CheckDefinition], now: datetime) -> list[Reminder]:
        """What is to be said at `now`. Raises what `DescribeAlarms` raises; what else cannot be had is done without."""
        rules = MuteRules(self._cloudwatch, frozenset(self._made(definitions)))
        found = []
        for change in self._changes():
            definition = definitions.get(change.check)
            if definition is not None and change.at <= now and self._is_due(change, definition, rules, now):
                found.append(self._reminder(change, definition, now))
        return found

    def _made(self, definitions: Mapping[str, CheckDefinition]) -> Iterator[str]:
        """The names of the rules that `stack.checks` makes."""
        for name, definition in definitions.items():
            yield from (f"{self._stack}-{name}-mute-{number}" for number, _ in enumerate(definition.alarms.mute, 1))

    def _changes(self) -> Iterator[Change]:
        for alarm in self._alarms.in_alarm():
            config, since = (
                read_config(alarm),
                alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
            )
            kind = kind_of(config.signal)
            if config.check is None or kind is None or not kind.reminds:
                continue
            periods = int(alarm.get("EvaluationPeriods") or 1)
            yield Change(
                alarm=alarm["AlarmName"],
                check=config.check,
                kind=kind,
                state="ALARM",
                at=since.astimezone(UTC),
                reason=str(alarm.get("StateReason") or ""),
                threshold=alarm.get("Threshold"),
                needed=int(alarm.get("DatapointsToAlarm") or periods),
                periods=periods,
                period=timedelta(seconds=config.period if isinstance(config.period, int) else 300),
            )

    def _is_due(self, change: Change, definition: CheckDefinition, rules: MuteRules, now: datetime) -> bool:
        every, kind = definition.alarms.reminds_every, change.kind
        if every is None or (kind is not CERTIFICATE and now - change.at < every):
            return False
        muted = muted_between(definition.alarms.mute, change.at, now + HOUR)
        left = self._left(change, now) if kind is CERTIFICATE else None

        def due(windows: Sequence[Stretch]) -> bool:
            if kind is CERTIFICATE:
                return left is not None and certificate_is_due(left, change.at, windows, now)
            return is_due(change.at, every, windows, now)

        by_hand = self._by_hand(rules, change, now)
        return due(merged(chain(muted, by_hand)))

    @staticmethod
    def _by_hand(rules: MuteRules, change: Change, now: datetime) -> list[Stretch]:
        try:
            return rules.of(change.alarm, change.at, now + HOUR)
        except Exception:  # noqa: BLE001 - a reminder too many is better than none
            _LOG.exception("the mute rules could not be read")
            return []

    def _left(self, change: Change, now: datetime) -> timedelta | None:
        """How long the certificate is valid at `now`; None where nobody knows."""
        try:
            found = newest_value(
                self._cloudwatch, f"ImapCheck/{self._stack}", change.check, "CertificateDaysRemaining", now, _NEWEST
            )
        except Exception:  # noqa: BLE001 - other reminders go on
            _LOG.exception("the days that a certificate has left could not be read")
            return None
        return None if found is None else timedelta(days=found[1]) - (now - found[0])

    def _reminder(self, change: Change, definition: CheckDefinition, now: datetime) -> Reminder:
        asked = replace(plain(definition, f"events/{change.check}.json"), time_zone=self._time_zone)
        at_now = replace(change, at=now)
        try:
            log = RunLog(self._logs, self._group, lambda: self._outside, lambda _: interval_of(definition))
            [evidence] = log.gather([at_now], _EVIDENCE_SECONDS, fresh=False)
        except Exception:  # noqa: BLE001 - the reminder is sent without
            _LOG.exception("the log could not be read")
            evidence = Evidence(problem="the log could not be read")
        try:
            known = evidence.runs or change.kind is NOT_RUNNING
            plot = change.kind.start(at_now, asked, evidence) if known else bare(at_now, asked, evidence)
        except Exception:  # noqa: BLE001 - the reminder is sent whatever happens
            _LOG.exception("what is still wrong is not known")
            plot = bare(at_now, asked, UNTOLD)
        return Reminder(change, plot, asked, change.at, now, self._failed(change, now))

    def _failed(self, change: Change, now: datetime) -> int | None:
        if change.kind is not UNAVAILABLE:
            return None
        try:
            return failed_runs(self._cloudwatch, f"ImapCheck/{self._stack}", change.check, change.at, now)
        except Exception:  # noqa: BLE001 - the reminder is sent without
            _LOG.exception("how many runs failed could not be read")
            return None
