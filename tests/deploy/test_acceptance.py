"""`make acceptance` on the emulator, as far as that goes: the run that people make on a real account.

CloudWatch's part is bridged as in `test_whole_way`. What the script calls "ONLY ON AWS" is not shown here: the mail and
its links, arm64, the dashboard in a browser, mute windows, the bill.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from deploy.bridges import Bridges
from deploy.emulator import Emulator
from deploy.project import Project, surroundings
from deploy.stack import Inventory, Stack
from support.artifact import ROOT
from support.certificates import Certificates
from support.dovecot import Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]

ONLY_ON_AWS = (
    "the mail itself",
    "arm64",
    "CloudWatch's own reading of the log",
    "the same two messages",
    "the dashboard in a browser",
    "a mute window",
    "tomorrow the bill",
)
STEPS = 13
"""Eleven that the script names, the removal, and "accepted"."""


@pytest.fixture
def untouched(emulator: Emulator) -> Inventory:
    """What is in the account before."""
    return Stack(emulator).inventory()


def accept(project: Project, server: str, certificates: Certificates, tools: Path) -> tuple[int, str]:
    """The exit status of `make acceptance`, and what it printed; the bridges work meanwhile."""
    tools.mkdir()
    (tools / "aws").symlink_to(ROOT / ".venv-emulator/bin/aws")
    surrounding = surroundings() | project.emulator.environment | {
        "ACCEPTANCE_SERVER": server,
        "ACCEPTANCE_CA": str(certificates.ca),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }  # fmt: skip
    log = tools / "log"
    stack = Stack(project.emulator, "imapcheck-acceptance")
    bridges = Bridges(stack)
    with log.open("w") as output:
        run = subprocess.Popen(
            ["make", "--no-print-directory", "acceptance", "MAIL=you@example.com"],
            cwd=project.place,
            env=surrounding,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while run.poll() is None:
                bridge(stack, bridges)
                time.sleep(1)
        finally:
            run.terminate()
            run.wait(120)
    return run.returncode, log.read_text(encoding="utf-8")


def bridge(stack: Stack, bridges: Bridges) -> None:
    """What CloudWatch would have done by now. There may be no stack yet, or none any more."""
    try:
        bridges.publish_embedded_metrics()
        for alarm in stack.alarms():
            if alarm.get("Namespace", "").startswith("ImapCheck/"):
                bridges.evaluate(alarm)
    except (ClientError, ValueError) as error:
        if isinstance(error, ClientError) and not re.search("does not exist|NotFound", str(error)):
            raise


def test_every_step_is_seen_and_nothing_is_left(
    project: Project, dovecot: Dovecot, certificates: Certificates, tmp_path: Path, untouched: Inventory
) -> None:
    """From the first deployment to the removal; the steps that only AWS can show are named, and no others."""
    server = f"imaps://localhost:{dovecot.imaps}/"
    status, log = accept(project, server, certificates, tmp_path / "tools")
    print(log)
    assert status == 0
    assert "NOT SEEN" not in log
    assert len(re.findall(r"(?m)^== \d", log)) == STEPS
    named = re.findall(r"ONLY ON AWS: (.*)", log)
    assert [words for words, begins in zip(named, ONLY_ON_AWS, strict=True) if not words.startswith(begins)] == []
    assert Stack(project.emulator).inventory() == untouched


def test_step_that_is_not_seen_stops_it_and_all_is_removed(
    project: Project, certificates: Certificates, tmp_path: Path, untouched: Inventory
) -> None:
    """Here the server that is to be available is none."""
    status, log = accept(project, "imaps://localhost:9/", certificates, tmp_path / "tools")
    print(log)
    assert status != 0
    assert "NOT SEEN: up is available" in log
    assert Stack(project.emulator).inventory() == untouched
