"""`imapcheck report` and `mute` against AWS's APIs on moto's server; the function reads and sends by real clients."""

import importlib.util
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from imapcheck.aws import stack_access
from imapcheck.cli.app import app
from support.alarm_stack import Stack

HANDLER = Path(__file__).parents[2] / "functions/send_reports/handler.py"


def put(check: str, first: datetime, values: list[float], metric: str = "Availability") -> None:
    cloudwatch = boto3.client("cloudwatch")
    data = [
        {
            "MetricName": metric, "Dimensions": [{"Name": "Check", "Value": check}], "Value": value,
            "Timestamp": first + number * timedelta(minutes=5),
        }
        for number, value in enumerate(values)
    ]  # fmt: skip
    cloudwatch.put_metric_data(Namespace="ImapCheck/teststack", MetricData=data)


def this_month() -> datetime:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def test_function_reports_the_month_before_to_both_topics(stack: Stack) -> None:
    """With boto3's own clients, paginators and times."""
    before = (this_month() - timedelta(days=1)).replace(day=1)
    put("gmail", before + timedelta(days=3), [100.0] * 96 + [0.0] * 4)
    put("gmail", before + timedelta(days=3), [500.0] * 96, "Duration")
    spec = importlib.util.spec_from_file_location("send_reports_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    event = {"scheduled_time": this_month().replace(hour=6).isoformat()}
    module.handler(event, SimpleNamespace(aws_request_id="r"))
    assert [sent.values("contacts") for sent in stack.sent_to_contacts] == [["ops@customer.example"]]
    assert f"imapcheck, {before:%B %Y}: gmail: 96 % available" in stack.sent[0].subject
    assert "median 500 ms" in stack.sent[0].text
    assert "4 of 100 runs failed" in stack.sent[0].text


class NoStack:
    """CloudFormation's answers without a stack to be deployed."""

    def __init__(self, outputs: dict[str, str] | None) -> None:
        self._outputs = outputs

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if self._outputs is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": text} for key, text in self._outputs.items()]
        zone = {"ParameterKey": "TimeZone", "ParameterValue": "Asia/Tokyo"}
        return {"Stacks": [{"Outputs": outputs, "Parameters": [zone]}]}


def use(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str] | None) -> None:
    real = boto3.client

    def client(name: str) -> Any:
        return NoStack(outputs) if name == "cloudformation" else real(name)

    monkeypatch.setattr(stack_access, "session", lambda: SimpleNamespace(client=client))


def test_report_of_the_command_line_is_the_same(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Text and page; the clock of the stack's TimeZone beside UTC; what was agreed later is left out."""
    use(monkeypatch, {"LogGroup": stack.group})
    before = (this_month() - timedelta(days=1)).replace(day=1)
    first = before + timedelta(days=3)
    put("gmail", first, [100.0] * 96 + [0.0] * 4)
    page, month = tmp_path / "month.html", f"{before:%Y-%m}"
    call = ["report", "--stack", "teststack", "--month", month, "--events", str(stack.folder), "--html", str(page)]
    done = CliRunner().invoke(app, call)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "gmail: 96 % available" in done.stdout
    assert "gmail: 96 % available" in page.read_text(encoding="utf-8")
    for text in (done.stdout, page.read_text(encoding="utf-8")):
        assert f"4 {before:%b} 08:00 UTC, 17:00 JST" in " ".join(text.split())
    last = first + 95 * timedelta(minutes=5)
    agreed = f"{last.isoformat()}/{(last + timedelta(hours=3)).isoformat()}"
    done = CliRunner().invoke(app, [*call[:7], "--not-counted", agreed])
    assert "gmail: 100 % available" in done.stdout


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["--month", "2026-13"], "no month"), (["--month", "2999-01"], "has not begun"),
        (["--month", "2026-10", "--not-counted", "yesterday"], "expected two times"),
        (["--month", "2026-10", "--events", "/nowhere"], "no definitions"),
        (["--month", "2026-10"], "AWS answered DescribeStacks with ValidationError"),
    ],
)  # fmt: skip
def test_report_that_cannot_be_made(stack: Stack, monkeypatch: pytest.MonkeyPatch, call: list[str], says: str) -> None:
    """Status 2, and what is wrong in one line."""
    use(monkeypatch, None)
    events = [] if "--events" in call else ["--events", str(stack.folder)]
    done = CliRunner().invoke(app, ["report", "--stack", "teststack", *call, *events])
    assert done.exit_code != 0
    assert says in " ".join(done.stderr.split()) + " ".join(done.output.split()) + str(done.exception)


def test_mute_makes_one_rule_for_the_alarms_of_the_check(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends by itself, and the command that ends it before is printed; another stack's alarms are left alone."""
    stack.alarm("gmail", "ALARM")
    stack.alarm("gmail", "OK", metric="CertificateDaysRemaining")
    stack.alarm("gmail", "OK", stack="teststack-2")
    made: list[dict[str, Any]] = []
    cloudwatch = boto3.client("cloudwatch")
    monkeypatch.setattr(cloudwatch, "put_alarm_mute_rule", lambda **rule: made.append(rule), raising=False)
    monkeypatch.setattr(stack_access, "session", lambda: SimpleNamespace(client=lambda _: cloudwatch))
    done = CliRunner().invoke(app, ["mute", "gmail", "2h", "--stack", "teststack"])
    assert (done.exit_code, done.stderr) == (0, "")
    [rule] = made
    assert rule["MuteTargets"] == {"AlarmNames": ["teststack-gmail-certificate", "teststack-gmail-unavailable"]}
    schedule = rule["Rule"]["Schedule"]
    assert (schedule["Duration"], schedule["Timezone"]) == ("PT2H", "UTC")
    assert schedule["Expression"].startswith("at(")
    assert f"--alarm-mute-rule-name {rule['Name']}" in done.stdout
    done = CliRunner().invoke(app, ["mute", "nobody", "2h", "--stack", "teststack"])
    assert (done.exit_code, done.stderr) == (2, "the stack teststack has no alarm of a check nobody\n")
    assert json.dumps(made).count("nobody") == 0
