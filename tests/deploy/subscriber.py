"""A queue that hears what a topic says, as a program would."""

import json
import time
from dataclasses import dataclass
from typing import Any, Self

import pytest

from deploy.emulator import Emulator


@dataclass(frozen=True)
class Told:
    """One message: its subject, what subscriptions filter on, and the story for programs."""

    subject: str
    attributes: dict[str, str]
    story: dict[str, Any]


class Subscriber:
    """A context manager; afterwards neither queue nor subscription is there."""

    def __init__(self, emulator: Emulator, topic: str) -> None:
        self._emulator, self._topic = emulator, topic
        self._sqs, self._sns = emulator.client("sqs"), emulator.client("sns")
        self.heard: list[Told] = []

    def __enter__(self) -> Self:
        self._url = self._sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        queue = found["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        subscription = self._sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=queue)
        self._subscription = subscription["SubscriptionArn"]
        return self

    def __exit__(self, *_: object) -> None:
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._url)

    def listen(self, seconds: int = 0) -> list[Told]:
        """What has come since the last call; waits for something to come at most `seconds`."""
        found = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        messages = found.get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        new = [_read(json.loads(message["Body"])) for message in messages]
        self.heard += new
        return new

    def next(self, seconds: float = 40) -> Told:
        """The next message; a test fails where none comes in time."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if new := self.listen(1):
                [told] = new
                return told
        pytest.fail(f"nothing was told in {seconds:.0f} s:\n{self._emulator.log()}")


def _read(envelope: dict[str, Any]) -> Told:
    """SNS's envelope; an alarm of the stack's own has no attributes and is CloudWatch's own JSON."""
    attributes = {name: value["Value"] for name, value in envelope.get("MessageAttributes", {}).items()}
    return Told(envelope["Subject"], attributes, json.loads(envelope["Message"]))
