"""The command line on Dovecot: a fleet in one call, samples that turn green and stay so, `init`."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

from imapcheck import Credentials, run_check
from imapcheck.definition.files import load_definition
from support import forked
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.mailbox_probe import Probe
from support.pseudo_terminal import run_in_terminal

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
SAMPLES = sorted(path for path in (ROOT / "events").glob("*.json") if "secret" in path.read_text())
type Write = Callable[[str, dict[str, Any]], Path]


def imapcheck(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "XDG_STATE_HOME")}
    return forked.imapcheck(*arguments, environment=kept | {"COLUMNS": "80"} | environment)


@pytest.fixture
def server(dovecot: Dovecot) -> str:
    return f"imaps://localhost:{dovecot.imaps}/"


@pytest.fixture
def fleet(server: str, certificates: Certificates, write_definition: Write, tmp_path: Path) -> list[str | Path]:
    """Forty definitions and a folder of credentials; two of the passwords are wrong."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    paths: list[str | Path] = []
    for number in range(40):
        name = f"customer-{number:02}"
        paths.append(write_definition(name, {"server": server, "tls": {"ca_file": str(certificates.ca)}}))
        word = "wrong" if number in (7, 23) else PASSWORD
        content = {"username": "monitor", "password": word, "host": "localhost"}
        (folder / f"{name}.json").write_text(json.dumps(content))
        (folder / f"{name}.json").chmod(0o600)
    return [*paths, "--credentials", folder]


def test_forty_checks_without_aws_are_one_call_and_one_table(fleet: list[str | Path]) -> None:
    """The two that are down stand first, the last line counts."""
    done = imapcheck("run", *fleet)
    assert (done.returncode, done.stderr) == (1, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("customer-")]
    assert [row[:3] for row in rows[:3]] == [
        ["customer-07", "NOT", "AVAILABLE"],
        ["customer-23", "NOT", "AVAILABLE"],
        ["customer-00", "available", rows[2][2]],
    ]
    assert len({row[0] for row in rows}) == 40
    assert done.stdout.splitlines()[-1] == "40 checks: 2 not available, 38 available"


def test_forty_checks_in_every_other_format(fleet: list[str | Path]) -> None:
    """The same verdicts, read by each format's own reader."""
    nagios = imapcheck("run", *fleet, "--format", "nagios")
    assert nagios.returncode == 2
    assert nagios.stdout.startswith("IMAP CRITICAL - 40 checks: 2 not available: customer-07, customer-23 | ")
    prometheus = imapcheck("run", *fleet, "--format", "prometheus")
    [success] = [
        family for family in text_string_to_metric_families(prometheus.stdout) if family.name == "probe_success"
    ]
    assert {sample.labels["check"] for sample in success.samples if not sample.value} == {"customer-07", "customer-23"}
    assert (prometheus.returncode, len(success.samples)) == (1, 40)
    junit = imapcheck("run", *fleet, "--format", "junit")
    document = JUnitXml.fromstring(junit.stdout.encode())
    assert (junit.returncode, document.tests, document.failures, document.errors) == (1, 40, 2, 0)


def readme_example() -> dict[str, Any]:
    [block] = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    content: dict[str, Any] = json.loads(block)
    return content


@pytest.mark.parametrize("name", ["README", *(path.stem for path in SAMPLES)])
def test_samples_turn_green_and_stay_so(
    name: str, server: str, certificates: Certificates, write_definition: Write, probe: Probe
) -> None:
    """On a healthy, empty mailbox: the first run, and the next, which finds what the one before has filed."""
    content = readme_example() if name == "README" else json.loads((ROOT / "events" / f"{name}.json").read_text())
    content |= {"server": server, "tls": {"ca_file": str(certificates.ca)}, "authentication": "plain"}
    definition = load_definition(write_definition("sample", content))
    credentials = Credentials.model_validate({"username": "monitor", "password": PASSWORD, "host": "localhost"})
    probe.create("Sent Items")
    try:
        probe.empty("Sent Items")
        results = [run_check(definition, credentials) for _ in range(3)]
    finally:
        probe.delete("Sent Items")
    assert [result.failures for result in results] == [(), (), ()]
    assert [result.search and result.search.matches for result in results] == [0, 1, 2]
    assert all(result.new_message and result.new_message.message_id for result in results)


def test_init_writes_a_definition_that_turns_green(
    dovecot: Dovecot, certificates: Certificates, probe: Probe, tmp_path: Path
) -> None:
    """From flags alone; no password is left anywhere, and validate has no doubts."""
    (tmp_path / "ca.pem").write_bytes(certificates.ca.read_bytes())
    path, secret = tmp_path / "mail.json", tmp_path / "secret"
    login = {"IMAPCHECK_USERNAME": "monitor", "IMAPCHECK_PASSWORD": PASSWORD}
    done = imapcheck("init", f"localhost:{dovecot.imaps}", "--output", path, "--ca-file", "ca.pem", **login)
    assert (done.returncode, done.stderr) == (0, "")
    assert "aws secretsmanager create-secret --name imapcheck/mail" in done.stdout
    assert PASSWORD not in done.stdout + path.read_text()
    secret.write_text(json.dumps({"username": "monitor", "password": PASSWORD, "host": "localhost"}))
    secret.chmod(0o600)
    for matches in (0, 1):
        result = json.loads(imapcheck("run", path, "--credentials", secret, "--json").stdout)
        assert (result["available"], result["search"]["matches"]) == (True, matches)
        assert result["new_message"]["mailbox"] == "Sent"
    assert imapcheck("validate", path).stdout == "1 valid, 1 without a schedule (AWS runs them by name only)\n"
    again = imapcheck("init", f"localhost:{dovecot.imaps}", "--output", path)
    assert again.returncode == 2
    assert "give another name: --output" in again.stderr


def test_init_asks_in_a_terminal_what_it_cannot_see(
    dovecot: Dovecot, certificates: Certificates, probe: Probe, tmp_path: Path
) -> None:
    """User name, password (not shown), address; then the definition is there."""
    (tmp_path / "ca.pem").write_bytes(certificates.ca.read_bytes())
    path = tmp_path / "mail.json"
    seen = run_in_terminal(
        "init", f"localhost:{dovecot.imaps}", "--output", path, "--ca-file", "ca.pem", columns=100,
        typed=[("User name", "monitor\n"), ("Password", f"{PASSWORD}\n"), ("Address", "monitor@example.com\n")],
    )  # fmt: skip
    assert seen.status == 0, seen.text
    assert PASSWORD not in seen.text
    content = json.loads(path.read_text())
    assert content["new_message"]["to"] == "monitor@example.com"
    assert content["search"]["mailbox"] == "\\Sent"


def test_init_of_a_server_over_starttls_and_of_one_that_refuses(
    dovecot: Dovecot, certificates: Certificates, tmp_path: Path
) -> None:
    """The scheme is taken from the URL; a refused login writes nothing, as it would not turn green."""
    (tmp_path / "ca.pem").write_bytes(certificates.ca.read_bytes())
    path, url = tmp_path / "mail.json", f"imap://localhost:{dovecot.imap}/"
    login = {"IMAPCHECK_USERNAME": "monitor", "IMAPCHECK_PASSWORD": "wrong"}
    refused = imapcheck("init", url, "--output", path, "--ca-file", "ca.pem", **login)
    assert refused.returncode == 1
    assert "authenticate: authentication_failed" in refused.stdout
    assert not path.exists()
    done = imapcheck("init", url, "--output", path, "--ca-file", "ca.pem")
    assert done.returncode == 0, done.stderr
    assert "The login was not tried" in done.stdout
    assert json.loads(path.read_text())["server"] == url
    assert "search" not in json.loads(path.read_text())
    untrusted = imapcheck("init", url, "--output", tmp_path / "other.json")
    assert untrusted.returncode == 1
    assert "certificate_untrusted" in untrusted.stdout
    assert not (tmp_path / "other.json").exists()
