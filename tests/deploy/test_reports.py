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
    """As if the check had run each minute."""
    cloudwatch = stack.emulator.client("cloudwatch")
    for at in range(number):
        value = 0.0 if at in bad else 100.0
        data = {"MetricName": "Availability", "Dimensions": [{"Name": "Check", "Value": check}], "Value": value}
        cloudwatch.put_metric_data(
            Namespace="ImapCheck/imapcheck", MetricData=[data | {"Timestamp": first + at * timedelta(minutes=1)}]
        )


def yesterday() -> tuple[datetime, datetime]:
    """Its noon, and when the report of its month is due: CloudWatch takes no metrics that are older than two weeks."""
    noon = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    return noon, (noon.replace(day=1) + timedelta(days=32)).replace(day=1, hour=6)


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

    noon, report_at = yesterday()
    put_runs(stack, "mail", noon, 50, range(10, 15))
    put_runs(stack, "archive", noon, 50, range(0))
    before = len(stack.emulator.mails())
    stack.ring("mail", "OK")
    assert stack.invoke("SendReportsFunction", {"scheduled_time": report_at.isoformat()}) is None
    found = mails(stack, before, "imapcheck,")
    assert set(found) == {"you@example.com", MINE, OTHERS}
    print(found[MINE].text)
    assert f"{noon:%B %Y}" in found[MINE].text
    assert "mail: 90 % available, goal 99 %: missed" in found[MINE].text
    assert "archive" not in found[MINE].text
    assert "archive: 100 % available, goal 99 %: kept" in found[OTHERS].text
    assert "mail:" not in found[OTHERS].text
    assert MINE not in found[OTHERS].text


def test_refused_figures_are_said_and_nothing_is_invented(stack: Stack) -> None:
    """The report names what is missing, and the invocation fails, which `send-reports-errors` looks at."""
    _, report_at = yesterday()
    before = len(stack.emulator.mails())
    with without(stack, "cloudwatch:GetMetricData"):
        answer = stack.invoke("SendReportsFunction", {"scheduled_time": report_at.isoformat()})
    assert "errorMessage" in answer
    found = mails(stack, before, "imapcheck,")
    assert "There are no figures for mail: CloudWatch did not give them" in " ".join(found[MINE].text.split())
    assert "%" not in found[MINE].text
