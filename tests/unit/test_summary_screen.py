"""What `imapcheck summary` shows: numbers by step, incidents, hours, and what was left out."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imapcheck.cli.app import app
from imapcheck.failures import FailureType
from imapcheck.output.json_lines import append_line, json_line
from imapcheck.output.outcome import Outcome
from support.results import STARTED_AT, failure, not_run, outcome, result, slow_result


def at(minute: float, *failures: Any, check: str = "gmail", **fields: Any) -> Outcome:
    return outcome(result(check, *failures, started_at=STARTED_AT + timedelta(minutes=minute), **fields))


def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *runs: Outcome) -> list[str]:
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "kept.jsonl"
    for run in runs:
        append_line(file, json_line(run, transcript=False))
    done = CliRunner().invoke(app, ["summary", str(file)])
    assert (done.exit_code, done.stderr) == (0, "")
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_screen_of_one_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Head, times, incidents, slowest hours."""
    slow = outcome(slow_result("gmail", started_at=STARTED_AT + timedelta(minutes=2), duration_ms=1000.0))
    lines = shown(
        tmp_path, monkeypatch, at(0), at(1), slow, at(3, failure()), at(4, failure(FailureType.TIMEOUT, "greeting")),
        not_run("gmail"), at(63, duration_ms=2000.04), at(183, duration_ms=100.0), at(184, failure()),
    )  # fmt: skip
    assert lines[0] == ("gmail: 62.5 % available, 8 runs from 24 Nov 2026 10:12 to 13:16 UTC, 1 slow, 1 could not run")
    assert [line.split() for line in lines[1:8]] == [
        ["time", "p50", "p95", "p99", "runs"],
        ["total", *("812", "ms", "2", "s", "2", "s"), "5"],
        ["dns", *("3", "ms") * 3, "5"],
        ["connect", *("22", "ms") * 3, "5"],
        ["tls", *("44", "ms") * 3, "5"],
        ["authenticate", *("740", "ms") * 3, "5"],
        ["logout", *("3", "ms") * 3, "5"],
    ]
    hours = "24 Nov 11:00 UTC (2 s), 24 Nov 10:00 UTC (812 ms), 24 Nov 13:00 UTC (100 ms)"
    unseen = "(no run for 59 min of it)"
    assert lines[8:] == [
        f"incident 24 Nov 10:15 UTC: 1 h, 2 runs failed {unseen}: examine: command_rejected, greeting: timeout",
        "incident 24 Nov 13:16 UTC: not over, 1 run failed: examine: command_rejected",
        "gap: no run from 24 Nov 10:16 to 11:15 UTC, 59 min",
        "gap: no run from 24 Nov 11:15 to 13:15 UTC, 2 h",
        f"slowest hours by median: {hours}",
        "",
    ]


def test_checks_by_name_and_the_last_ten_incidents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hour alone is no slowest hour; a check that never looked has no share."""
    runs = [at(minute, *([failure()] if minute % 2 else []), check="zulu") for minute in range(22)]
    lines = shown(tmp_path, monkeypatch, *runs, not_run("alpha"))
    assert lines[0] == "alpha: no run looked, 0 runs, 1 could not run"
    assert "zulu: 50 % available, 22 runs from 24 Nov 2026 10:12 to 10:33 UTC" in lines
    incidents = [line for line in lines if line.startswith("incident ")]
    assert "11 incidents; the last 10:" in lines
    assert (len(incidents), incidents[0][:25]) == (10, "incident 24 Nov 10:15 UTC")
    assert not [line for line in lines if line.startswith("slowest hours")]


def test_ten_incidents_are_all_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word about how many there are."""
    runs = [at(minute, *([failure()] if minute % 2 else [])) for minute in range(20)]
    lines = shown(tmp_path, monkeypatch, *runs)
    assert sum(line.startswith("incident ") for line in lines) == 10
    assert not [line for line in lines if "incidents; the last" in line]


def test_month_and_goal(tmp_path: Path) -> None:
    """Only that month's runs; kept or missed by the exact share."""
    file = tmp_path / "kept.jsonl"
    for run in (at(0), at(1, failure()), at(60 * 24 * 30)):
        append_line(file, json_line(run, transcript=False))
    done = CliRunner().invoke(app, ["summary", str(file), "--month", "2026-11", "--slo", "50"])
    assert done.stdout.splitlines()[:2] == [
        "gmail: 50 % available, 2 runs from 24 Nov 2026 10:12 to 10:13 UTC",
        "goal 50 %: kept; 1 run failed, it allows 1",
    ]
    done = CliRunner().invoke(app, ["summary", str(file), "--month", "2026-11", "--slo", "50.0001"])
    assert "goal 50.0001 %: missed" in done.stdout


@pytest.mark.parametrize("wrong", [["--month", "2026-13"], ["--month", "November"], ["--slo", "0"], ["--slo", "nan"]])
def test_month_that_is_none_and_goal_that_is_none(wrong: list[str], tmp_path: Path) -> None:
    """Wrong usage."""
    file = tmp_path / "kept.jsonl"
    append_line(file, json_line(at(0), transcript=False))
    assert CliRunner().invoke(app, ["summary", str(file), *wrong], standalone_mode=False).exit_code != 0
