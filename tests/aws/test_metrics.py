"""What is published, held against docs/metrics.md and the generated alarms."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from imapcheck import CheckDefinition, CheckResult
from imapcheck.alarms.kinds import KINDS
from imapcheck.aws.metrics import Metric, metrics_of, publish, publish_error
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.result import StepStatus
from support.full_results import measured, sent
from template.stack_alarms import check_alarms, monitor_errors

DOCUMENT = Path(__file__).parents[2] / "docs/metrics.md"
SETS = ("alarms", "main", "steps", "all")
NOW = datetime(2026, 11, 24, 12, 0, 17, 250_000, UTC)

type Shape = tuple[str, str, tuple[str, ...]]


@pytest.fixture
def run() -> tuple[CheckResult, CheckDefinition]:
    """A run with everything in it."""
    asked = {"server": "imap.example.com", "thresholds": {"total": 60_000}}
    return measured(), CheckDefinition.model_validate(asked)


def of(run: tuple[CheckResult, CheckDefinition], **changes: Any) -> list[Metric]:
    return metrics_of(run[0], run[1].model_copy(update=changes))


def test_time_of_a_message_that_was_sent_is_the_delivery_time() -> None:
    """In junk too: it was delivered, and how long it took is told apart from where it went."""
    definition = CheckDefinition.model_validate({"server": "imap.example.com"})
    for run in (sent(), sent(junk=True)):
        assert [metric.value for metric in metrics_of(run, definition) if metric.name == "DeliveryTime"] == [3.2041]


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def shapes(lines: list[dict[str, Any]]) -> set[Shape]:
    """(metric, unit, dimensions) of EMF lines."""
    return {
        (metric["Name"], metric["Unit"], tuple(dimensions))
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }


def documented() -> dict[Shape, str]:
    """The page's table: shape -> set."""
    found = {}
    for row in re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]+) \| (\w+) \| .+ \|$", DOCUMENT.read_text(), re.MULTILINE):
        name, unit, dimensions, belongs = row
        found[name, unit, () if dimensions == "none" else tuple(dimensions.split(", "))] = belongs
    return found


@pytest.mark.parametrize("wanted", SETS)
def test_page_says_what_is_published(
    run: tuple[CheckResult, CheckDefinition], capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    """Names, units, dimensions and sets: exactly those of a real emission of a run with everything in it."""
    capsys.readouterr()
    publish("ImapCheck/stack", of(run, metrics=wanted, thresholds={"total": 1}), NOW)
    publish("ImapCheck/stack", of(run, metrics=wanted, thresholds={"total": 1, "tls": 1}), NOW)
    publish_error("ImapCheck/stack")
    lines = emitted(capsys)
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"ImapCheck/stack"}
    assert shapes(lines) == {
        shape for shape, belongs in documented().items() if SETS.index(belongs) <= SETS.index(wanted)
    }


def test_sets_of_steps(run: tuple[CheckResult, CheckDefinition]) -> None:
    """Six with `steps`, every one that passed with `all`."""

    def steps(wanted: str) -> set[str]:
        return {metric.dimensions["Step"] for metric in of(run, metrics=wanted) if metric.name == "StepDuration"}

    assert steps("main") == set()
    assert steps("steps") == {"connect", "tls", "authenticate", "search", "fetch", "append"}
    assert steps("all") == {step.name for step in run[0].steps if step.status == "passed"}


def test_steps_that_failed_or_were_refused_have_no_duration(run: tuple[CheckResult, CheckDefinition]) -> None:
    """A time-out's length says nothing about how fast a server is."""
    result, definition = run
    bad: dict[str, StepStatus] = {"authenticate": "failed", "list": "refused"}
    steps = tuple(replace(step, status=bad.get(step.name, step.status)) for step in result.steps)
    found = metrics_of(replace(result, available=False, steps=steps), definition.model_copy(update={"metrics": "all"}))
    timed = {metric.dimensions["Step"] for metric in found if metric.name == "StepDuration"}
    assert timed == {step.name for step in steps if step.status == "passed"}
    assert timed.isdisjoint(bad)
    assert "connect" in timed


def test_certificate_that_was_not_verified_is_no_metric(run: tuple[CheckResult, CheckDefinition]) -> None:
    """A stranger's certificate would ring or silence the alarm."""
    result, definition = run
    assert result.server.tls is not None
    stranger = replace(result.server, tls=replace(result.server.tls, verified=False))
    names = {metric.name for metric in metrics_of(replace(result, server=stranger), definition)}
    assert "CertificateDaysRemaining" not in names
    assert "CertificateDaysRemaining" in {metric.name for metric in metrics_of(result, definition)}


def test_slow_is_said_of_available_runs_with_thresholds_alone(run: tuple[CheckResult, CheckDefinition]) -> None:
    """A server that is down is not fast again; a check without thresholds pays for no metric."""
    result, definition = run
    names = {metric.name for metric in metrics_of(replace(result, available=False), definition)}
    assert names.isdisjoint({"Slow", "Duration"})
    assert "Availability" in names
    assert "Slow" not in {metric.name for metric in of(run, thresholds={})}
    steps = definition.model_copy(update={"thresholds": {"total": 60_000, "tls": 60_000}})
    slow = [metric.value for metric in metrics_of(replace(result, slow=True), steps) if metric.name == "Slow"]
    assert slow == [1]


def test_total_alone_is_told_by_the_duration(run: tuple[CheckResult, CheckDefinition]) -> None:
    """A metric less; and the duration is what the threshold judges: no wait for a LOGOUT that was not answered."""
    result, definition = run
    assert "Slow" not in {metric.name for metric in metrics_of(replace(result, slow=True), definition)}
    steps = tuple(
        replace(step, status="refused", duration_ms=5000.0) if step.name == "logout" else step for step in result.steps
    )
    waited = replace(result, steps=steps, duration_ms=result.duration_ms + 5000)
    [duration] = [metric.value for metric in metrics_of(waited, definition) if metric.name == "Duration"]
    assert duration == pytest.approx(result.duration_ms)


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({}, {"Availability", "CertificateDaysRemaining"}),
        ({"total": 60_000}, {"Availability", "Duration", "CertificateDaysRemaining"}),
        ({"tls": 60_000}, {"Availability", "Slow", "CertificateDaysRemaining"}),
    ],
)
def test_least_set_is_what_the_alarms_read(
    run: tuple[CheckResult, CheckDefinition], thresholds: dict[str, float], expected: set[str]
) -> None:
    """Of a scheduled check with these thresholds, and nothing else."""
    schedule = ScheduleDefinition(every="5m")
    scheduled = run[1].model_copy(update={"metrics": "alarms", "thresholds": thresholds, "schedule": schedule})
    alarms = [alarm for kind in KINDS if (alarm := kind.alarm(scheduled, schedule)) is not None]
    assert {alarm.signal.metric for alarm in alarms} == expected
    low = replace(run[0].server, tls=replace(run[0].server.tls, certificate_days_remaining=3.0))  # type: ignore[type-var]
    assert {metric.name for metric in metrics_of(replace(run[0], server=low), scheduled)} == expected


@pytest.mark.parametrize(
    ("every", "due", "days", "published"),
    [
        ("5m", "00:00:00", 60, True), ("5m", "00:04:59", 60, True), ("5m", "00:05:00", 60, False),
        ("5m", "05:59:59", 60, False), ("5m", "06:00:00", 60, True), ("5m", "12:03:00", 60, True),
        ("5m", "17:00:00", 60, False), ("5m", "18:01:00", 60, True), ("5m", "23:59:00", 60, False),
        ("5m", "03:00:00", 14, False), ("5m", "03:00:00", 13.99, True), ("1m", "06:01:00", 60, False),
        ("3h", "08:59:59", 60, True), ("3h", "09:00:00", 60, False), ("4h", "05:00:00", 60, True),
        ("6h", "05:00:00", 60, True), ("12h", "11:00:00", 60, True), ("24h", "23:00:00", 60, True),
    ],
)  # fmt: skip
def test_certificate_is_published_by_the_first_run_of_six_hours(
    run: tuple[CheckResult, CheckDefinition], every: str, due: str, days: float, published: bool
) -> None:
    """Of UTC, by the scheduled time; and by every run with fewer days than the limit."""
    assert run[0].server.tls is not None
    server = replace(run[0].server, tls=replace(run[0].server.tls, certificate_days_remaining=days))
    definition = run[1].model_copy(update={"schedule": ScheduleDefinition.model_validate({"every": every})})
    stamp = datetime.fromisoformat(f"2026-11-24T{due}+00:00")
    names = {metric.name for metric in metrics_of(replace(run[0], server=server), definition, stamp)}
    assert ("CertificateDaysRemaining" in names) == published


def test_sparse_certificate_is_stamped_later(
    run: tuple[CheckResult, CheckDefinition], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a run with few days left: that must ring at once."""
    capsys.readouterr()
    assert run[0].server.tls is not None
    few = replace(run[0], server=replace(run[0].server, tls=replace(run[0].server.tls, certificate_days_remaining=3.0)))
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    definition = run[1].model_copy(update={"schedule": ScheduleDefinition(every="5m")})
    late = []
    for result in (run[0], few):
        publish("ImapCheck/stack", metrics_of(result, definition, midnight), midnight)
        stamps = {name: line["_aws"]["Timestamp"] for line in emitted(capsys) for name in line}
        late.append((stamps["CertificateDaysRemaining"] - midnight.timestamp() * 1000) / 1000)
        assert stamps["Availability"] == midnight.timestamp() * 1000
    assert late == [300, 0]


def test_absent_facts_publish_nothing(run: tuple[CheckResult, CheckDefinition]) -> None:
    """Never a zero that stands for not known."""
    result, definition = run
    hints = get_type_hints(CheckResult).items()
    unknown: dict[str, Any] = {name: None for name, hint in hints if NoneType in get_args(hint)}
    bare = replace(result, **unknown | {"server": replace(result.server, tls=None)})
    found = {metric.name for metric in metrics_of(bare, definition.model_copy(update={"metrics": "steps"}))}
    assert found == {"Availability", "Duration", "StepDuration"}


def test_service_name_of_powertools_is_no_dimension(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Set by habit in many accounts, it would make other metrics than those that the alarms watch."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "mail")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Other")
    publish_error("ImapCheck/stack")
    [line] = emitted(capsys)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("ImapCheck/stack", [[]])
    assert line["MonitorErrors"] == [1.0]


def test_stamp_is_the_one_given(run: tuple[CheckResult, CheckDefinition], capsys: pytest.CaptureFixture[str]) -> None:
    """To the millisecond, on every line."""
    capsys.readouterr()
    publish("ImapCheck/stack", of(run, metrics="all"), NOW)
    assert {line["_aws"]["Timestamp"] for line in emitted(capsys)} == {1795521617250}


def test_alarms_watch_what_is_published(
    run: tuple[CheckResult, CheckDefinition], capsys: pytest.CaptureFixture[str]
) -> None:
    """Metric and dimensions of the generated template, from a real emission of the least set."""
    capsys.readouterr()
    publish("ImapCheck/stack", of(run, metrics="alarms", thresholds={"total": 1, "tls": 1}), NOW)
    publish("ImapCheck/stack", of(run, metrics="alarms", thresholds={"total": 1}), NOW)
    publish_error("ImapCheck/stack")
    published = {(name, dimensions) for name, _, dimensions in shapes(emitted(capsys))}
    watched = [*check_alarms("5m").values(), check_alarms("5m", by_duration=True)["slow"], monitor_errors(["5m"])]
    assert len(watched) == 6
    assert {(rule.metric, tuple(name for name, _ in rule.dimensions)) for rule in watched} <= published
