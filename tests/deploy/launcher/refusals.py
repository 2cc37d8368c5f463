"""What AWS refuses when it is deployed, and MiniStack would take. No linter says any of it."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import sns, sqs
from ministack.services.cloudformation import provisioners

_LEAST_UNRESERVED, _ACCOUNT = 100, 1000
_original_set_topic_attributes = sns._set_topic_attributes
_original_set_queue_attributes = sqs._act_set_queue_attributes


def teach() -> None:
    """Before the services start."""
    sns._set_topic_attributes = _set_topic_attributes
    sqs._HANDLERS["SetQueueAttributes"] = _set_queue_attributes
    for kind, members, arn_of in (
        ("AWS::SNS::TopicPolicy", "Topics", str),
        ("AWS::SQS::QueuePolicy", "Queues", _queue_arn),
    ):
        _check_before(kind, lambda properties, m=members, f=arn_of: _check_attachment(properties, m, f))  # type: ignore[misc]
    _check_before("AWS::Lambda::Function", _check_concurrency)


def why_refused(policy: str, arn: str) -> str | None:
    """Why SNS, or SQS alike, refuses this policy for its topic or queue; None where it takes it.

    "Each policy must cover only a single topic"; "Resource: 1 (0 is invalid. The value must match the ARN of the
    policy's topic)": Amazon SNS developer guide, "Amazon SNS API permissions: Actions and resources reference". AWS's
    own samples have `*`, too. The words of the first refusal are SNS's.
    """
    statements = json.loads(policy)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        named = statement.get("Resource", [])
        resources = named if isinstance(named, list) else [named]
        if len(resources) != 1:
            return "Policy statement must apply to a single resource!"
        if resources[0] not in (arn, "*"):
            return f"a policy of {arn} has the resource {resources[0]}"
    return None


def _set_topic_attributes(parameters: Any) -> Any:
    name, value, arn = (sns._p(parameters, key) for key in ("AttributeName", "AttributeValue", "TopicArn"))
    reason = why_refused(value, arn) if name == "Policy" and value else None
    if reason:
        return sns._error("InvalidParameter", f"Invalid parameter: {reason}", 400)
    return _original_set_topic_attributes(parameters)


def _set_queue_attributes(data: dict[str, Any], url: str) -> Any:
    policy, queue = (data.get("Attributes") or {}).get("Policy"), data.get("QueueUrl", url)
    reason = why_refused(policy, _queue_arn(queue)) if policy else None
    if reason:
        raise sqs._Err("InvalidAttributeValue", f"Invalid value for the parameter Policy. Reason: {reason}")
    return _original_set_queue_attributes(data, url)


def _queue_arn(url: str) -> str:
    return str(sqs._get_q(url)["attributes"]["QueueArn"])


def _check_attachment(properties: dict[str, Any], members: str, arn_of: Callable[[str], str]) -> None:
    """CloudFormation sets one document on each topic or queue of the list."""
    policy = json.dumps(properties["PolicyDocument"])
    for member in properties[members]:
        reason = why_refused(policy, arn_of(member))
        if reason:
            raise ValueError(f"Invalid parameter: {reason}")


def _check_concurrency(properties: dict[str, Any]) -> None:
    """Lambda keeps 100 executions of the account unreserved: Lambda developer guide, "Configuring reserved
    concurrency". Here the account has the 1,000 of an old one, and one function that reserves some."""
    reserved = int(properties.get("ReservedConcurrentExecutions", 0))
    if _ACCOUNT - reserved < _LEAST_UNRESERVED:
        raise ValueError(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_LEAST_UNRESERVED}]."
        )


def _check_before(kind: str, check: Callable[[dict[str, Any]], None]) -> None:
    """Check a resource's properties before it is created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]

    def checked_create(logical_id: str, properties: dict[str, Any], *others: Any) -> Any:
        check(properties)
        return create(logical_id, properties, *others)

    def checked_update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *others: Any) -> Any:
        check(new)
        return update(physical_id, old, new, *others)

    handlers.update(create=checked_create, update=checked_update)
