"""Lines that break the grammar and that mail clients had to learn to take: around every response, at every place."""

import re
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.wire_server import MESSAGE, REFERENCE, Connection, Dialect, Session, WireServer, close, hang, raw, reply

FULL: dict[str, Any] = {
    "search": {"subject": "x", "max_age": "30d"},
    "new_message": NEW_MESSAGE | {"keep_for": "1d"},
    "identify": True,
    "quota": {"warn_percent": 90},
}


def at_responses(change: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Change each line that begins a response; literals and what follows them stay."""
    return re.sub(rb"(?m)^(\* |A\d+ |\+ )", lambda match: change(match[0]), data)


def doubled(data: bytes) -> bytes:
    """Every blank of a line twice, but inside quotes and after the status of a response."""
    head, brace, literal = data.partition(b"}\r\n")
    pieces = head.split(b'"')
    pieces[::2] = [piece.replace(b" ", b"  ") for piece in pieces[::2]]
    return b'"'.join(pieces) + brace + literal


ODDITIES: dict[str, Callable[[bytes], bytes]] = {
    "empty line before": lambda data: at_responses(lambda head: b"\r\n" + head, data),
    "bare line feed before": lambda data: at_responses(lambda head: b"\n" + head, data),
    "three empty lines before": lambda data: at_responses(lambda head: b"\r\n\r\n\r\n" + head, data),
    "blank line before": lambda data: at_responses(lambda head: b"  \r\n" + head, data),
    "blank before": lambda data: at_responses(lambda head: b" " + head, data),
    "tab before": lambda data: at_responses(lambda head: b"\t" + head, data),
    "NULs before": lambda data: at_responses(lambda head: b"\0\0" + head, data),
    "line of NULs before": lambda data: at_responses(lambda head: b"\0\0\r\n" + head, data),
    "two blanks after the first word": lambda data: at_responses(lambda head: head + b" ", data),
    "a tab after the first word": lambda data: at_responses(lambda head: head.strip() + b"\t", data),
    "two blanks everywhere": doubled,
    "blank before the line's end": lambda data: (
        re.sub(rb"(?<!body-canary-4711)\r\n", b" \r\n", data)
        if b"FETCH" not in data
        else data.replace(b"}\r\n", b"} \r\n").replace(b")\r\n", b") \r\n")
    ),
    "NUL before the line's end": lambda data: data.replace(b"\r\n", b"\0\r\n") if b"FETCH" not in data else data,
    "two carriage returns": lambda data: data.replace(b"\r\n", b"\r\r\n") if b"FETCH" not in data else data,
    "line feeds alone": lambda data: data.replace(b"\r\n", b"\n") if b"FETCH" not in data else data,
}


HEADER = b'INTERNALDATE "01-Jan-2026 09:00:01 +0000" BODY[HEADER.FIELDS (X-IMAPCHECK)] {21}\r\n'


class OddConnection(Connection):
    """Changes what is sent."""

    change: Callable[[bytes], bytes]

    def send(self, data: bytes) -> None:
        super().send(self.change(data))


class OddServer(WireServer):
    def __init__(self, change: Callable[[bytes], bytes], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.change = change

    def session(self, connection: Connection) -> Session:
        connection.__class__ = OddConnection
        connection.change = self.change  # type: ignore[attr-defined]
        return Session(self, connection)


def status(result: CheckResult) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


@pytest.mark.parametrize("capabilities", [REFERENCE + " QUOTA", "IMAP4rev1 AUTH=PLAIN UIDPLUS"])
@pytest.mark.parametrize("oddity", ODDITIES)
def test_whole_session_of_odd_lines_is_available(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, oddity: str, capabilities: str
) -> None:
    """Greeting, capabilities, login, lists, search, message, literals, clean-up, farewell: as if there were none."""
    script = {
        "GETQUOTAROOT": reply(b'* QUOTAROOT INBOX ""', b'* QUOTA "" (STORAGE 10 512)', b"%t OK done"),
        "LIST#1": reply(b'* LIST () "/" {5}\r\nINBOX', b"%t OK done"),
        "SELECT": reply(b"* 2 EXISTS", b"%t OK [READ-WRITE] done"),
        "UID FETCH#2": raw(b"* 1 FETCH (UID 2 " + HEADER + b"X-Imapcheck: wire\r\n\r\n)\r\n%t OK done\r\n"),
        "UID STORE": reply(b"%t OK done"),
        "UID EXPUNGE": reply(b"* 1 EXPUNGE", b"%t OK done"),
    }
    dialect = Dialect(capabilities, internal_date=b"28-Nov-2026 09:00:01 +0000")

    def run(change: Callable[[bytes], bytes]) -> CheckResult:
        with OddServer(change, dialect, script, tls=server_context) as server:
            return run_check(define(server, **(FULL | {"search": "x"})), credentials)

    expected, result = run(lambda data: data), run(ODDITIES[oddity])
    assert result.available, (result.failure, result.transcript)
    assert status(result) == status(expected)
    assert result.search == expected.search
    assert result.quota == expected.quota
    assert result.new_message is not None
    assert result.new_message.removed == 1


BODY = b"BODY[] {%d}\r\n" % len(MESSAGE) + MESSAGE


@pytest.mark.parametrize(
    "answer",
    [
        b"* 2 FETCH (UID 4 " + BODY + b"\r\n)\r\n%t OK done\r\n",
        b"* 2 FETCH (UID 4 " + BODY + b"\r\n\r\n)\r\n%t OK done\r\n",
        b"* 2 FETCH (UID 4 " + BODY + b"\n)\r\n%t OK done\r\n",
        b"* 2 FETCH (" + BODY + b"\r\n UID 4)\r\n%t OK done\r\n",
        b"* 2 FETCH (" + BODY + b"  UID  4 )\r\n%t OK done\r\n",
        b"* 2 FETCH (UID 4 " + BODY.replace(b"}", b"}  ") + b")\r\n%t OK done\r\n",
        b"* 2 FETCH (UID 4 " + BODY.replace(b"}", b"}\0") + b"\0)\r\n%t OK done\r\n",
        b"* 2 FETCH (UID 4 " + BODY + b")\r\n\r\n%t OK done\r\n",
        b"* -1 FETCH (UID 4 " + BODY + b")\r\n%t OK done\r\n",
        b"*  2  FETCH  (UID 4 " + BODY + b")\r\n%t  OK  done\r\n",
        b"\0\0* 2 FETCH (UID 4 " + BODY + b")\r\n\0%t OK done\r\n",
        b'* 2 FETCH (UID 4 ENVELOPE ("((\\")(" NIL) ' + BODY + b"\r\n)\r\n%t OK done\r\n",
    ],
)
def test_message_is_read_for_all_that(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, answer: bytes
) -> None:
    """Empty line after the literal: cpython 88574, 153317, imapclient 162; blanks before CR LF: Domino; -1: Zoho."""
    with WireServer(script={"UID FETCH": raw(answer)}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.size_bytes == len(MESSAGE)
    assert "canary-4711" not in str(result.to_dict())


@pytest.mark.parametrize(
    "answer",
    [
        b'* LIST () "/" {4}\r\nSent\r\n\r\n%t OK done\r\n',
        b'* LIST () "/" {4}\r\nSent\r\n\r\n\r\n* LIST () "/" {4}\r\nPost\r\n\r\n%t OK done\r\n',
        b'* LIST () "/" {4} \r\nSent \r\n%t OK done\r\n',
        b'*  LIST  ()  "/"  Sent  \r\n%t OK done\r\n',
    ],
)
def test_mailbox_is_read_for_all_that(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, answer: bytes
) -> None:
    """Empty lines around a name that comes as a literal."""
    script = {"LIST#4": raw(answer), "LIST#5": raw(answer)}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.mailbox == "Sent"


def test_message_that_is_not_closed_stays_a_failure_of_the_step(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext
) -> None:
    """The next response is never taken for the rest of this one."""
    answer = b"* 2 FETCH (UID 4 " + BODY + b"\r\n%t OK done\r\n"
    with WireServer(script={"UID FETCH": raw(answer)}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "protocol_error")


@pytest.mark.parametrize("command", ["GREETING", "CAPABILITY", "AUTHENTICATE", "LIST", "UID SEARCH", "UID FETCH"])
def test_empty_lines_without_end_end_in_time(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, command: str
) -> None:
    """1,000 in a row are passed over, no more; and a drip of them ends at the deadline."""

    def flood(exchange: Any) -> None:
        while not exchange.server.stopping.is_set():
            exchange.send(b"\r\n" * 20_000)

    def drip(exchange: Any) -> None:
        while not exchange.server.stopping.wait(0.05):
            exchange.send(b"\r\n")

    for action, type in ((flood, "protocol_error"), (drip, "timeout")):
        with WireServer(script={command: action}, tls=server_context) as server:
            result = run_check(define(server, search="x", timeout=3 if action is flood else 1), credentials)
        assert result.failure is not None
        assert result.failure.type == type
        if type == "protocol_error":
            assert result.failure.detail == "the server sent 1000 empty lines in a row"
        assert result.duration_ms < 6000
        assert len(result.transcript) < 60


@pytest.mark.parametrize(
    ("command", "answer", "detail"),
    [
        ("CAPABILITY", b"what's this?\r\n", "a line that is not an IMAP response: what's this?"),
        ("EXAMINE", b"* ?? what\r\n", "an untagged line that is not an IMAP response: * ?? what"),
        ("LIST", b'* LIST ("/" what\r\n', 'a LIST response that cannot be read: ("/" what'),
        ("UID SEARCH", b"* SEARCH 1 two\r\n", "a search result that cannot be read: 1 two"),
        ("CAPABILITY", b"hello canary-pa55word\r\n", "a line that is not an IMAP response: hello ********"),
        ("UID FETCH", b"body-canary-4711\r\n", "a line that is not an IMAP response: {16 octets}"),
        ("AUTHENTICATE", b"Y2FuYXJ5 what\r\n", "a line that is not an IMAP response: {13 octets}"),
    ],
)
def test_what_is_refused_is_told_as_it_was_read(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, command: str, answer: bytes, detail: str
) -> None:
    """Redacted, and where it may hold a secret or a message by its length alone."""
    with WireServer(script={command: raw(answer + b"%t OK done\r\n", hang)}, tls=server_context) as server:
        result = run_check(define(server, search="x", timeout=3), credentials)
    assert result.failure is not None
    assert result.failure.type == "protocol_error"
    assert result.failure.detail == f"the server sent {detail}"
    assert "canary" not in str(result.to_dict())


@pytest.mark.parametrize(
    "line",
    [
        b" NO LOGOUT Intrusion prevention active for 192.0.2.7",
        b"NO LOGOUT Intrusion prevention active for 192.0.2.7",
        b"421 Server is busy, try again later.",
        b"421-Server is busy",
        b" 421 4.3.2 Service not available",
        b"* NO too many connections",
        b"*  NO too many connections",
        b"* BAD your address is blocked",
        b"* BYE maintenance",
        b" * BYE maintenance",
        b"*\tBYE maintenance",
        b"BYE maintenance",
        b"BAD [UNAVAILABLE] no",
        b"Too many connections from your address",
        b"Access denied",
        b"Your IP 192.0.2.7 has been blocked.",
        b"550 5.7.1 192.0.2.7 is blacklisted",
        b"Server overloaded, please come back later",
        b"\0\0* NO busy",
        b"\r\n* NO busy",
    ],
)
def test_block_or_load_at_the_greeting_is_greeting_rejected(define: Define, line: bytes) -> None:
    """With a blank before it, without a star, in SMTP's numbers, in no protocol at all (MailKit 1073, 1100)."""
    with WireServer(script={"GREETING": raw(line + b"\r\n", close)}) as server:
        result = run_check(define(server, authentication="none"))
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("greeting", "greeting_rejected")
    assert line.strip(b" \0\r\n").split()[-1].decode() in result.failure.detail
    assert server.raw == b""
    assert result.step("logout") is not None


@pytest.mark.parametrize(
    "line",
    [b"421 mx.example ESMTP busy, try later", b"421 ftp.example FTP server busy", b"hello", b"220 mx ESMTP blocked",
     b"-ERR too many connections", b"HTTP/1.1 503 Service Unavailable", b"SSH-2.0-busy", b"OKAY"],
)  # fmt: skip
def test_another_protocol_is_still_told_as_that(define: Define, line: bytes) -> None:
    """Whose words may be the same."""
    with WireServer(script={"GREETING": raw(line + b"\r\n", close)}) as server:
        result = run_check(define(server, authentication="none"))
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("greeting", "not_imap")
    assert line.decode() in result.failure.detail
