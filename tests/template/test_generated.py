"""From files to templates through the command line: three checks, one fewer, many, and folders beside events/."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import forked
from support.templates import load_template

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
THREE: dict[str, dict[str, Any]] = {
    "role": {
        "server": "imaps://one.example/",
        "authentication": "none",
        "schedule": {"every": "1m"},
        "alarms": {"unavailable": "4 of 5", "notify": ["Ops@customer.example"]},
    },
    "a-b": {
        "server": "imaps://two.example/",
        "secret": "imapcheck/two",
        "thresholds": {"total": 5000},
        "schedule": {"every": "15m"},
        "alarms": {"certificate_days": 30},
    },
    "ab": {
        "server": "imap://three.example/",
        "authentication": "none",
        "schedule": {"every": "2h"},
        "alarms": {"mute": [{"cron": "0 2 * * SUN", "duration": "2h", "timezone": "Europe/Berlin"}]},
    },
}


def imapcheck(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return forked.imapcheck(*arguments)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A folder of the three definitions."""
    folder = tmp_path / "events"
    folder.mkdir()
    for name, data in THREE.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    return folder


def generate(events: Path, output: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Resources of checks.yaml and contacts.yaml."""
    done = imapcheck("stack", events, "--output", output)
    assert done.returncode == 0, done.stdout + done.stderr
    checks, contacts = (load_template((output / name).read_text()) for name in ("checks.yaml", "contacts.yaml"))
    return checks["Resources"], contacts["Resources"]


def of_type(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {logical: r["Properties"] for logical, r in resources.items() if r["Type"] == kind}


def test_three_definitions_become_exactly_this(events: Path, tmp_path: Path) -> None:
    """Schedules, alarms with their numbers, one subscription, one mute rule."""
    checks, contacts = generate(events, tmp_path / "out")
    schedules = {s["Name"]: s for s in of_type(checks, "AWS::Scheduler::Schedule").values()}
    assert {name: s["ScheduleExpression"] for name, s in schedules.items()} == {
        "role": "rate(1 minute)", "a-b": "rate(15 minutes)", "ab": "rate(2 hours)",
    }  # fmt: skip
    assert [json.loads(schedules[name]["Target"]["Input"])["check"] for name in THREE] == list(THREE)
    alarms = {
        a["AlarmName"]["Fn::Sub"].removeprefix("${StackName}-"): (
            a["Period"], a["DatapointsToAlarm"], a["EvaluationPeriods"], a["Threshold"],
        )
        for a in of_type(checks, "AWS::CloudWatch::Alarm").values()
    }  # fmt: skip
    assert alarms == {
        "role-unavailable": (60, 4, 5, 1), "role-not-running": (60, 3, 3, 1), "role-certificate": (21600, 1, 1, 14),
        "a-b-unavailable": (900, 2, 3, 1), "a-b-not-running": (900, 3, 3, 1), "a-b-slow": (900, 3, 3, 5000),
        "a-b-certificate": (21600, 1, 1, 30),
        "ab-unavailable": (7200, 2, 3, 1), "ab-not-running": (7200, 3, 3, 1), "ab-certificate": (21600, 1, 1, 14),
        "monitor-errors": (300, 1, 49, 1), "dropped-events": (300, 1, 49, 1),
    }  # fmt: skip
    [rule] = of_type(checks, "AWS::CloudWatch::AlarmMuteRule").values()
    assert rule["Rule"]["Schedule"] == {
        "Expression": "cron(0 2 * * SUN)", "Duration": "PT2H", "Timezone": "Europe/Berlin",
    }  # fmt: skip
    muted = {
        checks[target["Ref"]]["Properties"]["AlarmName"]["Fn::Sub"] for target in rule["MuteTargets"]["AlarmNames"]
    }
    assert muted == {f"${{StackName}}-ab-{kind}" for kind in ("unavailable", "not-running", "certificate")}
    [subscription] = of_type(contacts, "AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == "ops@customer.example"


def test_removing_one_file_removes_exactly_its_resources(events: Path, tmp_path: Path) -> None:
    """Nothing else is touched, whatever the name."""
    before, contacts = generate(events, tmp_path / "before")
    (events / "a-b.json").unlink()
    after, contacts_after = generate(events, tmp_path / "after")
    gone = before.keys() - after.keys()
    assert {before[logical]["Type"] for logical in gone} == {"AWS::Scheduler::Schedule", "AWS::CloudWatch::Alarm"}
    assert len(gone) == 5
    assert all("two.example" in json.dumps(before[g]) or before[g]["Type"] == "AWS::Scheduler::Schedule" for g in gone)
    assert {k: v for k, v in before.items() if k in after} == after
    assert contacts == contacts_after


def test_generated_templates_are_clean(events: Path, tmp_path: Path) -> None:
    """cfn-lint, warnings included; a set without any scheduled check too."""
    generate(events, tmp_path / "three")
    for file in events.glob("*.json"):
        file.write_text(json.dumps({key: value for key, value in THREE[file.stem].items() if key != "schedule"}))
    generate(events, tmp_path / "none")
    made = sorted(path for name in ("three", "none") for path in (tmp_path / name).glob("*.yaml"))
    done = subprocess.run([BIN / "cfn-lint", *made], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_what_cannot_be_deployed_is_not_generated(events: Path, tmp_path: Path) -> None:
    """Every problem is told, and what was generated before stays as it is."""
    generate(events, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    (events / "broken.json").write_text('{"server": 1}')
    (events / "nosecret.json").write_text('{"server": "h.example", "schedule": {"every": "5m"}}')
    done = imapcheck("stack", events, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "broken.json: server: found 1" in done.stderr
    assert "nosecret.json: secret: missing" in done.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    assert imapcheck("stack", tmp_path / "out").returncode == 2


PEM = "-----BEGIN {0}-----\nMAMCAQU=\n-----END {0}-----\n"
STRAYS = {
    "notes.txt": ("monitor / hunter2", "found a file that is neither"),
    "secret.json": (
        json.dumps({"username": "monitor", "password": "hunter2"}),
        "found credentials, which do not",
    ),
    ".secret.json.swp": ("hunter2", "found a file that is neither"),
    "server.key": (PEM.format("PRIVATE KEY"), "found a private key"),
    "both.pem": (PEM.format("CERTIFICATE") + PEM.format("RSA PRIVATE KEY"), "found a private key"),
    "keys.json": (None, "found a folder"),
    "credentials": (None, "found a folder"),
}


@pytest.mark.parametrize("name", STRAYS)
def test_what_is_no_definition_is_not_deployed(name: str, events: Path, tmp_path: Path) -> None:
    """All of events/ becomes a layer: the file that does not belong there is named, and nothing of it is shown."""
    (events / "authority.pem").write_text(PEM.format("CERTIFICATE"))
    generate(events, tmp_path / "before")
    content, told = STRAYS[name]
    if content is None:
        (events / name).mkdir()
    else:
        (events / name).write_text(content)
    done = imapcheck("stack", events, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert {line.split(": ")[0] for line in done.stderr.splitlines()} == {str(events / name)}
    assert told in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_too_many_for_one_stack_are_told_where_to_go(tmp_path: Path) -> None:
    """126 checks without thresholds are 3 + 4 * 126 resources."""
    for number in range(126):
        (tmp_path / f"c{number}.json").write_text(json.dumps({**THREE["role"], "alarms": {}}))
    done = imapcheck("stack", tmp_path, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "resources of the checks: found 507, expected at most 500 in one stack" in done.stderr
    assert "make deploy EVENTS=FOLDER STACK=NAME" in done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "c0.json").unlink()
    (tmp_path / "c1.json").unlink()
    assert imapcheck("stack", tmp_path, "--output", tmp_path / "out").returncode == 0


def test_validate_warns_and_still_succeeds(events: Path) -> None:
    """Doubts are printed, and the exit status is 0; problems come with status 2."""
    (events / "doubt.json").write_text('{"server": "imap://h.example:993/", "secret": "imapcheck/s"}')
    files = sorted(events.glob("*.json"))
    done = imapcheck("validate", *files)
    assert done.returncode == 0
    [warning, verdict] = done.stdout.splitlines()
    assert ": warning: server: STARTTLS on port 993" in warning
    assert verdict == "4 valid, 1 without a schedule (AWS runs them by name only)"


def test_stack_of_another_folder_changes_no_tracked_file(events: Path, tmp_path: Path) -> None:
    """`make build EVENTS=.. STACK=..` builds from a layout of its own: the same template, other definitions."""
    source = tmp_path / "source"
    before = tracked()
    done = subprocess.run([ROOT / "scripts/lay-out", events, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (source / "template.yaml").read_bytes() == (ROOT / "template.yaml").read_bytes()
    assert (source / "events/role.json").is_file()
    assert (source / "functions/run_check/handler.py").is_file()
    assert "one.example" in (source / "stacks/checks.yaml").read_text()
    again = subprocess.run([ROOT / "scripts/lay-out", events, source], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert not (source / "events/events").exists()
    assert tracked() == before


def tracked() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_another_folder_needs_a_stack_of_its_own(events: Path) -> None:
    """Else the first stack would lose its checks."""
    environment = {key: value for key, value in os.environ.items() if key not in ("STACK", "MAKEFLAGS", "MAKELEVEL")}
    call = ["make", "--dry-run", "deploy", f"EVENTS={events}"]
    refused = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert refused.returncode != 0
    assert "needs STACK=NAME" in refused.stderr
    named = subprocess.run(
        [*call, "STACK=acme"], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert "--stack-name acme" in named.stdout
    assert ".aws-sam/acme/build" in named.stdout
