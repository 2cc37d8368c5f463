"""The lessons about alarms, from CloudWatch's evaluation to the mail that people get."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, sns
from ministack.services.cloudformation import provisioners

_MAIL = Path(os.environ["DEPLOY_MAIL"])
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit")
_numbers = itertools.count()
_original_alarm_record = provisioners._cw_metric_alarm_record
_original_fanout = sns._fanout
_original_requests = cloudwatch.handle_request


def teach() -> None:
    """Before the services start."""
    cloudwatch._evaluate_alarm = _leave_alarms_to_the_bridge
    cloudwatch.handle_request = _answer
    provisioners._cw_metric_alarm_record = _alarm_record
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::AlarmMuteRule"] = {
        "create": _create_mute_rule,
        "update": _update_mute_rule,
        "delete": _delete_mute_rule,
    }
    sns._fanout = _fanout


def _leave_alarms_to_the_bridge(alarm: dict[str, Any]) -> None:
    """CloudWatch evaluates M of N datapoints of the metric with the alarm's dimensions, and missing ones. MiniStack
    knows neither M of N nor dimensions nor missing data; `deploy.bridges` decides, by the project's simulator."""


def _alarm_record(name: str, properties: dict[str, Any]) -> Any:
    """DescribeAlarms returns WarmUpConfiguration, and Metrics in place of one metric. MiniStack drops the one and
    refuses the other."""
    metrics = properties.get("Metrics")
    one = {"MetricName": "-", "Namespace": "-", "Metrics": None} if metrics else {}
    record = _original_alarm_record(name, properties | one)
    if metrics:
        record = {key: value for key, value in record.items() if key not in _OF_ONE_METRIC} | {"Metrics": metrics}
    if warm_up := properties.get("WarmUpConfiguration"):
        minutes = int(warm_up["WarmUpPeriodDurationInMinutes"])
        record["WarmUpConfiguration"] = {"WarmUpPeriodDurationInMinutes": minutes}
    return record


# CloudFormation knows AWS::CloudWatch::AlarmMuteRule, CloudWatch tells of the rules; MiniStack knows nothing of them.
# Here a rule is only kept and told of: nothing is muted.
_mute_rules: dict[str, dict[str, Any]] = {}


def _create_mute_rule(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=255)
    if not {"Expression", "Duration"} <= properties["Rule"]["Schedule"].keys():
        raise ValueError(f"AWS::CloudWatch::AlarmMuteRule {name}: Expression and Duration are required")
    _mute_rules[name] = {"Name": name} | properties
    return name, {}


def _update_mute_rule(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, Any]]:
    if new.get("Name", physical_id) != physical_id:
        _delete_mute_rule(physical_id, old)
    return _create_mute_rule(physical_id, {"Name": physical_id} | new, stack_name)


def _delete_mute_rule(physical_id: str, properties: dict[str, Any]) -> None:
    _mute_rules.pop(physical_id)


async def _answer(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
    """ListAlarmMuteRules and GetAlarmMuteRule, in the protocol that boto3 speaks."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation == "ListAlarmMuteRules":
        arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm-mute-rule:"
        return cloudwatch._json_ok(
            {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": arn + name} for name in _mute_rules]}
        )
    if operation == "GetAlarmMuteRule":
        return cloudwatch._json_ok(_mute_rules[json.loads(body)["AlarmMuteRuleName"]])
    return await _original_requests(method, path, headers, body, query_params)


def _fanout(
    topic: str,
    message_id: str,
    message: str,
    subject: str,
    message_structure: str = "",
    message_attributes: dict[str, Any] | None = None,
    *others: Any,
    **named: Any,
) -> None:
    """SNS sends mail. MiniStack says in its log that it would; here each lies as a file in the folder of all mail."""
    message = _as_cloudwatch_writes_it(message)
    _original_fanout(topic, message_id, message, subject, message_structure, message_attributes, *others, **named)
    text = sns._resolve_message_for_protocol(message, message_structure, "email")
    for subscription in sns._topic_by_arn_any_scope(topic)["subscriptions"]:
        wanted = sns._matches_filter_policy(subscription, message_attributes or {}, text)
        if wanted and subscription["protocol"] == "email":
            mail = {"to": subscription["endpoint"], "subject": subject, "text": text}
            (_MAIL / f"{next(_numbers):06}.json").write_text(json.dumps(mail), encoding="utf-8")


def _as_cloudwatch_writes_it(message: str) -> str:
    """An alarm's message says how many datapoints it takes, and writes `name` and `value` of dimensions small."""
    content = json.loads(message) if message.startswith('{"AlarmName": ') else {}
    alarm = cloudwatch._alarms.get(content.get("AlarmName"))
    if alarm is None:
        return message
    content["Trigger"] |= {
        "DatapointsToAlarm": alarm["DatapointsToAlarm"],
        "TreatMissingData": alarm["TreatMissingData"],
        "Dimensions": [{key.lower(): value for key, value in item.items()} for item in alarm.get("Dimensions", [])],
    }
    return json.dumps(content)
