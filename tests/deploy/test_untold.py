"""What people are told when the function that explains alarms is broken: the explanation never replaces the alarm.

On a deployed stack one thing is broken after the other, through AWS's own APIs. The queue's visibility timeout is a few
seconds instead of minutes, so that its second and third delivery come soon. The emulator publishes no metrics of
queues: how many messages are dead letters the test tells CloudWatch, and whether that rings the project's simulator
decides (`deploy.bridges`).
"""

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.bridges import Bridges
from deploy.conftest import definition
from deploy.project import Project
from deploy.stack import Stack
from deploy.subscriber import Subscriber, Told
from support.artifact import ROOT
from support.dovecot import Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]

BROKEN_EVIDENCE = """

def _broken(*_: object) -> None:
    raise RuntimeError("on purpose")


explainer._log.gather = _broken
"""


@pytest.fixture(scope="module")
def stack(project: Project, secrets: None, dovecot: Dovecot) -> Stack:
    """Deployed, with one run in the log whose login was refused."""
    project.write("stale", **definition(dovecot, secret="imapcheck/stale", alarms={"unavailable": "1 of 1"}))
    project.deploy()
    deployed = Stack(project.emulator)
    assert deployed.run("stale")["failure"]["type"] == "authentication_failed"
    queue = deployed.physical("AlarmEvents")
    project.emulator.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})
    return deployed


@pytest.fixture
def people(stack: Stack) -> Iterator[Subscriber]:
    with Subscriber(stack.emulator, stack.physical("AlarmTopic")) as subscriber:
        yield subscriber


def ring(stack: Stack) -> None:
    """Let the alarm ring anew; what it does between two alarms tells nobody anything."""
    stack.ring("stale", "INSUFFICIENT_DATA")
    stack.ring("stale", "ALARM")


@contextlib.contextmanager
def without(stack: Stack, statement: str) -> Iterator[None]:
    """Take a statement away from the function's role."""
    iam, role = stack.emulator.client("iam"), stack.physical("ExplainAlarmRole")
    named = {"RoleName": role, "PolicyName": "explain-alarm"}
    document = iam.get_role_policy(**named)["PolicyDocument"]
    left = [item for item in document["Statement"] if item["Sid"] != statement]
    assert len(left) == len(document["Statement"]) - 1
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document | {"Statement": left}))
    yield
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document))


def until(found: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + 90
    while not found():
        assert time.monotonic() < give_up, what
        time.sleep(0.2)


def tells_the_bare_alarm(told: Told, stack: Stack, problem: str) -> None:
    """To the same subscribers as ever, with what the alarm itself says, and why that is all."""
    assert told.attributes == {"check": "stale", "kind": "unavailable", "state": "ALARM"}
    assert told.story["step"] is None
    mail = stack.emulator.mails()[-1]
    print(f"\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}")
    assert mail.text.startswith("DOWN  stale")
    assert problem in " ".join(mail.text.split())
    assert "imapcheck-stale-unavailable" in mail.text


def test_log_that_may_not_be_read(stack: Stack, people: Subscriber) -> None:
    """The alarm is told without what the log would say."""
    with without(stack, "ReadRuns"):
        ring(stack)
        tells_the_bare_alarm(people.next(), stack, "the log could not be read (AccessDeniedException)")


def test_first_publish_fails(stack: Stack, people: Subscriber) -> None:
    """The queue delivers the alarm again, and the story is told whole."""
    with without(stack, "TellPeople"):
        ring(stack)
        until(lambda: any("could not be published" in line for line in stack.log_lines("ExplainAlarm")), "a failure")
        assert people.listen() == []
    told = people.next()
    assert (told.story["step"], told.story["type"]) == ("authenticate", "authentication_failed")
    assert _length(stack, "UntoldAlarms") == 0


def test_bug_in_the_evidence(stack: Stack, people: Subscriber) -> None:
    """Whatever is raised where the log is read."""
    source = (ROOT / "functions/explain_alarm/handler.py").read_text(encoding="utf-8")
    with _code(stack, source + BROKEN_EVIDENCE):
        ring(stack)
        tells_the_bare_alarm(people.next(), stack, "the log could not be read (RuntimeError)")


def test_function_that_does_not_start(stack: Stack, people: Subscriber) -> None:
    """After three attempts the event is a dead letter, and the alarm on those tells people without the function."""
    [alarm] = [alarm for alarm in stack.alarms() if alarm["AlarmName"] == "imapcheck-untold-alarms"]
    with _code(stack, "import this_is_not_there\n"):
        ring(stack)
        until(lambda: _length(stack, "UntoldAlarms"), "a dead letter")
    assert people.listen() == []
    bridges = Bridges(stack)
    bridges.publish_queue_length("UntoldAlarms")
    bridges.evaluate(alarm)
    assert bridges.told, alarm
    told = people.next()
    assert (told.story["AlarmName"], told.story["NewStateValue"]) == ("imapcheck-untold-alarms", "ALARM")
    assert 'docs/operations.md, "untold-alarms"' in told.story["AlarmDescription"]
    mail = stack.emulator.mails()[-1]
    print(f"\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}")
    assert (mail.to, mail.subject) == ("you@example.com", told.subject)


def _length(stack: Stack, queue: str) -> int:
    sqs, name = stack.emulator.client("sqs"), "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=stack.physical(queue), AttributeNames=[name])
    return int(found["Attributes"][name])


@contextlib.contextmanager
def _code(stack: Stack, source: str) -> Iterator[None]:
    """Let the function have other code."""
    _upload(stack, source)
    yield
    _upload(stack, (ROOT / "functions/explain_alarm/handler.py").read_text(encoding="utf-8"))


def _upload(stack: Stack, source: str) -> Any:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("handler.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source)
    client, name = stack.emulator.client("lambda"), stack.physical("ExplainAlarmFunction")
    return client.update_function_code(FunctionName=name, ZipFile=package.getvalue())
