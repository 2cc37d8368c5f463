"""Whatever a server words is one clean, bounded line: in the result, in its JSON, on the terminal."""

import base64
import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.check.facts import server_facts
from imapcheck.check.state import Learnt
from imapcheck.errors import CredentialsError
from imapcheck.login import oauth
from imapcheck.result import TlsFacts
from imapcheck.trace import Deadline, StepFinished
from imapcheck.transcript import Redactor, Transcript
from support import token_endpoint as endpoints
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TokenEndpoint
from support.wire_server import Action, Dialect, Exchange, WireServer, close, reply

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eevil\u2066\u2029\u0085\x7f\u200f\ufeff\U000e0041" + "\U0001f4a9" * 600
WORDS = HOSTILE.encode()


def texts(value: Any) -> Iterator[str]:
    """Every text in a result, however deep."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts(item)
        case list() | tuple():
            for item in value:
                yield from texts(item)


def assert_clean(result: CheckResult) -> None:
    for text in texts(result.to_dict()):
        assert text.isprintable(), repr(text)
        assert len(text) <= 400, text
    for lines in (json.dumps(result.to_dict()), json.dumps(result.to_dict(), ensure_ascii=False)):
        assert len(lines.encode()) < 200_000


def say(words: bytes, then: Action | None = None) -> Action:
    return reply(b"%t NO [ALERT] " + words, then=then)


FAULTS: dict[str, Action] = {
    "GREETING": reply(b"* BYE " + WORDS, then=close),
    "CAPABILITY": say(WORDS),
    "AUTHENTICATE": say(WORDS),
    "NAMESPACE": say(WORDS),
    "LIST#1": say(WORDS),
    "LIST#2": say(WORDS),
    "LIST#4": say(WORDS),
    "EXAMINE": say(WORDS),
    "UID SEARCH": say(WORDS),
    "UID FETCH": say(WORDS),
    "LIST#5": say(WORDS),
    "APPEND LITERAL": say(WORDS),
    "SELECT": say(WORDS),
    "LOGOUT": say(WORDS),
    "ID": reply(b"* NO " + WORDS, b"* OK [ALERT] " + WORDS, b"%t BAD [" + b"X" * 2000 + b"] " + WORDS),
}


@pytest.mark.parametrize("key", FAULTS)
def test_words_of_any_refusal_are_clean(
    define: Define, credentials: Credentials, server_context: Any, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    """Terminal sequences, line ends, bidirectional overrides, C1 controls, and more of them than anybody wants."""
    heard: list[Any] = []
    with WireServer(script={key: FAULTS[key]}, tls=server_context) as server:
        definition = define(server, search="x", new_message=NEW_MESSAGE | {"keep_for": "1d"}, identify=True, timeout=5)
        result = run_check(definition, credentials, hooks=[heard.append])
    assert_clean(result)
    for event in heard:
        if isinstance(event, StepFinished) and event.result.detail is not None:
            assert event.result.detail.isprintable()
            assert len(event.result.detail) <= 400


@pytest.mark.parametrize("authentication", ["xoauth2", "oauthbearer"])
def test_words_of_an_oauth_challenge_are_clean(define: Define, server_context: Any, authentication: str) -> None:
    """The JSON of a refused token is the server's too (RFC 7628 section 3.2.2)."""
    challenge = base64.b64encode(json.dumps({"status": HOSTILE, "scope": HOSTILE, "schemes": HOSTILE}).encode())

    def refuse(exchange: Exchange) -> None:
        exchange.send(b"+ " + challenge + b"\r\n")
        exchange.connection.line()
        exchange.send(exchange.tag + b" NO [AUTHENTICATIONFAILED] no\r\n")

    secret = Credentials.model_validate({"username": "alice", "access_token": "token-canary"})
    with WireServer(script={"AUTHENTICATE": refuse}, tls=server_context) as server:
        result = run_check(define(server, authentication=authentication), secret)
    assert result.failure is not None
    assert_clean(result)


def test_names_of_capabilities_and_mailboxes_are_clean(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Mechanisms that are listed in a detail, and the sent mailbox, whose name the server chooses."""
    with WireServer(Dialect(capabilities="IMAP4rev1 AUTH=\x1b[2J\x9b" + "A" * 5000), tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert result.failure.type == "mechanism_not_offered"
    assert_clean(result)
    named = b'(\\Sent) "/" {%d}\r\n%s' % (len(WORDS), WORDS)
    with WireServer(Dialect(special=(named,), top=()), tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert_clean(result)


def test_names_of_a_certificate_and_addresses_are_clean_and_few() -> None:
    """A certificate may hold any names, and a name any number of addresses."""
    facts = TlsFacts("TLSv1.3", "x", True, HOSTILE, HOSTILE, None, None, (HOSTILE,) * 20, 3)
    learnt = Learnt(tls=facts, unreachable=tuple(IPv4Address(number) for number in range(4000)))
    shown = server_facts(CheckDefinition.model_validate({"server": "mail.example.com"}), learnt, Redactor())
    assert shown.tls is not None
    for text in (shown.tls.certificate_subject, shown.tls.certificate_issuer, *shown.tls.certificate_names):
        assert text is not None
        assert text.isprintable()
        assert len(text) <= 400
    assert len(shown.unreachable_addresses) == 20


def test_transcript_of_any_words_fits_a_log_line() -> None:
    """However long the lines and however many octets a character takes in JSON; both ends are kept."""
    transcript = Transcript(Redactor())
    for number in range(300):
        transcript.server(b"* OK %d " % number + WORDS)
    lines = transcript.lines()
    assert max(map(len, lines)) <= 400
    assert lines[0].startswith("S: * OK 0 ")
    assert lines[-1].startswith("S: * OK 299 ")
    assert len(json.dumps(lines)) < 130_000
    left_out = next(int(line.split(" ")[1]) for line in lines if line.startswith("…"))
    assert len(lines) - 1 + left_out == 300


@pytest.mark.parametrize(
    "code",
    [
        HOSTILE,
        CLIENT_SECRET,
        CLIENT_SECRET.upper(),
        CLIENT_SECRET[3:12],
        REFRESH_TOKEN.encode().hex(),
        REFRESH_TOKEN.encode().hex().upper(),
        base64.b64encode(CLIENT_SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"id:" + CLIENT_SECRET.encode()).decode().rstrip("="),
    ],
)
def test_error_code_of_a_token_endpoint_is_no_leak(endpoint: TokenEndpoint, code: str) -> None:
    """An endpoint that answers with what it was sent, in whatever spelling."""
    body = json.dumps({"error": code, "error_description": code}).encode()
    endpoint.misbehave = lambda handler: endpoints.send(handler, 400, body)
    secret = Credentials.model_validate(
        {"username": "alice", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
         "refresh_token": REFRESH_TOKEN}
    )  # fmt: skip
    with pytest.raises(CredentialsError) as raised:
        oauth.access_token(secret, Deadline.after(5))
    assert str(raised.value).endswith("HTTP 400 without a token")


@pytest.mark.parametrize(
    "spell",
    [
        lambda secret: secret,
        lambda secret: secret.upper(),
        lambda secret: base64.b64encode(secret).rstrip(b"="),
        lambda secret: base64.b64encode(b"xx" + secret).rstrip(b"="),
        lambda secret: secret.hex().encode(),
        lambda secret: secret.hex().upper().encode(),
    ],
)
def test_response_code_that_is_a_secret_is_none(define: Define, server_context: Any, spell: Any) -> None:
    """Codes are shown in capitals, which would hide base64 from a search, not from a reader."""
    word = "pass4711word"
    code = spell(word.encode())
    secret = Credentials.model_validate({"username": "alice", "password": word})
    with WireServer(script={"AUTHENTICATE": reply(b"%t NO [" + code + b"] no")}, tls=server_context) as server:
        result = run_check(define(server), secret)
    assert result.failure is not None
    assert result.failure.response_code is None
    assert code.decode().lower() not in json.dumps(result.to_dict()).lower()
