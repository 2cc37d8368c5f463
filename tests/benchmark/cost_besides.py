"""7. What more places, a round trip and reports add to a check's month, from what the code runs, logs and asks for."""

import io
import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from benchmark.cost_prices import MONTH_HOURS, MONTH_MINUTES, PLATFORM_OCTETS, PRICES, cold_starts
from benchmark.overhead import round_trips
from benchmark.tables import table
from imapcheck import CheckDefinition, CheckResult, run_check
from imapcheck.aws.reports import Reports
from imapcheck.aws.run_log import FINISHED, run_fields
from imapcheck.aws.settings import MessageSettings
from imapcheck.check.judge import Seen, as_place, judged
from imapcheck.definition.asked import reach_only
from imapcheck.result import PlaceFacts, as_json
from support.certificates import Certificates
from support.round_trip import CREDENTIALS, world
from support.wire_server import Dialect, WireServer

MINUTES = 5
RUNS = MONTH_MINUTES / MINUTES
SERVER_MS, REGIONS_MS = 40.0, 150.0
"""Round trips: from a place to the server, as everywhere on the page, and from one Region to another."""
CONNECTING = 3
"""Round trips of a request on a new connection: TCP, TLS 1.3, question and answer. In five minutes the old one is gone."""
FULL_CORE_MB = 1769
ARRIVAL_SECONDS = 3.0
PLACES = ("us-east-2", "ap-northeast-1")
REPORT_MB, REPORT_SECONDS = 512, 2.0
"""Of a call of `send_reports`, each in a new environment."""


_LINES = itertools.count()


def logged(message: str, **fields: Any) -> int:
    """Octets of the line that a function writes."""
    written = io.StringIO()
    service = f"line-{next(_LINES):04}"  # as long as ours; a name's second Logger writes where the first does
    Logger(service=service, stream=written).info(message, **fields)
    return len(written.getvalue().encode())


def line_octets(result: CheckResult) -> int:
    """Of a run's line, without its metrics."""
    return logged(FINISHED, **run_fields(result, instant_test=False, cold_start=False))


def gigabyte_seconds(milliseconds: float, memory_mb: int) -> float:
    """Dollars."""
    return milliseconds / 1000 * memory_mb / 1024 * PRICES["lambda_arm64_gb_second"]


type Look = tuple[PlaceFacts, int]
"""What a place answers, and the round trips of its look."""


def look_of(certificates: Certificates) -> Look:
    with WireServer(Dialect(), tls=certificates.server_context()) as server:
        fields = {"server": f"localhost:{server.port}", "tls": {"ca_file": str(certificates.ca)}}
        run = run_check(reach_only(CheckDefinition.model_validate(fields), 15.0))
    assert run.available, run.failure
    return as_place(PLACES[1], run), round_trips(run.transcript)


def places_month(
    run: tuple[CheckResult, CheckDefinition],
    place: Look,
    more_alarms: int,
    measured: dict[str, Any],
    memory_mb: int,
) -> dict[str, float]:
    """Dollars that two more places add: alarm, their runs, home's wait for them, log lines."""
    result, definition = run
    facts, trips = place
    look = trips * SERVER_MS + measured["work"]
    # Each new connection reads the certificates of all authorities, on home's share of a processor.
    connecting = len(PLACES) * measured["connection"] * FULL_CORE_MB / memory_mb + CONNECTING * REGIONS_MS
    new = cold_starts(MINUTES) * (measured["init"] + measured["first"])
    seen = [Seen(PlaceFacts(name, True, True, None, facts.steps)) for name in PLACES]
    longer = line_octets(judged(definition, "eu-central-1", result, seen, 2)) - line_octets(result)
    line = logged("looked", check="bench", place=as_json(asdict(facts)))
    return {
        "alarms": more_alarms * PRICES["alarm_month"],
        "places": len(PLACES) * (gigabyte_seconds(RUNS * look + new, memory_mb) + RUNS * PRICES["lambda_request"]),
        "wait": gigabyte_seconds(RUNS * (connecting + look), memory_mb),
        "logs": RUNS * (longer + len(PLACES) * (line + PLATFORM_OCTETS)) / 1e9 * PRICES["log_ingest_gb"],
    }


def round_trip_month(memory_mb: int) -> dict[str, float]:
    """Dollars that `send` adds, its five steps taking three seconds together: Lambda, log lines."""
    with world() as there:
        definition = there.define({"keep_for": "1d"})
        sent = run_check(definition, CREDENTIALS)
        plain = run_check(definition.model_copy(update={"send": None}), CREDENTIALS)
    assert plain.available, plain.failure
    assert sent.delivery is not None, sent.failure
    longer = line_octets(sent) - line_octets(plain)
    return {
        "wait": gigabyte_seconds(RUNS * ARRIVAL_SECONDS * 1000, memory_mb),
        "logs": RUNS * longer / 1e9 * PRICES["log_ingest_gb"],
    }


class Asked:
    """CloudWatch without alarms and figures, which counts what is asked of it."""

    def __init__(self) -> None:
        self.operation, self.metrics = "", 0

    def get_paginator(self, operation: str) -> "Asked":
        self.operation = operation
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        queries = [query["MetricStat"]["Metric"] for query in asked.get("MetricDataQueries", [])]
        # Up to five statistics of a metric are billed as one.
        self.metrics += len({json.dumps(metric) for metric in queries})
        yield {"MetricAlarms": [], "MetricDataResults": [], "events": []}

    def list_alarm_mute_rules(self, **_: Any) -> dict[str, Any]:
        return {"AlarmMuteRuleSummaries": []}


def metrics_asked(now: datetime) -> int:
    """How many metrics `send_reports` reads at `now` for a stack of one check with a goal."""
    with tempfile.TemporaryDirectory() as folder:
        fields = {"server": "imaps://mail.example.com/", "authentication": "none", "schedule": {"every": "5m"}}
        (Path(folder) / "mail.json").write_text(json.dumps(fields | {"slo": {"available": 99.9}}))
        settings = MessageSettings(
            definitions=Path(folder),
            stack="stack",
            log_group="log",
            alarm_topic="topic",
            contact_topic="contacts",
            dashboard_url="https://example.com/",
        )
        cloudwatch = Asked()
        reports = Reports(settings, logs=Asked(), cloudwatch=cloudwatch, sns=_Silent())
        reports.run(now)
        return cloudwatch.metrics


class _Silent:
    """SNS that takes everything."""

    def publish(self, **_: Any) -> dict[str, str]:
        return {"MessageId": "1"}


HOUR, FIRST = datetime(2026, 11, 15, 12, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)


def reports_month() -> dict[str, float]:
    """Dollars: of a stack's hourly calls; a month's reading for a check with a goal; its report."""
    hourly = metrics_asked(HOUR)
    calls = MONTH_HOURS * (PRICES["lambda_request"] + gigabyte_seconds(REPORT_SECONDS * 1000, REPORT_MB))
    return {
        "stack": calls + MONTH_HOURS * PRICES["schedule_invocation"],
        "goal": MONTH_HOURS * hourly * PRICES["metric_read"],
        "report": (metrics_asked(FIRST) - hourly) * PRICES["metric_read"],
    }


def besides(
    run: tuple[CheckResult, CheckDefinition],
    place: Look,
    more_alarms: int,
    measured: dict[str, Any],
    memory_mb: int,
) -> list[str]:
    """The page's chapter."""
    places, trip, reports = (
        places_month(run, place, more_alarms, measured, memory_mb),
        round_trip_month(memory_mb),
        reports_month(),
    )
    rows = [
        ["two more places", f"{places['alarms']:.2f}", f"{places['places'] + places['wait']:.3f}", f"{places['logs']:.3f}", f"{sum(places.values()):.2f}"],
        ["a round trip (`send`) of 3 s", "0.00", f"{trip['wait']:.3f}", f"{trip['logs']:.3f}", f"{sum(trip.values()):.2f}"],
    ]  # fmt: skip
    _, trips = place
    farther = gigabyte_seconds(RUNS * trips * 100 * (1 + len(PLACES)), memory_mb)
    return [
        "## Places, a round trip, reports",
        "",
        f"What is added to a check every {MINUTES} minutes, metrics apart: places have none.",
        "",
        *table("with | alarms $ | Lambda $ | logs $ | more $", rows),
        f"- Places: the server {SERVER_MS:.0f} ms of round trip away from each, {REGIONS_MS:.0f} ms between the Regions. A look takes {trips} round trips, and home",
        f"  waits for the slowest (${places['wait']:.3f}). Each 100 ms that the server is farther from all of them adds ${farther:.3f}. Once a stack: two alarms a",
        f"  place (${2 * PRICES['alarm_month']:.2f}). Not counted: traffic between Regions, some 30 MB a month.",
        "- A round trip: its five steps take 3 s together, from the connection to the submission server until arrival; each second more adds",
        f"  ${gigabyte_seconds(RUNS * 1000, memory_mb):.3f}. The metric `DeliveryTime` costs ${PRICES['custom_metric_month']:.2f} as any other; with `metrics: alarms` there is none. A sending login of its",
        f"  own is a second secret (${PRICES['secret_month']:.2f}, with `ssm:` nothing).",
        f"- Reminders, budgets, the month's report, once a stack: {MONTH_HOURS} calls of a function a month, ${reports['stack']:.2f}, and its alarm. For each check with a",
        f"  goal (`slo`) ${reports['goal']:.3f} for the metrics that it reads each hour; each report of a check ${reports['report']:.5f}. They need no metric, alarm or table a check.",
        "",
    ]
