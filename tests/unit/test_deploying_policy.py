"""docs/deploying-policy.json: what the user or CI role that deploys may do. AWS did not try it; this is what can be."""

import json
import re
from typing import Any

import botocore.session

from support.artifact import ROOT
from support.templates import load_template

POLICY: dict[str, Any] = json.loads((ROOT / "docs/deploying-policy.json").read_text(encoding="utf-8"))
ACTIONS: list[str] = [action for statement in POLICY["Statement"] for action in statement["Action"]]
# AWS Service Authorization Reference: names of permissions that are no operations of an API, or others' than theirs.
NO_OPERATION = {
    "cloudformation:TagResource", "cloudformation:UntagResource", "iam:PassRole", "s3:ListBucket",
    "s3:GetObjectVersion", "s3:DeleteObjectVersion", "s3:PutEncryptionConfiguration",
    "s3:GetEncryptionConfiguration", "s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock",
}  # fmt: skip
NEEDED = {
    "AWS::CloudFormation::Stack": {"cloudformation:CreateStack", "cloudformation:UpdateStack"},
    "AWS::CloudFormation::WaitConditionHandle": set(),
    "AWS::CloudWatch::Alarm": {"cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"},
    "AWS::CloudWatch::AlarmMuteRule": {"cloudwatch:PutAlarmMuteRule", "cloudwatch:DeleteAlarmMuteRule"},
    "AWS::CloudWatch::Dashboard": {"cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"},
    "AWS::DynamoDB::Table": {"dynamodb:CreateTable", "dynamodb:UpdateTimeToLive", "dynamodb:DeleteTable"},
    "AWS::IAM::ManagedPolicy": {"iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy"},
    "AWS::IAM::Role": {"iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"},
    "AWS::Lambda::EventInvokeConfig": {"lambda:PutFunctionEventInvokeConfig"},
    "AWS::Logs::LogGroup": {"logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"},
    "AWS::SNS::Subscription": {"sns:Subscribe", "sns:Unsubscribe", "sns:SetSubscriptionAttributes"},
    "AWS::SNS::Topic": {"sns:CreateTopic", "sns:DeleteTopic"},
    "AWS::SNS::TopicPolicy": {"sns:SetTopicAttributes"},
    "AWS::SQS::Queue": {"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:ListQueueTags"},
    "AWS::SQS::QueuePolicy": {"sqs:SetQueueAttributes"},
    "AWS::Scheduler::Schedule": {"scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"},
    "AWS::Scheduler::ScheduleGroup": {"scheduler:CreateScheduleGroup", "scheduler:DeleteScheduleGroup"},
    "AWS::Serverless::Function": {
        "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
        "lambda:TagResource",
        "lambda:PutFunctionConcurrency", "lambda:GetFunctionRecursionConfig", "lambda:CreateEventSourceMapping",
        "lambda:DeleteFunction", "ec2:DescribeSubnets",
    },
    "AWS::Serverless::LayerVersion": {"lambda:PublishLayerVersion", "lambda:DeleteLayerVersion"},
}  # fmt: skip
"""Of each type that is deployed, the actions without which it cannot be."""


def test_it_is_a_policy_that_iam_takes() -> None:
    """Statements with names of letters and digits, and short enough for a managed policy (IAM quotas)."""
    assert POLICY["Version"] == "2012-10-17"
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144
    for statement in POLICY["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert re.fullmatch("[A-Za-z0-9]+", statement["Sid"])
    assert len(ACTIONS) == len(set(ACTIONS))


def test_every_action_exists() -> None:
    """As an operation of the service's API, but for a few that are permissions alone."""
    session = botocore.session.get_session()
    services = {action.split(":")[0] for action in ACTIONS}
    known = {f"{name}:{item}" for name in services for item in session.get_service_model(name).operation_names}
    known |= {f"s3:{name.removesuffix('Configuration')}" for name in ("PutBucketVersioning", "GetBucketVersioning")}
    assert set(ACTIONS) - known <= NO_OPERATION


def test_every_type_that_is_deployed_can_be() -> None:
    """The root stack, and whatever a definition can ask for."""
    types = {item["Type"] for item in load_template((ROOT / "template.yaml").read_text())["Resources"].values()}
    generated = {"AWS::CloudWatch::AlarmMuteRule", "AWS::Lambda::EventInvokeConfig", "AWS::Scheduler::Schedule"}
    for name in ("checks", "contacts"):
        template = load_template((ROOT / f"stacks/{name}.yaml").read_text())
        types |= {item["Type"] for item in template["Resources"].values()}
    assert types | generated == NEEDED.keys()
    assert set().union(*NEEDED.values()) <= set(ACTIONS)


def test_page_points_to_it() -> None:
    assert "[deploying-policy.json](deploying-policy.json)" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")
