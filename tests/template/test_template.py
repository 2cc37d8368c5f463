"""The templates as they stand in the repository: what CloudFormation takes, what roles may do, who is told."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from imapcheck.definition.files import load_definition
from imapcheck.result import STEP_NAMES
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_template
from support.templates import load_template
from template.conftest import Translate

ROOT = Path(__file__).parents[2]
TEMPLATES = ["template.yaml", "stacks/checks.yaml", "stacks/contacts.yaml"]
RULE_FUNCTIONS = {
    "Ref", "Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::Not",
    "Fn::Or", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll",
}  # CloudFormation user guide, Rule functions, "Supported functions"; Fn::If is refused all the same  # fmt: skip


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    """The root template."""
    return read("template.yaml")


def read(path: str) -> dict[str, Any]:
    return load_template((ROOT / path).read_text(encoding="utf-8"))


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id."""
    return {
        logical: item.get("Properties", {}) for logical, item in template["Resources"].items() if item["Type"] == kind
    }


def nodes(value: Any) -> list[Any]:
    """Every value within `value`, itself included, and every key."""
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(node for item in inner for node in nodes(item))]


@pytest.mark.parametrize("path", TEMPLATES)
def test_no_value_is_null(path: str) -> None:
    """A comma in an unquoted flow scalar makes a key without a value, and CloudFormation refuses those."""
    assert None not in nodes(read(path))


def test_linter_finds_nothing() -> None:
    """Warnings included, in the three templates as they are committed."""
    call = [Path(sys.executable).parent / "cfn-lint", *(ROOT / path for path in TEMPLATES)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("path", TEMPLATES)
def test_no_alias(path: str) -> None:
    """CloudFormation reads no YAML aliases."""
    assert not re.search(r"(?m)[:\-]\s+[&*][A-Za-z]", (ROOT / path).read_text(encoding="utf-8"))


def test_rules_use_only_rule_functions(root: dict[str, Any]) -> None:
    """Any other is refused at every deployment, and no linter says so."""
    used = {key for node in nodes(root["Rules"]) if isinstance(node, dict) for key in node if _is_function(key)}
    assert used
    assert used <= RULE_FUNCTIONS


def _is_function(key: str) -> bool:
    return key.startswith("Fn::") or key == "Ref"


def test_serverless_is_the_only_transform(root: dict[str, Any]) -> None:
    """Under language extensions the linters see less."""
    assert root["Transform"] == "AWS::Serverless-2016-10-31"
    for path in TEMPLATES[1:]:
        assert "Transform" not in read(path)


def test_stacks_are_what_the_definitions_make() -> None:
    """`stacks/` is committed; whoever changes a definition makes it anew."""
    definitions = [load_definition(path) for path in sorted((ROOT / "events").glob("*.json"))]
    for name, template in (("checks", checks_template(definitions)), ("contacts", contacts_template(definitions))):
        committed = (ROOT / f"stacks/{name}.yaml").read_text(encoding="utf-8")
        assert committed == template.text, "stacks/ is not what events/ make: run `make stack` and commit it"


@pytest.mark.parametrize(("logical", "path"), [("Checks", TEMPLATES[1]), ("Contacts", TEMPLATES[2])])
def test_nested_stack_gets_exactly_its_parameters(root: dict[str, Any], logical: str, path: str) -> None:
    """One too many is refused as much as one missing."""
    nested = root["Resources"][logical]["Properties"]
    assert nested["TemplateURL"] == path
    assert nested["Parameters"].keys() == read(path)["Parameters"].keys()


def test_pausing_removes_the_checks_and_nothing_else(root: dict[str, Any]) -> None:
    """Nothing is merely silenced: an alarm that changed its state in silence never rings."""
    conditional = {name for name, item in root["Resources"].items() if item.get("Condition") == "IsRunning"}
    assert conditional == {"Checks"}
    assert root["Conditions"]["IsRunning"] == {"Fn::Equals": [{"Ref": "Paused"}, "false"]}
    for path in TEMPLATES:
        assert not [node for node in nodes(read(path)) if isinstance(node, dict) and "ActionsEnabled" in node]


def test_only_scheduled_samples_are_deployed_with_a_schedule() -> None:
    """The one that needs no secret, so that the first deployment is green."""
    scheduled = [path for path in sorted((ROOT / "events").glob("*.json")) if load_definition(path).schedule]
    assert [path.stem for path in scheduled] == ["gmail-reachable"]
    assert load_definition(scheduled[0]).authentication == "none"


def test_the_monitors_own_alarms_tell_people(root: dict[str, Any]) -> None:
    """Directly, as what explains alarms may be what is broken; no Sum, as delivery is at least once."""
    own = of_type(root, "AWS::CloudWatch::Alarm")
    names = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in own.values()}
    assert names == {"dead-letters", "untold-alarms", "explain-alarm-errors", "show-checks-errors"}
    for alarm in own.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert "Check" not in {dimension["Name"] for dimension in alarm["Dimensions"]}
    every = [*own.values(), *of_type(read("stacks/checks.yaml"), "AWS::CloudWatch::Alarm").values()]
    assert {alarm["Statistic"] for alarm in every} == {"Maximum", "Minimum", "SampleCount"}


def test_every_description_names_a_chapter_that_exists(root: dict[str, Any]) -> None:
    """Whoever has only the alarm's own words finds the page and the place on it."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for template in (root, read("stacks/checks.yaml")):
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
            found = re.search(r'docs/operations\.md, "([a-z-]+)"', alarm["AlarmDescription"])
            assert found is not None
            assert f"\n## {found[1]}\n" in page


def test_check_alarms_reach_the_function_that_explains_them(root: dict[str, Any]) -> None:
    """Topic, raw delivery, queue, batches with a window, three tries, then a queue whose alarm rings."""
    resources = root["Resources"]
    subscription = resources["AlarmEventSubscription"]["Properties"]
    assert subscription["TopicArn"] == {"Ref": "AlarmEventTopic"}
    assert subscription["Endpoint"] == {"Fn::GetAtt": ["AlarmEvents", "Arn"]}
    assert subscription["RawMessageDelivery"] is True
    function = resources["ExplainAlarmFunction"]["Properties"]
    event = function["Events"]["Alarms"]["Properties"]
    assert event["Queue"] == {"Fn::GetAtt": ["AlarmEvents", "Arn"]}
    assert event["MaximumBatchingWindowInSeconds"] == 20
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = resources["AlarmEvents"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + event["MaximumBatchingWindowInSeconds"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["UntoldAlarms", "Arn"]}


ACCOUNT = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"


def test_topics_take_alarms_of_this_stack_alone(root: dict[str, Any]) -> None:
    """And the queue takes messages of the one topic."""
    [policy] = of_type(root, "AWS::SNS::TopicPolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": ACCOUNT % "cloudwatch" + "alarm:${AWS::StackName}-*"}},
    }
    [queue] = of_type(root, "AWS::SQS::QueuePolicy").values()
    [statement] = queue["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "sns.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "AlarmEventTopic"}}}


def arn(logical: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical, "Arn"]}


LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
ALLOWED: dict[str, list[tuple[Any, Any]]] = {
    "RunCheckRole": [
        (LOGS, arn("RunCheckLogGroup")),
        ("secretsmanager:GetSecretValue", {"Fn::Sub": ACCOUNT % "secretsmanager" + "secret:${SecretPrefix}*"}),
        (["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], arn("LoginPauses")),
        ("kms:Decrypt", {"Ref": "SecretKmsKeyArn"}),
        (
            ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
             "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
            "*",
        ),
    ],
    "ScheduleRole": [("lambda:InvokeFunction", arn("RunCheckFunction")), ("sqs:SendMessage", arn("DeadLetters"))],
    "ExplainAlarmRole": [
        (LOGS, arn("ExplainAlarmLogGroup")),
        ("logs:FilterLogEvents", arn("RunCheckLogGroup")),
        ("cloudwatch:DescribeAlarms", "*"),
        (["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn("AlarmEvents")),
        ("sns:Publish", {"Ref": "AlarmTopic"}),
    ],
    "ShowChecksRole": [
        (LOGS, arn("ShowChecksLogGroup")),
        ("logs:FilterLogEvents", arn("RunCheckLogGroup")),
        ("cloudwatch:GetMetricData", "*"),
    ],
}  # fmt: skip


def test_least_privilege_is_exact(root: dict[str, Any]) -> None:
    """Every role's statements, conditional ones included, and not one more; no managed policy."""
    roles = of_type(root, "AWS::IAM::Role")
    found = {name: [(s["Action"], s["Resource"]) for s in statements(role)] for name, role in roles.items()}
    assert found == ALLOWED
    assert not [node for node in nodes(root) if isinstance(node, dict) and {"ManagedPolicyArns", "Policies"} <= {*node}]
    assert "ManagedPolicyArns" not in json.dumps(root)
    conditional = [s["Fn::If"][0] for s in raw_statements(roles["RunCheckRole"]) if "Fn::If" in s]
    assert conditional == ["HasKey", "HasVpc"]


def raw_statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    [policy] = role["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """With what stands in conditions."""
    return [s["Fn::If"][1] if "Fn::If" in s else s for s in raw_statements(role)]


def test_roles_are_assumed_by_their_service_alone(root: dict[str, Any]) -> None:
    """Schedules of the stack's own group; keys only through Secrets Manager, in every partition."""
    roles = of_type(root, "AWS::IAM::Role")
    for name, role in roles.items():
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        wanted = "scheduler.amazonaws.com" if name == "ScheduleRole" else "lambda.amazonaws.com"
        assert trust["Principal"] == {"Service": wanted}
    [trust] = roles["ScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": arn("ScheduleGroup"),
    }  # fmt: skip
    [key] = [s for s in statements(roles["RunCheckRole"]) if s["Action"] == "kms:Decrypt"]
    via = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": via}}


def test_no_partition_is_written_out(root: dict[str, Any]) -> None:
    """China and GovCloud have other names for the console and for ARNs."""
    text = json.dumps({key: part for key, part in root.items() if key not in ("Mappings", "Parameters")})
    assert "arn:aws" not in text
    assert "console.aws" not in text
    assert set(root["Mappings"]["Partitions"]) == {"aws", "aws-cn", "aws-us-gov"}


def test_functions_are_what_is_documented(translate: Translate) -> None:
    """arm64, python3.13, three layers, one log group each; nothing that would become a dimension of every metric."""
    template = translate()
    functions = of_type(template, "AWS::Lambda::Function")
    assert functions.keys() == {"RunCheckFunction", "ExplainAlarmFunction", "ShowChecksFunction"}
    for function in functions.values():
        assert (function["Architectures"], function["Runtime"]) == (["arm64"], "python3.13")
        assert len(function["Layers"]) == 3
        variables = function["Environment"]["Variables"]
        assert variables["IMAPCHECK_STACK"] == {"Ref": "AWS::StackName"}
        assert not {"POWERTOOLS_SERVICE_NAME", "IMAPCHECK_ALLOW_LOCAL_ADDRESSES"} & variables.keys()
    for name in ("ExplainAlarmFunction", "ShowChecksFunction"):
        assert {"IMAPCHECK_DEFINITIONS", "IMAPCHECK_LOG_GROUP", "IMAPCHECK_ALARM_TOPIC", "IMAPCHECK_DASHBOARD_URL"} <= (
            functions[name]["Environment"]["Variables"].keys()
        )
    run = functions["RunCheckFunction"]
    assert run["Timeout"] == 150
    assert run["Environment"]["Variables"]["IMAPCHECK_PAUSE_TABLE"] == {"Ref": "LoginPauses"}
    assert run["Environment"]["Variables"]["IMAPCHECK_ALLOW_INLINE_DEFINITIONS"] == {"Ref": "AllowInlineDefinitions"}
    groups = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions.values()]
    assert len(set(groups)) == 3


def test_invocations_are_configured_once(translate: Translate) -> None:
    """In stacks/checks.yaml, as it depends on the intervals; a second one would collide with it."""
    assert of_type(translate(), "AWS::Lambda::EventInvokeConfig") == {}
    assert len(of_type(read("stacks/checks.yaml"), "AWS::Lambda::EventInvokeConfig")) == 1


def test_login_pauses_expire_by_themselves(root: dict[str, Any]) -> None:
    """On demand, one key, a time to live."""
    [table] = of_type(root, "AWS::DynamoDB::Table").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "mailbox", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


GOOD = {
    "AlarmEmail": ["", "a@example.com"], "SecretPrefix": ["imapcheck/", "prod/mail/"], "SubnetIds": ["", "subnet-0ab1"],
    "SecurityGroupIds": ["", "sg-12ab"], "SecretKmsKeyArn": ["", "arn:aws:kms:eu-central-1:123456789012:key/1234-ab"],
    "ReservedConcurrency": ["", "1", "100"],
}  # fmt: skip
BAD = {
    "AlarmEmail": ["nobody", "a@b", "a b@c.d", "A@example.com"], "SecretPrefix": ["", "imapcheck", "*/", "a b/"],
    "SubnetIds": ["vpc-1"], "SecurityGroupIds": ["subnet-1"], "ReservedConcurrency": ["0", "-1", "1.5"],
    "SecretKmsKeyArn": ["alias/aws/secretsmanager", "1234"],
}  # fmt: skip


def test_every_parameter_is_described_and_constrained(root: dict[str, Any]) -> None:
    """Nonsense is refused before deployment, every parameter has a default, and the console shows all of them."""
    for name, parameter in root["Parameters"].items():
        assert len(parameter["Description"]) > 20, name
        assert "Default" in parameter, name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), name
        if "AllowedPattern" in parameter:
            pattern = re.compile(parameter["AllowedPattern"])
            assert all(pattern.search(value) for value in GOOD[name]), name
            assert not any(pattern.search(value) for value in BAD[name]), name
    groups = root["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert {name for group in groups for name in group["Parameters"]} == root["Parameters"].keys()


def dashboard(root: dict[str, Any]) -> list[dict[str, Any]]:
    """The widgets, with substitutions made."""
    [properties] = of_type(root, "AWS::CloudWatch::Dashboard").values()
    text = properties["DashboardBody"]["Fn::Sub"][0].replace("${!", "$<")
    text = text.replace("${Namespace}", "ImapCheck/imapcheck-prod")
    widgets: list[dict[str, Any]] = json.loads(re.sub(r"\$\{[A-Za-z:.]+\}", "X", text))["widgets"]
    return widgets


def test_dashboard_searches_the_metrics_of_this_stack(root: dict[str, Any]) -> None:
    """A namespace with a dash stands in double quotes; axes are labelled with their unit."""
    searched = set()
    for widget in dashboard(root):
        if widget["type"] == "metric":
            assert widget["properties"]["yAxis"]["left"]["label"] in {"Percent", "Milliseconds", "Days"}
            for [metric] in widget["properties"]["metrics"]:
                match = re.search(r"SEARCH\('\{\"([\w/-]+)\",(\w+)\} MetricName=\"(\w+)\"'", metric["expression"])
                assert match is not None
                assert match[1] == "ImapCheck/imapcheck-prod"
                assert match[2] == "Check"
                searched.add(match[3])
    assert searched == {"Availability", "Duration", "CertificateDaysRemaining"}


def test_dashboard_stays_legible_with_many_checks(root: dict[str, Any]) -> None:
    """No check is named in it, graphs show ten lines at most, nothing is stacked, nothing overlaps."""
    widgets = dashboard(root)
    assert "gmail" not in json.dumps(widgets)
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    for widget in widgets:
        if widget["type"] == "metric":
            assert widget["properties"]["stacked"] is False
            assert re.match(
                r"SORT\(SEARCH\(.*\), (AVG|MIN), (ASC|DESC), 10\)$", widget["properties"]["metrics"][0][0]["expression"]
            )


def test_dashboard_reads_step_times_from_the_log(root: dict[str, Any]) -> None:
    """So that no metric is needed for them, and only under names that steps have."""
    queries = [w["properties"]["query"] for w in dashboard(root) if w["type"] == "log"]
    steps = {step for query in queries for step in re.findall(r"step_ms\.(\w+)", query)}
    assert {"connect", "tls", "authenticate", "search", "fetch", "append"} <= steps <= set(STEP_NAMES)
    assert all("message = 'check finished'" in query for query in queries)
    [custom] = [w for w in dashboard(root) if w["type"] == "custom"]
    assert custom["properties"]["updateOn"]["refresh"] is True


def test_outputs(root: dict[str, Any]) -> None:
    """Functions, topics, dashboard, log, dead letters."""
    assert root["Outputs"].keys() == {
        "RunCheckFunction", "RunCheckFunctionArn", "ExplainAlarmFunction", "ShowChecksFunction", "AlarmTopicArn",
        "AlarmEventTopicArn", "LogGroup", "DeadLettersUrl", "UntoldAlarmsUrl", "DashboardUrl",
    }  # fmt: skip


def test_inline_definitions_are_allowed_for_local_invoke_alone(root: dict[str, Any]) -> None:
    """samconfig.toml switches them on for one command."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    switched_on = {command for command, tables in config.items() if "AllowInlineDefinitions" in json.dumps(tables)}
    assert switched_on == {"local_invoke"}
    assert root["Parameters"]["AllowInlineDefinitions"]["Default"] == "false"
    assert "language_extensions" not in json.dumps(config)
