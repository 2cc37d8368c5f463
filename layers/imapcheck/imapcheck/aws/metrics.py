"""From a result to CloudWatch metrics (docs/metrics.md): pure in `metrics_of`, Powertools EMF in `publish`."""

from typing import Literal, NamedTuple

from imapcheck.result import CheckResult

NAMESPACE = "ImapCheck"
MAIN_STEPS = {"connect", "tls", "authenticate", "search", "fetch", "append"}

type StepMetrics = Literal["main", "all", "none"]
type Unit = Literal["Percent", "Milliseconds", "Count", "Bytes", "Seconds"]


class Metric(NamedTuple):
    """One value; each distinct pair of `name` and `dimensions` is billed by CloudWatch."""

    name: str
    unit: Unit
    value: float
    dimensions: dict[str, str]


def metrics_of(result: CheckResult, step_metrics: StepMetrics) -> list[Metric]:
    """The metrics of one run of a named check, in the order of docs/metrics.md."""
    check = {"Check": result.check or ""}
    metrics = [
        Metric("Availability", "Percent", 100 if result.available else 0, check),
        Metric("Slow", "Count", 1 if result.slow else 0, check),
    ]
    if result.available:
        metrics.append(Metric("Duration", "Milliseconds", result.duration_ms, check))
    metrics += [
        Metric("StepDuration", "Milliseconds", step.duration_ms, {**check, "Step": step.name})
        for step in result.steps
        if step.status == "passed" and step.duration_ms is not None and _published(step.name, step_metrics)
    ]
    return metrics + _certificate(result, check) + _messages(result, check)


def _published(step: str, step_metrics: StepMetrics) -> bool:
    return step_metrics == "all" or (step_metrics == "main" and step in MAIN_STEPS)


def _certificate(result: CheckResult, check: dict[str, str]) -> list[Metric]:
    tls = result.server.tls
    if tls is None or not tls.verified or tls.certificate_days_remaining is None:
        return []
    return [Metric("CertificateDaysRemaining", "Count", tls.certificate_days_remaining, check)]


def _messages(result: CheckResult, check: dict[str, str]) -> list[Metric]:
    metrics: list[Metric] = []
    if (search := result.search) is not None:
        metrics.append(Metric("SearchMatches", "Count", search.matches, check))
        if search.size_bytes is not None:
            metrics.append(Metric("MessageSize", "Bytes", search.size_bytes, check))
        if search.age_seconds is not None:
            metrics.append(Metric("NewestMessageAge", "Seconds", search.age_seconds, check))
    if result.new_message is not None and result.new_message.delivery_seconds is not None:
        metrics.append(Metric("DeliveryTime", "Seconds", result.new_message.delivery_seconds, check))
    return metrics


def publish(result: CheckResult, step_metrics: StepMetrics) -> None:
    """Write the metrics to stdout as EMF, stamped with the run's start; one line per set of dimensions."""
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    by_dimensions: dict[tuple[tuple[str, str], ...], list[Metric]] = {}
    for metric in metrics_of(result, step_metrics):
        by_dimensions.setdefault(tuple(metric.dimensions.items()), []).append(metric)
    for dimensions, metrics in by_dimensions.items():
        provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        provider.set_timestamp(int(result.started_at.timestamp() * 1000))
        for name, value in dimensions:
            provider.add_dimension(name, value)
        for metric in metrics:
            provider.add_metric(metric.name, metric.unit, metric.value)
        provider.flush_metrics()
