"""What CloudWatch does and the emulator does not, done over the public APIs.

`publish_embedded_metrics` is our reading of the embedded metric format's specification; `evaluate_alarms` lets the
project's own simulator decide. What both rest on is not proved by what they carry.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.stack import Stack, check_of
from template.alarm_simulator import AlarmRule, Reading, decide

READING = Reading()
QUEUE_PERIOD = 300


@dataclass
class Bridges:
    """Both bridges for one stack."""

    stack: Stack
    told: list[str] = field(default_factory=list)
    _published: int = 0
    _first_seen: dict[str, float] = field(default_factory=dict)

    def publish_embedded_metrics(self) -> None:
        """PutMetricData for every metric of every line that the function has logged since the last call."""
        lines = self.stack.log_lines()
        for line in lines[self._published :]:
            for namespace, datum in embedded_metrics(line):
                self.stack.emulator.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
        self._published = len(lines)

    def publish_queue_length(self, queue: str) -> None:
        """PutMetricData for the messages in a queue, stamped so that the period has ended: nobody need wait for it."""
        sqs, url = self.stack.emulator.client("sqs"), self.stack.physical(queue)
        name = "ApproximateNumberOfMessages"
        length = int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
        datum = {
            "MetricName": f"{name}Visible",
            "Dimensions": [{"Name": "QueueName", "Value": url.rsplit("/", 1)[1]}],
            "Timestamp": time.time() - QUEUE_PERIOD,
            "Value": length,
        }
        self.stack.emulator.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])

    def evaluate_alarms(self) -> None:
        """Evaluate each alarm of a check."""
        for alarm in filter(check_of, self.stack.alarms()):
            self.evaluate(alarm)

    def evaluate(self, alarm: dict[str, Any]) -> None:
        """SetAlarmState where the simulator finds the alarm's state changed."""
        rule = AlarmRule.of(alarm)
        datapoints = self._datapoints(alarm, rule)
        state = decide(rule, datapoints, alarm["StateValue"], READING)
        now = time.time()
        since = now - self._first_seen.setdefault(rule.name, now)
        if state == alarm["StateValue"] or (state == "ALARM" and since < rule.warm_up):
            return
        self.told.append(f"{rule.name}: {alarm['StateValue']} -> {state}, {rule.statistic} {datapoints}")
        client = self.stack.emulator.client("cloudwatch")
        client.set_alarm_state(AlarmName=rule.name, StateValue=state, StateReason=self.told[-1])

    def _datapoints(self, alarm: dict[str, Any], rule: AlarmRule) -> list[float | None]:
        """The statistic of each period that has ended, oldest first."""
        count = rule.periods + READING.extra
        end = math.floor(time.time() / rule.period) * rule.period
        start = end - rule.period * count
        found = self.stack.emulator.client("cloudwatch").get_metric_statistics(
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm["Dimensions"],
            Period=rule.period,
            Statistics=[rule.statistic],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        values = {int(point["Timestamp"].timestamp()): point[rule.statistic] for point in found["Datapoints"]}
        return [values.get(start + rule.period * index) for index in range(count)]


def embedded_metrics(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(namespace, datum for PutMetricData) of each metric in a log line; none where the line holds none."""
    content = json.loads(line) if line.startswith("{") else {}
    for directive in content.get("_aws", {}).get("CloudWatchMetrics", []):
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": content[name]} for name in names]
            for metric in directive["Metrics"]:
                values = content[metric["Name"]]
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": content["_aws"]["Timestamp"] / 1000,
                        "Values": values if isinstance(values, list) else [values],
                        "Unit": metric.get("Unit", "None"),
                    },
                )
