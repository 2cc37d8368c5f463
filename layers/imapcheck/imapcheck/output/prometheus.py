"""Prometheus' text format: for node_exporter's textfile collector or a push gateway.

Names are the field's where it has one (blackbox_exporter's `probe_*`), ours are `imapcheck_*`; units are
seconds and bytes. Samples carry no timestamps, which the textfile collector refuses. A check that could
not run has no `probe_success`: that would be a verdict on the server.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from imapcheck.measures import MEASURES
from imapcheck.output.outcome import Outcome
from imapcheck.result import CheckResult, TlsFacts

type Sample = tuple[dict[str, str], float]
type Samples = Callable[[Outcome], Iterable[Sample]]


def document(outcomes: Sequence[Outcome]) -> tuple[str, int | None]:
    """The exposition; the exit status is the command line's."""
    return render(outcomes), None


def render(outcomes: Sequence[Outcome]) -> str:
    """The whole exposition, as text that ends with a line end; a metric without samples is left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Outcomes(outcomes))
    return generate_latest(registry).decode("utf-8")


class _Outcomes(Collector):
    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = outcomes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _families(self._outcomes)


def _families(outcomes: Sequence[Outcome]) -> Iterator[GaugeMetricFamily]:
    for name, help_text, labels, samples in METRICS:
        family = GaugeMetricFamily(name, help_text, labels=["check", *labels])
        for outcome in outcomes:
            for values, value in samples(outcome):
                labelled = [outcome.check, *(values[label] for label in labels)]
                family.add_metric(labelled, round(value, 6))  # microseconds
        if family.samples:
            yield family


def _one(value: float | None) -> Iterable[Sample]:
    return [] if value is None else [({}, value)]


def _dns(result: CheckResult) -> Iterable[Sample]:
    step = result.step("dns")
    return _one(None if step is None or step.duration_ms is None else step.duration_ms / 1000)


def _ip_protocol(result: CheckResult) -> Iterable[Sample]:
    return _one(None if result.server.address is None else ip_address(result.server.address).version)


def _steps(result: CheckResult) -> Iterable[Sample]:
    return [({"step": step.name}, step.duration_ms / 1000) for step in result.steps if step.duration_ms is not None]


def _ran(read: Callable[[CheckResult], Iterable[Sample]]) -> Samples:
    return lambda outcome: [] if outcome.result is None else read(outcome.result)


def _tls(read: Callable[[TlsFacts], Iterable[Sample]]) -> Samples:
    return _ran(lambda run: [] if run.server.tls is None else read(run.server.tls))


def _expiry(tls: TlsFacts) -> Iterable[Sample]:
    expires_at = tls.certificate_expires_at
    return _one(None if expires_at is None else datetime.fromisoformat(expires_at).timestamp())


def _tls_version(tls: TlsFacts) -> Iterable[Sample]:
    return [] if tls.version is None else [({"version": tls.version}, 1.0)]


def _failures(result: CheckResult) -> Iterable[Sample]:
    return [
        (
            {"step": failure.step, "type": failure.type.value, "category": failure.category.value},
            1.0,
        )
        for failure in result.failures
    ]


def _warnings(result: CheckResult) -> Iterable[Sample]:
    return [({"type": type}, 1.0) for type in dict.fromkeys(warning.type for warning in result.warnings)]


def _measured(of: Callable[[CheckResult], float | None]) -> Samples:
    return _ran(lambda run: _one(of(run)))


METRICS: tuple[tuple[str, str, tuple[str, ...], Samples], ...] = (
    (
        "probe_success",
        "1 if the server was available, 0 if it was not.",
        (),
        _measured(lambda run: run.available),
    ),
    (
        "probe_duration_seconds",
        "The sum of all steps of the run, in seconds.",
        (),
        _measured(lambda run: run.duration_ms / 1000),
    ),
    ("probe_dns_lookup_time_seconds", "Duration of the DNS lookup, in seconds.", (), _ran(_dns)),
    ("probe_ip_protocol", "4 or 6: the version of IP that the connection used.", (), _ran(_ip_protocol)),
    ("probe_ssl_earliest_cert_expiry", "When the certificate expires, in Unix time.", (), _tls(_expiry)),
    ("probe_tls_version_info", "The TLS version that was agreed on.", ("version",), _tls(_tls_version)),
    ("imapcheck_step_duration_seconds", "Duration of each executed step, in seconds.", ("step",), _ran(_steps)),
    ("imapcheck_slow", "1 if an available run exceeded a threshold.", (), _measured(lambda run: run.slow)),
    ("imapcheck_failure_info", "1 for each failure of the run.", ("step", "type", "category"), _ran(_failures)),
    ("imapcheck_warning_info", "1 for each type of warning of the run.", ("type",), _ran(_warnings)),
    *(
        (measure.prometheus, measure.says, (), _measured(measure.of))
        for measure in MEASURES
        if measure.prometheus is not None
    ),
    (
        "imapcheck_started_at_seconds",
        "When the run began, in Unix time.",
        (),
        _measured(lambda run: run.started_at.timestamp()),
    ),
    ("probe_timeout_seconds", "The definition's timeout.", (), lambda outcome: _one(outcome.asked.timeout)),
    (
        "imapcheck_error",
        "1 if the monitor could not run the check because of its definition, its credentials or a bug.",
        (),
        lambda outcome: _one(outcome.result is None),
    ),
)
"""Name, what it is, its labels besides `check`, its samples."""
