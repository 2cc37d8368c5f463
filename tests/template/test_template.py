"""What `sam deploy` would create, asserted on the translated template."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from imapcheck.aws.metrics import publish
from imapcheck.definition.files import load_definition
from support.wire_server import WireServer
from template.conftest import Translate

ROOT = Path(__file__).parents[2]
KINDS = ("unavailable", "not-running", "slow", "certificate")
STACK_ALARMS = ("function-errors", "throttles", "dead-letters")


class _Loader(yaml.SafeLoader):
    """Reads the template itself, short intrinsics as they are."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    content: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)["Parameters"]
    return content


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item["Properties"] for item in template["Resources"].values() if item["Type"] == kind]


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Alarms by what follows the stack's name."""
    found = {}
    for properties in of_type(template, "AWS::CloudWatch::Alarm"):
        name = properties["AlarmName"]
        text = name["Fn::Sub"] if isinstance(name, dict) else name
        found[text.removeprefix("${AWS::StackName}-")] = properties
    return found


def test_each_check_has_its_schedule_and_four_alarms(translate: Translate) -> None:
    """No template edit for a new check; a dash in a name is no obstacle."""
    template = translate(Checks="gmail,mail-2")
    assert sorted(alarms(template)) == sorted(
        [f"{check}-{kind}" for check in ("gmail", "mail-2") for kind in KINDS] + list(STACK_ALARMS)
    )
    inputs = [json.loads(schedule["Target"]["Input"]) for schedule in of_type(template, "AWS::Scheduler::Schedule")]
    assert inputs == [{"check": "gmail"}, {"check": "mail-2"}]


def test_schedule_is_delivered_once_or_dead_lettered(translate: Translate) -> None:
    """Retries 0, event age 60 s, a dead-letter queue; Lambda's own asynchronous retries are off too."""
    template = translate()
    [schedule] = of_type(template, "AWS::Scheduler::Schedule")
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert schedule["Target"]["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    assert schedule["State"] == "ENABLED"
    [invoke] = of_type(template, "AWS::Lambda::EventInvokeConfig")
    assert invoke["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize("minutes", [1, 2, 5, 10, 15, 20, 30, 60])
def test_rate_and_period_agree(translate: Translate, minutes: int) -> None:
    """One mapping gives the schedule's rate and the alarms' period."""
    template = translate(Checks="mail", IntervalMinutes=str(minutes))
    [schedule] = of_type(template, "AWS::Scheduler::Schedule")
    unit = "minute" if minutes == 1 else "minutes"
    assert schedule["ScheduleExpression"] == f"rate({minutes} {unit})"
    found = alarms(template)
    assert {found[f"mail-{kind}"]["Period"] for kind in KINDS} == {minutes * 60}
    assert f", {minutes * 60})" in json.dumps(of_type(template, "AWS::CloudWatch::Dashboard"))


def test_alarm_numbers_are_the_designs(translate: Translate) -> None:
    """DESIGN section 7, to the number."""
    found = alarms(translate(Checks="mail"))
    fields = (
        "MetricName",
        "Statistic",
        "ComparisonOperator",
        "Threshold",
        "DatapointsToAlarm",
        "EvaluationPeriods",
        "TreatMissingData",
    )
    told = {kind: tuple(str(found[f"mail-{kind}"][field]) for field in fields) for kind in KINDS}
    assert told == {
        "unavailable": ("Availability", "Minimum", "LessThanThreshold", "100", "2", "3", "ignore"),
        "not-running": ("Availability", "SampleCount", "LessThanThreshold", "1", "3", "3", "breaching"),
        "slow": ("Slow", "Maximum", "GreaterThanOrEqualToThreshold", "1", "3", "3", "ignore"),
        "certificate": ("CertificateDaysRemaining", "Minimum", "LessThanThreshold", "14", "1", "1", "ignore"),
    }
    assert int(found["mail-not-running"]["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"]) >= 3 * 5


def test_every_alarm_tells_people_and_says_what_to_do(translate: Translate) -> None:
    """One topic, OK too; a description that names the place to look; never a Sum, as delivery is at least once."""
    for name, alarm in alarms(translate(Checks="mail")).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["Statistic"] != "Sum"
        description = json.dumps(alarm["AlarmDescription"])
        kind = name.removeprefix("mail-")
        assert f'docs/operations.md, \\"{kind}\\"' in description.replace("\\\\", "\\"), name
        assert f"## {kind}" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def test_paused_stops_schedules_and_silences_alarms(translate: Translate) -> None:
    """For maintenance."""
    template = translate(Paused="true")
    assert [schedule["State"] for schedule in of_type(template, "AWS::Scheduler::Schedule")] == ["DISABLED"]
    assert {str(alarm["ActionsEnabled"]).lower() for alarm in alarms(template).values()} == {"false"}


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    [policy] = template["Resources"][role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:imapcheck/*"


def test_least_privilege_is_exact() -> None:
    """The function's and the schedules' statements, conditional ones included, and not one more."""
    roles = yaml.load((ROOT / "template.yaml").read_text(), Loader=_full_loader())["Resources"]
    run = roles["RunCheckRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert [statement.get("Sid") for statement in run[:2]] == ["WriteOwnLogs", "ReadSecretsUnderPrefix"]
    assert run[0]["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert run[0]["Resource"] == {"Fn::Sub": "${RunCheckLogGroup.Arn}"}
    assert run[1]["Action"] == "secretsmanager:GetSecretValue"
    assert run[1]["Resource"] == {"Fn::Sub": SECRETS.replace("imapcheck/", "${SecretPrefix}")}
    [key_condition, key, nothing], [vpc_condition, vpc, nothing_2] = (statement["Fn::If"] for statement in run[2:])
    assert (key_condition, vpc_condition) == ("HasKey", "HasVpc")
    assert nothing == nothing_2 == {"Ref": "AWS::NoValue"}
    assert key["Action"] == "kms:Decrypt"
    assert key["Condition"] == {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com"}}
    }
    assert sorted(vpc["Action"]) == [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
    ]  # fmt: skip
    schedule = roles["ScheduleRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert [(item["Action"], item["Resource"]) for item in schedule] == [
        ("lambda:InvokeFunction", {"Fn::GetAtt": "RunCheckFunction.Arn"}),
        ("sqs:SendMessage", {"Fn::GetAtt": "DeadLetters.Arn"}),
    ]
    assert "ManagedPolicyArns" not in json.dumps(roles)


def _full_loader() -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        pass

    def intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        if isinstance(node, yaml.ScalarNode):
            return {name: loader.construct_scalar(node)}
        assert isinstance(node, yaml.SequenceNode)
        return {name: loader.construct_sequence(node, deep=True)}

    Loader.add_multi_constructor("!", intrinsic)
    return Loader


def test_conditional_statements_are_there_only_where_asked_for(translate: Translate) -> None:
    """No key and no VPC by default."""
    template = translate()
    assert template["Conditions"].keys() == {"IsPaused", "HasEmail", "HasKey", "HasVpc"}
    assert len(statements(template, "RunCheckRole")) <= 4


def test_function_is_what_the_design_says(translate: Translate) -> None:
    """arm64, python3.13, 150 s, three layers, no service name that would become a dimension."""
    [function] = of_type(translate(), "AWS::Lambda::Function")
    assert (function["Architectures"], function["Runtime"], function["Timeout"]) == (["arm64"], "python3.13", 150)
    assert len(function["Layers"]) == 3
    variables = function["Environment"]["Variables"]
    assert not {"POWERTOOLS_SERVICE_NAME", "IMAPCHECK_ALLOW_LOCAL_ADDRESSES"} & variables.keys()


GOOD = {
    "Checks": ["a", "gmail-1"], "AlarmEmail": ["", "a@example.com"], "SecretPrefix": ["imapcheck/", "prod/mail/"],
    "SubnetIds": ["", "subnet-0ab1"], "SecurityGroupIds": ["", "sg-12ab"],
    "SecretKmsKeyArn": ["", "arn:aws:kms:eu-central-1:123456789012:key/1234-ab"],
}  # fmt: skip
BAD = {
    "Checks": ["", "a b", "../x", "a_b", "x" * 41], "AlarmEmail": ["nobody", "a@b", "a b@c.d"],
    "SecretPrefix": ["", "imapcheck", "*/", "a b/"], "SubnetIds": ["vpc-1"], "SecurityGroupIds": ["subnet-1"],
    "SecretKmsKeyArn": ["alias/aws/secretsmanager", "1234"],
}  # fmt: skip


def test_every_parameter_is_described_and_constrained(parameters: dict[str, Any]) -> None:
    """Nonsense is refused before deployment, and every parameter has a default."""
    for name, parameter in parameters.items():
        assert len(parameter["Description"]) > 20, name
        assert "Default" in parameter, name
        constrained = {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()
        assert constrained, name
        if "AllowedPattern" in parameter:
            pattern = re.compile(parameter["AllowedPattern"])
            assert all(pattern.search(value) for value in GOOD[name]), name
            assert not any(pattern.search(value) for value in BAD[name]), name


def test_default_checks_exist_and_need_no_secret(parameters: dict[str, Any]) -> None:
    """So that the first deployment is green."""
    for name in parameters["Checks"]["Default"].split(","):
        definition = load_definition(ROOT / "events" / f"{name}.json")
        assert definition.authentication == "none"


@pytest.fixture
def emitted(
    define: Define, credentials: Credentials, server_context: Any, capsys: pytest.CaptureFixture[str]
) -> set[tuple[str, str, tuple[str, ...]]]:
    """(namespace, metric, dimensions) of a real emission of a real run with everything in it."""
    search = {"subject": "IMAP", "max_age": "999d"}
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, search=search, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    capsys.readouterr()
    publish(result, "all")
    found = set()
    for line in capsys.readouterr().out.splitlines():
        for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                for dimensions in directive["Dimensions"]:
                    found.add((directive["Namespace"], metric["Name"], tuple(sorted(dimensions))))
    return found


def test_alarms_watch_metrics_that_are_really_emitted(translate: Translate, emitted: set[Any]) -> None:
    """Namespace, metric and dimensions, from a real emission."""
    for name, alarm in alarms(translate(Checks="mail")).items():
        if name.startswith("mail-"):
            dimensions = tuple(sorted(item["Name"] for item in alarm["Dimensions"]))
            assert (alarm["Namespace"], alarm["MetricName"], dimensions) in emitted, name


def dashboard(translate: Translate) -> list[dict[str, Any]]:
    """The widgets, with substitutions made."""
    [properties] = of_type(translate(), "AWS::CloudWatch::Dashboard")
    body = properties["DashboardBody"]
    text = body if isinstance(body, str) else body["Fn::Sub"][0]
    text = text.replace("${!", "$<")
    text = re.sub(r"\$\{(Seconds|CertificateDays|IntervalMinutes)\}", "300", text)
    text = re.sub(r"\$\{[A-Za-z:]+\}", "X", text)
    widgets: list[dict[str, Any]] = json.loads(text)["widgets"]
    return widgets


def test_dashboard_searches_metrics_that_are_really_emitted(translate: Translate, emitted: set[Any]) -> None:
    """SEARCH expressions name schemas that exist; axes are labelled with their unit."""
    searched = set()
    for widget in dashboard(translate):
        if widget["type"] == "metric":
            assert widget["properties"]["yAxis"]["left"]["label"] in {"Percent", "Milliseconds", "Days"}
            for [metric] in widget["properties"]["metrics"]:
                match = re.search(r"\{(\w+),([\w,]+)\} MetricName=\"(\w+)\"", metric["expression"])
                assert match is not None
                searched.add((match[1], match[3], tuple(sorted(match[2].split(",")))))
    assert searched
    assert searched <= emitted


def test_dashboard_needs_no_edit_and_does_not_overlap(translate: Translate) -> None:
    """No check is named in it, and its widgets form whole rows of 24 columns."""
    widgets = dashboard(translate)
    assert "gmail" not in json.dumps(widgets)
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    queries = [w["properties"]["query"] for w in widgets if w["type"] == "log"]
    assert all("result.failure" in query and "check finished" in query for query in queries)


def test_outputs(translate: Translate) -> None:
    """What a user needs after the deployment."""
    assert translate()["Outputs"].keys() == {"FunctionArn", "AlarmTopicArn", "DashboardUrl"}
