"""The recipes of docs/command-line.md, each run as it is written there."""

import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from imapcheck.output.json_lines import json_line
from imapcheck.output.prometheus import render
from support.results import failure, not_run, outcome, result

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command-line.md").read_text()
GOOD, BAD, NOT_RUN = outcome(result("good")), outcome(result("bad", failure())), not_run("lost")


def recipe(heading: str, language: str = "") -> str:
    chapter = PAGE.split(f"### {heading}\n")[1].split("\n### ")[0]
    return str(re.findall(rf"^```{language}\n(.*?)^```", chapter, re.DOTALL | re.MULTILINE)[0])


def stub(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def collector(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "collector").mkdir()
    return tmp_path / "collector"


def follow(collector: Path, script: str) -> subprocess.Popen[bytes]:
    stub(collector.parent / "bin", "imapcheck", script)
    text = recipe("Prometheus' textfile collector", "sh")
    text = text.replace("/var/lib/node_exporter/textfile_collector", str(collector))
    path = f"{collector.parent / 'bin'}:{os.environ['PATH']}"
    return subprocess.Popen(["sh", "-c", text], env={"PATH": path}, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("status", [0, 1, 2])
def test_prometheus_file_is_replaced_by_a_complete_one_only(collector: Path, status: int) -> None:
    """An outage or a bad definition is news; a full disk or no output is not."""
    for output, kept in (("first", "first"), ("", "first"), ("second", "second")):
        follow(collector, f"printf '{output}'; exit {status}").wait()
        assert (collector / "imapcheck.prom").read_text() == kept
    stub(collector.parent / "bin", "cat", "head -c 3; exit 1")  # as where the disk is full
    follow(collector, f"printf third; exit {status}").wait()
    assert [(file.name, file.read_text()) for file in collector.iterdir()] == [("imapcheck.prom", "second")]


def test_prometheus_runs_that_overlap_leave_a_whole_file(collector: Path) -> None:
    slow = follow(collector, "printf 'slow '; sleep 1; printf slow")
    time.sleep(0.3)
    assert follow(collector, "printf 'quick quick'").wait() == 0
    assert (collector / "imapcheck.prom").read_text() == "quick quick"
    assert slow.wait() == 0
    assert [(file.name, file.read_text()) for file in collector.iterdir()] == [("imapcheck.prom", "slow slow")]


def rules_test(series: dict[str, str], alerts: dict[str, int]) -> dict[str, Any]:
    input_series = [{"series": name, "values": f"{value}x60"} for name, value in series.items()]
    return {
        "interval": "1m",
        "input_series": input_series,
        "promql_expr_test": [
            {"expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)', "eval_time": "40m",
             "exp_samples": [{"labels": "{}", "value": number}]}
            for name, number in alerts.items()
        ],
    }  # fmt: skip


def test_prometheus_rules_alert_on_ours_alone_and_on_silence(tmp_path: Path) -> None:
    """An outage, a check that could not run, a monitor that stopped, one that is not there; and no other exporter's."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    text = render([GOOD, BAD, NOT_RUN])
    for name in ("probe_success", "imapcheck_error", "imapcheck_started_at_seconds"):
        assert f"{name}{{check=" in text
    (tmp_path / "rules.yaml").write_text(recipe("Prometheus' textfile collector", "yaml"))
    fresh = {'imapcheck_error{check="a"}': "0+0", 'imapcheck_started_at_seconds{check="a"}': "0+60"}
    tests = [
        rules_test({**fresh, 'probe_success{check="a"}': "1+0"}, {"MailServerDown": 0, "MailServerNotWatched": 0}),
        rules_test({**fresh, 'probe_success{check="a"}': "0+0"}, {"MailServerDown": 1, "MailServerNotWatched": 0}),
        rules_test({**fresh, 'probe_success{job="blackbox"}': "0+0"}, {"MailServerDown": 0}),
        rules_test({'imapcheck_error{check="a"}': "1+0"}, {"MailServerNotWatched": 1}),
        rules_test({**fresh, 'imapcheck_started_at_seconds{check="a"}': "0+0"}, {"MailServerNotWatched": 1}),
        rules_test({'up{job="x"}': "1+0"}, {"MailServerNotWatched": 1}),
    ]
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "test.yaml"]):
        done = subprocess.run(["promtool", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_jq_tells_of_outages_and_of_checks_that_could_not_run(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    (tmp_path / "lines").write_text("".join(json_line(each, transcript=False) + "\n" for each in (GOOD, BAD, NOT_RUN)))
    stub(tmp_path, "imapcheck", f"cat {tmp_path}/lines; exit 2")
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", recipe("Another program", "sh")], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    bad, lost = done.stdout.splitlines()
    assert bad == "bad examine command_rejected"
    assert lost.startswith("lost could not run: ")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """As written, but for the program, which is not installed there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "imapcheck.service"
    unit.write_text(recipe("systemd", "ini").replace("/usr/local/bin/imapcheck", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert str(unit) not in done.stderr, done.stderr
    assert "imapcheck.service:" not in done.stderr, done.stderr


def test_cron_finds_the_program_and_its_line_holds_no_percent() -> None:
    """cron's PATH is /usr/bin:/bin, and a percent sign is a line end to it (crontab(5))."""
    *settings, line = recipe("cron").strip().splitlines()
    assert all(re.fullmatch(r"[A-Z]+=\S+", setting) for setting in settings)
    assert "/usr/local/bin" in dict(setting.split("=") for setting in settings)["PATH"].split(":")
    assert re.match(r"(\S+ ){5}imapcheck run ", line)
    assert "%" not in line


def test_hook_asks_for_a_python_that_the_package_takes() -> None:
    """pre-commit takes the system's python3 unless told, and Debian's is older."""
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language_version"] == "python3.13"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted.startswith(">=3.1")
    assert int(wanted.removeprefix(">=3.").partition(",")[0]) <= 13


def test_json_lines_of_the_recipe_are_what_the_program_writes() -> None:
    """The keys that jq looks at."""
    assert {"check", "available", "failure"} <= json.loads(json_line(BAD, transcript=False)).keys()
    assert {"check", "error"} <= json.loads(json_line(NOT_RUN, transcript=False)).keys()
