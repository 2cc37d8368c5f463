# ruff: noqa: N803 - AWS's names
"""A year of CloudWatch and SNS in memory, by a clock that the test holds: what `send_reports` asks, and what it sends.

The answers have the APIs' shapes (botocore checks nothing here; `tests/aws` and `tests/deploy` ask real endpoints).
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

FIVE = timedelta(minutes=5)


@dataclass
class Cloud:
    """`runs` and `durations` by check: (when, value), in order.

    `alarms` are (name, check, metric, statistic, from, to).
    """

    namespace: str = "ImapCheck/mail"
    runs: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    durations: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    days_left: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    alarms: list[tuple[str, str, str, str, datetime, datetime]] = field(default_factory=list)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    now: datetime | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)

    def get_paginator(self, operation: str) -> "Cloud._Pages":
        return Cloud._Pages(self, operation)

    @dataclass
    class _Pages:
        cloud: "Cloud"
        operation: str

        def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
            self.cloud.may(self.operation)
            if self.operation == "get_metric_data":
                yield self.cloud.metric_data(**asked)
            elif self.operation == "describe_alarms":
                yield self.cloud.described()
            else:
                yield {"events": []}

    def may(self, operation: str) -> None:
        if operation in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    def metric_data(
        self, MetricDataQueries: list[dict[str, Any]], StartTime: datetime, EndTime: datetime, **_: Any
    ) -> dict[str, Any]:
        return {"MetricDataResults": [self._values(query, StartTime, EndTime) for query in MetricDataQueries]}

    def _values(self, query: dict[str, Any], start: datetime, end: datetime) -> dict[str, Any]:
        metric, seconds = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
        assert metric["Namespace"] == self.namespace
        source = {
            "Availability": self.runs,
            "Duration": self.durations,
            "CertificateDaysRemaining": self.days_left,
        }[metric["MetricName"]]
        values = source.get(metric["Dimensions"][0]["Value"], [])
        first = bisect_left(values, (start, -1.0))
        last = bisect_left(values, (min(end, self.now or end), -1.0))
        found: dict[datetime, list[float]] = {}
        for at, value in values[first:last]:
            period = at - (at - datetime(2000, 1, 1, tzinfo=at.tzinfo)) % timedelta(seconds=seconds)
            found.setdefault(period, []).append(value)
        statistics: dict[str, Callable[[list[float]], float]] = {"SampleCount": len, "Sum": sum, "Minimum": min}
        reckon = statistics[query["MetricStat"]["Stat"]]
        return {
            "Id": query["Id"],
            "StatusCode": "Complete",
            "Timestamps": list(found),
            "Values": [float(reckon(values)) for values in found.values()],
        }

    def described(self) -> dict[str, Any]:
        assert self.now is not None
        return {
            "MetricAlarms": [
                {
                    "AlarmName": name, "Namespace": self.namespace, "MetricName": metric, "Statistic": statistic,
                    "Period": 300, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 1.0,
                    "Dimensions": [{"Name": "Check", "Value": check}], "StateValue": "ALARM", "StateReason": "test",
                    "StateTransitionedTimestamp": began, "StateUpdatedTimestamp": self.now,
                }
                for name, check, metric, statistic, began, ended in self.alarms
                if began <= self.now < ended
            ]
        }  # fmt: skip

    def list_alarm_mute_rules(self, **_: Any) -> dict[str, Any]:
        self.may("list_alarm_mute_rules")
        arn = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm-mute-rule:"
        return {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": arn + name} for name in self.rules]}

    def get_alarm_mute_rule(self, AlarmMuteRuleName: str) -> dict[str, Any]:
        return self.rules[AlarmMuteRuleName]

    def publish(self, **message: Any) -> None:
        self.may("publish")
        self.sent.append(message | {"at": self.now})


def contacts(message: dict[str, Any]) -> list[str]:
    """To whom a message goes; nobody is everybody on the topic of everything."""
    found = message["MessageAttributes"].get("contacts")
    return [] if found is None else list(json.loads(found["StringValue"]))


def text(message: dict[str, Any]) -> str:
    """What mail shows."""
    return str(json.loads(message["Message"])["email"])
