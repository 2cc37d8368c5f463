"""What `init` sees of a server: which login suits, where sent mail goes, what a definition is made of."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imapcheck.check.observed import Observed
from imapcheck.cli import look as looking
from imapcheck.cli.look import Look, log_in, look
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.results import failure, result
from support.wire_server import MINIMAL, Dialect, WireServer

FILLER = " ".join(f"X-EXTENSION-{number}" for number in range(60))
"""More than a line of the transcript shows."""

type Seen = Callable[[WireServer], Look]


@pytest.fixture
def seen(certificates: Certificates) -> Seen:
    """Look at a server of ours, over TLS or STARTTLS as it has it."""

    def at(server: WireServer) -> Look:
        scheme = "imap" if server.tls is None else "imaps"
        return look(f"{scheme}://localhost:{server.port}/", {"ca_file": str(certificates.ca)}, Path())

    return at


@pytest.mark.parametrize(
    ("capabilities", "password", "token"),
    [
        ("IMAP4rev1 AUTH=CRAM-MD5 AUTH=PLAIN AUTH=XOAUTH2", "plain", "xoauth2"),
        ("IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 LOGINDISABLED", "scram-sha-256", None),
        ("IMAP4rev1 AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 LOGINDISABLED", "scram-sha-1", None),
        ("IMAP4rev1 AUTH=CRAM-MD5 AUTH=LOGIN LOGINDISABLED", "login", None),
        ("IMAP4rev1 AUTH=CRAM-MD5 LOGINDISABLED", "cram-md5", None),
        ("IMAP4rev1", "login", None),
        ("IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER", None, "oauthbearer"),
        ("IMAP4rev1 LOGINDISABLED AUTH=GSSAPI", None, None),
        (f"IMAP4rev1 {FILLER} LOGINDISABLED AUTH=SCRAM-SHA-256 AUTH=XOAUTH2", "scram-sha-256", "xoauth2"),
    ],
)
def test_login_that_suits(
    server_context: Any, seen: Seen, capabilities: str, password: str | None, token: str | None
) -> None:
    """Over TLS the simplest that is offered; LOGIN where nothing forbids it."""
    with WireServer(Dialect(capabilities=capabilities), tls=server_context) as server:
        looked = seen(server)
    assert looked.result.available
    assert (looked.authentication, looked.token_authentication) == (password, token)


def test_after_starttls_the_second_list_counts(server_context: Any, seen: Seen) -> None:
    """Servers hide their mechanisms before it."""
    with WireServer(Dialect(capabilities=MINIMAL), starttls=server_context) as server:
        looked = seen(server)
    assert looked.result.available
    assert looked.authentication == "plain"
    assert looked.definition.tls_mode == "starttls"


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        (Dialect(), "\\Sent"),
        (Dialect(capabilities=MINIMAL, top=(b'(\\HasNoChildren \\Sent) "/" Gesendet',)), "\\Sent"),
        (Dialect(capabilities=MINIMAL, top=(b'() "." "INBOX"', b'() "." "Sent Items"')), "Sent Items"),
        (Dialect(capabilities=MINIMAL, top=(b'() "." "Sent Messages"', b"() NIL SENT")), "SENT"),
        (Dialect(capabilities=MINIMAL, top=(b'() "." "Sent Messages"',)), "Sent Messages"),
        (Dialect(capabilities=MINIMAL, top=(b'() "." "Sent Messages"', b'() "." "sent items"')), "sent items"),
        (Dialect(capabilities=MINIMAL, top=(b'() NIL "INBOX"',)), None),
        (Dialect(capabilities=MINIMAL, top=(b"(\\X" + b"y" * 400 + b' \\Sent) "/" "Gesendet"',)), "\\Sent"),
        (Dialect(capabilities=MINIMAL, top=(*(b'() "/" "%d"' % n for n in range(300)), b'() "/" "Sent"')), "Sent"),
    ],
)
def test_where_sent_mail_goes(
    server_context: Any, seen: Seen, credentials: Credentials, dialect: Dialect, sent: str | None
) -> None:
    """By special use, else by a usual name; else nothing is filed."""
    with WireServer(dialect, tls=server_context) as server:
        looked = log_in(seen(server), credentials, "plain", Path())
    assert looked.result.available
    assert looked.sent == sent


def test_bare_host_is_tried_with_tls_and_then_with_starttls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a port or scheme was given, or the server has answered."""
    refused = result("x", failure(FailureType.CONNECTION_REFUSED, "connect"))
    spoke = result("x", failure(FailureType.GREETING_REJECTED, "greeting"))

    def tried(server: str, *answers: CheckResult) -> tuple[list[str], CheckResult]:
        asked: list[str] = []
        waiting = list(answers)

        def run_check(definition: CheckDefinition, *, observed: Observed) -> CheckResult:
            asked.append(definition.server)
            return waiting.pop(0)

        monkeypatch.setattr(looking, "run_check", run_check)
        return asked, look(server, {}, Path()).result

    good, both = result("x"), ["mail.example", "imap://mail.example/"]
    assert tried("mail.example", refused, good) == (both, good)
    assert tried("mail.example", refused, spoke) == (both, refused)
    assert tried("mail.example", good) == (["mail.example"], good)
    assert tried("mail.example", spoke) == (["mail.example"], spoke)
    assert tried("mail.example:1993", refused) == (["mail.example:1993"], refused)
    assert tried("imaps://mail.example/", refused) == (["imaps://mail.example/"], refused)


def test_definition_without_a_mailbox_for_sent_mail_only_logs_in(
    server_context: Any, certificates: Certificates, tmp_path: Path
) -> None:
    """It turns green, and says how to file a message."""
    path = tmp_path / "mail.json"
    with WireServer(Dialect(capabilities=MINIMAL, top=(b'() NIL "INBOX"',)), tls=server_context) as server:
        done = subprocess.run(
            [sys.executable, "-m", "imapcheck", "init", f"localhost:{server.port}", "--output", str(path),
             "--ca-file", str(certificates.ca)],
            env={"PATH": os.environ["PATH"], "IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "set new_message.mailbox" in done.stdout
    content = json.loads(path.read_text())
    assert content.keys() == {"server", "secret", "authentication", "tls"}
