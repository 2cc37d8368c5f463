"""From a result to CloudWatch metrics (docs/metrics.md): pure in `metrics_of`, Powertools EMF in `publish`.

A line of embedded metric format is one set of dimensions at one time. Powertools' `Metrics` stamps with the time of
the flush and adds POWERTOOLS_SERVICE_NAME as a dimension, so its provider is used directly.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, get_args

from imapcheck.definition.model import CheckDefinition
from imapcheck.measures import CERTIFICATE_DAYS, DURATION, MEASURES, SLOW, CloudWatchUnit, Measure, MetricSet
from imapcheck.result import CheckResult
from imapcheck.steps import STEPS

MONITOR_ERRORS = "MonitorErrors"
_SETS: tuple[MetricSet, ...] = get_args(MetricSet)
_ON_ITS_WAY = 300
"""Seconds within which CloudWatch has a run's values: the schedule's jitter, the run, and the way through the log."""


class Metric(NamedTuple):
    """One value; each distinct pair of `name` and `dimensions` is billed by CloudWatch.

    It is stamped `after` seconds later than its run.
    """

    name: str
    unit: CloudWatchUnit
    value: float
    dimensions: dict[str, str]
    after: int = 0


def metrics_of(result: CheckResult, definition: CheckDefinition, stamp: datetime | None = None) -> list[Metric]:
    """The metrics of one run of a deployed check; `stamp` is the time they will have."""
    check = {"Check": result.check or ""}
    return [*_measures(result, definition, stamp or result.started_at, check), *_steps(result, definition, check)]


def _measures(
    result: CheckResult, definition: CheckDefinition, stamp: datetime, check: dict[str, str]
) -> Iterator[Metric]:
    """Of a certificate that nobody verified nothing is said, as it may be a stranger's."""
    for measure in MEASURES:
        value = measure.of(result)
        if value is None or measure.cloudwatch is None or not _is_wanted(measure, definition):
            continue
        metric = Metric(*measure.cloudwatch, value, check)
        if measure is CERTIFICATE_DAYS:
            yield from _certificate(metric, result, definition, stamp)
        else:
            yield metric


def _is_wanted(measure: Measure, definition: CheckDefinition) -> bool:
    """Where `total` is the only threshold, the alarm `slow` reads `Duration`, and there is no `Slow`."""
    by_duration = definition.total_alone is not None
    if measure is SLOW:
        return bool(definition.thresholds) and not by_duration
    if measure is DURATION:
        return by_duration or definition.metrics != "alarms"
    return _SETS.index(measure.set) <= _SETS.index(definition.metrics)


def _certificate(days: Metric, result: CheckResult, definition: CheckDefinition, stamp: datetime) -> Iterator[Metric]:
    """In the first run of every six hours, as a metric is billed by the hour, and in every run with few days left.

    The former is stamped a little later. Else the alarm's period would be empty while the next value is on its way,
    and the alarm, which then goes by the period before, back in alarm over days that ended with a renewal.
    """
    if result.server.tls is None or not result.server.tls.verified:
        return
    if definition.schedule is None or days.value < definition.alarms.certificate_days:
        yield days
    elif definition.schedule.shows_certificate(stamp):
        yield days._replace(after=_ON_ITS_WAY)


def _steps(result: CheckResult, definition: CheckDefinition, check: dict[str, str]) -> Iterator[Metric]:
    """The times that the sets `steps` and `all` add."""
    wanted = definition.metrics
    for step in result.steps if wanted in ("steps", "all") else ():
        if step.status == "passed" and step.duration_ms is not None and (wanted == "all" or STEPS[step.name].main):
            yield Metric("StepDuration", "Milliseconds", step.duration_ms, {**check, "Step": step.name})


def publish(namespace: str, metrics: Iterable[Metric], at: datetime) -> None:
    """Write the metrics of a run at `at` to stdout, where Lambda's log takes them."""
    _write(metric_lines(namespace, metrics, at))


def publish_error(namespace: str) -> None:
    """One invocation raised: the monitor, not the mail server, is what failed."""
    _write(error_lines(namespace, datetime.now(UTC)))


def metric_lines(namespace: str, metrics: Iterable[Metric], at: datetime) -> list[str]:
    """The metrics of a run at `at` as EMF; one line per set of dimensions and stamp."""
    lines: dict[tuple[int, tuple[tuple[str, str], ...]], list[Metric]] = {}
    for metric in metrics:
        lines.setdefault((metric.after, tuple(metric.dimensions.items())), []).append(metric)
    return [
        _line(namespace, dict(dimensions), group, at + timedelta(seconds=after))
        for (after, dimensions), group in lines.items()
    ]


def error_lines(namespace: str, at: datetime) -> list[str]:
    """One error of the monitor's own. No dimension."""
    return [_line(namespace, {}, [Metric(MONITOR_ERRORS, "Count", 1, {})], at)]


def _line(namespace: str, dimensions: dict[str, str], metrics: Iterable[Metric], at: datetime) -> str:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=namespace)
    provider.service = ""
    provider.set_timestamp(int(at.timestamp() * 1000))
    for name, value in dimensions.items():
        provider.add_dimension(name, value)
    for metric in metrics:
        provider.add_metric(metric.name, metric.unit, metric.value)
    line = json.dumps(provider.serialize_metric_set(), separators=(",", ":"))
    provider.clear_metrics()
    return line


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
