"""7. What a check costs a month, from what part 3 measured."""

import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.cost_besides import PLACES, besides, look_of
from benchmark.cost_prices import (
    MONTH_HOURS,
    MONTH_MINUTES,
    PLATFORM_OCTETS,
    PRICES,
    RECYCLED_MINUTES,
    SOURCE,
    cold_starts,
)
from benchmark.overhead import MESSAGE
from benchmark.tables import table
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.aws.metrics import Metric, metrics_of, publish
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.measures import MetricSet
from imapcheck.stack.checks import checks_template
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.mail_server import Box, MailServer, MailStore
from support.templates import load_template

SETTINGS: tuple[MetricSet, ...] = ("all", "steps", "main", "alarms")
CERTIFICATE_HOURS = 4 / 24  # in which it is published: a metric is billed by the hour in which it has a value
INTERVALS = (1, 5, 15, 60)
SIZES = (1, 50, 450)
CHECKS_IN_A_STACK = 99  # with thresholds: docs/fleet.md
WIDGET_GB = 0.5  # of the function behind the table, for about a second
# Lambda polls the queue of alarms with five long polls of 20 s, whether there are alarms or not.
IDLE_POLLS = 5 * 3 * MONTH_MINUTES


FULL: dict[str, object] = {"search": "x", "new_message": {**MESSAGE, "keep_for": "1d"}, "thresholds": {"total": 60_000}}
ROOT_TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def sample(certificates: Certificates, fields: dict[str, object]) -> tuple[CheckResult, CheckDefinition]:
    """A result of a definition with `fields`, and the definition."""
    inbox = Box()
    inbox.put(b"Subject: x\r\n\r\nFound.\r\n")
    store = MailStore({"INBOX": inbox, "Sent": Box(special="\\Sent")})
    with MailServer(store, tls=certificates.server_context()) as server:
        asked = CheckDefinition.model_validate(
            {
                "name": "bench",
                "server": f"localhost:{server.port}",
                **fields,
                "tls": {"ca_file": str(certificates.ca)},
            }
        )
        result = run_check(asked, Credentials.model_validate({"username": "alice", "password": PASSWORD}))
    assert result.available, result.failure
    return result, asked


def lambda_month(measured: dict[str, Any], memory_mb: int, minutes: int) -> float:
    """Dollars for requests and billed milliseconds, INIT included."""
    runs, cold = MONTH_MINUTES / minutes, cold_starts(minutes)
    seconds: float = ((runs - cold) * measured["later"] + cold * (measured["init"] + measured["first"])) / 1000
    return runs * PRICES["lambda_request"] + seconds * memory_mb / 1024 * PRICES["lambda_arm64_gb_second"]


def published(run: tuple[CheckResult, CheckDefinition], setting: MetricSet) -> list[Metric]:
    """What the run publishes with another set of metrics."""
    result, definition = run
    return metrics_of(result, definition.model_copy(update={"metrics": setting}))


def alarms(definition: CheckDefinition, places: Sequence[str] = ()) -> tuple[int, int]:
    """(of the check, of the monitor itself): the metrics that the alarms of a stack of this check alone watch.

    An alarm is billed by its metrics: one each, but for those whose metric is an expression.
    """
    schedule = ScheduleDefinition.model_validate({"every": "5m", "places": list(places)})
    scheduled = definition.model_copy(update={"schedule": schedule})
    everything = alarm_metrics(checks_template([scheduled]).text)
    own = alarm_metrics(checks_template([]).text)
    return everything - own, own + alarm_metrics(ROOT_TEMPLATE.read_text(encoding="utf-8"))


def alarms_of_places(definition: CheckDefinition) -> int:
    """How many more metrics a check's alarms watch where it looks from two more places."""
    return alarms(definition, PLACES)[0] - alarms(definition)[0]


def alarm_metrics(template: str) -> int:
    resources = load_template(template)["Resources"].values()
    watched = [item["Properties"] for item in resources if item["Type"] == "AWS::CloudWatch::Alarm"]
    return sum(sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1 for alarm in watched)


def month(
    run: tuple[CheckResult, CheckDefinition], setting: MetricSet, minutes: int, measured: dict[str, Any], memory_mb: int
) -> list[float]:
    """Dollars a month: metrics, alarms, secret, Lambda, logs, schedule."""
    runs = MONTH_MINUTES / minutes
    # what is logged besides the metrics: the structured line with the result
    line = measured["log_octets"] - emf_octets(run, "main")
    gigabytes = runs * (line + emf_octets(run, setting) + PLATFORM_OCTETS) / 1e9
    parameter = (run[1].secret or "").startswith("ssm:")
    return [
        billed_metrics(published(run, setting)) * PRICES["custom_metric_month"],
        alarms(run[1])[0] * PRICES["alarm_month"],
        0.0
        if parameter
        else PRICES["secret_month"] + max(cold_starts(minutes), MONTH_MINUTES / 60) * PRICES["secret_call"],
        lambda_month(measured, memory_mb, minutes) + runs * PRICES["table_read"],
        gigabytes * PRICES["log_ingest_gb"],
        runs * PRICES["schedule_invocation"],
    ]


def billed_metrics(metrics: list[Metric]) -> float:
    """How many metrics are billed for a month, each by the hours in which it has a value."""
    return sum(CERTIFICATE_HOURS if metric.name == "CertificateDaysRemaining" else 1 for metric in metrics)


def choices(run: tuple[CheckResult, CheckDefinition], measured: dict[str, Any], memory_mb: int) -> list[str]:
    """What a definition's choices cost, at 5 minutes."""
    result, definition = run
    kept: tuple[tuple[str, dict[str, object], MetricSet], ...] = (
        ("`thresholds.total` (the table above)", {}, "main"),
        ("a threshold on a step besides", {"thresholds": {"total": 60_000, "tls": 60_000}}, "main"),
        ("no `thresholds`", {"thresholds": {}}, "main"),
        ("`thresholds.total`, `ssm:`", {"secret": "ssm:imapcheck/mail"}, "main"),
        ("no `thresholds`, `ssm:`", {"secret": "ssm:imapcheck/mail", "thresholds": {}}, "main"),
        ("no `thresholds`, `ssm:`, `metrics: alarms`", {"secret": "ssm:imapcheck/mail", "thresholds": {}}, "alarms"),
    )
    rows = []
    for title, changes, setting in kept:
        asked = definition.model_copy(update=changes)
        parts = month((result, asked), setting, 5, measured, memory_mb)
        rows.append([title, *(f"{part:.2f}" for part in (*parts, sum(parts)))])
    return [
        "## What a definition's choices cost",
        "",
        "Dollars a month, every 5 minutes. A metric is billed by the hour in which it has a value: the certificate's days are published in four hours of",
        "a day. With `thresholds` of `total` alone the alarm `slow` reads `Duration` and needs no metric of its own. A secret that is a parameter",
        "(`ssm:`) costs nothing; all checks of one mailbox can share a secret.",
        "",
        *table("definition | metrics $ | alarms $ | secret $ | Lambda $ | logs $ | schedule $ | total $", rows),
    ]


def emf_octets(run: tuple[CheckResult, CheckDefinition], setting: MetricSet) -> int:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        publish("ImapCheck/imapcheck", published(run, setting), run[0].started_at)
    return len(printed.getvalue().encode())


def stack_month(own_alarms: int) -> float:
    """Dollars a month for a stack by itself: its alarms, the queue's polls, a dashboard beyond the account's three."""
    return own_alarms * PRICES["alarm_month"] + IDLE_POLLS * PRICES["sqs_request"] + PRICES["dashboard_month"]


def open_dashboard(checks: int, seconds: int, measured: dict[str, Any]) -> float:
    """Dollars for a dashboard that somebody leaves open for a month, refreshed each so many seconds.

    Each refresh reads a metric of each check for the table, runs its function for a second, and scans the log of the
    default range once for each log widget. What graphs read in the console is not billed.
    """
    body = load_template(ROOT_TEMPLATE.read_text(encoding="utf-8"))["Resources"]["Dashboard"]["Properties"][
        "DashboardBody"
    ]
    [text, _] = body["Fn::Sub"]
    [hours] = re.findall(r'"start": "-PT(\d+)H"', text)
    lines = checks * int(hours) * 60 / 5 * text.count('"type": "log"')
    scanned = lines * (measured["log_octets"] + PLATFORM_OCTETS) / 1e9
    function = PRICES["lambda_request"] + WIDGET_GB * PRICES["lambda_arm64_gb_second"]
    each = checks * PRICES["metric_read"] + scanned * PRICES["log_scan_gb"] + function
    month_dollars: float = MONTH_MINUTES * 60 / seconds * each
    return month_dollars


def beside(measured: dict[str, Any]) -> list[str]:
    """What a stack can cost besides its checks, where somebody looks at it all the time or it runs in a VPC."""
    sizes = (1, 10, 50, CHECKS_IN_A_STACK)
    dashboards = [
        [title, *(f"{open_dashboard(checks, seconds, measured):,.2f}" for checks in sizes)]
        for title, seconds in (("every minute", 60), ("every 10 seconds", 10))
    ]
    hours = MONTH_HOURS
    network: list[list[str]] = [
        [
            "a NAT gateway and its fixed address, in each zone",
            f"{hours * (PRICES['nat_hour'] + PRICES['public_address_hour']):.2f}",
        ],
        ["each GB through it", f"{PRICES['nat_gb']:.3f}"],
        ["an interface endpoint (`secretsmanager`), in each zone", f"{hours * PRICES['endpoint_hour']:.2f}"],
        ["the gateway endpoint of DynamoDB", "0.00"],
        ["a customer-managed KMS key for the secrets", f"{PRICES['kms_key_month']:.2f}"],
        ["10,000 calls of it", f"{10_000 * PRICES['kms_request']:.2f}"],
    ]
    return [
        "## A dashboard that stays open",
        "",
        "Dollars a month for a dashboard on a wall, checks every 5 minutes. Nearly all of it is `GetMetricData`, one metric of each check a refresh,",
        "for the availability in the table. Close it, or let it refresh less often: alarms report without it. A longer range than the default scans more of the log.",
        "",
        *table(
            " | ".join(["refresh", *(f"{size} {'check' if size == 1 else 'checks'}" for size in sizes)]), dashboards
        ),
        "## A network of its own, and a key",
        "",
        "Only with `SubnetIds` or `SecretKmsKeyArn` (docs/operations.md). All stacks in a VPC share its gateway and endpoints.",
        "",
        *table("what | $ a month", network),
    ]


def fleet(run: tuple[CheckResult, CheckDefinition], measured: dict[str, Any], memory_mb: int) -> list[str]:
    """What so many checks cost with `main`, each with a secret of its own."""
    own, rows = alarms(run[1])[1], []
    for minutes in INTERVALS:
        each = sum(month(run, "main", minutes, measured, memory_mb))
        row = [f"{minutes} min"]
        for checks in SIZES:
            stacks = -(-checks // CHECKS_IN_A_STACK)
            row.append(f"{checks * each + stacks * stack_month(own):,.2f}")
        rows.append(row)
    titles = [
        f"{size} {'check' if size == 1 else 'checks'}, {-(-size // CHECKS_IN_A_STACK)} stack(s)" for size in SIZES
    ]
    return [
        "## One, fifty, 450",
        "",
        f"Dollars a month with `main`, stacks of at most {CHECKS_IN_A_STACK} checks (docs/fleet.md), each with its own alarms, queue and dashboard:",
        "",
        *table(" | ".join(["every", *titles]), rows),
    ]


def costs(certificates: Certificates, measured: dict[str, Any], memory_mb: int) -> list[str]:
    """The table; `measured` is part 3's for `memory_mb`, taken with `metrics` main."""
    result, least = sample(certificates, FULL), sample(certificates, {})
    rows = []
    for minutes in INTERVALS:
        for setting in SETTINGS:
            parts = month(result, setting, minutes, measured, memory_mb)
            canary = MONTH_MINUTES / minutes * PRICES["synthetics_canary_run"]
            dollars = (f"{part:.2f}" for part in (*parts, sum(parts), canary))
            rows.append([f"{minutes} min", setting, f"{billed_metrics(published(result, setting)):.2f}", *dollars])
    own = alarms(result[1])[1]
    return [
        "# What a check costs",
        "",
        "<!-- Written by `make bench`. -->",
        "",
        f"US dollars for one check and month in {SOURCE['region']}, before the free tier: a definition with search, new message, clean-up and a threshold, on the",
        f"template's default of {memory_mb} MB. Prices, read on {SOURCE['read_on']}, are {SOURCE['note']};",
        "tests/benchmark/prices.json names each source. Measured (docs/performance.md, part 3), with the server 40 ms of round trip away:",
        f"{measured['later']:.0f} ms a run, {measured['init'] + measured['first']:.0f} ms where the environment is new (INIT is billed), {measured['log_octets']:.0f} bytes logged a run with `main`.",
        "",
        *table(
            "every | `metrics` set | metrics | metrics $ | alarms $ | secret $ | Lambda $ | logs $ | schedule $ | total $ | canary $",
            rows,
        ),
        "Metrics are those of a month, each counted by its hours. `canary` is what CloudWatch Synthetics charges for the same number of runs, without its Lambda, logs, metrics and alarms.",
        "",
        "- **Custom metrics dominate**, whatever the interval: $0.30 each. The definition's `metrics` is the knob: `alarms` is what an alarm reads; `main`, the default, is",
        "  availability, duration, certificate and what is asked for; `steps` adds the main steps' times and the search. Every step's time is in the log line in any case.",
        f"- A check without `search`, `new_message` and `thresholds` has {len(published(least, 'main'))} metrics with `main`, {len(published(least, 'steps'))} with `steps` and {len(published(least, 'alarms'))} with `alarms`.",
        f"- Once a stack: its own alarms, on {own} metrics (${own * PRICES['alarm_month']:.2f}), the polls of its queue (${IDLE_POLLS * PRICES['sqs_request']:.2f}, within the account's free million of requests or not), and a dashboard,",
        "  $3.00 where the account already has the three that are free.",
        "- Lambda hardly counts: a run waits for the network, on little memory. With it is counted a read of the table of withheld logins a run.",
        f"- Assumed: an environment lives {RECYCLED_MINUTES // 60} h at 1 and 5 minutes, and every start from 15 minutes on is a cold one.",
        "- Not counted: what alarms cause (a story is a few log reads and mails). Other Regions have other prices: a GB of logs is $0.63 in Frankfurt (from memory).",
        "",
        *choices(result, measured, memory_mb),
        *besides(result, look_of(certificates), alarms_of_places(result[1]), measured, memory_mb),
        *fleet(result, measured, memory_mb),
        *beside(measured),
    ]
