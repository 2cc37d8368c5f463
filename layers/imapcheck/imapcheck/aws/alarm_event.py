"""CloudWatch's alarm JSON, as an SNS topic carries it: which check, which kind of alarm, what has changed.

Check and kind are read from the alarm's metric, its dimension `Check` and its statistic, never from its name: a name is
for people. The shape is the one that CloudWatch sends to SNS (Amazon SNS developer guide; `Trigger` is the alarm's
configuration), which is not the one that it sends to Lambda or EventBridge.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from imapcheck.alarms.kind import Change
from imapcheck.alarms.kinds import kind_of
from imapcheck.aws.alarm_config import mapping, read_config

_BOUND = 10**12
_MOST_PERIODS, _LONGEST_SECONDS = 2000, 86_400
_YEARS = 2001, 2999  # what is reckoned from a time, hundreds of days on either side, is a time too


@dataclass(frozen=True)
class AlarmEvent:
    """A change of a check's alarm; `worth_telling` is false where it ends no alarm that anybody was told of."""

    change: Change
    worth_telling: bool


class NotOurs(Exception):
    """A message that is not a change of a check's alarm; `subject` is what may be said of it."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject


def read_alarm(body: str) -> AlarmEvent:
    """The change that a message tells of. Raises `NotOurs` for every other message."""
    message = _unwrapped(_object(body))
    trigger = mapping(message.get("Trigger"))
    name, state, previous = (message.get(key) for key in ("AlarmName", "NewStateValue", "OldStateValue"))
    if not isinstance(name, str) or state not in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        raise NotOurs("A message that is not an alarm")
    config, at = read_config(trigger), _moment(message.get("StateChangeTime"))
    kind = kind_of(config.signal)
    if config.check is None or kind is None or at is None:
        raise NotOurs(f"{state}: {name}")
    periods = _whole(trigger.get("EvaluationPeriods"), 1, _MOST_PERIODS)
    change = Change(
        alarm=name,
        check=config.check,
        kind=kind,
        state="ALARM" if state == "ALARM" else "OK",
        at=at,
        reason=str(message.get("NewStateReason") or ""),
        threshold=number(trigger.get("Threshold")),
        needed=_whole(trigger.get("DatapointsToAlarm"), periods, periods),
        periods=periods,
        period=timedelta(seconds=_whole(config.period, 300, _LONGEST_SECONDS)),
    )
    return AlarmEvent(change, state == "ALARM" or (state == "OK" and previous == "ALARM"))


def _object(body: str) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _unwrapped(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The alarm within SNS's envelope, where the queue's subscription is not set to raw delivery."""
    inner = message.get("Message")
    return _object(inner) if "AlarmName" not in message and isinstance(inner, str) else message


def _moment(value: object) -> datetime | None:
    """`2026-11-24T10:17:31.123+0000`."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    known = moment is not None and moment.tzinfo is not None and _YEARS[0] <= moment.year <= _YEARS[1]
    return moment if known else None


def _whole(value: object, otherwise: int, most: int) -> int:
    """A number as CloudWatch has it; any other leaves what is usual."""
    found = number(value)
    return int(found) if found is not None and 1 <= found <= most else otherwise


def number(value: object) -> float | None:
    """A number that can be reckoned with: JSON's may be infinite, none at all, or of a thousand digits."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and -_BOUND < value < _BOUND
    return float(value) if known and isinstance(value, int | float) else None
