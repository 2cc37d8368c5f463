"""What a run measures besides its times: one row a measure, for CloudWatch, Prometheus and Nagios alike.

A way out that leaves a measure out says so with None in its row. Times are the steps' and the run's, which every way
out has by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from imapcheck.result import Asked, CheckResult

type CloudWatchUnit = Literal["Percent", "Milliseconds", "Count", "Bytes", "Seconds"]


def _no_range(asked: Asked) -> str:
    return ""


@dataclass(frozen=True)
class Measure:
    """One measure: `of` is its value in a result, in seconds, bytes, percent, days or messages; None where it has none.

    `nagios` is its label and unit, `prometheus` its name and help, `cloudwatch` its name and unit. `main`: it is
    published with `metrics: main`. `warn` and `fail` are the ranges that the definition sets, as the Monitoring Plugins
    write them; `most` is the highest value there is.
    """

    of: Callable[[CheckResult], float | None]
    nagios: tuple[str, str] | None
    prometheus: tuple[str, str] | None
    cloudwatch: tuple[str, CloudWatchUnit] | None
    main: bool = False
    warn: Callable[[Asked], str] = _no_range
    fail: Callable[[Asked], str] = _no_range
    least: str = "0"
    most: float | None = None


def number(value: float | None) -> str:
    """A number without exponent, to the microsecond; empty for None."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _certificate_days(run: CheckResult) -> float | None:
    return None if run.server.tls is None else run.server.tls.certificate_days_remaining


def _pushed_seconds(run: CheckResult) -> float | None:
    pushed_ms = None if run.delivery is None else run.delivery.pushed_ms
    return None if pushed_ms is None else pushed_ms / 1000


MEASURES = (
    Measure(
        _certificate_days,
        nagios=("certificate_days", ""),
        prometheus=None,  # probe_ssl_earliest_cert_expiry, as blackbox_exporter has it
        cloudwatch=("CertificateDaysRemaining", "Count"),
        main=True,
        warn=lambda asked: f"{number(asked.certificate_days)}:",
        fail=lambda asked: "0:",
        least="",
    ),
    Measure(
        lambda run: None if run.search is None else run.search.matches,
        nagios=("matches", ""),
        prometheus=("imapcheck_search_matches", "How many messages matched."),
        cloudwatch=("SearchMatches", "Count"),
        fail=lambda asked: "" if asked.min_matches is None else f"{asked.min_matches}:",
    ),
    Measure(
        lambda run: None if run.search is None else run.search.age_seconds,
        nagios=("newest_match_age", "s"),
        prometheus=("imapcheck_match_age_seconds", "The newest match's age."),
        cloudwatch=("NewestMessageAge", "Seconds"),
        main=True,
        fail=lambda asked: number(asked.max_age_seconds),
    ),
    Measure(
        lambda run: None if run.search is None else run.search.size_bytes,
        nagios=("newest_match_size", "B"),
        prometheus=("imapcheck_match_size_bytes", "The newest match's size."),
        cloudwatch=("MessageSize", "Bytes"),
    ),
    Measure(
        lambda run: run.delivery_seconds,
        nagios=("delivery", "s"),
        prometheus=("imapcheck_delivery_seconds", "From the sending of our message to its arrival."),
        cloudwatch=("DeliveryTime", "Seconds"),
        main=True,
    ),
    Measure(
        _pushed_seconds,
        nagios=("push", "s"),
        prometheus=(
            "imapcheck_push_seconds",
            "From the acceptance of our message until the server told of it in IDLE.",
        ),
        cloudwatch=None,
    ),
    Measure(
        lambda run: None if run.quota is None else run.quota.used_percent,
        nagios=("quota_used", "%"),
        prometheus=("imapcheck_quota_used_percent", "How full the fullest resource of the mailbox is."),
        cloudwatch=("QuotaUsed", "Percent"),
        main=True,
        warn=lambda asked: number(asked.quota_warn_percent),
        most=100,
    ),
)
