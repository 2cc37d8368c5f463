"""The deployed function of each hour: reminder and report reach everybody and, of two contacts, whom they concern."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.conftest import definition
from deploy.project import Project
from deploy.stack import Stack
from support.dovecot import Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]
MINE, OTHERS = "ops@mine.example", "ops@others.example"


@pytest.fixture(scope="module")
def stack(project: Project, secrets: None, dovecot: Dovecot) -> Stack:
    """Two checks with a contact each; the runs of the last month of one of them, and its alarm."""
    for name, contact in (("mail", MINE), ("archive", OTHERS)):
        alarms = {"notify": [contact], "remind": "1h"}
        project.write(name, **definition(dovecot, alarms=alarms, slo={"available": 99}, schedule={"every": "5m"}))
    project.deploy()
    return Stack(project.emulator)


def put_runs(stack: Stack, check: str, first: datetime, number: int, bad: range) -> None:
    """As if the check had run each hour."""
    cloudwatch = stack.emulator.client("cloudwatch")
    for at in range(number):
        value = 0.0 if at in bad else 100.0
        data = {"MetricName": "Availability", "Dimensions": [{"Name": "Check", "Value": check}], "Value": value}
        cloudwatch.put_metric_data(
            Namespace="ImapCheck/imapcheck", MetricData=[data | {"Timestamp": first + at * timedelta(hours=1)}]
        )


@contextmanager
def without(stack: Stack, action: str) -> Iterator[None]:
    """Take an action away from the function's role."""
    iam, role = stack.emulator.client("iam"), stack.physical("SendReportsRole")
    named = {"RoleName": role, "PolicyName": "send-reports"}
    document = iam.get_role_policy(**named)["PolicyDocument"]
    left = json.loads(json.dumps(document))
    [statement] = [item for item in left["Statement"] if action in item["Action"]]
    statement["Action"].remove(action)
    iam.put_role_policy(**named, PolicyDocument=json.dumps(left))
    yield
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document))


def mails(stack: Stack, since: int, word: str) -> dict[str, Any]:
    """By address, those that came after the first `since`."""
    return {mail.to: mail for mail in stack.emulator.mails()[since:] if mail.subject.startswith(word)}


def test_reminder_and_report_reach_everybody_and_the_contact_they_concern(stack: Stack) -> None:
    """By the event's clock; nothing of the other check reaches a contact."""
    before = len(stack.emulator.mails())
    stack.ring("mail", "ALARM")
    now = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    assert stack.invoke("SendReportsFunction", {"scheduled_time": now.isoformat()}) is None
    found = mails(stack, before, "STILL")
    assert set(found) == {"you@example.com", MINE}
    assert found[MINE].subject.startswith("STILL DOWN mail")

    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = (this - timedelta(days=1)).replace(day=1)
    put_runs(stack, "mail", month + timedelta(days=20), 48, range(10, 13))
    put_runs(stack, "archive", month + timedelta(days=20), 48, range(0))
    before = len(stack.emulator.mails())
    stack.ring("mail", "OK")
    assert stack.invoke("SendReportsFunction", {"scheduled_time": this.replace(hour=6).isoformat()}) is None
    found = mails(stack, before, "imapcheck,")
    assert set(found) == {"you@example.com", MINE, OTHERS}
    print(found[MINE].text)
    assert f"{month:%B %Y}" in found[MINE].text
    assert "mail: 93.75 % available, goal 99 %: missed" in found[MINE].text
    assert "archive" not in found[MINE].text
    assert "archive: 100 % available, goal 99 %: kept" in found[OTHERS].text
    assert "mail:" not in found[OTHERS].text
    assert MINE not in found[OTHERS].text


def test_refused_figures_are_said_and_nothing_is_invented(stack: Stack) -> None:
    """The report names what is missing, and the invocation fails, which `send-reports-errors` looks at."""
    this = datetime.now(UTC).replace(day=1, hour=6, minute=0, second=0, microsecond=0)
    before = len(stack.emulator.mails())
    with without(stack, "cloudwatch:GetMetricData"):
        answer = stack.invoke("SendReportsFunction", {"scheduled_time": this.isoformat()})
    assert answer["errorType"] == "SomeFailed"
    found = mails(stack, before, "imapcheck,")
    assert "There are no figures for mail: CloudWatch did not give them" in " ".join(found[MINE].text.split())
    assert "%" not in found[MINE].text
