"""`imapcheck run --publish`: what it refuses before anything runs, whose intervals count, and the systemd units."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from imapcheck.cli.publish import place_of
from support.command_line import called as imapcheck

ROOT = Path(__file__).parents[2]
TARGET = "imapcheck@eu-central-1/imapcheck-RunCheckLogGroup-1"
OUTSIDE = {"every": "1m", "runner": "outside"}


def write(folder: Path, stem: str, /, **fields: Any) -> str:
    data = {"server": "imaps://localhost/", "authentication": "none", "schedule": OUTSIDE} | fields
    (folder / f"{stem}.json").write_text(json.dumps(data))
    return f"{stem}.json"


@pytest.mark.parametrize(
    ("fields", "options", "says"),
    [
        ({"schedule": {"every": "1m"}}, [], 'schedule.runner is not "outside"'),
        ({"schedule": None}, [], 'schedule.runner is not "outside"'),
        ({"schedule": OUTSIDE | {"enabled": False}}, [], "no check is left to run"),
        ({"authentication": "plain"}, [], "needs --credentials, or IMAPCHECK_USERNAME"),
        ({}, ["--every", "2m"], "longer than schedule.every of office.json"),
        ({}, ["--place", "a b"], "is not 1 to 40 letters, digits and dashes"),
        ({}, ["--place", ""], "is not 1 to 40 letters, digits and dashes"),
        ({}, ["--format", "junit"], "works only with text and json"),
        ({}, ["--html", "x.html"], "a report is made of one run"),
        ({}, ["--publish", "imapcheck"], "is not STACK@REGION/LOG_GROUP"),
        ({}, ["--publish", "imapcheck@eu-central-1"], "is not STACK@REGION/LOG_GROUP"),
        ({}, ["--publish", "imapcheck@nowhere/group"], "is not STACK@REGION/LOG_GROUP"),
        ({}, ["--publish", "a b@eu-central-1/group"], "is not STACK@REGION/LOG_GROUP"),
        ({}, ["--publish", "imapcheck@eu-central-1/gr oup"], "is not STACK@REGION/LOG_GROUP"),
    ],
)
def test_what_is_refused_before_anything_runs(
    fields: dict[str, Any], options: list[str], says: str, tmp_path: Path
) -> None:
    """With status 2, and what would fit."""
    done = imapcheck("run", write(tmp_path, "office", **fields), "--publish", TARGET, *options, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_place_alone_is_refused(tmp_path: Path) -> None:
    done = imapcheck("run", write(tmp_path, "office"), "--place", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert "works only with --publish" in done.stderr


def test_two_checks_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [write(tmp_path, "office"), f"other/{write(tmp_path / 'other', 'office')}"]
    assert "two checks are named 'office'" in imapcheck("run", *files, "--publish", TARGET, cwd=tmp_path).stderr


def test_place_is_the_hosts_name_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stream's name takes it."""
    for host, place in (("mx_1.corp.example", "mx-1"), ("office", "office"), ("x" * 60, "x" * 40)):
        monkeypatch.setattr("platform.node", lambda host=host: host)
        assert place_of(None) == place
    monkeypatch.setattr("platform.node", lambda: "")
    with pytest.raises(typer.BadParameter, match="this machine has no name"):
        place_of(None)
    assert place_of("branch-1") == "branch-1"


def test_call_without_it_loads_nothing_of_it(tmp_path: Path) -> None:
    """A run on a laptop is as fast as before."""
    code = (
        "import sys; from imapcheck.cli.app import app\n"
        "try: app(['run', 'none.json'], standalone_mode=False)\n"
        "except BaseException: pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore')"
        " or name in ('imapcheck.cli.publish', 'imapcheck.aws.outside')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("unit", sorted(path.name for path in (ROOT / "integrations/systemd").iterdir()))
def test_systemd_takes_the_unit(unit: str) -> None:
    """As systemd itself judges it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    folder = ROOT / "integrations/systemd"
    done = subprocess.run(
        [analyze, "verify", "--man=no", folder / unit],
        capture_output=True, text=True, check=False, timeout=60, env={"SYSTEMD_UNIT_PATH": f"{folder}:"},
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_service_gives_the_options_that_there_are() -> None:
    """And holds no secret of its own."""
    text = (ROOT / "integrations/systemd/imapcheck-outside.service").read_text()
    [start] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert '--credentials "$CREDENTIALS_DIRECTORY" --publish "$PUBLISH" --place "$PLACE"' in start
    assert "LoadCredentialEncrypted=aws:" in text
    assert "AWS_SECRET_ACCESS_KEY" not in text
