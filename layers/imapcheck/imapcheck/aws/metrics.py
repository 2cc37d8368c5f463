"""From a result to CloudWatch metrics (docs/metrics.md): pure in `metrics_of`, Powertools EMF in `publish`.

A line of embedded metric format is one set of dimensions at one time. Powertools' `Metrics` stamps with the time of
the flush and adds POWERTOOLS_SERVICE_NAME as a dimension, so its provider is used directly.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from imapcheck.definition.model import CheckDefinition, MetricSet
from imapcheck.measures import MEASURES, CloudWatchUnit
from imapcheck.result import CheckResult
from imapcheck.steps import STEPS

MONITOR_ERRORS = "MonitorErrors"


class Metric(NamedTuple):
    """One value; each distinct pair of `name` and `dimensions` is billed by CloudWatch."""

    name: str
    unit: CloudWatchUnit
    value: float
    dimensions: dict[str, str]


def metrics_of(result: CheckResult, definition: CheckDefinition) -> list[Metric]:
    """The metrics of one run of a deployed check, in the order of docs/metrics.md.

    `Availability` is the verdict of all places. `Slow` and `Duration` say something about available runs alone, those
    whose own session went well: a server that is down is not fast again.
    """
    check = {"Check": result.check or ""}
    found = [Metric("Availability", "Percent", result.share_reached, check)]
    if result.available:
        if definition.thresholds:
            found.append(Metric("Slow", "Count", 1 if result.slow else 0, check))
        found.append(Metric("Duration", "Milliseconds", result.duration_ms, check))
    return [*found, *_measures(result, definition.metrics, check), *_steps(result, definition.metrics, check)]


def _measures(result: CheckResult, wanted: MetricSet, check: dict[str, str]) -> Iterator[Metric]:
    """What else was measured; of a certificate that nobody verified nothing is said, as it may be a stranger's."""
    for measure in MEASURES:
        value = measure.of(result)
        if value is None or measure.cloudwatch is None or not (measure.main or wanted != "main"):
            continue
        name, unit = measure.cloudwatch
        if name != "CertificateDaysRemaining" or (result.server.tls is not None and result.server.tls.verified):
            yield Metric(name, unit, value, check)


def _steps(result: CheckResult, wanted: MetricSet, check: dict[str, str]) -> Iterator[Metric]:
    """The times that the sets `steps` and `all` add."""
    for step in result.steps if wanted != "main" else ():
        if step.status == "passed" and step.duration_ms is not None and (wanted == "all" or STEPS[step.name].main):
            yield Metric("StepDuration", "Milliseconds", step.duration_ms, {**check, "Step": step.name})


def publish(namespace: str, metrics: Iterable[Metric], at: datetime) -> None:
    """Write the metrics to stdout as EMF, stamped `at`; one line per set of dimensions."""
    by_dimensions: dict[tuple[tuple[str, str], ...], list[Metric]] = {}
    for metric in metrics:
        by_dimensions.setdefault(tuple(metric.dimensions.items()), []).append(metric)
    for dimensions, group in by_dimensions.items():
        _write(namespace, dict(dimensions), group, at)


def publish_error(namespace: str) -> None:
    """One invocation raised: the monitor, not the mail server, is what failed. No dimension."""
    _write(namespace, {}, [Metric(MONITOR_ERRORS, "Count", 1, {})], datetime.now(UTC))


def _write(namespace: str, dimensions: dict[str, str], metrics: Iterable[Metric], at: datetime) -> None:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=namespace)
    provider.service = ""
    provider.set_timestamp(int(at.timestamp() * 1000))
    for name, value in dimensions.items():
        provider.add_dimension(name, value)
    for metric in metrics:
        provider.add_metric(metric.name, metric.unit, metric.value)
    provider.flush_metrics()
