"""The rules of a session that tokens do not show: octets, literals, logins, leave-taking and times."""

import base64
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from imapcheck.trace import Hook, StepEvent, StepFinished, StepStarted
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import (
    MESSAGE,
    MINIMAL,
    REFERENCE,
    Action,
    Dialect,
    Exchange,
    WireServer,
    close,
    hang,
    no,
    once,
    raw,
    reply,
)

FULL: dict[str, Any] = {"search": "IMAP testing", "new_message": NEW_MESSAGE}
AWKWARD = [
    ("alice", "plain"),
    ("white space", 'spa ce "quo\\te" pw'),
    ("üser@example.com", "pässwörd ✓"),
    ("EXAMPLE\\alice", "{5}"),
    ("a" * 200, "%*()[]]'" + "p" * 300),
]


def login(username: str, password: str) -> Credentials:
    return Credentials.model_validate({"username": username, "password": password})


@pytest.mark.parametrize(("username", "password"), AWKWARD)
@pytest.mark.parametrize(
    ("authentication", "capabilities"),
    [
        ("plain", "IMAP4rev1 SASL-IR AUTH=PLAIN"),
        ("plain", "IMAP4rev1 AUTH=PLAIN"),
        ("login", "IMAP4rev1 AUTH=LOGIN"),
        ("login", "IMAP4rev1"),
        ("cram-md5", "IMAP4rev1 AUTH=CRAM-MD5"),
    ],
)
def test_awkward_names_and_passwords_arrive_whole(
    define: Define, server_context: Any, username: str, password: str, authentication: str, capabilities: str
) -> None:
    """Spaces, quotes, backslashes, braces, characters outside ASCII, long ones: by every way in."""
    dialect = Dialect(capabilities=capabilities, username=username, password=password)
    with MailServer(dialect=dialect, tls=server_context) as server:
        result = run_check(define(server, authentication=authentication), login(username, password))
        wrong = run_check(define(server, authentication=authentication), login(username, password + "!"))
    assert result.available, result.failure
    assert password not in "\n".join(result.transcript)
    assert wrong.failure is not None
    assert (wrong.failure.step, wrong.failure.type) == ("authenticate", "authentication_failed")


def test_initial_response_goes_on_the_line_only_where_it_is_offered(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """SASL-IR (RFC 4959) or two lines, never the secret before the server's `+`."""
    secret = base64.b64encode(b"\0alice\0canary-pa55word")
    for capabilities, octets in (
        ("IMAP4rev1 AUTH=PLAIN SASL-IR", b"AUTHENTICATE PLAIN " + secret + b"\r\n"),
        ("IMAP4rev1 AUTH=PLAIN", b"AUTHENTICATE PLAIN\r\n" + secret + b"\r\n"),
    ):
        with WireServer(Dialect(capabilities=capabilities), tls=server_context) as server:
            assert run_check(define(server), credentials).available
        assert octets in server.raw
    script = {"AUTHENTICATE": reply(b"%t NO [UNAVAILABLE] later")}
    with WireServer(Dialect(capabilities="IMAP4rev1 AUTH=PLAIN"), script, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert secret not in server.raw
    assert result.failure is not None
    assert (result.failure.type, result.failure.response_code) == ("authentication_unavailable", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("authentication", "capabilities"),
    [
        ("plain", "IMAP4rev1"),
        ("plain", "IMAP4rev1 AUTH=LOGIN AUTH=PLAINTEXT"),
        ("plain", "IMAP4rev1 LOGINDISABLED"),
        ("login", "IMAP4rev1 LOGINDISABLED"),
        ("cram-md5", MINIMAL),
        ("scram-sha-256", "IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256-PLUS"),
    ],
)
def test_mechanism_that_is_not_offered_is_not_tried(
    define: Define, credentials: Credentials, server_context: Any, authentication: str, capabilities: str
) -> None:
    """Another mechanism is no substitute; nothing of the credentials leaves."""
    with WireServer(Dialect(capabilities=capabilities), tls=server_context) as server:
        result = run_check(define(server, authentication=authentication), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "mechanism_not_offered")
    assert server.commands == ["CAPABILITY", "LOGOUT"]


def test_capability_is_asked_though_the_greeting_volunteers_it(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Always once after the greeting: its round trip is measured."""
    dialect = Dialect(greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
    with WireServer(dialect, tls=server_context) as server:
        run_check(define(server), credentials)
    assert [command for command in server.commands if command == "CAPABILITY"] == ["CAPABILITY"]


def test_message_goes_out_after_the_continuation_in_a_synchronising_literal(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Neither LITERAL+ nor flags nor a date; the literal is the message to the octet."""
    with WireServer(Dialect(capabilities=f"{REFERENCE} LITERAL+"), tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    [message] = server.appended
    assert result.available, result.failure
    assert b' APPEND "Sent" {%d}\r\n' % len(message) + message + b"\r\n" in server.raw
    assert message.count(b"\n") == message.count(b"\r\n")
    assert message.endswith(b"\r\n")


@pytest.mark.parametrize("answer", [b"%t NO [OVERQUOTA] full", b"%t NO [TRYCREATE] where", b"%t BAD what"])
def test_message_is_not_sent_where_the_literal_is_refused(
    define: Define, credentials: Credentials, server_context: Any, answer: bytes
) -> None:
    """A NO instead of the `+`: no octet of the message leaves, and the session goes on to LOGOUT."""
    with WireServer(script={"APPEND LITERAL": reply(answer)}, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert result.failure.step == "append"
    assert b"Subject:" not in server.raw
    assert server.commands[-1] == "LOGOUT"


@pytest.mark.parametrize(
    ("term", "octets"),
    [
        ("IMAP testing", b'CHARSET US-ASCII SUBJECT "IMAP testing"\r\n'),
        ('say "hi" \\ there', b'CHARSET US-ASCII SUBJECT "say \\"hi\\" \\\\ there"\r\n'),
        ("{12}", b'CHARSET US-ASCII SUBJECT "{12}"\r\n'),
        ("Grüße", b"CHARSET UTF-8 SUBJECT {7}\r\nGr\xc3\xbc\xc3\x9fe\r\n"),
        (["a", "ü", "b"], b'CHARSET UTF-8 SUBJECT "a" SUBJECT {2}\r\n\xc3\xbc SUBJECT "b"\r\n'),
        ('"quoted"', b'CHARSET US-ASCII SUBJECT "quoted"\r\n'),
    ],
)
def test_search_terms_on_the_wire(
    define: Define, credentials: Credentials, server_context: Any, term: Any, octets: bytes
) -> None:
    """Quoted where the grammar permits it, a literal in UTF-8 outside ASCII."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, search=term), credentials)
    assert result.available, result.failure
    assert b" UID SEARCH RETURN () " + octets in server.raw


def test_search_in_another_script_finds_what_is_there(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """By a server that really searches: every term must match, the newest match is fetched."""
    inbox = Box()
    inbox.put(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Wien\r\n\r\nx\r\n")
    newest = inbox.put(b"Subject: Wien, =?utf-8?q?Gr=C3=BC=C3=9Fe?=!\r\n\r\nxyz\r\n")
    inbox.put(b"Subject: Wien\r\n\r\nx\r\n")
    store = MailStore({"INBOX": inbox, "Sent": Box()})
    before = store.snapshot()
    with MailServer(store, tls=server_context) as server:
        result = run_check(define(server, search=["Grüße", "wien"]), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (2, newest)
    assert result.search.size_bytes == len(inbox.mails[1].octets)
    assert store.snapshot() == before


def test_logout_after_a_failure_takes_at_most_a_second(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """A server that also ignores LOGOUT does not hold the verdict up."""
    with WireServer(script={"EXAMINE": no, "LOGOUT": hang}, tls=server_context) as server:
        started = time.monotonic()
        result = run_check(define(server, **FULL), credentials)
        elapsed = time.monotonic() - started
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("examine", "command_rejected")
    assert server.commands[-1] == "LOGOUT"
    assert elapsed < 4.5  # after a run that went well it would be five seconds
    logout = result.step("logout")
    assert logout is not None
    assert logout.status == "refused"


@pytest.mark.parametrize("command", ["CAPABILITY", "AUTHENTICATE", "NAMESPACE", "LIST", "EXAMINE", "UID SEARCH"])
@pytest.mark.parametrize("fault", [close, raw(b"* 5 "), reply(b"not IMAP at all")])
def test_no_logout_on_a_connection_that_is_not_usable(
    define: Define, credentials: Credentials, server_context: Any, command: str, fault: Action
) -> None:
    """Gone, stuck in the middle of a response, or no longer IMAP: nothing more is sent."""
    with WireServer(script={command: fault}, tls=server_context) as server:
        result = run_check(define(server, timeout=1, **FULL), credentials)
    assert not result.available
    assert server.commands[-1].startswith(command)
    logout = result.step("logout")
    assert logout is not None
    assert (logout.status, logout.detail) == ("skipped", "not reached")


@pytest.mark.parametrize("name", [b'"Se\0nt"', b'"/\0/Sent"'])
def test_mailbox_name_with_nul_is_a_protocol_error(
    define: Define, credentials: Credentials, server_context: Any, name: bytes
) -> None:
    """A name that could not be sent back (RFC 9051 section 9) is the server's fault and no crash of ours."""
    dialect = Dialect(special=(b'(\\Sent) "/" ' + name,), top=())
    with WireServer(dialect, tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("list", "protocol_error")


def test_bye_in_the_middle_is_told_in_the_servers_words(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The end of the connection after BYE was the server's own decision."""
    with WireServer(
        script={"EXAMINE": reply(b"* BYE [UNAVAILABLE] going down for backup", then=close)}, tls=server_context
    ) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("examine", "connection_lost")
    assert "going down for backup" in result.failure.detail
    assert result.failure.response_code == "UNAVAILABLE"


def test_preauth_without_authentication_is_available(define: Define, server_context: Any) -> None:
    """Where no login was to be tested, PREAUTH withholds nothing."""
    with WireServer(Dialect(greeting=b"* PREAUTH welcome"), tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert result.available, result.failure
    assert server.commands == ["CAPABILITY", "LOGOUT"]


def test_search_of_a_mailbox_that_is_gone_is_mailbox_not_found(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """NONEXISTENT from a server that really looks."""
    with MailServer(tls=server_context) as server:
        result = run_check(define(server, search={"subject": "x", "mailbox": "Nowhere"}), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("examine", "mailbox_not_found")


def test_search_in_the_junk_mailbox_by_its_special_use(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """`\\Junk` is found in the listing, whatever it is called."""
    spam = Box(special="\\Junk")
    spam.put(b"Subject: IMAP testing\r\n\r\nx\r\n")
    with MailServer(MailStore({"INBOX": Box(), "&V4NXPpCuTvY-": spam}), tls=server_context) as server:
        result = run_check(define(server, search={"subject": "testing", "mailbox": "\\Junk"}), credentials)
    assert result.available, result.failure
    assert "EXAMINE &V4NXPpCuTvY- (CONDSTORE)" in server.commands


@pytest.mark.parametrize(
    ("uid", "items"),
    [
        (4, b"UID 4 FLAGS (\\Seen)"),
        (4, b"UID 4 BODY[] NIL"),
        (9, b"UID 9 BODY[] {3}\r\nabc"),
    ],
)
def test_fetch_without_the_message_is_no_success(
    define: Define, credentials: Credentials, server_context: Any, uid: int, items: bytes
) -> None:
    """OK without the body, or with another message's, proves no delivery of it."""
    script = {"UID FETCH": raw(b"* 2 FETCH (" + items + b")\r\n%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "protocol_error")


def test_empty_message_is_a_message(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Nothing is wrong with zero octets."""
    script = {"UID FETCH": raw(b'* 2 FETCH (UID 4 BODY[] "")\r\n%t OK done\r\n')}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.size_bytes == 0


class Clock:
    """A clock of the steps that stands still but for what a server's answer takes: the machine's load is not in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.begun = threading.Event()
        fake = SimpleNamespace(perf_counter=lambda: self.now, monotonic=time.monotonic)
        for module in ("imapcheck.trace", "imapcheck.network.resolver"):
            monkeypatch.setattr(f"{module}.time", fake)

    def slow(self, step: str) -> tuple[Action, Hook]:
        """An answer that takes ten seconds of this clock, once the step has begun; and the hook that tells when."""

        def act(exchange: Exchange) -> bool:
            if step == "tls":
                exchange.connection.sock.recv(1, socket.MSG_PEEK)  # the ClientHello
            assert self.begun.wait(30)
            if step == "greeting":
                time.sleep(0.3)  # the hook is told just before the clock is read, and nothing is sent by then
            self.now += 10
            return True

        def note(event: StepEvent) -> None:
            if isinstance(event, StepStarted) and event.step == step:
                self.begun.set()

        return act, note


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("GREETING", "greeting"),
        ("TLS", "tls"),
        ("CAPABILITY", "capability"),
        ("CAPABILITY#2", "capability"),
        ("AUTHENTICATE", "authenticate"),
        ("ID", "id"),
        ("NAMESPACE", "namespace"),
        ("LIST#1", "list"),
        ("LIST#2", "list"),
        ("LIST#3", "list"),
        ("LIST#4", "list"),
        ("EXAMINE", "examine"),
        ("UID SEARCH#1", "search"),
        ("UID FETCH#1", "fetch"),
        ("LIST#5", "locate_sent"),
        ("APPEND LITERAL", "append"),
        ("SELECT", "cleanup"),
        ("UID STORE", "cleanup"),
        ("LOGOUT", "logout"),
    ],
)
def test_a_slow_answer_is_in_its_own_step_only(
    define: Define,
    credentials: Credentials,
    server_context: Any,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    step: str,
) -> None:
    """Ten seconds before one answer, TLS and greeting too: its own step has them, and no other has anything."""
    inbox, sent = Box(), Box()
    inbox.put(MESSAGE)
    old = b"Subject: IMAP testing\r\nX-Imapcheck: wire\r\n\r\nx\r\n"
    sent.put(old, datetime.now(UTC) - timedelta(days=3))
    parent, other = Box(closed="\\Noselect"), Box(special="\\Sent")
    store = MailStore({"INBOX": inbox, "Sent": sent, "[Special]": parent, "[Special]/Sent Mail": other})
    definition = {"search": "IMAP testing", "new_message": NEW_MESSAGE | {"keep_for": "1d"}, "identify": True}
    slow, hook = Clock(monkeypatch).slow(step)
    with MailServer(store, Dialect(volunteer=False), {key: once(slow)}, tls=server_context) as server:
        result = run_check(define(server, **definition), credentials, hooks=[hook])
    assert result.available, result.failure
    assert {entry.name: entry.duration_ms for entry in result.steps if entry.duration_ms} == {step: 10_000}
    assert result.duration_ms == (0 if step == "cleanup" else 10_000)


def test_hooks_hear_of_each_step_as_it_runs(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Started, then finished, in the order of the result, none inside another."""
    heard: list[Any] = []
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials, hooks=[heard.append])
    kinds = [type(event) for event in heard]
    assert kinds == [StepStarted, StepFinished] * (len(kinds) // 2)
    finished = [event.step for event in heard[1::2]]
    assert list(dict.fromkeys(finished)) == [step.name for step in result.steps]
