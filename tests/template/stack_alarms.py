"""The generated stack's alarms for the simulator: this is the one place that knows where they come from."""

import functools
from collections.abc import Sequence
from typing import Any, get_args

from imapcheck.definition import monitoring
from imapcheck.definition.files import parse_definition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.stack.checks import checks_template
from support.templates import load_template
from template.alarm_simulator import AlarmRule

EVERY: dict[str, int] = {every: ScheduleDefinition(every=every).seconds for every in get_args(monitoring.Every)}
"""Every interval that a schedule may have, in seconds."""

USUAL = ("1m", "5m", "4h", "24h")
"""The shortest, the first with a flexible minute, one that does not divide six hours, the longest."""


TOTAL = 5000.0
"""Milliseconds: the threshold of `total`."""


@functools.cache
def check_alarms(
    every: str, *, by_duration: bool = False, places: Sequence[str] = (), **alarms: Any
) -> dict[str, AlarmRule]:
    """The alarms of a check with a verified certificate and thresholds, by kind; `places` as a tuple.

    `by_duration`: `total` is the only threshold, and the alarm `slow` reads the duration itself.
    """
    thresholds = {"total": TOTAL} | ({} if by_duration else {"tls": 900})
    check = _check("mail", every, thresholds=thresholds, alarms=alarms)
    check["schedule"] |= {"places": list(places)}
    rules = _rules([check])
    own = "${StackName}-mail-"
    return {rule.name.removeprefix(own): rule for rule in rules if rule.name.startswith(own)}


def monitor_errors(everys: Sequence[str]) -> AlarmRule:
    """The stack's alarm on runs that raised, for checks at these intervals."""
    rules = _rules([_check(f"mail-{number}", every) for number, every in enumerate(everys)])
    [found] = [rule for rule in rules if rule.metric == "MonitorErrors"]
    return found


def _check(name: str, every: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "server": "imaps://mail.example/", "secret": "x", "schedule": {"every": every}, **fields}


def _rules(checks: Sequence[dict[str, Any]]) -> list[AlarmRule]:
    definitions = [parse_definition(check, source="test") for check in checks]
    resources = load_template(checks_template(definitions).text)["Resources"].values()
    return [AlarmRule.of(resource) for resource in resources if resource["Type"] == "AWS::CloudWatch::Alarm"]
