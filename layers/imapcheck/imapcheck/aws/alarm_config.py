"""An alarm's configuration as CloudWatch writes it: to SNS (`Trigger`) and in `DescribeAlarms`, which spell it alike.

An alarm on metric math has its metric among `Metrics`, any other at the top (CloudWatch API reference, MetricAlarm).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from imapcheck.alarms.alarm import Signal

_CHECK = re.compile(r"[A-Za-z0-9-]{1,40}")
_STATISTICS = {name.lower(): name for name in ("Minimum", "Maximum", "SampleCount", "Sum", "Average")}


class AlarmConfig(NamedTuple):
    """What an alarm looks at: a metric of a check in a namespace; `period` is as it stands there."""

    check: str | None
    namespace: str | None
    signal: Signal
    period: object


def read_config(alarm: Mapping[str, Any]) -> AlarmConfig:
    """Whatever stands there: what is missing or in another shape is None, or a signal of no kind."""
    queries = [*filter(None, map(mapping, _list(alarm.get("Metrics"))))]
    stat = next((mapping(item["MetricStat"]) for item in queries if "MetricStat" in item), {})
    expression = next((str(item["Expression"]) for item in queries if "Expression" in item), None)
    metric = mapping(stat.get("Metric")) if queries else alarm
    statistic = str((stat.get("Stat") if queries else alarm.get("Statistic")) or "").replace("_", "").lower()
    namespace = metric.get("Namespace")
    return AlarmConfig(
        check=next(_checks(metric.get("Dimensions")), None),
        namespace=namespace if isinstance(namespace, str) else None,
        signal=Signal(str(metric.get("MetricName")), _STATISTICS.get(statistic, statistic), expression),
        period=stat.get("Period") if queries else alarm.get("Period"),
    )


def _checks(dimensions: object) -> Iterator[str]:
    for dimension in map(mapping, _list(dimensions)):
        name, value = (dimension.get(key, dimension.get(key.capitalize())) for key in ("name", "value"))
        if name == "Check" and isinstance(value, str) and _CHECK.fullmatch(value):
            yield value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    """The object, or an empty one where it is none: AWS's words are taken as they come."""
    return value if isinstance(value, Mapping) else {}
