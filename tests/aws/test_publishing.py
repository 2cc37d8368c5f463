"""Stories on their way to SNS: a topic takes each once, in the time there is, and none is lost to what SNS refuses."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.config import Config
from botocore.exceptions import ClientError

from imapcheck.alarms.kinds import SLOW, UNAVAILABLE
from imapcheck.aws import evidence, publisher
from imapcheck.failures import FailureType
from support.alarm_events import alarm_message
from support.alarm_stack import Sent, Stack
from support.story_scenes import FAULTS, log_line

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
MISSING = FailureType.MAILBOX_NOT_FOUND
type Hook = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(publisher, "PUBLISH_SECONDS", 0.0)


@pytest.fixture
def before_publish(stack: Stack) -> Iterator[Callable[[Hook], None]]:
    """Something that happens at each call of SNS."""

    def register(hook: Hook) -> None:
        stack.handler.sns.meta.events.register(
            "before-call.sns.Publish", lambda params, **_: hook(params["body"]), unique_id="test"
        )

    yield register
    stack.handler.sns.meta.events.unregister("before-call.sns.Publish", unique_id="test")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Publish")


def all_come_again(stack: Stack, *messages: dict[str, Any]) -> None:
    """Not one message of the batch was published everywhere: the function fails, and the queue keeps them all."""
    with pytest.raises(BatchProcessingError):
        stack.deliver(*messages)


def checks_of(sent: list[Sent]) -> list[list[str]]:
    return [sorted(item.values("check")) for item in sent]


def test_topic_that_took_a_joint_story_gets_it_once(stack: Stack, before_publish: Callable[[Hook], None]) -> None:
    """However often the queue delivers it, and with whatever else: contacts get what they have not had, and no more."""
    names = [f"c{number}" for number in range(5)]
    for name in names:
        stack.define(name, alarms={"notify": ["ops@customer.example"]})
    down = [True]

    def contacts_are_down(body: dict[str, Any]) -> None:
        if body["TopicArn"] == stack.contact_topic and down[0]:
            raise refusal("InternalError")

    before_publish(contacts_are_down)
    messages = [alarm_message(UNAVAILABLE, NOW, check=name) for name in names]
    for _ in range(4):
        all_come_again(stack, *messages)
    assert checks_of(stack.sent) == [names]
    assert stack.sent_to_contacts == []
    later = [alarm_message(SLOW, NOW, check=name) for name in names[:2]]
    all_come_again(stack, *messages[:3], *later)
    assert checks_of(stack.sent) == [names, names[:2]]
    down[0] = False
    assert stack.deliver(*messages, *later) == []
    assert checks_of(stack.sent) == [names, names[:2]]
    assert sorted(check for item in stack.sent_to_contacts for check in item.values("check")) == names
    assert [kind for item in stack.sent_to_contacts for kind in item.values("kind")].count("slow") == 1


def test_tries_of_a_publish_fit_the_time_that_is_kept(stack: Stack) -> None:
    """Lambda would end the function in the middle of them, and a new one remembers nothing of what was sent."""
    config: Config = stack.handler.sns.meta.config
    attempts = config.retries["total_max_attempts"]
    backoff = sum(2**number for number in range(attempts - 1))  # botocore, standard mode: at most 1 s, 2 s, 4 s ..
    longest = attempts * (config.connect_timeout + config.read_timeout) + backoff
    assert attempts > 1
    assert longest + 1 <= stack.handler.RESERVED_SECONDS
    assert stack.handler.RESERVED_SECONDS + 8 + 20 < 60  # Lambda's time: evidence, and room for a few stories


def test_second_topic_is_not_begun_where_the_first_took_the_time(
    stack: Stack, before_publish: Callable[[Hook], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told at the next delivery, and it alone."""
    late = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late[0], sleep=lambda seconds: None)
    monkeypatch.setattr(publisher, "time", clock)
    before_publish(lambda body: late.__setitem__(0, late[0] + 100.0))
    all_come_again(stack, alarm_message(UNAVAILABLE, NOW))
    assert (len(stack.sent), len(stack.sent_to_contacts)) == (1, 0)
    late[0] = -1000.0
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    assert (len(stack.sent), len(stack.sent_to_contacts)) == (1, 1)


@pytest.mark.parametrize(
    "code", ["InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationError"]
)
@pytest.mark.parametrize("count", [1, 5])
def test_story_that_sns_refuses_as_it_is_goes_out_plain(
    stack: Stack, before_publish: Callable[[Hook], None], code: str, count: int
) -> None:
    """It would refuse it at each delivery, and nobody would know of the outage."""

    def only_plain(body: dict[str, Any]) -> None:
        if "MessageStructure" in body or "Subject" in body:
            raise refusal(code)

    before_publish(only_plain)
    stack.define("gmail", alarms={"notify": ["ops@customer.example"]})
    messages = [alarm_message(UNAVAILABLE, NOW + timedelta(seconds=number)) for number in range(count)]
    assert stack.deliver(*messages) == []
    [plain] = stack.plain
    assert "DOWN" in plain.text
    assert "gmail" in plain.text
    assert plain.text.isascii()
    assert plain.values("contacts") == ["ops@customer.example"]
    assert [item.text for item in stack.plain_to_contacts] == [plain.text]
    assert stack.deliver(*messages) == []
    assert len(stack.plain) == 1


def test_refusal_of_another_kind_keeps_the_story_in_the_queue(
    stack: Stack, before_publish: Callable[[Hook], None]
) -> None:
    """A throttled or forbidden call says nothing of the story: it comes again, whole."""
    for code in ("Throttling", "AuthorizationError", "InternalError"):
        error = refusal(code)

        def refuse(_: dict[str, Any], error: ClientError = error) -> None:
            raise error

        before_publish(refuse)
        all_come_again(stack, alarm_message(UNAVAILABLE, NOW))
        stack.handler.sns.meta.events.unregister("before-call.sns.Publish", unique_id="test")
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    assert len(stack.sent) == 1


@pytest.mark.parametrize("mailbox", ["Old\tMail", "\tInbox", "Büro\t\t2026"])
def test_subject_has_no_control_character(stack: Stack, mailbox: str) -> None:
    """SNS refuses one, and a name of a mailbox may hold a tab."""
    stack.define("gmail", search={"subject": "x", "mailbox": mailbox})
    at = [NOW - timedelta(minutes=minutes, seconds=30) for minutes in (0, 5, 10)]
    bad = [log_line(when, type=MISSING, fault=FAULTS[MISSING], check="gmail") for when in at[:2]]
    stack.log([*bad, log_line(at[2], check="gmail")])
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    [sent] = stack.sent
    assert sent.subject.startswith("MAILBOX MISSING gmail: the account sees no mailbox ")
    for text in (
        sent.subject,
        sent.forms["sms"],
        *sent.text.splitlines(),
        json.loads(sent.forms["https"])["content"]["title"],
    ):
        assert text.isprintable()


def test_oldest_of_what_was_published_is_forgotten_first(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment may live for weeks: it remembers so many changes and no more."""
    monkeypatch.setattr(publisher, "_REMEMBERED", 4)  # two changes, each in two topics
    messages = [alarm_message(UNAVAILABLE, NOW - timedelta(minutes=minutes)) for minutes in (2, 1, 0)]
    for message in messages:
        assert stack.deliver(message) == []
    assert len(stack.sent) == 3
    assert stack.deliver(*messages[1:]) == []
    assert len(stack.sent) == 3
    assert stack.deliver(messages[0]) == []
    assert len(stack.sent) == 4
