"""Who may do what: every statement of every role and policy in the templates, and not one more."""

import json
from collections.abc import Iterator
from typing import Any

from template.template_files import read_template, template_files

SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}*"
THIS_ACCOUNT = '{"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}'
THROUGH_SECRETS_MANAGER = '{"StringEquals": {"kms:ViaService": "secretsmanager.${AWS::Region}.amazonaws.com"}}'
INTERFACES = (
    "ec2:AssignPrivateIpAddresses, ec2:CreateNetworkInterface, ec2:DeleteNetworkInterface, "
    "ec2:DescribeNetworkInterfaces, ec2:DescribeSubnets, ec2:UnassignPrivateIpAddresses"
)
EXACTLY = [
    f"AlarmTopicPolicy: cloudwatch.amazonaws.com: sns:Publish on ${{AlarmTopic}} where {THIS_ACCOUNT}",
    "RunCheckRole is taken by: lambda.amazonaws.com: sts:AssumeRole",
    "RunCheckRole: logs:CreateLogStream, logs:PutLogEvents on ${RunCheckLogGroup.Arn}",
    f"RunCheckRole: secretsmanager:GetSecretValue on {SECRETS}",
    f"RunCheckRole: if HasKey: kms:Decrypt on ${{SecretKmsKeyArn}} where {THROUGH_SECRETS_MANAGER}",
    f"RunCheckRole: if HasVpc: {INTERFACES} on *",
    f"ScheduleRole is taken by: scheduler.amazonaws.com: sts:AssumeRole where {THIS_ACCOUNT}",
    "ScheduleRole: lambda:InvokeFunction on ${RunCheckFunction.Arn}",
    "ScheduleRole: sqs:SendMessage on ${DeadLetters.Arn}",
]


def test_statements_are_exactly_these() -> None:
    """Roles, what they are taken by, and the policies of topics and queues; conditional statements included."""
    found = [line for path in template_files() for line in privileges(read_template(path))]
    assert sorted(found) == sorted(EXACTLY)


def test_privileges_are_given_nowhere_else() -> None:
    """No managed policy, no policy resource, no permission by SAM's short forms."""
    for path in template_files():
        for name, resource in read_template(path)["Resources"].items():
            properties = resource.get("Properties", {}) if isinstance(resource, dict) else {}
            assert "ManagedPolicyArns" not in properties, name
            if isinstance(resource, dict) and resource["Type"] == "AWS::Serverless::Function":
                assert not {"Policies", "Connectors", "Events", "FunctionUrlConfig"} & properties.keys(), name
                assert "Role" in properties, name


def privileges(template: dict[str, Any]) -> Iterator[str]:
    """One line for each statement."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {}) if isinstance(resource, dict) else {}
        for role, document in (
            (f"{name} is taken by", properties.get("AssumeRolePolicyDocument")),
            (name, properties.get("PolicyDocument")),
            *((name, policy["PolicyDocument"]) for policy in properties.get("Policies", [])),
        ):
            for statement in (document or {}).get("Statement", []):
                yield f"{role}: {_line(statement)}"


def _line(statement: dict[str, Any]) -> str:
    """`if CONDITION: PRINCIPAL: ACTIONS on RESOURCES where CONDITIONS`, each part where there is one."""
    if "Fn::If" in statement:
        condition, inner, otherwise = statement["Fn::If"]
        assert otherwise == {"Ref": "AWS::NoValue"}
        return f"if {condition}: {_line(inner)}"
    assert statement["Effect"] == "Allow"
    known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert statement.keys() <= known, statement
    principal = f"{statement['Principal']['Service']}: " if "Principal" in statement else ""
    resource = f" on {', '.join(_texts(statement['Resource']))}" if "Resource" in statement else ""
    where = f" where {json.dumps(_plain(statement['Condition']))}" if "Condition" in statement else ""
    return f"{principal}{', '.join(sorted(_texts(statement['Action'])))}{resource}{where}"


def _texts(value: Any) -> list[str]:
    return [str(_plain(item)) for item in (value if isinstance(value, list) else [value])]


def _plain(value: Any) -> Any:
    """References as Fn::Sub would write them."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": str() as attribute}:
            return f"${{{attribute}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str() as text}:
            return text
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
    return value
