"""Who may do what: every role and every policy of the stack, to the letter. Nothing else allows anything."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest

from template.reading import PARTITION_ARN, TEMPLATES, arn, if_asked, of_type, read, ref, sub

ACCOUNT = {"aws:SourceAccount": ref("AWS::AccountId")}


def allow(action: str | list[str], resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def own_logs(group: str) -> dict[str, Any]:
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn(group))


READ_RUNS = allow("logs:FilterLogEvents", arn("RunCheckLogGroup"))
BY_LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
BY_OWN_SCHEDULES = {
    "Effect": "Allow",
    "Principal": {"Service": "scheduler.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {**ACCOUNT, "aws:SourceArn": arn("ScheduleGroup")}},
}
ROLES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "RunCheckRole": (
        BY_LAMBDA,
        [
            own_logs("RunCheckLogGroup"),
            allow("secretsmanager:GetSecretValue", sub(PARTITION_ARN % "secretsmanager" + "secret:${SecretPrefix}*")),
            allow("ssm:GetParameter", [
                sub(PARTITION_ARN % "ssm" + "parameter/${SecretPrefix}*"),
                sub(PARTITION_ARN % "ssm" + "parameter${SecretPrefix}*"),
            ]),
            allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], arn("LoginPauses")),
            if_asked(
                "HasKey",
                allow(
                    "kms:Decrypt",
                    ref("SecretKmsKeyArn"),
                    Condition={"StringEquals": {
                        "kms:ViaService": [
                            sub("secretsmanager.${AWS::Region}.${AWS::URLSuffix}"),
                            sub("ssm.${AWS::Region}.${AWS::URLSuffix}"),
                        ],
                    }},
                ),
            ),
            if_asked(
                "HasVpc",
                allow(
                    ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
                     "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
                    "*",
                ),
            ),
        ],
    ),
    "ScheduleRole": (
        BY_OWN_SCHEDULES,
        [
            allow("lambda:InvokeFunction", [arn("RunCheckFunction"), arn("SendReportsFunction")]),
            allow("sqs:SendMessage", arn("DeadLetters")),
        ],
    ),
    "ExplainAlarmRole": (
        BY_LAMBDA,
        [
            own_logs("ExplainAlarmLogGroup"),
            READ_RUNS,
            allow(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], "*"),
            allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn("AlarmEvents")),
            allow("sns:Publish", [ref("AlarmTopic"), ref("ContactTopic")]),
        ],
    ),
    "SendReportsRole": (
        BY_LAMBDA,
        [
            own_logs("SendReportsLogGroup"),
            READ_RUNS,
            allow(
                ["cloudwatch:DescribeAlarms", "cloudwatch:GetAlarmMuteRule", "cloudwatch:GetMetricData",
                 "cloudwatch:ListAlarmMuteRules"],
                "*",
            ),
            allow("sns:Publish", [ref("AlarmTopic"), ref("ContactTopic")]),
        ],
    ),
    "ShowChecksRole": (
        BY_LAMBDA,
        [own_logs("ShowChecksLogGroup"), READ_RUNS, allow("cloudwatch:GetMetricData", "*")],
    ),
}  # fmt: skip
ALARMS_OF_THIS_STACK = {
    "StringEquals": ACCOUNT,
    "ArnLike": {"aws:SourceArn": sub(PARTITION_ARN % "cloudwatch" + "alarm:${AWS::StackName}-*")},
}


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    """The root template."""
    return read("template.yaml")


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def without_sids(policy: Any) -> Any:
    """A policy document whose statements' names are left out; they mean nothing."""
    if isinstance(policy, dict):
        return {key: without_sids(value) for key, value in policy.items() if key != "Sid"}
    return [without_sids(item) for item in policy] if isinstance(policy, list) else policy


def test_every_role_is_exactly_this(root: dict[str, Any]) -> None:
    """Trust and statements with Effect, Action, Resource and Condition; not one more, and no managed policy."""
    found = of_type(root, "AWS::IAM::Role")
    assert found.keys() == ROLES.keys()
    for name, (trust, statements) in ROLES.items():
        role = without_sids(found[name])
        assert role.keys() == {"AssumeRolePolicyDocument", "Policies"}, name
        assert role["AssumeRolePolicyDocument"] == document(trust), name
        [policy] = role["Policies"]
        assert policy.keys() == {"PolicyName", "PolicyDocument"}
        assert policy["PolicyDocument"] == document(*statements), name


def test_machine_outside_may_write_to_its_own_streams_alone(root: dict[str, Any]) -> None:
    """Streams can be made under any name; lines go to those that readers take for what they are. Nobody has it yet."""
    policies = without_sids(of_type(root, "AWS::IAM::ManagedPolicy"))
    own_streams = PARTITION_ARN % "logs" + "log-group:${RunCheckLogGroup}:log-stream:outside/*"
    assert policies.keys() == {"PublishPolicy"}
    assert policies["PublishPolicy"].keys() == {"Description", "PolicyDocument"}
    assert policies["PublishPolicy"]["PolicyDocument"] == document(
        allow("logs:CreateLogStream", arn("RunCheckLogGroup")), allow("logs:PutLogEvents", sub(own_streams))
    )


@pytest.mark.parametrize("topic", ["AlarmTopic", "AlarmEventTopic"])
def test_topics_take_alarms_of_this_stack_alone(topic: str, root: dict[str, Any]) -> None:
    """From CloudWatch, from this account, from alarms with the stack's name."""
    policies = of_type(root, "AWS::SNS::TopicPolicy").values()
    [policy] = [policy for policy in policies if policy["Topics"] == [ref(topic)]]
    from_cloudwatch = allow(
        "sns:Publish", ref(topic), Principal={"Service": "cloudwatch.amazonaws.com"}, Condition=ALARMS_OF_THIS_STACK
    )
    assert without_sids(policy) == {"Topics": [ref(topic)], "PolicyDocument": document(from_cloudwatch)}


@pytest.mark.parametrize(
    ("kind", "members"), [("AWS::SNS::TopicPolicy", "Topics"), ("AWS::SQS::QueuePolicy", "Queues")]
)
def test_policy_of_a_topic_or_queue_is_for_one(kind: str, members: str, root: dict[str, Any]) -> None:
    """SNS and SQS refuse a statement with another Resource, or several, when it is deployed; no linter says so."""
    policies = of_type(root, kind)
    assert len({str(policy[members]) for policy in policies.values()}) == len(policies)
    for policy in policies.values():
        [member] = policy[members]
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Resource"] in (member, {"Fn::GetAtt": [member["Ref"], "Arn"]})


def test_queue_takes_messages_of_the_one_topic(root: dict[str, Any]) -> None:
    """What explains alarms believes what it finds in the queue."""
    [policy] = of_type(root, "AWS::SQS::QueuePolicy").values()
    from_topic = allow(
        "sqs:SendMessage",
        arn("AlarmEvents"),
        Principal={"Service": "sns.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": ref("AlarmEventTopic")}},
    )
    assert without_sids(policy) == {"Queues": [ref("AlarmEvents")], "PolicyDocument": document(from_topic)}


def test_nothing_else_allows_anything() -> None:
    """No policy of another kind, and no permission in what is generated."""
    for path in TEMPLATES:
        kinds = {item["Type"] for item in read(path)["Resources"].values()}
        allowing = {kind for kind in kinds if "Policy" in kind or "Permission" in kind or kind.startswith("AWS::IAM")}
        wanted = {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
        assert allowing == (wanted if path == "template.yaml" else set())
        assert "ManagedPolicyArns" not in json.dumps(read(path))


def test_no_partition_is_written_out(root: dict[str, Any]) -> None:
    """China and GovCloud have other names for the console and for ARNs."""
    text = json.dumps({key: part for key, part in root.items() if key not in ("Mappings", "Parameters")})
    assert "arn:aws" not in text
    assert "console.aws" not in text
    assert root["Mappings"] == {"Partitions": {
        "aws": {"Console": "console.aws.amazon.com"},
        "aws-cn": {"Console": "console.amazonaws.cn"},
        "aws-us-gov": {"Console": "console.amazonaws-us-gov.com"},
        "aws-eusc": {"Console": "console.amazonaws-eusc.eu"},
    }}  # fmt: skip


def test_every_public_partition_has_its_console(root: dict[str, Any]) -> None:
    """Where one is missing, CloudFormation refuses the template. The isolated ones are left out on purpose."""
    partitions = json.loads((Path(botocore.__file__).parent / "data/partitions.json").read_text(encoding="utf-8"))
    public = {item["id"] for item in partitions["partitions"] if not item["id"].startswith("aws-iso")}
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc"} <= public
    assert root["Mappings"]["Partitions"].keys() == public
