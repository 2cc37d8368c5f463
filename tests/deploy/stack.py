"""The deployed stack, as AWS's own APIs show it."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.emulator import Emulator

NAME = "imapcheck"
# What SAM CLI makes for itself, and keeps for other stacks.
_SAM = "aws-sam-cli-managed-default"
_PASSING = ("ResponseMetadata", "RevisionId", "LastModified", "LastModificationDate", "CreationDate")
_PASSING_STATE = re.compile("State.+|LastUpdateStatus.*|AlarmConfigurationUpdatedTimestamp")

type Inventory = dict[str, dict[str, Any]]
"""What is there, by kind and name: settings as the service describes them, states and dates apart."""


@dataclass
class Stack:
    """The stack of this name and those nested in it."""

    emulator: Emulator
    name: str = NAME

    def resources(self, stack: str | None = None) -> list[dict[str, Any]]:
        """Every resource, those of nested stacks after their parent."""
        client = self._client("cloudformation")
        found: list[dict[str, Any]] = client.describe_stack_resources(StackName=stack or self.name)["StackResources"]
        nested = [item for item in found if item["ResourceType"] == "AWS::CloudFormation::Stack"]
        return found + [inner for item in nested for inner in self.resources(item["PhysicalResourceId"])]

    def physical(self, logical_id: str) -> str:
        """The name that AWS knows a resource by."""
        [name] = [item["PhysicalResourceId"] for item in self.resources() if item["LogicalResourceId"] == logical_id]
        return str(name)

    def run(self, check: str) -> dict[str, Any]:
        """What the function answers to `{"check": NAME}`: a result, or an error with `errorMessage`."""
        answer: dict[str, Any] = self.invoke("RunCheckFunction", {"check": check})
        return answer

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """What a function answers to an event; an object with `errorMessage` where it failed."""
        reply = self._client("lambda").invoke(FunctionName=self.physical(function), Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read())
        assert ("FunctionError" in reply) == (isinstance(answer, dict) and "errorMessage" in answer)
        return answer

    def log_lines(self, function: str = "RunCheck") -> list[str]:
        """What a function has logged."""
        pages = self._client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self.physical(f"{function}LogGroup"))
        return [event["message"] for page in found for event in page["events"]]

    def output(self, name: str) -> str:
        """An output of the stack."""
        [found] = self._client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        [value] = [item["OutputValue"] for item in found["Outputs"] if item["OutputKey"] == name]
        return str(value)

    def decisions(self, role: str, actions: list[str], resource: str) -> dict[str, str]:
        """What IAM would say to each action of a role on a resource: `allowed`, or why not."""
        client = self._client("iam")
        arn = client.get_role(RoleName=self.physical(role))["Role"]["Arn"]
        found = client.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, ResourceArns=[resource])
        return {item["EvalActionName"]: item["EvalDecision"] for item in found["EvaluationResults"]}

    def alarms(self) -> list[dict[str, Any]]:
        """The stack's alarms as DescribeAlarms shows them."""
        pages = self._client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{self.name}-")
        return [alarm for page in pages for alarm in page["MetricAlarms"]]

    def ring(self, check: str, state: str, kind: str = "unavailable") -> None:
        """Let an alarm of a check change to `state`."""
        name = f"{self.name}-{check}-{kind}"
        # The emulator tells the time in whole seconds, CloudWatch in milliseconds: a run of this second would be later.
        time.sleep(1 - time.time() % 1)
        self._client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="The test says so.")

    def mute_rules(self) -> list[dict[str, Any]]:
        """Every mute rule in the account."""
        client = self._client("cloudwatch")
        arns = [item["AlarmMuteRuleArn"] for item in client.list_alarm_mute_rules()["AlarmMuteRuleSummaries"]]
        return [client.get_alarm_mute_rule(AlarmMuteRuleName=arn.rsplit(":", 1)[1]) for arn in arns]

    def schedules(self) -> list[dict[str, Any]]:
        """Every schedule in the account."""
        client = self._client("scheduler")
        listed = [item for page in client.get_paginator("list_schedules").paginate() for item in page["Schedules"]]
        return [client.get_schedule(Name=item["Name"], GroupName=item["GroupName"]) for item in listed]

    def inventory(self) -> Inventory:
        """Everything in the account but what SAM CLI keeps for itself."""
        return {name: _settings(item) for name, item in self._everything() if _SAM not in name}

    def _everything(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from ((f"alarm {item['AlarmName']}", item) for item in self.alarms())
        yield from ((f"schedule {item['GroupName']}/{item['Name']}", item) for item in self.schedules())
        yield from ((f"mute {item['Name']}", item) for item in self.mute_rules())
        sns = self._client("sns")
        pages = sns.get_paginator("list_subscriptions").paginate()
        for item in (item for page in pages for item in page["Subscriptions"]):
            found = sns.get_subscription_attributes(SubscriptionArn=item["SubscriptionArn"])["Attributes"]
            yield f"subscription {item['Endpoint']}", found
        client = self._client("lambda")
        for function in client.list_functions()["Functions"]:
            yield f"function {function['FunctionName']}", client.get_function_configuration(**_only(function))
        for layer in client.list_layers()["Layers"]:
            yield f"layer {layer['LatestMatchingVersion']['LayerVersionArn']}", {}
        for service, operation, key, field in _LISTS:
            for item in getattr(self._client(service), operation)().get(key, []):
                if not (field and item.get("StackStatus") == "DELETE_COMPLETE"):
                    yield f"{key} {item[field] if field else item}", {}

    def _client(self, service: str) -> Any:
        return self.emulator.client(service)


# (service, operation, where the list stands, what names an item); an item is the name itself where there is nothing.
_LISTS = (
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("s3", "list_buckets", "Buckets", "Name"),
)


def _only(function: dict[str, Any]) -> dict[str, str]:
    return {"FunctionName": function["FunctionName"]}


def _settings(item: dict[str, Any]) -> dict[str, Any]:
    """The item without its state, its dates and its bookkeeping."""
    passing = {name for name in item if name in _PASSING or _PASSING_STATE.fullmatch(name)}
    return {name: value for name, value in item.items() if name not in passing}


def check_of(settings: dict[str, Any]) -> str | None:
    """The check that an alarm watches, a schedule runs or a rule mutes; None for what belongs to all."""
    for dimension in settings.get("Dimensions", []):
        if dimension["Name"] == "Check":
            return str(dimension["Value"])
    for alarm in settings.get("MuteTargets", {}).get("AlarmNames", []):
        return str(alarm).removeprefix(f"{NAME}-").removesuffix("-unavailable")
    event = settings.get("Target", {}).get("Input")
    found = json.loads(event).get("check") if event else None
    return None if found is None else str(found)
