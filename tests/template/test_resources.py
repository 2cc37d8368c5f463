"""What the root stack puts up, to the letter: functions, layers, logs, queues, topics, alarms, conditions."""

from typing import Any

import pytest

from template.conftest import Translate
from template.reading import arn, if_asked, of_type, read, ref, sub

CONSOLE = {"Console": {"Fn::FindInMap": ["Partitions", ref("AWS::Partition"), "Console"]}}
DASHBOARD_URL = (
    "https://${AWS::Region}.${Console}/cloudwatch/home?region=${AWS::Region}#dashboards:name=${AWS::StackName}"
)
EVERY_FUNCTION = {
    "IMAPCHECK_STACK": ref("AWS::StackName"),
    "IMAPCHECK_DEFINITIONS": "/opt",
    "POWERTOOLS_LOG_LEVEL": ref("LogLevel"),
    "PYDANTIC_DISABLE_PLUGINS": "true",
}
EXPLAINS = {
    **EVERY_FUNCTION,
    "IMAPCHECK_LOG_GROUP": ref("RunCheckLogGroup"),
    "IMAPCHECK_ALARM_TOPIC": ref("AlarmTopic"),
    "IMAPCHECK_CONTACT_TOPIC": ref("ContactTopic"),
    "IMAPCHECK_TIME_ZONE": ref("TimeZone"),
    "IMAPCHECK_DASHBOARD_URL": {"Fn::Sub": [DASHBOARD_URL, CONSOLE]},
}
FUNCTIONS: dict[str, dict[str, Any]] = {
    "RunCheckFunction": {
        "MemorySize": ref("MemorySize"),
        "Timeout": 180,
        "Role": arn("RunCheckRole"),
        "LoggingConfig": {"LogGroup": ref("RunCheckLogGroup")},
        "Environment": {"Variables": {
            **EVERY_FUNCTION,
            "IMAPCHECK_ALLOW_INLINE_DEFINITIONS": ref("AllowInlineDefinitions"),
            "IMAPCHECK_PAUSE_TABLE": ref("LoginPauses"),
        }},
        "ReservedConcurrentExecutions": if_asked("HasReservedConcurrency", ref("ReservedConcurrency")),
        "VpcConfig": if_asked("HasVpc", {
            "SubnetIds": ref("SubnetIds"),
            "SecurityGroupIds": ref("SecurityGroupIds"),
            "Ipv6AllowedForDualStack": ref("Ipv6"),
        }),
    },
    "ExplainAlarmFunction": {
        "MemorySize": 256,
        "Timeout": 60,
        "Role": arn("ExplainAlarmRole"),
        "LoggingConfig": {"LogGroup": ref("ExplainAlarmLogGroup")},
        "Environment": {"Variables": EXPLAINS},
    },
    "SendReportsFunction": {
        "MemorySize": 512,
        "Timeout": 900,
        "Role": arn("SendReportsRole"),
        "LoggingConfig": {"LogGroup": ref("SendReportsLogGroup")},
        "Environment": {"Variables": EXPLAINS},
    },
    "ShowChecksFunction": {
        "MemorySize": 512,
        "Timeout": 30,
        "Role": arn("ShowChecksRole"),
        "LoggingConfig": {"LogGroup": ref("ShowChecksLogGroup")},
        "Environment": {"Variables": {
            **EVERY_FUNCTION,
            "IMAPCHECK_LOG_GROUP": ref("RunCheckLogGroup"),
            "IMAPCHECK_PAUSED": ref("Paused"),
        }},
    },
}  # fmt: skip
CODE = {
    "RunCheckFunction": "functions/run_check/",
    "ExplainAlarmFunction": "functions/explain_alarm/",
    "ShowChecksFunction": "functions/show_checks/",
    "SendReportsFunction": "functions/send_reports/",
    "ImapcheckLayer": "layers/imapcheck/",
    "DependenciesLayer": "layers/dependencies/",
    "DefinitionsLayer": "events/",
}


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    """The root template."""
    return read("template.yaml")


def test_functions_are_exactly_this(translate: Translate) -> None:
    """As SAM translates them: memory, time, role, log group, environment, VPC; arm64 and the three layers.

    No name of a service in the environment: Powertools would make it a dimension of every metric.
    """
    translated = of_type(translate(), "AWS::Lambda::Function")
    assert translated.keys() == FUNCTIONS.keys()
    for name, function in translated.items():
        layers = [layer["Ref"][:-10] for layer in function.pop("Layers")]
        assert layers == ["ImapcheckLayer", "DependenciesLayer", "DefinitionsLayer"]
        assert (function.pop("Handler"), function.pop("Runtime")) == ("handler.handler", "python3.13")
        assert function.pop("Architectures") == ["arm64"]
        for untold in ("Code", "Description", "Tags"):
            function.pop(untold)
        assert function == FUNCTIONS[name], name


def test_layers_are_built_for_what_runs_them(root: dict[str, Any]) -> None:
    """The definitions are plain files; the others are built for arm64. Old versions go."""
    for name in ("ImapcheckLayer", "DependenciesLayer"):
        layer = root["Resources"][name]
        assert layer["Metadata"] == {"BuildMethod": "python3.13", "BuildArchitecture": "arm64"}
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
    assert "Metadata" not in root["Resources"]["DefinitionsLayer"]
    layers = of_type(root, "AWS::Serverless::LayerVersion")
    assert {layer["RetentionPolicy"] for layer in layers.values()} == {"Delete"}
    places = of_type(root, "AWS::Serverless::Function") | layers
    assert {name: place.get("CodeUri") or place["ContentUri"] for name, place in places.items()} == CODE


# What holds data: cfn-lint (I3011) wants it said that it goes with the stack.
STATED = ("AWS::Logs::LogGroup", "AWS::DynamoDB::Table", "AWS::CloudFormation::Stack", "AWS::SQS::Queue")


def test_logs_are_kept_as_long_as_asked_and_go_with_the_stack(root: dict[str, Any]) -> None:
    """One group for each function; nothing in the stack outlives it."""
    groups = of_type(root, "AWS::Logs::LogGroup")
    assert groups.keys() == {"RunCheckLogGroup", "ExplainAlarmLogGroup", "ShowChecksLogGroup", "SendReportsLogGroup"}
    assert all(group == {"RetentionInDays": ref("LogRetentionDays")} for group in groups.values())
    for name, resource in root["Resources"].items():
        deletion = {resource.get(policy, "Delete") for policy in ("DeletionPolicy", "UpdateReplacePolicy")}
        assert deletion == {"Delete"}, name
        if resource["Type"] in STATED:
            assert {"DeletionPolicy", "UpdateReplacePolicy"} <= resource.keys(), name


def test_alarms_go_from_topic_to_queue_to_function_to_topic(root: dict[str, Any], translate: Translate) -> None:
    """Raw delivery, batches with a window, five tries, then a queue whose alarm rings.

    Receives that Lambda could not use, as the account's concurrency was used up, count as tries.
    """
    for_people = {"DisplayName": "imapcheck"}
    assert of_type(root, "AWS::SNS::Topic") == {
        "AlarmTopic": for_people, "ContactTopic": for_people, "AlarmEventTopic": {},
    }  # fmt: skip
    assert of_type(root, "AWS::SNS::Subscription") == {
        "AlarmSubscription": {"TopicArn": ref("AlarmTopic"), "Protocol": "email", "Endpoint": ref("AlarmEmail")},
        "AlarmEventSubscription": {
            "TopicArn": ref("AlarmEventTopic"), "Protocol": "sqs", "Endpoint": arn("AlarmEvents"),
            "RawMessageDelivery": True,
        },
    }  # fmt: skip
    two_weeks = {"MessageRetentionPeriod": 1_209_600, "SqsManagedSseEnabled": True}
    six_times_the_functions_time_and_the_window = 6 * FUNCTIONS["ExplainAlarmFunction"]["Timeout"] + 20
    assert of_type(root, "AWS::SQS::Queue") == {
        "DeadLetters": two_weeks,
        "UntoldAlarms": two_weeks,
        "AlarmEvents": {
            **two_weeks,
            "VisibilityTimeout": six_times_the_functions_time_and_the_window,
            "RedrivePolicy": {"deadLetterTargetArn": arn("UntoldAlarms"), "maxReceiveCount": 5},
        },
    }
    [mapping] = of_type(translate(), "AWS::Lambda::EventSourceMapping").values()
    assert mapping == {
        "EventSourceArn": arn("AlarmEvents"),
        "FunctionName": ref("ExplainAlarmFunction"),
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 20,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }


def test_nested_stacks_get_what_they_need(root: dict[str, Any]) -> None:
    """The names, the queue, the role and the two topics, none for another."""
    nested = of_type(root, "AWS::CloudFormation::Stack")
    assert nested == {
        "Checks": {
            "TemplateURL": "stacks/checks.yaml",
            "Parameters": {
                "StackName": ref("AWS::StackName"),
                "Namespace": sub("ImapCheck/${AWS::StackName}"),
                "FunctionName": ref("RunCheckFunction"),
                "FunctionArn": arn("RunCheckFunction"),
                "RoleName": ref("RunCheckRole"),
                "ScheduleGroupName": ref("ScheduleGroup"),
                "ScheduleRoleArn": arn("ScheduleRole"),
                "DeadLettersArn": arn("DeadLetters"),
                "AlarmEventTopicArn": ref("AlarmEventTopic"),
                "AlarmTopicArn": ref("AlarmTopic"),
            },
        },
        "Contacts": {
            "TemplateURL": "stacks/contacts.yaml",
            "Parameters": {"ContactTopicArn": ref("ContactTopic"), "AlarmEmail": ref("AlarmEmail")},
        },
    }
    for name, stack in nested.items():
        assert stack["Parameters"].keys() == read(f"stacks/{name.lower()}.yaml")["Parameters"].keys()


def test_conditions_both_ways(root: dict[str, Any]) -> None:
    """What each of them asks, and all that hangs on it."""
    assert root["Conditions"] == {
        "IsRunning": {"Fn::Equals": [ref("Paused"), "false"]},
        "HasEmail": {"Fn::Not": [{"Fn::Equals": [ref("AlarmEmail"), ""]}]},
        "HasKey": {"Fn::Not": [{"Fn::Equals": [ref("SecretKmsKeyArn"), ""]}]},
        "HasVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", ref("SubnetIds")]}, ""]}]},
        "HasReservedConcurrency": {"Fn::Not": [{"Fn::Equals": [ref("ReservedConcurrency"), ""]}]},
    }
    hanging = {name: item["Condition"] for name, item in root["Resources"].items() if "Condition" in item}
    assert hanging == {"Checks": "IsRunning", "AlarmSubscription": "HasEmail"}


def test_subnets_ask_for_security_groups(root: dict[str, Any]) -> None:
    """A VPC by half is refused before anything is deployed."""
    [rule] = root["Rules"].values()
    given = {
        name: {"Fn::Not": [{"Fn::EachMemberEquals": [ref(name), ""]}]} for name in ("SubnetIds", "SecurityGroupIds")
    }
    assert rule["RuleCondition"] == given["SubnetIds"]
    assert [assertion["Assert"] for assertion in rule["Assertions"]] == [given["SecurityGroupIds"]]


def test_login_pauses_expire_by_themselves(root: dict[str, Any]) -> None:
    """On demand, one key, a time to live."""
    [table] = of_type(root, "AWS::DynamoDB::Table").values()
    assert table == {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "mailbox", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "mailbox", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
    }


def rings(
    namespace: str,
    metric: str,
    dimension: str,
    value: Any,
    *,
    periods: int,
    missing: str = "notBreaching",
    period: int = 300,
) -> dict[str, Any]:
    """An alarm of the monitor itself: one value of 1 or more within so many periods, of five minutes."""
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": dimension, "Value": value}],
        "Statistic": "Maximum",
        "Period": period,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1,
        "TreatMissingData": missing,
        "AlarmActions": [ref("AlarmTopic")],
    }


def of_queue(metric: str, queue: str) -> dict[str, Any]:
    """SQS's metrics end six hours after the last access, whatever lies in the queue: that must not look like the end.

    Amazon SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch".
    """
    name = {"Fn::GetAtt": [queue, "QueueName"]}
    return rings("AWS/SQS", metric, "QueueName", name, periods=1, missing="ignore")


def messages_of(queue: str, number: str, metric: str) -> dict[str, Any]:
    """A metric of a queue, by the minute, for an expression."""
    name = {"Fn::GetAtt": [queue, "QueueName"]}
    watched = {"Namespace": "AWS/SQS", "MetricName": metric, "Dimensions": [{"Name": "QueueName", "Value": name}]}
    return {"Id": number, "ReturnData": False, "MetricStat": {"Stat": "Maximum", "Period": 60, "Metric": watched}}


OWN_ALARMS = {
    "dead-letters": of_queue("ApproximateNumberOfMessagesVisible", "DeadLetters"),
    "untold-alarms": of_queue("ApproximateNumberOfMessagesVisible", "UntoldAlarms"),
    "waiting-alarms": {
        "Metrics": [
            {"Id": "waiting", "Expression": "visible + in_flight", "Label": "Alarms that wait, or are being reported"},
            messages_of("AlarmEvents", "visible", "ApproximateNumberOfMessagesVisible"),
            messages_of("AlarmEvents", "in_flight", "ApproximateNumberOfMessagesNotVisible"),
        ],
        "EvaluationPeriods": 10,
        "DatapointsToAlarm": 10,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [ref("AlarmTopic")],
    },
    "explain-alarm-errors": rings("AWS/Lambda", "Errors", "FunctionName", ref("ExplainAlarmFunction"), periods=3),
    "send-reports-errors": rings(
        "AWS/Lambda", "Errors", "FunctionName", ref("SendReportsFunction"), period=3600, periods=3
    ),
    "show-checks-errors": rings("AWS/Lambda", "Errors", "FunctionName", ref("ShowChecksFunction"), periods=3),
}
"""By name. They tell people directly, as what explains alarms may be what is broken."""


def test_the_monitors_own_alarms_are_exactly_this(root: dict[str, Any]) -> None:
    """Numbers, dimensions and actions. No Sum, as delivery is at least once; no OKActions, as a new alarm runs them."""
    found = {}
    for alarm in of_type(root, "AWS::CloudWatch::Alarm").values():
        name = alarm.pop("AlarmName")["Fn::Sub"].removeprefix("${AWS::StackName}-")
        found[name] = alarm
        assert alarm.pop("AlarmDescription")
    assert found == OWN_ALARMS


def test_a_schedule_group_without_a_name(root: dict[str, Any]) -> None:
    """Two stacks in one account do not meet."""
    assert of_type(root, "AWS::Scheduler::ScheduleGroup") == {"ScheduleGroup": {}}


def test_reports_are_sent_by_the_hour_whether_paused_or_not(root: dict[str, Any]) -> None:
    """At the full hour, with the schedule's own time as the event's only content."""
    assert "Condition" not in root["Resources"]["SendReportsSchedule"]
    [schedule] = of_type(root, "AWS::Scheduler::Schedule").values()
    assert schedule.pop("Description")
    assert schedule == {
        "GroupName": ref("ScheduleGroup"),
        "ScheduleExpression": "cron(0 * * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": arn("SendReportsFunction"),
            "RoleArn": arn("ScheduleRole"),
            "Input": '{"scheduled_time": "<aws.scheduler.scheduled-time>"}',
            "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 1800},
            "DeadLetterConfig": {"Arn": arn("DeadLetters")},
        },
    }


def test_nothing_else_is_put_up(root: dict[str, Any]) -> None:
    """What is new is asked for here first."""
    told = {
        "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
        "AWS::Serverless::Function", "AWS::Serverless::LayerVersion", "AWS::Logs::LogGroup", "AWS::SNS::Topic",
        "AWS::SNS::Subscription",
        "AWS::SQS::Queue", "AWS::CloudFormation::Stack", "AWS::DynamoDB::Table", "AWS::CloudWatch::Alarm",
        "AWS::Scheduler::ScheduleGroup", "AWS::CloudWatch::Dashboard",
        "AWS::Scheduler::Schedule", "AWS::Lambda::EventInvokeConfig",
    }  # fmt: skip
    assert {resource["Type"] for resource in root["Resources"].values()} == told
