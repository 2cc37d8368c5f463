"""What a server may send without end, and where it is stopped: lists, literals, challenges, depths, sizes."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.errors import CheckFailure
from imapcheck.imap.data import mailbox_of
from imapcheck.imap.decoder import Response
from imapcheck.network.tls import client_context
from imapcheck.network.transport import Wire
from imapcheck.trace import Deadline
from support.certificates import Certificates
from support.wire_server import Action, Dialect, Exchange, WireServer, close, hang, raw, reply


def failed(result: CheckResult) -> tuple[str, str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value, result.failure.detail


type Run = Callable[..., CheckResult]


@pytest.fixture
def run(define: Define, credentials: Credentials, server_context: Any) -> Run:
    """A check of a server with this script."""

    def check(
        script: dict[str, Action], dialect: Dialect | None = None, held: Credentials = credentials, **fields: Any
    ) -> CheckResult:
        with WireServer(dialect, script, tls=server_context) as server:
            return run_check(define(server, **{"timeout": 20} | fields), held)

    return check


@pytest.mark.parametrize(("count", "available"), [(20_000, True), (20_001, False)])
def test_mailboxes_in_one_list(run: Run, count: int, available: bool) -> None:
    """A hostile list must not fill the function's memory."""
    lines = b"".join(b'* LIST () "/" m%d\r\n' % number for number in range(count))

    def answer(exchange: Exchange) -> None:
        exchange.send(lines + exchange.tag + b" OK done\r\n")

    result = run({"LIST#1": answer})
    assert result.available is available
    if not available:
        assert failed(result) == ("list", "protocol_error", "the server sent more than 20000 mailboxes")


@pytest.mark.parametrize(("count", "type"), [(10, "authentication_failed"), (11, "protocol_error")])
def test_challenges_in_one_login(run: Run, count: int, type: str) -> None:
    """The eleventh is answered by giving up, not by the time-out."""
    answers: list[bytes] = []

    def ask(exchange: Exchange) -> None:
        for _ in range(count):
            exchange.send(b"+ " + base64.b64encode(b'{"status": "401"}') + b"\r\n")
            answers.append(exchange.connection.line())
        exchange.send(exchange.tag + b" NO [AUTHENTICATIONFAILED] no\r\n")

    held = Credentials.model_validate({"username": "a", "access_token": "t0ken"})
    dialect = Dialect(capabilities="IMAP4rev1 SASL-IR AUTH=OAUTHBEARER")
    result = run({"AUTHENTICATE": ask}, dialect, held, authentication="oauthbearer")
    assert failed(result)[:2] == ("authenticate", type)
    assert answers[:10] == [base64.b64encode(b"\1")] * 10
    assert answers[10:] == [b"*"] * (count - 10)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"* LIST " + b"(" * 30_000, "a LIST response that cannot be read"),
        (b"* LIST (" + b"(" * 30_000 + b")" * 30_001 + b' "/" x', "a LIST response that cannot be read"),
        (b'* LIST () "/" {65537}', "a LIST response with a literal of 65537 bytes"),
        (b'* LIST () "/" ' + b"{1}\r\na " * 65 + b"b", "a LIST response that does not end"),
    ],
    ids=["depth", "closed-depth", "literal", "literals"],
)
def test_response_that_is_too_much(run: Run, line: bytes, words: str) -> None:
    """Each with its own words; none is an exception of ours."""
    result = run({"LIST#1": reply(line, b"%t OK done")})
    step, type, detail = failed(result)
    assert (step, type) == ("list", "protocol_error")
    assert detail.startswith(f"the server sent {words}")
    assert len(detail) <= 200


def test_literals_up_to_the_bound_are_read(run: Run) -> None:
    """64 of them in one response, and one of 64 KiB."""
    many = b'* LIST () "/" x' + b" {1}\r\na" * 64
    big = b'* LIST () "/" {65536}\r\n' + b"x" * 65_536
    for line in (many, big):
        result = run({"LIST#1": reply(line, b"%t OK done")})
        assert result.available, result.failure


@pytest.mark.parametrize(("octets", "available"), [(65_536, True), (65_537, False)])
def test_data_is_parsed_up_to_64_kib(run: Run, octets: int, available: bool) -> None:
    """More of it than any server needs."""
    data = b'(("" "/")) NIL NIL'.ljust(octets - 1) + b"x"
    result = run({"NAMESPACE": reply(b"* NAMESPACE " + data, b"%t OK done")})
    assert result.available is available, result.failure
    if not available:
        words = "the server sent a NAMESPACE response of more than 65536 bytes"
        assert failed(result) == ("namespace", "protocol_error", words)


def test_nothing_is_sent_after_a_literal_that_was_not_read(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """What follows on the wire would be message text read as answers."""

    def huge(exchange: Exchange) -> None:
        exchange.send(b"* 2 FETCH (UID 4 BODY[] {2147483648}\r\n* BYE\r\n" + exchange.tag + b" OK done\r\n")
        exchange.connection.wait_until_gone(exchange.server.stopping)

    with WireServer(script={"UID FETCH": huge}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    words = "the message has 2048 MiB; the limit is 25 MiB"  # where the definition sets none
    assert failed(result) == ("fetch", "message_too_large", words)
    assert server.commands[-1].startswith("UID FETCH")
    logout = result.step("logout")
    assert logout is not None
    assert (logout.status, logout.detail) == ("skipped", "not reached")


@pytest.mark.parametrize(("octets", "available"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_line_of_a_mebibyte(run: Run, octets: int, available: bool) -> None:
    """With its line end, whatever the response is."""
    line = b"* OK ".ljust(octets - 2, b"x") + b"\r\n"
    result = run({"NAMESPACE": raw(line + b"%t OK done\r\n")})
    assert result.available is available
    if not available:
        words = "the server sent a line of more than 1048576 bytes"
        assert failed(result) == ("namespace", "protocol_error", words)


@pytest.mark.parametrize(("octets", "available"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_lines_of_one_response_are_a_mebibyte_together(run: Run, octets: int, available: bool) -> None:
    """What stands around its literals, from the response's own words on."""
    response = b"* X-UNHEARD-OF {1}\r\na" + b"".ljust(octets - len(b"{1}"), b"x") + b"\r\n"
    result = run({"NAMESPACE": raw(response + b"%t OK done\r\n")})
    assert result.available is available
    if not available:
        words = "the server sent a X-UNHEARD-OF response that does not end"
        assert failed(result) == ("namespace", "protocol_error", words)


def test_mebibyte_without_a_line_end_is_not_waited_for(run: Run) -> None:
    """The line is too long already, whether or not anything follows."""
    result = run({"NAMESPACE": raw(b"* OK ".ljust(1 << 20, b"x"), hang)})
    words = "the server sent a line of more than 1048576 bytes"
    assert failed(result) == ("namespace", "protocol_error", words)


def test_untagged_responses_without_end(run: Run) -> None:
    """32 MiB of them are more than any mailbox needs."""
    line = b"* OK ".ljust(1 << 19, b"x") + b"\r\n"

    def flood(exchange: Exchange) -> None:
        for _ in range(80):
            exchange.send(line)

    result = run({"NAMESPACE": flood}, timeout=60)
    words = "the server sent more untagged responses than a check reads"
    assert failed(result) == ("namespace", "protocol_error", words)


SIZED = {"subject": "x", "max_size": 10}


@pytest.mark.parametrize(("size", "available"), [(10, True), (11, False)])
def test_size_of_a_message_to_the_octet(run: Run, size: int, available: bool) -> None:
    """`max_size` itself is allowed, whether the body comes as a literal or quoted."""
    literal = b"* 2 FETCH (UID 4 BODY[] {%d}\r\n" % size + b"x" * size + b")"
    quoted = b'* 2 FETCH (UID 4 BODY[] "' + b"x" * size + b'")'
    for line in (literal, quoted):
        result = run({"UID FETCH": reply(line, b"%t OK done")}, search=SIZED)
        assert result.available is available
        if not available:
            assert failed(result) == ("fetch", "message_too_large", f"the message has {size} bytes; the limit is 10")
            assert result.steps[-1].status == "passed"  # the session went on


def test_connection_that_ends_inside_a_message_over_its_size(run: Run) -> None:
    """The size had been announced: that is the reason, not the lost connection."""
    result = run({"UID FETCH": reply(b"* 2 FETCH (UID 4 BODY[] {100}", b"x" * 20, then=close)}, search=SIZED)
    assert failed(result) == ("fetch", "message_too_large", "the message has 100 bytes; the limit is 10")


def test_server_that_reads_nothing_and_talks_on_ends_at_the_deadline(
    server_context: ssl.SSLContext, certificates: Certificates
) -> None:
    """What it said last may be an alert; that is looked for within 0.2 s in all, however much comes."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def serve() -> None:
        stream = server_context.wrap_socket(theirs, server_side=True)
        while not stop.wait(0.02):
            stream.send(b"* OK still here\r\n")
        stream.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    wire = Wire(ours, Deadline.after(1))
    wire.start_tls(client_context(verify=True, minimum_version="1.2", ca_path=certificates.ca), "localhost")
    began = time.monotonic()
    try:
        with pytest.raises(CheckFailure, match="no complete answer in time"):
            wire.send(b"x" * (64 << 20))
        assert time.monotonic() - began < 3
    finally:
        stop.set()
        thread.join(5)
        wire.close()


def special_uses(parents: int, answer: bytes) -> Action:
    """So many special-use mailboxes, each with a parent of its own; every other LIST gets `answer`."""
    special = b"".join(b'* LIST (\\Sent) "/" p%d/x\r\n' % number for number in range(parents))

    def act(exchange: Exchange) -> None:
        listed = special if b"SPECIAL-USE" in exchange.line else answer
        exchange.send(listed + exchange.tag + b" OK done\r\n")

    return act


def test_parents_are_asked_for_up_to_twenty(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A client knows a handful; a server could make us ask for, and keep, thousands of listings."""
    with WireServer(script={"LIST": special_uses(200, b"")}, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    assert sum(" p" in line for line in server.commands) == 20


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"".join(b'* LIST () "/" %s\r\n' % (b"m" * 1500) for _ in range(9000)), "more untagged responses than"),
        (b"".join(b'* LIST () "/" m%d\r\n' % number for number in range(19_000)), "more than 80000 mailboxes"),
    ],
)
def test_what_a_session_keeps_is_bounded_as_one_sum(run: Run, answer: bytes, words: str) -> None:
    """Each LIST is within its bounds; all together are not."""
    result = run({"LIST": special_uses(20, answer)}, timeout=60)
    assert failed(result)[:2] == ("list", "protocol_error")
    assert words in failed(result)[2]


def test_attributes_that_mean_nothing_are_not_kept() -> None:
    """A server may send any number of them."""
    words = b" ".join(b"\\x%d" % number for number in range(5000))
    response = Response("untagged", b"LIST", text=b"(" + words + b' \\Sent) "/" Post')
    assert mailbox_of(response).attributes == {"\\sent"}
