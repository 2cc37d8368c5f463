"""The states of this stack's alarms as CloudWatch has them now; whatever cannot be had is told without."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from imapcheck.alarms.kind import AlarmState, Change
from imapcheck.alarms.kinds import kind_of
from imapcheck.aws.alarm_config import read_config

_LOG = logging.getLogger("imapcheck")
_MOST_NAMES = 100
"""`DescribeAlarms` takes no more."""


class Alarms:
    """The metric alarms of one stack: those on its own namespace, as its names may begin like another stack's."""

    def __init__(self, cloudwatch: Any, stack: str) -> None:
        self._cloudwatch = cloudwatch
        self._stack = stack

    def ringing(self) -> frozenset[str] | None:
        """The checks that have an alarm which rings now; None where that cannot be had."""
        try:
            return frozenset(check for alarm in self.in_alarm() if (check := _check(alarm)) is not None)
        except Exception:  # noqa: BLE001 - the alarm is told without
            _LOG.exception("the states of the other alarms could not be read")
            return None

    def in_alarm(self) -> Iterator[dict[str, Any]]:
        """The stack's alarms that are in alarm now, as `DescribeAlarms` has them; raises what it raises."""
        return self._described(AlarmNamePrefix=f"{self._stack}-", StateValue="ALARM")

    def states(self, changes: Sequence[Change]) -> dict[tuple[object, ...], AlarmState]:
        """The present states of those alarms that have changed again since, by (alarm, state, at) of each change."""
        names = sorted({change.alarm for change in changes})
        slices = [names[at : at + _MOST_NAMES] for at in range(0, len(names), _MOST_NAMES)]
        try:
            found = {alarm["AlarmName"]: alarm for some in slices for alarm in self._described(AlarmNames=some)}
            now = [(change, _since(change, found.get(change.alarm))) for change in changes]
        except Exception:  # noqa: BLE001 - the alarm is told without
            _LOG.exception("the present states of the alarms could not be read")
            return {}
        return {(change.alarm, change.state, change.at): state for change, state in now if state is not None}

    def _described(self, **query: Any) -> Iterator[dict[str, Any]]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"], **query)
        namespace = f"ImapCheck/{self._stack}"
        alarms = (alarm for page in pages for alarm in page["MetricAlarms"])
        return (alarm for alarm in alarms if read_config(alarm).namespace == namespace)


def _since(change: Change, alarm: dict[str, Any] | None) -> AlarmState | None:
    """The alarm's state, where it is another one and a later one: a listing may be older than the change."""
    if alarm is None or alarm["StateUpdatedTimestamp"] <= change.at:
        return None
    state: str = alarm["StateValue"]
    if state == change.state:
        return None
    return "ALARM" if state == "ALARM" else "OK" if state == "OK" else None


def _check(alarm: dict[str, Any]) -> str | None:
    """The check that an alarm is about, where something is wrong with it already."""
    config = read_config(alarm)
    kind = kind_of(config.signal)
    return config.check if kind is None or kind.urgent else None
