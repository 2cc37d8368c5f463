"""README, as a reader follows it: every command in it is run. `make deploy` is run by tests/deploy."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from deploy.project import readme_commands
from release.test_repository import targets
from support import working_tree
from support.artifact import ROOT
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.mailbox_probe import Probe
from support.story_files import GOLDEN

README = (ROOT / "README.md").read_text(encoding="utf-8")
AWS = ROOT / ".venv-emulator/bin/aws"
BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)


def block(begins: str) -> str:
    """The one shell block that begins so."""
    [found] = [text for text in BLOCKS if text.strip().startswith(begins)]
    return str(found)


def test_readme_is_short() -> None:
    """What it is, for whom, for whom not, what it costs and two commands are on the first screens."""
    assert len(README.splitlines()) < 120
    first = README.split("## Deploy in five minutes")[0]
    for words in ("**For you**", "**Not for you**", "$1.50 a month", "docs/images/report.png", "make demo"):
        assert words in first, words


def test_every_command_is_run() -> None:
    """Four blocks: the demo, a run without AWS, the deployment, a check; whoever adds one adds its test here."""
    assert [text.split()[:2] for text in BLOCKS] == [
        ["make", "setup"], ["chmod", "600"], ["make", "deploy"], ["aws", "secretsmanager"],
    ]  # fmt: skip
    assert readme_commands() == [block("make deploy").strip()]


def test_commands_within_sentences_are_there() -> None:
    """Targets of the Makefile, and commands that `imapcheck --help` lists."""
    helped = subprocess.run([ROOT / ".venv/bin/imapcheck", "--help"], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"`make ([a-z-]+)", README))
    assert named
    assert named <= targets()
    for command in set(re.findall(r"`imapcheck ([a-z]+)", README)):
        assert re.search(rf"\b{command}\b", helped), command


def test_story_is_one_that_is_told() -> None:
    """Lines of the golden story, in its order, some left out."""
    shown = README.split("```\nSubject: ", 1)[1].split("```", 1)[0]
    lines = iter(GOLDEN.read("down-authentication_failed.txt").splitlines())
    for line in f"Subject: {shown}".splitlines():
        assert line in lines, line


def test_demo_runs_here() -> None:
    """In an environment that `make setup` has made."""
    done = subprocess.run(
        ["bash", "-c", block("make setup")], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "demo: available" in done.stdout


@pytest.mark.long
def test_demo_runs_on_a_fresh_clone(tmp_path: Path) -> None:
    """With nothing but Python; it sets up its own environment, which needs a package index, and no other."""
    working_tree.copy(tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["bash", "-c", "make demo"],
        cwd=tmp_path, env=kept, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "demo: available" in done.stdout
    assert "setting up .venv-demo/" in done.stdout
    assert "apt" not in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture(scope="module")
def shell() -> Iterator[dict[str, str]]:
    """A shell's variables for an account that moto plays, with `aws` and `imapcheck` on its path."""
    if not AWS.exists():
        assert not os.environ.get("CI"), f"{AWS} is missing"
        pytest.skip("the emulator's environment, which has the AWS CLI, is missing (make test makes it)")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield {
        "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",  # the example's server is played by this machine
        "PATH": f"{AWS.parent}:{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    server.stop()


def the_secret() -> str:
    """README's secret.json, for the test server's user."""
    [secret] = re.findall(r"^`secret.json` holds `(\{.*\})`", README, re.MULTILINE)
    for old, new in (("mail.example.com", "localhost"), ("...", PASSWORD), ("monitor@example.com", "monitor")):
        secret = secret.replace(old, new)
    return str(secret)


@pytest.mark.server
def test_check_without_aws_turns_green(dovecot: Dovecot, certificates: Certificates, tmp_path: Path) -> None:
    """The credentials are in a file, so that `init` asks nobody."""
    shutil.copy(certificates.ca, tmp_path / "ca.pem")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "secret.json").write_text(the_secret())
    commands = block("chmod").replace("mail.example.com", f"localhost:{dovecot.imaps} --ca-file ca.pem", 1)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report.html").exists()


@pytest.mark.server
def test_check_that_a_reader_adds_turns_green(
    shell: dict[str, str], dovecot: Dovecot, probe: Probe, certificates: Certificates, tmp_path: Path
) -> None:
    """The definition, the secret and the two commands, with another server, user and password."""
    [example] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    definition = json.loads(example) | {"tls": {"ca_file": "ca.pem"}, "server": f"imaps://localhost:{dovecot.imaps}/"}
    (tmp_path / "events").mkdir()
    (tmp_path / "events/mail.json").write_text(json.dumps(definition))
    shutil.copy(certificates.ca, tmp_path / "events/ca.pem")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "secret.json").write_text(the_secret())
    commands = block("aws secretsmanager")
    probe.create("Sent Items")
    try:
        done = subprocess.run(
            ["bash", "-ec", commands], cwd=tmp_path, env=shell, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        probe.delete("Sent Items")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 valid" in done.stdout
    assert "mail: available" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
