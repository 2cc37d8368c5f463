"""What `init` writes and says, for each kind of server and each way of calling it, without a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imapcheck.cli.app import app
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import MINIMAL, Dialect, WireServer

LOGIN = {"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD}
SENT_ITEMS = Dialect(capabilities=MINIMAL, top=(b'() "." "INBOX"', b'() "." "Sent Items"'))
NO_SENT = Dialect(capabilities=MINIMAL, top=(b'() NIL "INBOX"',))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    monkeypatch.chdir(tmp_path)
    Path("events").mkdir()
    Path("events/ca.pem").write_bytes(certificates.ca.read_bytes())


def init(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, arguments)], env=environment)


def initialize(server: WireServer, *options: str, **environment: str) -> Result:
    where = ("--output", "events/mail.json", "--ca-file", "ca.pem", "--force")
    return init(f"localhost:{server.port}", *where, *options, **environment)


def written(
    server_context: Any, dialect: Dialect, *options: str, **environment: str
) -> tuple[dict[str, Any], list[str]]:
    """(definition, what was said but its last line) of a server of this dialect; the port is left out of both."""
    with WireServer(dialect, tls=server_context) as server:
        done = init(
            f"localhost:{server.port}", "--output", "events/mail.json", "--ca-file", "ca.pem", *options, **environment
        )
    assert (done.exit_code, done.stderr) == (0, "")
    content = json.loads(Path("events/mail.json").read_text())
    assert content.pop("server") == f"imaps://localhost:{server.port}/"
    assert content.pop("tls") == {"ca_file": "ca.pem"}
    *said, last = done.stdout.replace(str(server.port), "PORT").splitlines()
    assert last == "AWS cannot reach localhost, so it has no schedule."
    return content, said


def message(address: str, **fields: str) -> dict[str, Any]:
    sends = {"from": address, "to": address, "subject": "IMAP testing", "keep_for": "1d"}
    return sends | {"message": "Sent by imapcheck to see that mail can be filed.\n"} | fields


def plain(mailbox: str | None = None, **fields: Any) -> dict[str, Any]:
    search = {"subject": "IMAP testing", "mailbox": mailbox, "min_matches": 0}
    found = {"search": search} if mailbox is not None else {}
    return {"secret": "imapcheck/mail", "authentication": "plain"} | found | fields


WRITTEN = "events/mail.json: written for imaps://localhost:PORT/, authentication "
KEPT = "Put its credentials into a file that only you can read, such as secret.json:"
TO_RUN = "Run it:  imapcheck run events/mail.json --credentials secret.json"
IN_AWS = "In AWS the check reads its credentials from a secret:"
CREATE = "  aws secretsmanager create-secret --name imapcheck/mail --secret-string file://secret.json"


def secret(**content: str) -> str:
    return f"  {json.dumps(content)}"


ALICE = secret(username="alice", password="...", host="localhost")


@pytest.mark.parametrize(
    ("dialect", "options", "content"),
    [
        (Dialect(), [], plain("\\Sent", new_message=message("alice@localhost"))),
        (Dialect(), ["--address", "a@b.example"], plain("\\Sent", new_message=message("a@b.example"))),
        (SENT_ITEMS, [], plain("Sent Items", new_message=message("alice@localhost", mailbox="Sent Items"))),
        (Dialect(), ["--no-message"], plain()),
    ],
)
def test_definition_of_a_login_that_worked(
    server_context: Any, dialect: Dialect, options: list[str], content: dict[str, Any]
) -> None:
    """It searches for what it files, where it files it; and what to do next is all that is said."""
    assert written(server_context, dialect, *options, **LOGIN) == (
        content,
        [WRITTEN + "plain", KEPT, ALICE, TO_RUN, IN_AWS, CREATE],
    )


def test_user_name_that_is_an_address_is_the_address(server_context: Any) -> None:
    """Most are."""
    name = "alice@example.com"
    content, _ = written(server_context, Dialect(username=name), "--username", name, IMAPCHECK_PASSWORD=PASSWORD)
    assert content["new_message"] == message(name)


def test_login_that_was_not_tried_is_told(server_context: Any) -> None:
    """No password, or no name, and nobody to ask."""
    said = "The login was not tried, so this check only logs in; with a user name and password init finds out more."
    for given in ({}, {"IMAPCHECK_USERNAME": "alice"}, {"IMAPCHECK_PASSWORD": PASSWORD}):
        told = written(server_context, Dialect(), "--force", **given)
        known = secret(username=given.get("IMAPCHECK_USERNAME", "..."), password="...", host="localhost")
        assert told == (plain(), [WRITTEN + "plain", said, KEPT, known, TO_RUN, IN_AWS, CREATE])


def test_server_without_a_mailbox_for_sent_mail(server_context: Any) -> None:
    """Only the login is checked, and the key that changes it is named."""
    said = "No sent mailbox was found, so no message is filed. To file one, set new_message.mailbox."
    assert written(server_context, NO_SENT, **LOGIN) == (
        plain(),
        [WRITTEN + "plain", said, KEPT, ALICE, TO_RUN, IN_AWS, CREATE],
    )


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_server_that_takes_tokens_alone(server_context: Any, mechanism: str) -> None:
    """The secret's JSON has the keys that a refreshed token needs."""
    keys = ("username", "host", "token_url", "client_id", "client_secret", "refresh_token")
    dialect = Dialect(capabilities=f"IMAP4rev1 LOGINDISABLED AUTH={mechanism}")
    name = mechanism.lower()
    assert written(server_context, dialect, **LOGIN) == (
        {"secret": "imapcheck/mail", "authentication": name},
        [
            WRITTEN + name,
            KEPT,
            secret(**dict.fromkeys(keys, "...") | {"username": "alice", "host": "localhost"}),
            TO_RUN,
            IN_AWS,
            CREATE,
        ],
    )


def test_server_whose_logins_are_all_unknown(server_context: Any) -> None:
    """The check does not log in, and needs no credentials."""
    told = written(server_context, Dialect(capabilities="IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"), **LOGIN)
    assert told == ({"authentication": "none"}, [WRITTEN + "none", "Run it:  imapcheck run events/mail.json"])


def test_editor_is_shown_the_schema_where_there_is_one(server_context: Any) -> None:
    """Beside docs/check.schema.json, as in this repository, and only there."""
    Path("docs").mkdir()
    Path("docs/check.schema.json").write_text("{}")
    content, _ = written(server_context, Dialect(), "--no-message", **LOGIN)
    assert content == {"$schema": "../docs/check.schema.json", **plain()}
    with WireServer(tls=server_context) as server:
        asked = [f"localhost:{server.port}", "--output", "deep/er/mail.json", "--ca-file", "ca.pem"]
        assert "no such file; it must be beside the definition" in " ".join(init(*asked).stderr.split())
        Path("deep/er").mkdir(parents=True)
        Path("deep/er/ca.pem").write_bytes(Path("events/ca.pem").read_bytes())
        done = init(*asked)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "$schema" not in json.loads(Path("deep/er/mail.json").read_text())


def test_credentials_of_a_file_come_first(server_context: Any) -> None:
    """Whatever the environment says; what is wrong with the file names it and quotes nothing."""
    Path("secret.json").write_text(json.dumps({"username": "alice", "password": PASSWORD}))
    file = ["--credentials", "secret.json", "--username", "bob"]
    content, said = written(server_context, Dialect(), *file, IMAPCHECK_PASSWORD="wrong")
    assert (content["new_message"], said) == (message("alice@localhost"), [WRITTEN + "plain", TO_RUN, IN_AWS, CREATE])
    for broken, words in (("{", "line 1, column 2"), ('{"username": 1}', "credentials in secret.json")):
        Path("secret.json").write_text(broken)
        with WireServer(tls=server_context) as server:
            done = init(f"localhost:{server.port}", "--output", "events/x.json", "--ca-file", "ca.pem", *file)
        assert done.exit_code == 2
        assert done.stderr.startswith("credentials in secret.json: ")
        assert words in done.stderr
        assert not Path("events/x.json").exists()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("mail.example.com", "mail-example-com"),
        (" IMAPS://Mail.Example.com:1993/ ", "mail-example-com"),
        ("imap://mail.example.com/", "mail-example-com"),
        ("[::1]:993", "mail"),
        (f"{'a' * 39}.example.com", "a" * 39),
        (f"{'a' * 50}.example.com", "a" * 40),
    ],
)
def test_file_is_named_after_the_host(host: str, name: str) -> None:
    """And what is there already stays, before anything is looked at."""
    path = Path(f"events/{name}.json")
    path.write_text("mine")
    done = init(host)
    assert done.exit_code == 2
    assert f"{path} exists already; give another name: --output events/" in " ".join(done.stderr.split())
    assert path.read_text() == "mine"


def test_definition_that_cannot_be_written_is_told(server_context: Any) -> None:
    """With its place, in the system's words, and status 2."""
    Path("file").write_text("")
    with WireServer(tls=server_context) as server:
        done = init(f"localhost:{server.port}", "--output", "events", "--ca-file", "events/ca.pem", "--force")
    assert (done.exit_code, done.stderr) == (2, "events: is a directory\n")


def test_definition_that_would_be_refused_is_told(server_context: Any) -> None:
    """As `validate` would; the file's name is the check's."""
    with WireServer(tls=server_context) as server:
        done = init(
            f"localhost:{server.port}", "--output", "events/no name.json", "--ca-file", "ca.pem", "--address", "nobody",
            **LOGIN,
        )  # fmt: skip
    assert done.exit_code == 2
    assert done.stderr.startswith("events/no name.json: ")
    assert not Path("events/no name.json").exists()


@pytest.mark.parametrize("given", [{}, {"IMAPCHECK_USERNAME": ""}])
def test_password_of_the_environment_goes_to_the_host_that_it_is_for(
    server_context: Any, given: dict[str, str]
) -> None:
    """Refused before anything is sent, and nothing is written."""
    with WireServer(Dialect(), tls=server_context) as server:
        done = initialize(server, "--username", "alice", IMAPCHECK_PASSWORD=PASSWORD, IMAPCHECK_HOST="mail.example.com")
        assert done.exit_code == 2
        assert "mail.example.com" in done.stderr
        assert not any(command.startswith(("AUTHENTICATE", "LOGIN")) for command in server.commands)
        assert not Path("events/mail.json").exists()
        done = initialize(server, "--username", "alice", IMAPCHECK_PASSWORD=PASSWORD, IMAPCHECK_HOST="LOCALHOST.")
        assert done.exit_code == 0, done.stderr


def test_port_that_speaks_clear_imap_is_taken_with_starttls(server_context: Any) -> None:
    """`init host:143` is what people type; what did not work is said."""
    with WireServer(Dialect(), starttls=server_context) as server:
        done = initialize(server, **LOGIN)
        assert done.exit_code == 0, done.stderr
        content = json.loads(Path("events/mail.json").read_text())
        assert content["server"] == f"imap://localhost:{server.port}/"
        assert "It is not for imaps://localhost" in done.stdout
        assert server.commands.index("STARTTLS") < next(
            place for place, command in enumerate(server.commands) if command.startswith("AUTHENTICATE")
        )


def test_no_password_stands_on_a_command_line(server_context: Any) -> None:
    """Shells keep what is typed, and ps shows it."""
    with WireServer(Dialect(), tls=server_context) as server:
        done = initialize(server, **LOGIN)
    assert "file://secret.json" in done.stdout
    assert not any("--secret-string" in line and "password" in line for line in done.stdout.splitlines())
