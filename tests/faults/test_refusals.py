"""Refusals in every dress: codes, words, BYE, an untagged NO before the end; and which of them is whose fault."""

import base64
import json
import ssl
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.check import run
from imapcheck.check.login_pause import LoginGuard
from support.wire_server import Action, Dialect, Exchange, WireServer, close, hang, reply

RETRIED = 2


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is a second attempt matters here, not when."""
    monkeypatch.setattr(run, "_PAUSE_BETWEEN_ATTEMPTS", 0.01)


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"%t NO [ALERT] Too many simultaneous connections. (Failure)", "authentication_unavailable"),
        (b"%t NO Server Unavailable. 15", "authentication_unavailable"),
        (b"%t NO Temporary authentication failure", "authentication_unavailable"),
        (b"%t NO Login failed: internal error, try again later", "authentication_unavailable"),
        (b"%t NO failed: Could not connect to server", "authentication_unavailable"),
        (b"%t BAD failed: Could not connect to server", "authentication_unavailable"),
        (b"%t NO Temporary server problem, try again later", "authentication_unavailable"),
        (b"%t NO [UNAVAILABLE] cannot reach the quota service", "authentication_unavailable"),
        (b"%t NO [TEMPFAIL] AUTHENTICATE", "authentication_unavailable"),
        (b"* NO [ALERT] the directory is down\r\n%t NO LOGIN failed.", "authentication_unavailable"),
        (b"* BAD internal server error\r\n%t NO authentication failed", "authentication_unavailable"),
        (b"%t NO Invalid credentials", "authentication_failed"),
        (b"%t NO LOGIN failed.", "authentication_failed"),
        (b"%t NO [AUTHENTICATIONFAILED] temporary, try again later", "authentication_failed"),
        (b"%t NO Account temporarily locked, try again later", "authentication_failed"),
        (b"* NO [ALERT] system busy\r\n%t NO [AUTHENTICATIONFAILED] no", "authentication_failed"),
        (b"%t BAD Invalid user name or password", "authentication_failed"),
        (b"* BYE [AUTHENTICATIONFAILED] go away\r\n%t NO go away", "authentication_failed"),
        (b"* BYE server shutting down\r\n%t NO Login failed.", "authentication_failed"),
        (b"* BYE [UNAVAILABLE] bye\r\n%t NO Login failed.", "authentication_unavailable"),
        (b"%t BAD what is that", "command_rejected"),
    ],
)
def test_login_that_is_refused_in_words(
    define: Define, credentials: Credentials, server_context: Any, answer: bytes, type: str
) -> None:
    """A dead login service is retried and never pauses the logins; a wrong password is and does."""
    with WireServer(script={"AUTHENTICATE": reply(answer)}, tls=server_context) as server:
        definition = define(server, retries=1)
        guard = LoginGuard(lambda: datetime(2026, 11, 24, tzinfo=UTC))
        result = run_check(definition, credentials)
        guard.note(definition, credentials, "v1", result)
    assert failed(result) == ("authenticate", type)
    assert result.attempts == (RETRIED if type == "authentication_unavailable" else 1)
    assert (guard.pause(definition, credentials, "v1") is not None) == (type == "authentication_failed")


@pytest.mark.parametrize(
    ("answer", "type", "detail", "code"),
    [
        (
            b"* NO too many connections\r\n%t NO login failed",
            "authentication_unavailable",
            "the server answered NO login failed after NO too many connections",
            None,
        ),
        (
            b"* NO hello\r\n* NO [UNAVAILABLE] later\r\n%t NO login failed",
            "authentication_unavailable",
            "the server answered NO login failed after NO [UNAVAILABLE] later",
            "UNAVAILABLE",
        ),
        (
            b"* BYE [AUTHENTICATIONFAILED] go away\r\n%t NO [ALERT] no",
            "authentication_failed",
            "the server answered NO [ALERT] no after BYE [AUTHENTICATIONFAILED] go away",
            "ALERT",
        ),
        (
            b"* NO [UNAVAILABLE] later\r\n%t NO wrong password",
            "authentication_failed",
            "the server answered NO wrong password",
            None,
        ),
        (
            b"* NO hello\r\n%t NO login failed",
            "authentication_failed",
            "the server answered NO login failed",
            None,
        ),
    ],
)
def test_untagged_words_that_decided_are_in_the_detail(
    define: Define,
    credentials: Credentials,
    server_context: Any,
    answer: bytes,
    type: str,
    detail: str,
    code: str | None,
) -> None:
    """The tagged answer alone would not explain the verdict; what decided nothing is not shown."""
    with WireServer(script={"AUTHENTICATE": reply(answer)}, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert failed(result) == ("authenticate", type)
    assert result.failure is not None
    assert result.failure.detail == detail
    assert result.failure.response_code == code


@pytest.mark.parametrize("then", [close, hang])
@pytest.mark.parametrize(
    ("bye", "type"),
    [
        (b"* BYE [AUTHENTICATIONFAILED] go away", "authentication_failed"),
        (b"* BYE [AUTHORIZATIONFAILED] not you", "authentication_failed"),
        (b"* BYE [EXPIRED] the password is old", "authentication_failed"),
        (b"* BYE Too many login failures", "authentication_failed"),
        (b"* NO [AUTHENTICATIONFAILED] go away", "authentication_failed"),
        (b"* BYE maintenance", "connection_lost"),
        (b"* BYE Temporary problem, please try again later", "connection_lost"),
    ],
)
def test_refusal_by_leaving(
    define: Define, credentials: Credentials, server_context: Any, bye: bytes, type: str, then: Action
) -> None:
    """BYE, or an untagged NO and the end, in place of the tagged answer: no retry where the password was refused."""
    if then is hang and bye.startswith(b"* NO"):
        return
    with WireServer(script={"AUTHENTICATE": reply(bye, then=then)}, tls=server_context) as server:
        result = run_check(define(server, retries=1), credentials)
    assert failed(result) == ("authenticate", type)
    assert result.failure is not None
    assert bye[2:].decode() in result.failure.detail
    assert result.attempts == (RETRIED if type == "connection_lost" else 1)


@pytest.mark.parametrize(
    "command", ["CAPABILITY", "AUTHENTICATE", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "APPEND"]
)
@pytest.mark.parametrize("status", [b"NO", b"BAD"])
def test_untagged_words_before_the_end_are_in_the_detail(
    define: Define, credentials: Credentials, server_context: Any, command: str, status: bytes
) -> None:
    """nginx's mail proxy says in `* BAD` why it leaves; what an earlier command was told does not count."""
    script = {command: reply(b"* " + status + b" [SERVERBUG] internal server error 4711", then=close)}
    if command != "CAPABILITY":
        script["CAPABILITY"] = reply(b"* NO something else 1234", then=lambda _: True)
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert result.failure.type == "connection_lost"
    assert status.decode() + " [SERVERBUG] internal server error 4711" in result.failure.detail
    assert "1234" not in result.failure.detail
    assert result.failure.response_code == "SERVERBUG"


@pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 AUTH=LOGIN", "IMAP4rev1 ID AUTH=LOGIN LOGINDISABLED"])
def test_only_login_is_possible_and_the_detail_says_so(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str
) -> None:
    """Many a small server has nothing else; with the advice taken the check works."""
    with WireServer(Dialect(capabilities=capabilities), tls=server_context) as server:
        result = run_check(define(server), credentials)
        advised = run_check(define(server, authentication="login"), credentials)
    assert failed(result) == ("authenticate", "mechanism_not_offered")
    assert result.failure is not None
    assert "authentication: login" in result.failure.detail
    assert advised.available, advised.failure


@pytest.mark.parametrize(
    "capabilities", ["IMAP4rev1 LOGINDISABLED", "IMAP4rev1 AUTH=CRAM-MD5", "IMAP4rev1 AUTH=LOGIN AUTH=NTLM"]
)
def test_login_is_not_advised_where_another_way_is_offered_or_none(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str
) -> None:
    with WireServer(Dialect(capabilities=capabilities), tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert "authentication: login" not in result.failure.detail


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"%t NO Mailbox doesn't exist: Archive", "mailbox_not_found"),
        (b"%t NO Mailbox does not exist", "mailbox_not_found"),
        (b"%t NO [NONEXISTENT] Unknown Mailbox: Archive (Failure)", "mailbox_not_found"),
        (b"%t NO EXAMINE failed. No such mailbox.", "mailbox_not_found"),
        (b"%t NO Archive doesn't exist.", "mailbox_not_found"),
        (b"%t BAD Folder could not be found.", "mailbox_not_found"),
        (b"%t NO [SERVERBUG] Mailbox does not exist", "command_rejected"),
        (b"%t NO [NOPERM] no such mailbox", "command_rejected"),
        (b"%t BAD what", "command_rejected"),
    ],
)
@pytest.mark.parametrize("step", ["examine", "append"])
def test_missing_mailbox_that_is_told_in_words(
    define: Define, credentials: Credentials, server_context: Any, answer: bytes, type: str, step: str
) -> None:
    """No LIST is needed where the server is clear."""
    asked: dict[str, Any] = {"search": {"subject": "x", "mailbox": "Archive"}}
    if step == "append":
        asked = {"new_message": NEW_MESSAGE | {"mailbox": "Archive"}}
    key = "EXAMINE" if step == "examine" else "APPEND LITERAL"
    with WireServer(script={key: reply(answer)}, tls=server_context) as server:
        result = run_check(define(server, **asked), credentials)
    assert failed(result) == (step, type)
    assert 'LIST "" Archive' not in server.commands


@pytest.mark.parametrize(
    ("listing", "type"),
    [
        (b"", "mailbox_not_found"),
        (b'* LIST () "/" Archive/2026\r\n', "mailbox_not_found"),
        (b'* LIST (\\NonExistent \\HasChildren) "/" Archive\r\n', "mailbox_not_found"),
        (b'* LIST (\\HasNoChildren) "/" Archive\r\n', "command_rejected"),
        (b'* LIST (\\HasNoChildren) "/" "Archive"\r\n', "command_rejected"),
    ],
)
@pytest.mark.parametrize("step", ["examine", "append"])
def test_listing_settles_a_refusal_without_a_reason(
    define: Define, credentials: Credentials, server_context: Any, listing: bytes, type: str, step: str
) -> None:
    """Courier's "Unable to open this mailbox." may mean either."""
    asked: dict[str, Any] = {"search": {"subject": "x", "mailbox": "Archive"}}
    if step == "append":
        asked = {"new_message": NEW_MESSAGE | {"mailbox": "Archive"}}

    def listed(exchange: Exchange) -> bool | None:
        if not exchange.line.endswith(b'"Archive"'):
            return True
        exchange.send(listing + exchange.tag + b" OK listed\r\n")
        return None

    key = "EXAMINE" if step == "examine" else "APPEND LITERAL"
    script: dict[str, Action] = {key: reply(b"%t NO Unable to open this mailbox."), "LIST": listed}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, **asked), credentials)
    assert failed(result) == (step, type)
    assert server.commands[-2:] == ['LIST "" Archive', "LOGOUT"]


def test_inbox_and_what_was_listed_are_never_missing(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """There is no doubt that a LIST could settle."""
    with WireServer(script={"EXAMINE": reply(b"%t NO not today")}, tls=server_context) as server:
        assert failed(run_check(define(server, search="x"), credentials)) == ("examine", "command_rejected")
    assert server.commands[-2].startswith("EXAMINE")
    with WireServer(script={"APPEND LITERAL": reply(b"%t NO not today")}, tls=server_context) as server:
        assert failed(run_check(define(server, new_message=NEW_MESSAGE), credentials)) == ("append", "command_rejected")
    assert server.commands[-2].startswith("APPEND")


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"%t NO [OVERQUOTA] no room", "over_quota"),
        (b"%t NO Quota exceeded (mailbox for user is full)", "over_quota"),
        (b"%t NO Over quota", "over_quota"),
        (b"%t NO [ALERT] Mailbox is full", "over_quota"),
        (b"%t NO [UNAVAILABLE] cannot reach the quota service", "command_rejected"),
        (b"%t NO cannot reach the quota service", "command_rejected"),
        (b"%t BAD quota exceeded", "command_rejected"),
    ],
)
def test_full_mailbox_is_told_by_code_before_words(
    define: Define, credentials: Credentials, server_context: Any, answer: bytes, type: str
) -> None:
    """A quota service that is down is no full mailbox."""
    with WireServer(script={"APPEND LITERAL": reply(answer)}, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert failed(result) == ("append", type)


def test_logout_without_an_answer_makes_no_run_slow(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """All that was asked had been done; a LOGOUT that is answered late counts as before."""
    thresholds = {"total": 1000, "logout": 1000}
    with WireServer(script={"LOGOUT": hang}, tls=server_context) as server:
        hung = run_check(define(server, search="x", thresholds=thresholds, timeout=2), credentials)
    logout = hung.step("logout")
    assert hung.available, hung.failure
    assert logout is not None
    assert logout.status == "refused"
    assert (logout.duration_ms or 0) > 1000
    assert not hung.slow
    assert hung.exceeded == ()

    def late(exchange: Exchange) -> bool:
        time.sleep(0.3)
        return True

    with WireServer(script={"LOGOUT": late}, tls=server_context) as server:
        slow = run_check(define(server, search="x", thresholds={"logout": 250}), credentials)
    assert [passed.name for passed in slow.exceeded] == ["logout"]


# --- a client certificate that is demanded ---------------------------------------------------------


def demanding(certificates: Any, version: ssl.TLSVersion) -> ssl.SSLContext:
    context: ssl.SSLContext = certificates.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.ca)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_client_certificate_that_is_demanded(
    define: Define, credentials: Credentials, certificates: Any, version: ssl.TLSVersion, way: str
) -> None:
    """Under TLS 1.3 it is missed only after the handshake: in the greeting, or in CAPABILITY after STARTTLS."""
    context: dict[str, Any] = {way: demanding(certificates, version)}
    with WireServer(**context) as server:
        result = run_check(define(server, retries=1), credentials)
    assert result.failure is not None
    assert (result.failure.category, result.failure.type) == ("ssl", "tls_handshake_failed")
    assert result.attempts == 1
    if version is ssl.TLSVersion.TLSv1_3:
        assert result.failure.step == ("greeting" if way == "tls" else "capability")
        assert "certificate" in result.failure.detail


@pytest.mark.parametrize("end", ["reset", "close"])
@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_client_certificate_whose_lack_is_told_by_a_bare_end(
    define: Define, credentials: Credentials, certificates: Any, way: str, end: str
) -> None:
    """The server asked for one in the handshake, got none, and reset the connection without an alert."""
    context: ssl.SSLContext = certificates.server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificates.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def leave(exchange: Exchange) -> None:
        (exchange.connection.reset if end == "reset" else exchange.connection.close)()

    key = "GREETING" if way == "tls" else "CAPABILITY#2"
    secured: dict[str, Any] = {way: context}
    with WireServer(script={key: leave}, **secured) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert (result.failure.category, result.failure.step) == ("ssl", "greeting" if way == "tls" else "capability")
    assert "client certificate" in result.failure.detail


def test_server_that_asked_in_vain_and_went_on_may_still_lose_the_connection(
    define: Define, credentials: Credentials, certificates: Any
) -> None:
    """An optional certificate is no reason for what happens after the greeting; nor is one that was never asked for."""
    context: ssl.SSLContext = certificates.server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificates.ca)
    with WireServer(script={"EXAMINE": close}, tls=context) as server:
        assert failed(run_check(define(server), credentials)) == ("examine", "connection_lost")
    with WireServer(tls=context) as server:
        assert run_check(define(server), credentials).available
    with WireServer(script={"GREETING": close}, tls=certificates.server_context()) as server:
        assert failed(run_check(define(server), credentials)) == ("greeting", "connection_lost")


@pytest.mark.parametrize(
    ("challenge", "type"),
    [
        ({"status": "503", "schemes": "bearer"}, "authentication_unavailable"),
        ({"status": "temporarily_unavailable"}, "authentication_unavailable"),
        ({"status": "401", "schemes": "bearer"}, "authentication_failed"),
        ({"status": "invalid_token"}, "authentication_failed"),
    ],
)
def test_challenge_says_why_a_token_was_refused(
    define: Define, server_context: Any, challenge: dict[str, str], type: str
) -> None:
    """The NO that follows says nothing; with a code it decides (RFC 7628 section 3.2.2)."""

    def refuse(exchange: Exchange) -> None:
        exchange.send(b"+ " + base64.b64encode(json.dumps(challenge).encode()) + b"\r\n")
        exchange.connection.line()
        exchange.send(exchange.tag + b" NO AUTHENTICATE failed\r\n")

    secret = Credentials.model_validate({"username": "alice", "access_token": "token-canary"})
    with WireServer(script={"AUTHENTICATE": refuse}, tls=server_context) as server:
        result = run_check(define(server, authentication="oauthbearer"), secret)
    assert failed(result) == ("authenticate", type)


_WORDS_DECIDE = ("ALERT", "CONTACTADMIN", "PERMANENTFLAGS", "X-UNHEARD-OF")
_NO_REASON_TO_LOOK = [
    "UNAVAILABLE", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "NOPERM", "INUSE",
    "EXPUNGEISSUED", "CORRUPTION", "SERVERBUG", "CLIENTBUG", "CANNOT", "LIMIT", "ALREADYEXISTS", "BADCHARSET",
    "PARSE", "HASCHILDREN", "READ-ONLY", "UNKNOWN-CTE", "USEATTR", "TOOBIG", "THROTTLED", "TEMPFAIL",
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "examine", "append"),
    [
        *((code, "command_rejected", "command_rejected") for code in _NO_REASON_TO_LOOK),
        *((code, "mailbox_not_found", "over_quota") for code in _WORDS_DECIDE),
        ("NONEXISTENT", "mailbox_not_found", "mailbox_not_found"),
        ("TRYCREATE", "mailbox_not_found", "mailbox_not_found"),
        ("OVERQUOTA", "command_rejected", "over_quota"),
    ],
)
def test_every_code_of_a_refused_mailbox(
    define: Define, credentials: Credentials, server_context: Any, code: str, examine: str, append: str
) -> None:
    """RFC 5530, RFC 9051 section 7.1, RFC 4469 and what WorkMail and Yahoo send: before any words, without a LIST."""
    refused = reply(f"%t NO [{code}] no such mailbox, and over quota".encode())
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("EXAMINE", examine, {"search": {"subject": "x", "mailbox": "Archive"}}),
        ("APPEND", append, {"new_message": NEW_MESSAGE | {"mailbox": "Archive"}}),
    ]
    for command, type, fields in asked:
        with WireServer(script={command: refused}, tls=server_context) as server:
            result = run_check(define(server, **fields), credentials)
        assert failed(result) == (command.lower(), type)
        assert not [line for line in server.commands if line.startswith("LIST") and "Archive" in line]
