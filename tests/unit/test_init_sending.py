"""`init --send`: what it sees of the submission server, what it writes, and that it writes nothing it cannot use."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imapcheck.cli.app import app
from imapcheck.definition.files import load_definition
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.smtp_server import SmtpServer, Submission
from support.wire_server import Dialect, WireServer, reply

LOGIN = {"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    monkeypatch.chdir(tmp_path)
    Path("events").mkdir()
    Path("events/ca.pem").write_bytes(certificates.ca.read_bytes())


def init(server_context: Any, url: str, *options: str, dialect: Dialect | None = None) -> Result:
    with WireServer(dialect, tls=server_context) as server:
        arguments = [f"localhost:{server.port}", "--output", "events/mail.json", "--ca-file", "ca.pem", "--send", url]
        return CliRunner().invoke(app, ["init", *arguments, *options], env=LOGIN)


def block() -> dict[str, Any]:
    content = json.loads(Path("events/mail.json").read_text())
    assert load_definition(Path("events/mail.json")).send is not None
    found: dict[str, Any] = content["send"]
    assert found.pop("tls") == {"ca_file": "ca.pem"}
    assert found.pop("keep_for") == "1d"
    return found


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_url_is_looked_at_and_written(server_context: Any, scheme: str) -> None:
    """With TLS from the start, or STARTTLS; one host, so one login; no mail is sent and nobody logs in there."""
    tls = {"tls": server_context} if scheme == "smtps" else {"starttls": server_context}
    with SmtpServer(**tls) as smtp:
        url = f"{scheme}://localhost:{smtp.port}/"
        done = init(server_context, url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert block() == {"server": url, "from": "alice@localhost", "to": "alice@localhost"}
    assert "sending login" not in done.stdout
    assert not any(line.startswith(("AUTH", "MAIL")) for line in smtp.commands)
    assert smtp.commands[-1] == "QUIT"


def test_another_host_has_a_login_of_its_own(server_context: Any) -> None:
    """And the call that makes its secret is printed."""
    with SmtpServer(Submission(mechanisms="SCRAM-SHA-256 LOGIN"), tls=server_context) as smtp:
        url = f"smtps://127.0.0.1:{smtp.port}/"
        done = init(server_context, url, "--address", "seed@example.net")
    assert done.exit_code == 0, done.stderr
    assert block() == {
        "server": url, "secret": "imapcheck/mail-sender", "authentication": "scram-sha-256",
        "from": "seed@example.net", "to": "seed@example.net",
    }  # fmt: skip
    assert '"send": {"username": "...", "password": "...", "host": "..."}' in done.stdout
    assert "create-secret --name imapcheck/mail-sender" in done.stdout


def test_relay_without_a_login(server_context: Any) -> None:
    """It offers none, so none is written."""
    with SmtpServer(Submission(mechanisms=None), tls=server_context) as smtp:
        assert init(server_context, f"smtps://localhost:{smtp.port}").exit_code == 0
    assert block()["authentication"] == "none"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            {"GREETING": reply(b"554 5.7.1 go away")},
            "send_connect: greeting_rejected: the server answered 554 5.7.1 go away",
        ),
        ({"GREETING": reply(b"+OK POP3")}, "send_connect: not_smtp: the server speaks POP3, not SMTP: +OK POP3"),
        (
            {"EHLO": reply(b"250-x", b"250 AUTH PLAIN")},
            "send_tls: starttls_unavailable: the server does not offer STARTTLS",
        ),
    ],
)
def test_server_that_cannot_be_used_writes_nothing(server_context: Any, script: dict[str, Any], words: str) -> None:
    """Said with the step and in the server's words; status 1."""
    with SmtpServer(script=script, starttls=server_context) as smtp:
        url = f"smtp://localhost:{smtp.port}/"
        done = init(server_context, url)
    assert (done.exit_code, done.stderr) == (1, f"{url}: {words}\n")
    assert not Path("events/mail.json").exists()


def test_mistakes_in_the_url_are_wrong_usage(server_context: Any) -> None:
    """As in a definition; what may be a password is not repeated."""
    done = init(server_context, "smtps://me:canary@localhost")
    wanted = "expected a URL without user information; credentials belong in the secret"
    assert (done.exit_code, done.stderr) == (2, f"init: --send: send.server: found text with an @, {wanted}\n")


def test_mailbox_without_a_login_cannot_watch(server_context: Any) -> None:
    """Nobody would see the message arrive."""
    done = init(server_context, "smtps://localhost:1", dialect=Dialect(capabilities="IMAP4rev1 LOGINDISABLED"))
    assert done.exit_code == 2
    assert "the mailbox needs a login" in done.stderr
