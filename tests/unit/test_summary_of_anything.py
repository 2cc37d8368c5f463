"""`imapcheck summary` of files as people have them: rotated, copied, cut, edited, endless, of servers alike by name."""

import json
import os
import subprocess
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck.cli.summary import _head
from imapcheck.output.json_lines import append_line, json_line, json_object, read_lines
from imapcheck.output.outcome import Outcome
from imapcheck.output.summary import summarise
from support import forked
from support.results import STARTED_AT, failure, not_run, outcome, result


def at(minute: float, *failures: Any, check: str = "gmail", **fields: Any) -> Outcome:
    number = f"{minute}".replace(".", "")
    run_id = fields.pop("run_id", f"run-{number}")
    moment = STARTED_AT + timedelta(minutes=minute)
    return outcome(result(check, *failures, started_at=moment, run_id=run_id, **fields))


def summary(*files: Path) -> subprocess.CompletedProcess[str]:
    return forked.imapcheck("summary", *files, environment={**os.environ, "COLUMNS": "200"})


def kept(file: Path, *runs: Outcome) -> Path:
    for run in runs:
        append_line(file, json_line(run, transcript=False))
    return file


RUNS = [at(0), at(5, failure()), at(10, failure()), at(15), at(20, failure())]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 3, 4, 0, 1], [0, 0, 1, 2, 2, 3, 4, 4]])
def test_order_and_repetition_of_lines_mean_nothing(order: list[int]) -> None:
    [check] = summarise([RUNS[index] for index in order]).checks
    assert (check.runs, check.available) == (5, 2)
    assert (check.first, check.last) == (STARTED_AT, STARTED_AT + timedelta(minutes=20))
    first, second = check.incidents
    assert (first.began, first.ended, first.runs) == (
        STARTED_AT + timedelta(minutes=5), STARTED_AT + timedelta(minutes=15), 2,
    )  # fmt: skip
    assert (second.ended, second.runs) == (None, 1)
    assert check.repeated == len(order) - 5


def test_rotated_files_are_read_in_any_order(tmp_path: Path) -> None:
    """As the shell sorts results.jsonl*: the newest first."""
    new, old = kept(tmp_path / "results.jsonl", *RUNS[3:]), kept(tmp_path / "results.jsonl.1", *RUNS[:3])
    done = summary(new, old, old)
    assert done.returncode == 0
    assert "5 runs from 24 Nov 2026 10:12 to 10:32 UTC" in done.stdout
    assert "10 min, 2 runs failed" in done.stdout


def test_two_runs_at_the_same_moment_are_two() -> None:
    [check] = summarise([at(0, run_id="a"), at(0, run_id="b"), at(0, run_id="a")]).checks
    assert check.runs == 2


def test_gap_is_named_and_taken_out_of_the_incident(tmp_path: Path) -> None:
    """Three days in which nobody looked are no three days of outage that anybody saw."""
    three_days = 3 * 24 * 60
    runs = [at(0), at(5, failure()), at(10, failure()), at(three_days, failure()), at(three_days + 5)]
    done = summary(kept(tmp_path / "r", *runs))
    assert "incident 24 Nov 10:17 UTC: 3 d, 3 runs failed (no run for 2 d 23 h of it)" in done.stdout
    assert "gap: no run from 24 Nov 10:22 to 27 Nov 10:12 UTC, 2 d 23 h" in done.stdout


@pytest.mark.parametrize(
    ("minutes", "gaps"), [([0, 5, 10, 15], 0), ([0, 5, 10, 26, 31], 0), ([0, 5, 10, 100], 1), ([0, 999], 0)]
)
def test_late_runs_are_no_gap(minutes: list[int], gaps: int) -> None:
    [check] = summarise([at(minute) for minute in minutes]).checks
    assert len(check.gaps) == gaps


def test_two_servers_of_one_name_are_two_checks(tmp_path: Path) -> None:
    def line(host: str, *failures: Any) -> str:
        content = json_object(at(0, *failures, run_id=host), transcript=False)
        content["server"]["host"] = host
        return json.dumps(content)

    file = tmp_path / "r"
    file.write_text("\n".join([line("a.example"), line("b.example", failure()), line("a.example")]))
    kept(file, not_run("gmail"))
    done = summary(file)
    assert "gmail on a.example:993: 100 % available, 1 run" in done.stdout
    assert "gmail on b.example:993: 0 % available, 1 run" in done.stdout
    assert "gmail: no run looked" in done.stdout


def test_namesakes_are_refused_where_results_are_kept_or_reported(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mail.json").write_text('{"server": "127.0.0.1:1", "authentication": "none"}')
    for option in (["--append", "kept"], ["--format", "junit"], ["--format", "prometheus"]):
        done = forked.imapcheck("run", "a/mail.json", "b/mail.json", *option, cwd=tmp_path)
        assert done.returncode == 2
        assert "two checks are named 'mail'" in done.stderr


def test_one_failure_of_very_many_is_not_a_hundred_percent() -> None:
    [check] = summarise([at(0)]).checks
    check.runs, check.available = 300_000, 299_999
    [head] = _head(check, with_server=False)
    assert "99.99 % available" in head.plain


def changed(path: list[str], value: Any) -> str:
    content = json_object(at(0, failure()), transcript=False)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(content)


ODD: dict[str, str] = {
    "400 digits": changed(["duration_ms"], 1).replace('"duration_ms": 1', '"duration_ms": 1' + "0" * 400, 1),
    "5000 digits": changed(["duration_ms"], 1).replace('"duration_ms": 1', '"duration_ms": 1' + "0" * 5000, 1),
    "1e308": changed(["duration_ms"], 1e308),
    "infinite": changed(["duration_ms"], float("inf")),
    "not a number": changed(["duration_ms"], float("nan")),
    "negative": changed(["duration_ms"], -1),
    "no zone": changed(["started_at"], "2026-11-24T10:12:00"),
    "no time": changed(["started_at"], "yesterday"),
    "null time": changed(["started_at"], None),
    "year 1": changed(["started_at"], "0001-01-01T00:00:00+23:59"),
    "year 9999": changed(["started_at"], "9999-12-31T23:59:59-23:59"),
    "no verdict": changed(["available"], None),
    "steps gone": changed(["steps"], None),
    "failure a text": changed(["failure"], "x"),
    "server gone": changed(["server"], None),
    "a list": "[1]",
    "nested": "[" * 200_000,
    "no UTF-8": "\udcff",
    "empty object": "{}",
    "NUL": "\x00",
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_line_costs_no_other_line(tmp_path: Path, odd: str) -> None:
    """It is left out, or counted as what it says; the screen shows no NaN, and the others are there."""
    file = kept(tmp_path / "r", at(0), at(1))
    with file.open("a", errors="surrogateescape") as handle:
        handle.write(ODD[odd] + "\n")
    kept(file, at(2))
    done = summary(file)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "3 runs" in done.stdout or "4 runs" in done.stdout
    assert ("left out: 1" in done.stdout) == ("3 runs" in done.stdout)
    assert "nan" not in done.stdout.lower()


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "a\nb", "\u202e", "\u2028", "\x7f"])
@pytest.mark.parametrize("where", [["check"], ["failure", "detail"], ["failure", "step"], ["server", "host"]])
def test_no_escape_of_a_file_reaches_the_terminal(tmp_path: Path, evil: str, where: list[str]) -> None:
    file = kept(tmp_path / "r", at(0))
    with file.open("a") as handle:
        handle.write(changed(where, f"x{evil}y") + "\n")
        handle.write(json.dumps({"schema": 1, "check": f"z{evil}", "error": evil}) + "\n")
    done = summary(file)
    assert done.returncode == 0
    assert evil not in done.stdout.replace("\n", "", done.stdout.count("\n") if evil != "a\nb" else 0)


def test_mixed_time_zones_are_one_time(tmp_path: Path) -> None:
    file = tmp_path / "r"
    lines = [
        changed(["started_at"], f"2026-11-24T{hour}:00:00.000{zone}") for hour, zone in (("10", "Z"), ("10", "+02:00"))
    ]
    file.write_text("\n".join(lines))
    assert "from 24 Nov 2026 08:00 to 10:00 UTC" in summary(file).stdout


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "PIPE", "GONE"])
def test_what_is_no_file_is_refused_and_costs_no_other_file(tmp_path: Path, path: str) -> None:
    given = {"PIPE": tmp_path / "pipe", "GONE": tmp_path / "gone"}.get(path, Path(path))
    if path == "PIPE":
        os.mkfifo(given)
    done = summary(kept(tmp_path / "r", at(0)), given)
    assert done.returncode == 2
    assert "gmail: 100 % available, 1 run" in done.stdout
    assert str(given) in done.stderr
    assert "Traceback" not in done.stderr


def test_line_without_end_is_left_out_in_bounded_memory(tmp_path: Path) -> None:
    """A sparse gigabyte of NUL between two lines."""
    file = kept(tmp_path / "r", at(0))
    os.truncate(file, 1 << 30)
    with file.open("a") as handle:
        handle.write("\n" + json_line(at(1), transcript=False) + "\n")
    tracemalloc.start()
    try:
        found = list(read_lines(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [line is None for line in found] == [False, True, False]
    assert peak < 64 << 20


def test_appending_needs_no_pread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none."""
    monkeypatch.delattr(os, "pread")
    file = kept(tmp_path / "r", at(0), at(1))
    with file.open("a") as handle:
        handle.write('{"cut')
    kept(file, at(2))
    assert [line is not None for line in read_lines(file)] == [True, True, False, True]
