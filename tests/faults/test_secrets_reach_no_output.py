"""A canary password, token and message body, looked for in every output there is."""

import base64
import json
import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckDefinition, Credentials, run_check
from imapcheck.aws.metrics import metrics_of, publish
from imapcheck.aws.run_log import run_fields
from imapcheck.cli.formats import screen_for
from imapcheck.errors import CredentialsError
from imapcheck.output.formats import FORMATS
from imapcheck.output.outcome import Outcome
from support.wire_server import Action, Dialect, Exchange, WireServer

PASSWORD = 'cAnary"pass\\wörd'
TOKEN = "canary-t0ken.abc.def"
BODY = b"From: x@example.com\r\nSubject: IMAP testing\r\n\r\nBODYCANARY in the middle of a message\r\n"
MECHANISMS = ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"]


def spellings(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
        base64.b64encode(raw),
        base64.b64encode(b"\0alice\0" + raw),
        b"you sent (" + raw + b")?",
        raw.hex().encode(),
    ]


def parrot(answer: bytes) -> Action:
    """Whatever comes is echoed, and the secret said in every spelling, before and within the answer."""

    def act(exchange: Exchange) -> None:
        said = b" ".join([*spellings(PASSWORD), *spellings(TOKEN)])
        exchange.send(b"* OK [ALERT] " + said + b"\r\n* NO " + exchange.line + b"\r\n")
        if exchange.name == "AUTHENTICATE":
            exchange.send(b"+ " + base64.b64encode(said) + b"\r\n")
            answered = exchange.connection.line()
            exchange.send(b"* OK " + answered + b"\r\n")
        for part in (answer[:7], answer[7:]):
            exchange.send(part.replace(b"%t", exchange.tag).replace(b"%s", said))
        if not answer.startswith(b"%t"):
            exchange.connection.close()

    return act


def leaks(text: str) -> list[str]:
    """Which canaries a text holds, in whatever spelling."""
    wanted = [form.decode("latin-1") for secret in (PASSWORD, TOKEN) for form in spellings(secret)]
    seen = text.encode("utf-8", "surrogateescape").decode("latin-1")
    escaped = [json.dumps(form)[1:-1] for form in wanted]
    found = [form for form in [*wanted, *escaped, "BODYCANARY"] if form in seen or form in text]
    # Response codes come in capitals; base64 in other capitals is other octets, and no word of a message is that long.
    seen, text = seen.lower(), text.lower()
    return found or [form for form in [*wanted, *escaped] if form.lower() in seen or form.lower() in text]


@pytest.mark.parametrize("authentication", MECHANISMS)
@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("AUTHENTICATE", b"%t NO [AUTHENTICATIONFAILED] %s\r\n"),
        ("AUTHENTICATE", b"%t BAD %s\r\n"),
        ("AUTHENTICATE", b"* BYE %s\r\n"),
        ("AUTHENTICATE", b"%s\r\n"),
        ("AUTHENTICATE", b"* OK half %s"),
        ("EXAMINE", b"%t NO [canary-t0ken.abc.def] %s\r\n"),
        ("LIST", b'* LIST () "/" "%s"\r\n%t OK\r\n'),
        ("UID FETCH", b"* 2 FETCH (UID 4 BODY[] BODYCANARY %s)\r\n"),
        ("UID FETCH", b'* 2 FETCH (UID 4 X "BODYCANARY" BODY[] {3}\r\nBODYCANARY)\r\n'),
    ],
)
def test_canary_reaches_no_output(
    define: Define,
    server_context: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    authentication: str,
    step: str,
    answer: bytes,
) -> None:
    """Result, transcript, logs of all loggers, metrics, the terminal."""
    caplog.set_level(logging.DEBUG)
    secret = Credentials.model_validate({"username": "alice", "password": PASSWORD, "access_token": TOKEN})
    dialect = Dialect(message=BODY, check_password=False)
    script = {step: parrot(answer)}
    if step != "AUTHENTICATE":
        script["AUTHENTICATE"] = lambda exchange: exchange.send(exchange.tag + b" OK in\r\n")
        authentication = "plain"
        dialect.capabilities = dialect.capabilities.replace("AUTH=CRAM-MD5", "")
    with WireServer(dialect, script, tls=server_context) as server:
        definition = define(
            server, authentication=authentication, search="IMAP", new_message=NEW_MESSAGE, timeout=3, metrics="all"
        )
        result = run_check(definition, secret, hooks=[lambda event: logging.getLogger("hook").debug("%r", event)])
    assert not result.available or step == "LIST"
    publish("ImapCheck/stack", metrics_of(result, definition), result.started_at)
    print(json.dumps(run_fields(result, instant_test=False, cold_start=False)))
    outcome = Outcome("canary", result)
    for format in FORMATS.values():
        screen = screen_for(format, 1, transcript=True)
        screen.result(outcome)
        screen.finish([outcome])
    shown = capsys.readouterr()
    outputs = [
        json.dumps(result.to_dict()),
        json.dumps(result.to_dict(), ensure_ascii=False),
        repr(result),
        caplog.text,
        shown.out,
        shown.err,
    ]
    for output in outputs:
        assert leaks(output) == []


def test_exceptions_of_ours_show_no_canary(define: Define, server_context: Any) -> None:
    """Text, cause and traceback, with locals, of what we raise."""
    secret = Credentials.model_validate({"username": "alice", "password": PASSWORD, "host": "elsewhere.example"})
    with WireServer(tls=server_context) as server, pytest.raises(CredentialsError) as raised:
        run_check(define(server), secret)
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert leaks("".join(shown.format())) == []
    for data in (
        {"username": "alice", "password": [PASSWORD]},
        {"username": 1, "password": PASSWORD},
        [PASSWORD],
        PASSWORD,
    ):
        with pytest.raises(CredentialsError) as refused:
            Credentials.from_object(data, source="secret x")
        text = "".join(traceback.format_exception(refused.value))
        assert leaks(text) == []


def test_crash_report_shows_no_canary(tmp_path: Path) -> None:
    """A bug deep inside the session, with the password on the stack."""
    (tmp_path / "a.json").write_text('{"server": "127.0.0.1:1", "authentication": "plain"}')
    (tmp_path / "secret").write_text(json.dumps({"username": "alice", "password": PASSWORD}))
    code = (
        "import imapcheck.cli.app as cli, imapcheck.check.steps.connection as connection\n"
        "def boom(addresses, port, deadline): raise RuntimeError(open('secret').read())\n"
        "connection.tcp_connect = boom\ncli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "a.json", "--credentials", "secret"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert "connection.py" in done.stderr
    assert leaks(done.stdout + done.stderr) == []


@pytest.mark.parametrize("term", ['a"b\\c', "{5}", "x" * 900, "*", "%", "( ) NIL", "ü" * 300, "\t", "a\u200bb"])
def test_terms_cannot_smuggle_a_command(
    define: Define, credentials: Credentials, server_context: Any, term: str
) -> None:
    """What a user searches for arrives as it is, as one argument."""
    if not term.strip():
        return
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, search=[term], new_message=NEW_MESSAGE | {"subject": term}), credentials)
    assert result.available, result.failure
    [search] = [command for command in server.commands if command.startswith("UID SEARCH")]
    assert search.endswith(f"SUBJECT {term}") or "( )" in term
    [message] = server.appended
    header = message.split(b"\r\n\r\n")[0]
    assert header.count(b"\r\nSubject: ") == 1
    assert b"Bcc" not in header


def test_definition_never_shows_where_it_was_wrong(define: Define) -> None:
    """A password pasted into the URL of a definition is not quoted back."""
    with pytest.raises(ValueError, match="user information") as refused:
        CheckDefinition.model_validate({"server": f"imaps://alice:{TOKEN}@mail.example.com"})
    assert leaks(str(refused.value)) == []
