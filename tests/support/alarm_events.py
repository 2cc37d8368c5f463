"""An alarm's change as CloudWatch writes it to an SNS topic, and a batch of them as SQS hands it to a function."""

import json
from datetime import datetime
from typing import Any

from imapcheck.output.story_facts import Kind

_METRICS: dict[Kind, dict[str, Any]] = {
    Kind.UNAVAILABLE: {"MetricName": "Availability", "Statistic": "MINIMUM", "Threshold": 100.0, "M": 2, "N": 3},
    Kind.NOT_RUNNING: {"MetricName": "Availability", "Statistic": "SampleCount", "Threshold": 1.0, "M": 3, "N": 3},
    Kind.SLOW: {"MetricName": "Slow", "Statistic": "MAXIMUM", "Threshold": 1.0, "M": 3, "N": 3},
    Kind.CERTIFICATE: {
        "MetricName": "CertificateDaysRemaining", "Statistic": "MINIMUM", "Threshold": 14.0, "M": 1, "N": 1,
    },
}  # fmt: skip


def alarm_message(
    kind: Kind, at: datetime, *, state: str = "ALARM", previous: str | None = None, check: str = "gmail", **more: Any
) -> dict[str, Any]:
    """The message's JSON (Amazon SNS developer guide); its name says nothing of the check, as names need not."""
    numbers = _METRICS[kind]
    return {
        "AlarmName": f"teststack-{check}-{kind.value}",
        "AlarmDescription": "for people",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-11-01T00:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": f"Threshold Crossed: {numbers['M']} out of the last {numbers['N']} datapoints were bad.",
        "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+0000",
        "Region": "EU (Frankfurt)",
        "AlarmArn": f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:teststack-{check}-{kind.value}",
        "OldStateValue": previous or ("OK" if state == "ALARM" else "ALARM"),
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": numbers["MetricName"],
            "Namespace": "ImapCheck/teststack",
            "StatisticType": "Statistic",
            "Statistic": numbers["Statistic"],
            "Unit": None,
            "Dimensions": [{"value": check, "name": "Check"}],
            "Period": 300,
            "EvaluationPeriods": numbers["N"],
            "DatapointsToAlarm": numbers["M"],
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": numbers["Threshold"],
            "TreatMissingData": "ignore",
            "EvaluateLowSampleCountPercentile": "",
        },
        **more,
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
