"""Mute rules of CloudWatch that no definition has made: somebody wants quiet, so no reminder is sent meanwhile.

`ListAlarmMuteRules` gives names alone; the window and the alarms of each are asked for one by one.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from imapcheck.definition.monitoring import MuteDefinition
from imapcheck.definition.mute_windows import Stretch, merged, muted_between

_LOG = logging.getLogger("imapcheck")
_MINUTES = {"D": 1440, "H": 60, "M": 1}


class MuteRules:
    """The rules of an account, read once; `skip` are the names of those that definitions have made."""

    def __init__(self, cloudwatch: Any, skip: frozenset[str]) -> None:
        self._cloudwatch = cloudwatch
        self._skip = skip
        self._read: list[tuple[frozenset[str], MuteDefinition, datetime | None, datetime | None]] | None = None

    def of(self, alarm: str, start: datetime, end: datetime) -> list[Stretch]:
        """When `alarm` is muted in [start, end). Raises what the API raises."""
        if self._read is None:
            self._read = list(self._rules())
        return merged(
            (max(first, starts or first), min(last, expires or last))
            for targets, window, starts, expires in self._read
            if alarm in targets
            for first, last in muted_between([window], start, end)
            if (starts is None or last > starts) and (expires is None or first < expires)
        )

    def _rules(self) -> Iterator[tuple[frozenset[str], MuteDefinition, datetime | None, datetime | None]]:
        for name in self._names():
            if name in self._skip:
                continue
            rule = self._cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName=name)
            window = _window(rule.get("Rule", {}).get("Schedule", {}))
            if window is None:
                _LOG.warning("the window of the mute rule %s cannot be read: reminders do not know of it", name)
                continue
            targets = frozenset(rule.get("MuteTargets", {}).get("AlarmNames", ()))
            yield targets, window, _utc(rule.get("StartDate")), _utc(rule.get("ExpireDate"))

    def _names(self) -> Iterator[str]:
        token: dict[str, str] = {}
        while True:
            page = self._cloudwatch.list_alarm_mute_rules(**token)
            for rule in page.get("AlarmMuteRuleSummaries", ()):
                yield str(rule["AlarmMuteRuleArn"]).rpartition("alarm-mute-rule:")[2]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}


def _window(schedule: Mapping[str, Any]) -> MuteDefinition | None:
    """As a definition would have it; None where CloudWatch takes what we do not."""
    expression = re.fullmatch(r"(cron|at)\((.+)\)", str(schedule.get("Expression")))
    minutes = sum(
        int(number) * _MINUTES[unit] for number, unit in re.findall(r"(\d+)([DHM])", str(schedule.get("Duration")))
    )
    if expression is None:
        return None
    try:
        return MuteDefinition.model_validate(
            {
                expression[1]: expression[2][:16] if expression[1] == "at" else expression[2],
                "duration": timedelta(minutes=minutes),
                "timezone": schedule.get("Timezone") or "UTC",
            }
        )
    except ValidationError:
        return None


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
