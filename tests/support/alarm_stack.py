"""What `explain_alarm` finds around it: a log group, a topic, definitions and alarms, on moto's server."""

import importlib.util
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from support.alarm_events import as_body, queue_event

HANDLER = Path(__file__).parents[2] / "functions/explain_alarm/handler.py"
REGION, ACCOUNT = "eu-central-1", "123456789012"


@dataclass
class Sent:
    """One message that reached the topic."""

    forms: dict[str, str]
    subject: str
    attributes: dict[str, Any]

    @property
    def text(self) -> str:
        return self.forms["email"]

    def values(self, name: str) -> list[str]:
        """An attribute's value or values; none where the message has no such attribute."""
        found = self.attributes.get(name, {"Type": "String.Array", "Value": "[]"})
        return list(json.loads(found["Value"])) if found["Type"] == "String.Array" else [found["Value"]]


@dataclass
class Stack:
    """What the function finds around it; `handler` is a cold start of it."""

    folder: Path
    logs: Any
    group: str
    topic: str
    contact_topic: str
    cloudwatch: Any
    handler: ModuleType = field(init=False)

    def cold_start(self) -> None:
        spec = importlib.util.spec_from_file_location("explain_alarm_handler", HANDLER)
        assert spec is not None
        assert spec.loader is not None
        self.handler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.handler)

    def define(self, check: str, **fields: Any) -> None:
        definition = {
            "server": f"imaps://{check}.example:993/",
            "secret": f"imapcheck/{check}",
            "schedule": {"every": "5m"},
        }
        (self.folder / f"{check}.json").write_text(json.dumps(definition | fields), encoding="utf-8")

    def log(self, lines: Sequence[dict[str, Any] | tuple[datetime, str]], *, stream: str = "2026/11/24/[1]abc") -> None:
        """Put lines into the log group; a run's line is stamped with its end, as Lambda does."""
        with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_stream(logGroupName=self.group, logStreamName=stream)
        events = [(item[0], item[1]) if isinstance(item, tuple) else (_ended(item), json.dumps(item)) for item in lines]
        stamped = [{"timestamp": int(at.timestamp() * 1000), "message": text} for at, text in sorted(events)]
        self.logs.put_log_events(logGroupName=self.group, logStreamName=stream, logEvents=stamped)

    def alarm(self, check: str, state: str, *, metric: str = "Availability", stack: str = "teststack") -> None:
        """An alarm of that check as CloudWatch has it now."""
        kind = {"Availability": "unavailable", "CertificateDaysRemaining": "certificate"}[metric]
        name = f"{stack}-{check}-{kind}"
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, MetricName=metric, Namespace=f"ImapCheck/{stack}", Statistic="Minimum", Period=300,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="LessThanThreshold",
            Dimensions=[{"Name": "Check", "Value": check}],
        )  # fmt: skip
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    def deliver(self, *messages: dict[str, Any] | str) -> list[str]:
        """Hand a batch to the function; returns the ids that the queue must deliver again."""
        event = queue_event([item if isinstance(item, str) else as_body(item) for item in messages])
        context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 60_000)
        reply = self.handler.handler(event, context)
        return [item["itemIdentifier"] for item in reply["batchItemFailures"]]

    @property
    def sent(self) -> list[Sent]:
        return self._sent(self.topic)

    @property
    def sent_to_contacts(self) -> list[Sent]:
        return self._sent(self.contact_topic)

    @property
    def plain(self) -> list[Sent]:
        """Messages that are text alone."""
        return self._sent(self.topic, plain=True)

    @property
    def plain_to_contacts(self) -> list[Sent]:
        return self._sent(self.contact_topic, plain=True)

    @staticmethod
    def _sent(topic: str, *, plain: bool = False) -> list[Sent]:
        found = sns_backends[ACCOUNT][REGION].topics[topic].sent_notifications
        return [
            Sent({"email": message} if plain else json.loads(message), subject or "", attributes or {})
            for _, message, subject, attributes, _ in found
        ]

    def refuse(self, client: str, operation: str, *, times: int = 1000, code: str = "AccessDeniedException") -> None:
        """Let an API refuse the next calls of an operation."""
        left = [times]

        def refusal(**_: object) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

        api = getattr(self.handler.explainer, client)
        api = next(getattr(api, name) for name in ("_logs", "_cloudwatch", "_sns") if hasattr(api, name))
        api.meta.events.register(f"before-call.*.{operation}", refusal)


def _ended(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["timestamp"])


@contextmanager
def alarm_stack(name: str, endpoint: str, folder: Path, environment: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack of that name, with the check `gmail`; a cold function."""
    for variable, value in (
        ("AWS_ENDPOINT_URL", endpoint), ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ):  # fmt: skip
        environment.setenv(variable, value)
    logs, sns = boto3.client("logs"), boto3.client("sns")
    logs.create_log_group(logGroupName=name)
    topic, contact_topic = (sns.create_topic(Name=each)["TopicArn"] for each in (name, f"{name}-contacts"))
    for variable, value in (
        ("DEFINITIONS", str(folder)), ("LOG_GROUP", name), ("ALARM_TOPIC", topic),
        ("CONTACT_TOPIC", contact_topic), ("TIME_ZONE", "UTC"), ("STACK", "teststack"),
        ("DASHBOARD_URL", "https://eu-central-1.console.example/cloudwatch/home?region=eu-central-1#dashboards:name=t"),
    ):  # fmt: skip
        environment.setenv(f"IMAPCHECK_{variable}", value)
    found = Stack(folder, logs, name, topic, contact_topic, boto3.client("cloudwatch"))
    found.define("gmail", alarms={"notify": ["Ops@Customer.example"], "runbook": "https://wiki.example/imap"})
    found.cold_start()
    yield found
    logs.delete_log_group(logGroupName=name)
    alarms = found.cloudwatch.describe_alarms()["MetricAlarms"]
    found.cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
