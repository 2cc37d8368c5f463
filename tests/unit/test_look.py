"""What `init` sees of a server: which login suits, where sent mail goes, what a definition is made of."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imapcheck.check.observed import Observed
from imapcheck.cli import look as looking
from imapcheck.cli.definition_file import schedule as _schedule
from imapcheck.cli.init import _when_it_runs
from imapcheck.cli.look import Look, log_in, look
from imapcheck.definition.model import CheckDefinition
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult
from support.certificates import Certificates
from support.command_line import called
from support.dovecot import PASSWORD
from support.pseudo_terminal import run_in_terminal
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
    untrusted = result("x", failure(FailureType.CERTIFICATE_EXPIRED, "tls"))
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
    assert tried("mail.example", untrusted, good) == (both, good)
    assert tried("mail.example", good) == (["mail.example"], good)
    assert tried("mail.example", spoke) == (["mail.example"], spoke)
    assert tried("mail.example:1993", refused) == (["mail.example:1993"], refused)
    assert tried("imaps://mail.example/", refused) == (["imaps://mail.example/"], refused)


def init(server: WireServer, *options: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`imapcheck init` for a server of ours, whose authority's certificate is in events/."""
    words = ["init", f"localhost:{server.port}", "--output", "events/mail.json", *options]
    return called(*words, cwd=cwd, environment=environment)


@pytest.fixture
def place(certificates: Certificates, tmp_path: Path) -> Path:
    """A folder with events/ca.pem."""
    (tmp_path / "events").mkdir()
    (tmp_path / "events/ca.pem").write_bytes(certificates.ca.read_bytes())
    return tmp_path


def written(place: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((place / "events/mail.json").read_text())
    return content


LOGIN = {"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD}


def test_definition_without_a_mailbox_for_sent_mail_only_logs_in(server_context: Any, place: Path) -> None:
    """It turns green, and says how to file a message."""
    with WireServer(Dialect(capabilities=MINIMAL, top=(b'() NIL "INBOX"',)), tls=server_context) as server:
        done = init(server, "--ca-file", "events/ca.pem", cwd=place, **LOGIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set new_message.mailbox" in done.stdout
    assert written(place).keys() == {"server", "secret", "authentication", "tls"}


def test_certificate_is_named_as_the_shell_completes_it(server_context: Any, place: Path) -> None:
    """From the working directory; the definition names it from where it stands itself, so that it is deployed."""
    (place / "events/cas").mkdir()
    (place / "events/cas/own.pem").write_bytes((place / "events/ca.pem").read_bytes())
    (place / "elsewhere.pem").write_bytes((place / "events/ca.pem").read_bytes())
    (place / "linked").symlink_to("events")
    named = {
        "events/ca.pem": "ca.pem",
        "./events/../events/ca.pem": "ca.pem",
        "events/cas/own.pem": "cas/own.pem",
        str(place / "events/ca.pem"): "ca.pem",
        "linked/ca.pem": "ca.pem",
        "ca.pem": "ca.pem",
    }
    with WireServer(tls=server_context) as server:
        for given, name in named.items():
            done = init(server, "--ca-file", given, "--force", cwd=place)
            assert (done.returncode, done.stderr) == (0, "")
            assert written(place)["tls"] == {"ca_file": name}
        for given, words in {"elsewhere.pem": "put it into events first", "events/none.pem": "no such file"}.items():
            done = init(server, "--ca-file", given, "--force", cwd=place)
            assert done.returncode == 2
            assert words in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "schedule", "words"),
    [
        (
            ["--every", "15m"],
            {"every": "15m"},
            "Once it is deployed (make deploy), AWS runs it every 15m, with alarms.",
        ),
        (["--every", "none"], None, "AWS cannot reach localhost, so it has no schedule."),
        ([], None, "AWS cannot reach localhost, so it has no schedule."),
    ],
)
def test_schedule_and_what_is_said_of_it(
    server_context: Any, place: Path, options: list[str], schedule: dict[str, Any] | None, words: str
) -> None:
    """Last of all, as deployment comes last."""
    with WireServer(tls=server_context) as server:
        done = init(server, "--ca-file", "events/ca.pem", *options, cwd=place, **LOGIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == words
    assert written(place).get("schedule") == schedule


@pytest.mark.parametrize(
    ("host", "every", "schedule", "words"),
    [
        ("mail.example", "", {"every": "5m"}, "Once it is deployed (make deploy), AWS runs it every 5m, with alarms."),
        ("mail.example", "none", None, "It has no schedule: AWS runs it only when you call it by name."),
        ("127.0.0.2", "", None, "AWS cannot reach 127.0.0.2, so it has no schedule."),
        ("192.0.2.1", "", {"every": "5m"}, "Once it is deployed (make deploy), AWS runs it every 5m, with alarms."),
    ],
)
def test_schedule_unless_none_is_wanted_or_aws_cannot_get_there(
    host: str, every: str, schedule: dict[str, Any] | None, words: str
) -> None:
    """Every five minutes, so that a deployment does what a deployment is for."""
    looked = Look(CheckDefinition.model_validate({"server": host, "authentication": "none"}), result())
    content = _schedule(every, looked)
    assert content.get("schedule") == schedule
    assert _when_it_runs(content, looked) == words


def test_interval_that_no_schedule_has(place: Path) -> None:
    """Refused before anything is looked at, with those that there are."""
    with WireServer() as server:
        done = init(server, "--every", "7m", cwd=place)
    assert done.returncode == 2
    assert "'7m' is not none or one of 1m, 2m" in " ".join(done.stderr.replace("│", " ").split())
    assert server.connections == 0


def test_advice_is_inits_own(server_context: Any, place: Path) -> None:
    """There is no definition to change yet, no secret and no credentials file; nor has the check a name."""
    (place / "secret.json").write_text(json.dumps({"username": "alice", "password": PASSWORD, "host": "other.example"}))
    with WireServer(tls=server_context) as server:
        unknown = init(server, cwd=place)
        wrong = init(server, "--ca-file", "events/ca.pem", cwd=place, **LOGIN | {"IMAPCHECK_PASSWORD": "wrong"})
        other = init(server, "--ca-file", "events/ca.pem", "--credentials", "secret.json", cwd=place)
    assert unknown.returncode == wrong.returncode == 1
    assert "pass it with --ca-file" in " ".join(unknown.stdout.split())
    assert "tls.ca_file" not in unknown.stdout
    assert "Call init again with the right user name and password" in wrong.stdout
    assert "secret" not in wrong.stdout
    assert other.returncode == 2
    assert other.stderr.startswith("init: the credentials were made for host 'other.example'")


@pytest.mark.parametrize(("options", "name"), [(["--username", "monitor"], "monitor"), ([], "...")])
def test_name_that_was_given_stands_in_the_secret(
    server_context: Any, place: Path, options: list[str], name: str
) -> None:
    """Without a password too, with which a login would have been tried."""
    with WireServer(tls=server_context) as server:
        done = init(server, "--ca-file", "events/ca.pem", *options, cwd=place)
    assert f'{{"username": "{name}", "password": "...", "host": "localhost"}}' in done.stdout


@pytest.mark.parametrize(
    "typed",
    [
        [("User name", "\x03")],
        [("User name", "alice\n"), ("Password", "\x03")],
        [("User name", "alice\n"), ("Password", f"{PASSWORD}\n"), ("Address", "\x03")],
    ],
)
def test_ctrl_c_at_a_question(server_context: Any, place: Path, typed: list[tuple[str, str]]) -> None:
    """Status 130 as everywhere, and nothing is written (the last word may be lost: Ctrl-C discards output)."""
    with WireServer(tls=server_context) as server:
        path, ca = place / "events/mail.json", place / "events/ca.pem"
        seen = run_in_terminal("init", f"localhost:{server.port}", "--output", path, "--ca-file", ca, typed=typed)
    assert seen.status == 130, seen
    assert "Aborted" not in seen.text
    assert not path.exists()
