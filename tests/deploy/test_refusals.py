"""The emulator refuses what AWS refuses: the template as it is deploys, and small mistakes in it do not.

Of each mistake the part of `template.yaml` that it concerns is deployed by itself, which takes a second.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.emulator import Emulator
from deploy.launcher import sandbox
from template.reading import read

pytestmark = pytest.mark.server
PART = ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy")

type Mistake = Callable[[dict[str, Any]], None]


@pytest.fixture
def part() -> dict[str, Any]:
    """Topics, queues and their policies, as `template.yaml` has them."""
    resources = read("template.yaml")["Resources"].items()
    return {"Resources": {name: item for name, item in resources if item["Type"] in PART}}


@pytest.fixture
def deploy(emulator: Emulator) -> Iterator[Callable[[dict[str, Any]], str]]:
    """`deploy(template)` is what CloudFormation says of it: nothing, or why a resource could not be made."""
    client = emulator.client("cloudformation")

    def call(template: dict[str, Any]) -> str:
        client.create_stack(StackName="part", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
        client.get_waiter("stack_exists").wait(StackName="part")
        events = client.get_paginator("describe_stack_events")
        while True:
            [stack] = client.describe_stacks(StackName="part")["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
        found = [event for page in events.paginate(StackName="part") for event in page["StackEvents"]]
        reasons = [
            event.get("ResourceStatusReason", "") for event in found if event["ResourceStatus"] == "CREATE_FAILED"
        ]
        assert (stack["StackStatus"] == "CREATE_COMPLETE") == (not reasons), (stack, reasons)
        return " ".join(reasons)

    yield call
    client.delete_stack(StackName="part")


def one_policy_for_both_topics(resources: dict[str, Any]) -> None:
    """As the template once had it."""
    both = [{"Ref": "AlarmTopic"}, {"Ref": "AlarmEventTopic"}]
    del resources["AlarmEventTopicPolicy"]
    policy = resources["AlarmTopicPolicy"]["Properties"]
    policy["Topics"] = both
    policy["PolicyDocument"]["Statement"][0]["Resource"] = both


def one_statement_for_each_topic(resources: dict[str, Any]) -> None:
    one_policy_for_both_topics(resources)
    policy = resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]
    [statement] = policy["Statement"]
    policy["Statement"] = [statement | {"Resource": topic} for topic in statement["Resource"]]


def another_topics_policy(resources: dict[str, Any]) -> None:
    resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] = {"Ref": "ContactTopic"}


def topic_policy_without_a_resource(resources: dict[str, Any]) -> None:
    del resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]


def queue_policy_for_two(resources: dict[str, Any]) -> None:
    queues = [{"Fn::GetAtt": [name, "Arn"]} for name in ("AlarmEvents", "UntoldAlarms")]
    resources["AlarmEventsPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] = queues


def test_policies_as_they_stand_are_taken(deploy: Callable[[dict[str, Any]], str], part: dict[str, Any]) -> None:
    """The control: what follows is refused for the mistake alone."""
    assert {item["Type"] for item in part["Resources"].values()} == set(PART)
    assert deploy(part) == ""


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (one_policy_for_both_topics, "must apply to a single resource!"),
        (one_statement_for_each_topic, "has the resource"),
        (another_topics_policy, "has the resource"),
        (topic_policy_without_a_resource, "must apply to a single resource!"),
        (queue_policy_for_two, "must apply to a single resource!"),
    ],
)
def test_mistake_in_a_policy_is_refused(
    mistake: Mistake, words: str, deploy: Callable[[dict[str, Any]], str], part: dict[str, Any]
) -> None:
    """At deployment, as SNS and SQS refuse it, and in words like theirs."""
    mistake(part["Resources"])
    assert words in deploy(part)


def test_policy_that_is_set_by_hand_is_refused_alike(emulator: Emulator) -> None:
    """By SetTopicAttributes and SetQueueAttributes; the topic's own alone is taken."""
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic, other = (sns.create_topic(Name=name)["TopicArn"] for name in ("mine", "other"))
    queue = sqs.create_queue(QueueName="mine")["QueueUrl"]
    for resource in ([topic, other], other, []):
        policy = json.dumps({"Statement": [{"Effect": "Allow", "Resource": resource}]})
        with pytest.raises(ClientError, match="InvalidParameter"):
            sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        with pytest.raises(ClientError, match="InvalidAttributeValue"):
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    own = json.dumps({"Statement": {"Effect": "Allow", "Resource": topic}})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=own)
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"] == own


def test_file_that_only_its_owner_may_read_is_not_loaded(tmp_path: Path) -> None:
    """Lambda's user owns nothing of a function's code or layers."""
    for mode in (0o600, 0o640):
        with pytest.raises(PermissionError, match=r"mail\.json: only its owner may read it"):
            sandbox.unpack(zipped(mode), tmp_path)
    sandbox.unpack(zipped(0o644), tmp_path)
    assert (tmp_path / "mail.json").read_text() == "{}"


def zipped(mode: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("mail.json")
        entry.external_attr = mode << 16
        archive.writestr(entry, "{}")
    return packed.getvalue()


@pytest.mark.parametrize(("reserved", "words"), [(900, ""), (901, "UnreservedConcurrentExecution below its minimum")])
def test_reservation_that_leaves_too_little_is_refused(
    reserved: int, words: str, deploy: Callable[[dict[str, Any]], str]
) -> None:
    """Lambda keeps 100 executions of an account of 1,000 for functions that reserve none."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    function = {
        "Code": {"ZipFile": "def handler(*_): pass"},
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "ReservedConcurrentExecutions": reserved,
    }
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    found = deploy({"Resources": resources})
    assert (words in found) if words else found == ""


def test_one_of_several_terms_is_enough_to_find_a_line(emulator: Emulator) -> None:
    """What explains alarms asks the log that way why a check could not run."""
    logs, where = emulator.client("logs"), {"logGroupName": "terms", "logStreamName": "one"}
    logs.create_log_group(logGroupName="terms")
    logs.create_log_stream(**where)
    lines = ["level ERROR", "all is well", "Task timed out after 150 s"]
    events = [{"timestamp": 1_800_000_000_000 + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(**where, logEvents=events)
    found = logs.filter_log_events(logGroupName="terms", filterPattern='?ERROR ?"Task timed out"')["events"]
    assert [event["message"] for event in found] == [lines[0], lines[2]]
