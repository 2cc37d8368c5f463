"""An alarm's change as CloudWatch writes it to an SNS topic, and a batch of them as SQS hands it to a function."""

import json
from datetime import datetime
from typing import Any

from imapcheck.alarms.alarm import Alarm
from imapcheck.alarms.kind import AlarmKind
from imapcheck.definition.model import CheckDefinition

OFFICE = CheckDefinition.model_validate(
    {"name": "office", "server": "imaps://imap.example.com:993/", "schedule": {"every": "5m", "places": ["us-east-2"]},
     "thresholds": {"total": 5000}, "search": "x", "quota": {}}
)  # fmt: skip
"""A check that has an alarm of every kind, with the usual numbers."""


def alarm_of(kind: AlarmKind) -> Alarm:
    """The alarm of that kind of `OFFICE`."""
    assert OFFICE.schedule is not None
    alarm = kind.alarm(OFFICE, OFFICE.schedule)
    assert alarm is not None
    return alarm


def alarm_message(
    kind: AlarmKind,
    at: datetime,
    *,
    state: str = "ALARM",
    previous: str | None = None,
    check: str = "gmail",
    **more: Any,
) -> dict[str, Any]:
    """The message's JSON (Amazon SNS developer guide); its name says nothing of the check, as names need not."""
    alarm = alarm_of(kind)
    return {
        "AlarmName": f"teststack-{check}-{kind}",
        "AlarmDescription": "for people",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-11-01T00:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": f"Threshold Crossed: {alarm.runs} datapoints were bad.",
        "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+0000",
        "Region": "EU (Frankfurt)",
        "AlarmArn": f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:teststack-{check}-{kind}",
        "OldStateValue": previous or ("OK" if state == "ALARM" else "ALARM"),
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            **_signal(alarm, check),
            "EvaluationPeriods": alarm.runs.periods,
            "DatapointsToAlarm": alarm.runs.datapoints,
            "ComparisonOperator": alarm.operator,
            "Threshold": float(alarm.threshold),
            "TreatMissingData": alarm.missing,
            "EvaluateLowSampleCountPercentile": "",
        },
        **more,
    }


def _signal(alarm: Alarm, check: str) -> dict[str, Any]:
    """The metric at the top, or, of metric math, among the queries."""
    dimensions = [{"value": check, "name": "Check"}]
    metric = {"MetricName": alarm.signal.metric, "Namespace": "ImapCheck/teststack", "Dimensions": dimensions}
    if alarm.signal.expression is None:
        statistic = {"StatisticType": "Statistic", "Statistic": alarm.signal.statistic.upper(), "Unit": None}
        return metric | statistic | {"Period": alarm.period}
    stat = {"Metric": metric, "Period": alarm.period, "Stat": alarm.signal.statistic}
    return {
        "Metrics": [
            {"Expression": alarm.signal.expression, "Id": "e", "ReturnData": True},
            {"Id": "m", "MetricStat": stat, "ReturnData": False},
        ]
    }


def queue_event(bodies: list[str]) -> dict[str, Any]:
    """The batch; message ids are `m0`, `m1` and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}", "receiptHandle": f"r{number}", "body": body, "attributes": {},
                "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:AlarmEvents",
            }
            for number, body in enumerate(bodies)
        ]
    }  # fmt: skip


def as_body(message: dict[str, Any]) -> str:
    """As raw delivery puts it into the queue."""
    return json.dumps(message)
