"""What a run measures besides its steps' times: one row a measure, for CloudWatch, Prometheus, Nagios and the pages.

A way out that leaves a measure out says so with None in its row.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from imapcheck.result import CheckResult, judged_total

if TYPE_CHECKING:
    from imapcheck.asked import Asked

type CloudWatchUnit = Literal["Percent", "Milliseconds", "Count", "Bytes", "Seconds"]
MetricSet = Literal["alarms", "main", "steps", "all"]
"""What is published to CloudWatch; each set holds those before it."""


def _no_range(asked: "Asked") -> str:
    return ""


class Measure(NamedTuple):
    """One measure: `of` is its value in a result, None where it has none; `says` is what it is, in a sentence.

    `nagios` is its label and unit, `prometheus` its name, `cloudwatch` its name and unit; `published` says in which
    runs CloudWatch has it, from the set `set` on. `warn` and `fail` are the ranges that the definition sets, as the
    Monitoring Plugins write them; `most` is the highest value there is.
    """

    of: Callable[[CheckResult], float | None]
    says: str
    nagios: tuple[str, str] | None
    prometheus: str | None
    cloudwatch: tuple[str, CloudWatchUnit] | None
    set: MetricSet = "steps"
    published: str = ""
    warn: Callable[["Asked"], str] = _no_range
    fail: Callable[["Asked"], str] = _no_range
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


AVAILABILITY = Measure(
    lambda run: run.share_reached,
    "The verdict: 100 up, 0 down, between them the share of places that reached the server.",
    nagios=None,  # the status
    prometheus=None,  # probe_success, of this machine alone
    cloudwatch=("Availability", "Percent"),
    set="alarms",
    published="every run: 100 (up), 0 (down), or, with [places](places.md), the share of places that reached the"
    " server",
)
SLOW = Measure(
    lambda run: float(run.slow) if run.available else None,
    "1 where an available run passed a threshold.",
    nagios=None,  # the status
    prometheus=None,  # imapcheck_slow, which is 0 where a run was not available
    cloudwatch=("Slow", "Count"),
    set="alarms",
    published="available runs, with `thresholds` of more than `total`: 1 if one was exceeded, else 0",
)
DURATION = Measure(
    lambda run: judged_total(run.steps, run.duration_ms) if run.available else None,
    "The sum of the run's steps, as for `thresholds.total`.",
    nagios=None,  # total, in seconds and with the wait for a LOGOUT
    prometheus=None,  # probe_duration_seconds, of every run
    cloudwatch=("Duration", "Milliseconds"),
    set="alarms",
    published="runs whose own session was available, without the wait for a LOGOUT that was not answered; with `alarms`"
    " if `total` is the only threshold",
)
CERTIFICATE_DAYS = Measure(
    _certificate_days,
    "Days until a certificate of the chain expires.",
    nagios=("certificate_days", ""),
    prometheus=None,  # probe_ssl_earliest_cert_expiry, as blackbox_exporter has it
    cloudwatch=("CertificateDaysRemaining", "Count"),
    set="alarms",
    published="a certificate was verified: the first run of each six hours (UTC), and every run below"
    " `alarms.certificate_days`",
    warn=lambda asked: f"{number(asked.certificate_days)}:",
    fail=lambda asked: "0:",
    least="",
)
MEASURES = (
    AVAILABILITY,
    SLOW,
    DURATION,
    CERTIFICATE_DAYS,
    Measure(
        lambda run: None if run.search is None else run.search.matches,
        "How many messages matched.",
        nagios=("matches", ""),
        prometheus="imapcheck_search_matches",
        cloudwatch=("SearchMatches", "Count"),
        published="with `search`, if the search was answered",
        fail=lambda asked: "" if asked.min_matches is None else f"{asked.min_matches}:",
    ),
    Measure(
        lambda run: None if run.search is None else run.search.age_seconds,
        "The newest match's age.",
        nagios=("newest_match_age", "s"),
        prometheus="imapcheck_match_age_seconds",
        cloudwatch=("NewestMessageAge", "Seconds"),
        set="main",
        published="with `search.max_age`",
        fail=lambda asked: number(asked.max_age_seconds),
    ),
    Measure(
        lambda run: None if run.search is None else run.search.size_bytes,
        "The newest match's size.",
        nagios=("newest_match_size", "B"),
        prometheus="imapcheck_match_size_bytes",
        cloudwatch=("MessageSize", "Bytes"),
        published="with `search`, if the newest match was fetched",
    ),
    Measure(
        lambda run: run.delivery_seconds,
        "From sending the message to its arrival.",
        nagios=("delivery", "s"),
        prometheus="imapcheck_delivery_seconds",
        cloudwatch=("DeliveryTime", "Seconds"),
        set="main",
        published="with `send`, the message was found, in junk too; with `search.max_age`, the newest match was a"
        " message of this check",
    ),
    Measure(
        _pushed_seconds,
        "From the acceptance of the sent message until the server announced it in IDLE.",
        nagios=("push", "s"),
        prometheus="imapcheck_push_seconds",
        cloudwatch=None,
    ),
    Measure(
        lambda run: None if run.quota is None else run.quota.used_percent,
        "Use of the mailbox's fullest resource.",
        nagios=("quota_used", "%"),
        prometheus="imapcheck_quota_used_percent",
        cloudwatch=("QuotaUsed", "Percent"),
        set="main",
        published="with `quota`, of the fullest resource",
        warn=lambda asked: number(asked.quota_warn_percent),
        most=100,
    ),
)
