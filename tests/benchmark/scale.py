"""11. and 12. `imapcheck stack` for many definitions, and one refresh of the dashboard's table for fifty."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from benchmark.cost import CHECKS_IN_A_STACK
from support.full_results import available, refused
from support.log_lines import log_line

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "imapcheck"
MANY = 2000
CHECKS, HOURS, EVERY_MINUTES = 50, 12, 5
MANY_DAYS = 60
HANDLER = ROOT / "functions/show_checks/handler.py"


def stacks(folder: Path) -> list[str]:
    """Whole calls of the command line, one a folder."""
    full = [define(folder / "full", CHECKS_IN_A_STACK)]
    sizes = [CHECKS_IN_A_STACK] * (MANY // CHECKS_IN_A_STACK) + [MANY % CHECKS_IN_A_STACK]
    many = [define(folder / f"customer-{number}", size) for number, size in enumerate(sizes)]
    one, all_ = generated(full), generated(many)
    octets = (full[0].parent / f"{full[0].name}-stacks/checks.yaml").stat().st_size
    return [
        "## 11. `imapcheck stack`",
        "",
        f"A full stack, {CHECKS_IN_A_STACK} definitions with thresholds: {one:.1f} s, {octets / 1e6:.2f} MB of template. {MANY:,} definitions in {len(many)} folders, a call for each: {all_:.0f} s,",
        f"{all_ / MANY * 1000:.1f} ms a definition with the starts of Python.",
        "",
    ]


def define(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        fields = {"server": f"imaps://mail-{number}.example.com/", "secret": "imapcheck/x", "schedule": {"every": "5m"}}
        thresholds = {"thresholds": {"total": 5000, "authenticate": 2000}}
        (folder / f"check-{number:03}.json").write_text(json.dumps(fields | thresholds))
    return folder


def generated(folders: list[Path]) -> float:
    """Seconds for all of them, one after another."""
    began = time.perf_counter()
    for folder in folders:
        words: list[str | Path] = [PROGRAM, "stack", folder, "--output", folder.parent / f"{folder.name}-stacks"]
        subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - began


def widget(folder: Path) -> list[str]:
    """moto in the same process plays CloudWatch and Logs, so this holds its time too."""
    runs = CHECKS * HOURS * 60 // EVERY_MINUTES
    refreshed = {days: refreshed_over(_new(folder / str(days)), days) for days in (0, MANY_DAYS)}
    octets, ours, asked = refreshed[0]
    _, _, asked_of_many = refreshed[MANY_DAYS]
    return [
        "## 12. One refresh of the dashboard's table",
        "",
        f"{CHECKS} checks over {HOURS} hours at {EVERY_MINUTES} minutes, {runs:,} log lines, one check down: {ours:.1f} s of our own for {octets / 1000:.0f} KB of HTML, and the answers to these calls:",
        f"{asked}. moto played CloudWatch here and is no measure of how long AWS takes. Target: 10 s with AWS's.",
        f"The same over {MANY_DAYS} days, a point of each check every 6 hours before those {HOURS} hours: {asked_of_many}.",
        "",
    ]


def refreshed_over(folder: Path, days: int) -> tuple[int, float, str]:
    """Octets of HTML, seconds of our own, and the calls, of a refresh over the twelve hours or over so many days."""
    variables = {
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "IMAPCHECK_STACK": "bench", "IMAPCHECK_LOG_GROUP": "bench", "IMAPCHECK_DEFINITIONS": str(folder),
    }  # fmt: skip
    with mock_aws(), patch.dict(os.environ, variables):
        end = past(folder, days)
        handler, calls = load(), Calls()
        with patch.object(BaseClient, "_make_api_call", calls.timed(BaseClient._make_api_call)):
            began = time.perf_counter()
            octets = len(handler.handler(refresh(end, days), SimpleNamespace(invoked_function_arn="arn")))
            taken = time.perf_counter() - began
    asked = ", ".join(f"{name} {len(times)}" for name, times in sorted(calls.seconds.items()))
    ours = taken - sum(map(sum, calls.seconds.values()))
    return octets, ours, asked


class Calls:
    """Seconds spent in each of AWS's operations."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def make(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
            began = time.perf_counter()
            try:
                return call(client, operation, arguments)
            finally:
                self.seconds.setdefault(operation, []).append(time.perf_counter() - began)

        return make


def past(folder: Path, days: int) -> datetime:
    """Twelve hours of all checks, the last of them down, and metrics of the days before; returns their end."""
    define_all(folder)
    end = datetime.now(UTC).replace(microsecond=0)
    logs, cloudwatch = boto3.client("logs"), boto3.client("cloudwatch")
    logs.create_log_group(logGroupName="bench")
    logs.create_log_stream(logGroupName="bench", logStreamName="one")
    for step in range(HOURS * 60 // EVERY_MINUTES):
        at = end - timedelta(hours=HOURS) + timedelta(minutes=EVERY_MINUTES * step)
        events, data = [], []
        for number in range(CHECKS):
            name = f"check-{number:02}"
            result = replace(refused(name) if number == CHECKS - 1 else available(name), started_at=at)
            events.append({"timestamp": int(at.timestamp() * 1000), "message": log_line(result)})
            dimensions = [{"Name": "Check", "Value": name}]
            value = 100.0 if result.available else 0.0
            data.append({"MetricName": "Availability", "Dimensions": dimensions, "Value": value, "Timestamp": at})
        logs.put_log_events(logGroupName="bench", logStreamName="one", logEvents=events)
        cloudwatch.put_metric_data(Namespace="ImapCheck/bench", MetricData=data)
    for step in range(1, days * 4):
        at = end - timedelta(hours=HOURS + 6 * step)
        data = [
            {"MetricName": "Availability", "Value": 100.0, "Timestamp": at,
             "Dimensions": [{"Name": "Check", "Value": f"check-{number:02}"}]}
            for number in range(CHECKS)
        ]  # fmt: skip
        cloudwatch.put_metric_data(Namespace="ImapCheck/bench", MetricData=data)
    return end


def _new(place: Path) -> Path:
    place.mkdir()
    return place


def define_all(folder: Path) -> None:
    for number in range(CHECKS):
        fields = {"server": "imaps://imap.example.com:993/", "secret": "s", "schedule": {"every": f"{EVERY_MINUTES}m"}}
        (folder / f"check-{number:02}.json").write_text(json.dumps(fields))


def refresh(end: datetime, days: int) -> dict[str, Any]:
    """What the console sends."""
    start = end - (timedelta(days=days) or timedelta(hours=HOURS))
    times = {"start": int(start.timestamp() * 1000), "end": int(end.timestamp() * 1000)}
    return {"widgetContext": {"timeRange": {"mode": "absolute", **times}, "forms": {"all": {}}, "params": {}}}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("show_checks", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
