"""An outage from end to end: the schedule fires, the server stops, the message arrives, and so does the recovery.

The emulator's: CloudFormation, the schedule's clock, Lambda with its layers and role, Secrets Manager, logs, metrics,
SNS, SQS, and what feeds a function from it (at once, whatever the batching window). Ours: awslambdaric's environment
(`deploy.launcher`), Dovecot. Bridged over public APIs (`deploy.bridges`): from the log's embedded metrics to
CloudWatch, and from datapoints to the alarm's state, which the project's own simulator decides and SetAlarmState
publishes.

Unproved: that CloudWatch evaluates as the simulator does, and how long it and its log ingestion take; the schedule's
role, retries and dead letters; the warm-up beyond the simulator; mute rules; e-mail; arm64 when this machine is none.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.bridges import Bridges
from deploy.conftest import definition
from deploy.emulator import Emulator
from deploy.project import Project
from deploy.stack import Stack
from support.certificates import Certificates
from support.dovecot import Dovecot, require_dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]


@dataclass
class Watch:
    """What happens, and when: seconds since the beginning, printed as they come."""

    stack: Stack
    bridges: Bridges
    queue: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def say(self, words: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {words}", flush=True)

    def subscribe(self, topic: str) -> None:
        """Let a queue of the test's own hear what the topic says."""
        sqs = self.stack.emulator.client("sqs")
        self.queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        self.stack.emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def until(self, what: str, found: Callable[[], object], seconds: float = 240) -> None:
        """Bridge and listen until `found`; it must come within `seconds`."""
        give_up = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < give_up, f"{what}: not within {seconds:.0f} s\n{self.bridges.told}"
            time.sleep(1)
            self.bridges.publish_embedded_metrics()
            self.bridges.evaluate_alarms()
            self._listen()
        self.say(what)

    def results(self) -> list[dict[str, Any]]:
        """The runs in the log, oldest first."""
        lines = [json.loads(line) for line in self.stack.log_lines() if line.startswith("{")]
        return [line["result"] for line in lines if line.get("message") == "check finished"]

    def bad_minutes(self) -> set[str]:
        """The minutes in which a run found the server unavailable."""
        return {run["started_at"][:16] for run in self.results() if not run["available"]}

    def state(self) -> str:
        """Of the alarm that says that the server is not available."""
        [state] = [alarm["StateValue"] for alarm in self.stack.alarms() if alarm["AlarmName"].endswith("-unavailable")]
        return str(state)

    def told(self, state: str) -> list[dict[str, Any]]:
        """The stories that arrived of a change to `state` of that alarm."""
        return [story for story in self.messages if (story["kind"], story["state"]) == ("unavailable", state)]

    def _listen(self) -> None:
        sqs = self.stack.emulator.client("sqs")
        for message in sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            self.messages.append(_read(json.loads(message["Body"])))
            self.say(f"   message: {self.messages[-1]['subject']}")


def _read(envelope: dict[str, Any]) -> dict[str, Any]:
    """The story as a queue gets it: what subscriptions filter on, and its subject."""
    attributes = {name: value["Value"] for name, value in envelope["MessageAttributes"].items()}
    return attributes | {"subject": envelope["Subject"], "story": json.loads(envelope["Message"])}


@pytest.fixture
def server(certificates: Certificates) -> Iterator[Dovecot]:
    """A Dovecot that can be stopped, and started again on the same ports."""
    require_dovecot()
    dovecot = Dovecot(certificates)
    with dovecot:
        yield dovecot


def test_outage_and_recovery_are_told(project: Project, emulator: Emulator, secrets: None, server: Dovecot) -> None:
    """After two bad runs and not after one; then OK."""
    stack = Stack(emulator)
    watch = Watch(stack, Bridges(stack))
    project.write("mail", **definition(server))
    project.deploy()
    watch.say("deployed")
    watch.subscribe(stack.physical("AlarmTopic"))

    watch.until("the schedule has fired and the check has run", watch.results, 120)
    assert watch.results()[0]["available"] is True, watch.results()[0]
    watch.until("Availability is 100", lambda: _availability(stack) == [100.0], 20)
    watch.until("the alarm is OK", lambda: watch.state() == "OK")
    assert watch.messages == []

    server.stop()
    watch.say("Dovecot is stopped")
    watch.until("a run found it unavailable", watch.bad_minutes, 120)
    watch.until("the alarm is told", lambda: watch.told("ALARM"))
    assert len(watch.bad_minutes()) == 2
    [story] = watch.told("ALARM")
    assert story["check"] == "mail"
    assert "connection_refused" in json.dumps(story["story"])
    assert 0.0 in _availability(stack)

    server.start()
    watch.say("Dovecot is started")
    watch.until(
        "the recovery is told", lambda: [message for message in watch.told("OK") if message["before"] == "ALARM"]
    )
    assert watch.results()[-1]["available"] is True
    assert len(watch.told("ALARM")) == 1

    project.run(".venv-sam/bin/sam delete --no-prompts --stack-name imapcheck")
    watch.say("deleted")


def _availability(stack: Stack) -> list[float]:
    """The values of the metric that the alarm watches, oldest first."""
    client = stack.emulator.client("cloudwatch")
    [alarm] = [alarm for alarm in stack.alarms() if alarm["AlarmName"].endswith("-unavailable")]
    found = client.get_metric_statistics(
        **{name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions", "Period")},
        Statistics=["Minimum"],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
    )
    return [point["Minimum"] for point in sorted(found["Datapoints"], key=lambda point: point["Timestamp"])]
