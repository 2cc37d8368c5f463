"""The templates as they stand in the repository: what CloudFormation takes, parameters and outputs."""

import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imapcheck.definition.files import load_definition
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_template
from support import forked
from template.alarm_simulator import AlarmRule
from template.conftest import Translate
from template.reading import ROOT, TEMPLATES, arn, nodes, of_type, read, ref, sub
from template.test_resources import EXPLAINS

RULE_FUNCTIONS = {
    "Ref", "Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::Not",
    "Fn::Or", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll",
}  # CloudFormation user guide, Rule functions, "Supported functions"; Fn::If is refused all the same  # fmt: skip


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    """The root template."""
    return read("template.yaml")


@pytest.mark.parametrize("path", TEMPLATES)
def test_no_value_is_null(path: str) -> None:
    """A comma in an unquoted flow scalar makes a key without a value, and CloudFormation refuses those."""
    assert None not in nodes(read(path))


def test_linter_finds_nothing() -> None:
    """Warnings included, in the three templates as they are committed, for every Region."""
    linter = Path(sys.executable).parent / "cfn-lint"
    call: list[str | Path] = [linter, "--regions", "ALL_REGIONS", "--", *(ROOT / path for path in TEMPLATES)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_shipped_definitions_are_valid_without_a_doubt() -> None:
    """As `make deploy` validates them before it builds."""
    paths = sorted((ROOT / "events").glob("*.json"))
    done = forked.imapcheck("validate", *paths)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{len(paths)} valid, {len(paths) - 1} without a schedule (AWS runs them by name only)\n",
        "",
    )


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
    definitions, now = [load_definition(path) for path in sorted((ROOT / "events").glob("*.json"))], datetime.now(UTC)
    for name, template in (("checks", checks_template(definitions, now)), ("contacts", contacts_template(definitions))):
        committed = (ROOT / f"stacks/{name}.yaml").read_text(encoding="utf-8")
        assert committed == template.text, "stacks/ is not what events/ make: run `make stack` and commit it"


def test_pausing_silences_nothing() -> None:
    """It removes the checks' stack (test_resources): an alarm that changed its state in silence never rings."""
    for path in TEMPLATES:
        assert not [node for node in nodes(read(path)) if isinstance(node, dict) and "ActionsEnabled" in node]


def test_no_alarm_adds_up(root: dict[str, Any]) -> None:
    """Delivery is at least once: a Sum would count a run twice."""
    alarms = [
        *of_type(root, "AWS::CloudWatch::Alarm").values(),
        *of_type(read("stacks/checks.yaml"), "AWS::CloudWatch::Alarm").values(),
    ]
    assert {AlarmRule.of(alarm).statistic for alarm in alarms} == {"Maximum", "Minimum", "SampleCount"}


def test_only_scheduled_samples_are_deployed_with_a_schedule() -> None:
    """The one that needs no secret, so that the first deployment is green."""
    scheduled = [path for path in sorted((ROOT / "events").glob("*.json")) if load_definition(path).schedule]
    assert [path.stem for path in scheduled] == ["gmail-reachable"]
    assert load_definition(scheduled[0]).authentication == "none"


def test_every_description_names_a_chapter_that_exists(root: dict[str, Any]) -> None:
    """Whoever has only the alarm's own words finds the page and the place on it."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for template in (root, read("stacks/checks.yaml")):
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
            found = re.search(r'docs/operations\.md, "([a-z-]+)"', alarm["AlarmDescription"])
            assert found is not None
            assert f"\n## {found[1]}\n" in page


def test_invocations_are_configured_once(translate: Translate) -> None:
    """Of run_check in stacks/checks.yaml, as it depends on the intervals; a second one would collide with it."""
    assert of_type(translate(), "AWS::Lambda::EventInvokeConfig") == {
        "SendReportsDelivery": {
            "FunctionName": ref("SendReportsFunction"),
            "Qualifier": "$LATEST",
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 3600,
        }
    }
    assert len(of_type(read("stacks/checks.yaml"), "AWS::Lambda::EventInvokeConfig")) == 1


GOOD = {
    "TimeZone": ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"],
    "AlarmEmail": ["", "a@example.com"], "SecretPrefix": ["imapcheck/", "prod/mail/"], "SubnetIds": ["", "subnet-0ab1"],
    "SecurityGroupIds": ["", "sg-12ab"], "SecretKmsKeyArn": ["", "arn:aws:kms:eu-central-1:123456789012:key/1234-ab"],
    "ReservedConcurrency": ["", "1", "100"],
}  # fmt: skip
BAD = {
    "TimeZone": ["", "Europe Berlin", "a;b"],
    "AlarmEmail": ["nobody", "a@b", "a b@c.d", "A@example.com"], "SecretPrefix": ["", "imapcheck", "*/", "a b/"],
    "SubnetIds": ["vpc-1"], "SecurityGroupIds": ["subnet-1"], "ReservedConcurrency": ["0", "-1", "1.5"],
    "SecretKmsKeyArn": ["alias/aws/secretsmanager", "1234"],
}  # fmt: skip


BOOLEAN = ["true", "false"]
DEFAULTS: dict[str, tuple[str, Any, Any]] = {
    "AlarmEmail": ("String", "", None),
    "TimeZone": ("String", "UTC", None),
    "Paused": ("String", "false", BOOLEAN),
    "SecretPrefix": ("String", "imapcheck/", None),
    "SecretKmsKeyArn": ("String", "", None),
    "AllowInlineDefinitions": ("String", "false", BOOLEAN),
    "MemorySize": ("Number", 256, [128, 256, 512, 1024, 1769]),
    "ReservedConcurrency": ("String", "", None),
    "LogLevel": ("String", "INFO", ["INFO", "DEBUG"]),
    "LogRetentionDays": ("Number", 60, [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]),
    "SubnetIds": ("CommaDelimitedList", "", None),
    "SecurityGroupIds": ("CommaDelimitedList", "", None),
    "Ipv6": ("String", "false", BOOLEAN),
}
"""Type, default, and what else is allowed where that is a list."""


def test_parameters_are_exactly_this(root: dict[str, Any]) -> None:
    """A value that nobody gives must not weaken anything, and must cost little."""
    found = {
        name: (parameter["Type"], parameter["Default"], parameter.get("AllowedValues"))
        for name, parameter in root["Parameters"].items()
    }
    assert found == DEFAULTS


def test_every_parameter_is_described_and_constrained(root: dict[str, Any]) -> None:
    """Nonsense is refused before deployment, and the console shows all of them."""
    for name, parameter in root["Parameters"].items():
        assert len(parameter["Description"]) > 20, name
        assert {"AllowedPattern", "AllowedValues"} & parameter.keys(), name
        if "AllowedPattern" in parameter:
            pattern = re.compile(parameter["AllowedPattern"])
            assert all(pattern.search(value) for value in GOOD[name]), name
            assert not any(pattern.search(value) for value in BAD[name]), name
            assert parameter["ConstraintDescription"]
    groups = root["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert {name for group in groups for name in group["Parameters"]} == root["Parameters"].keys()


def test_outputs_are_exactly_this(root: dict[str, Any]) -> None:
    """Functions, topics, dashboard, log, dead letters, each with a description."""
    found = {name: output["Value"] for name, output in root["Outputs"].items() if output["Description"]}
    assert found.pop("DashboardUrl") == EXPLAINS["IMAPCHECK_DASHBOARD_URL"]
    assert found == {
        "RunCheckFunction": ref("RunCheckFunction"),
        "RunCheckFunctionArn": arn("RunCheckFunction"),
        "ExplainAlarmFunction": ref("ExplainAlarmFunction"),
        "SendReportsFunction": ref("SendReportsFunction"),
        "ShowChecksFunction": ref("ShowChecksFunction"),
        "AlarmTopicArn": ref("AlarmTopic"),
        "ContactTopicArn": ref("ContactTopic"),
        "AlarmEventTopicArn": ref("AlarmEventTopic"),
        "LogGroup": ref("RunCheckLogGroup"),
        "PublishPolicy": ref("PublishPolicy"),
        "PublishFromOutside": sub("${AWS::StackName}@${AWS::Region}/${RunCheckLogGroup}"),
        "DeadLettersUrl": ref("DeadLetters"),
        "UntoldAlarmsUrl": ref("UntoldAlarms"),
    }


def test_inline_definitions_are_allowed_for_local_invoke_alone(root: dict[str, Any]) -> None:
    """samconfig.toml switches them on for one command."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    switched_on = {command for command, tables in config.items() if "AllowInlineDefinitions" in json.dumps(tables)}
    assert switched_on == {"local_invoke"}
    assert root["Parameters"]["AllowInlineDefinitions"]["Default"] == "false"
    assert "language_extensions" not in json.dumps(config)
