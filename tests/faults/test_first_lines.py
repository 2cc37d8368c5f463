"""What a server says first: how the failure reads, and that nothing is sent to what is no IMAP server."""

import ssl
from typing import Any

import pytest

from conftest import Define
from imapcheck import CheckResult, run_check
from support.wire_server import Action, WireServer, close, hang, raw

HTTP = "the server speaks HTTP, not IMAP"
SMTP = "the server speaks SMTP, not IMAP"
FTP = "the server speaks FTP, not IMAP"
POP3 = "the server speaks POP3, not IMAP"
SSH = "the server speaks SSH, not IMAP"
TLS = "the server speaks TLS on a port where clear text was expected; use imaps:// or tls.mode implicit"
OTHER = "the server does not speak IMAP"
IN_CLEAR = " in clear text on a port where TLS was expected: "

LINES = [
    (b"HTTP/1.1 400 Bad Request", HTTP),
    (b"<!DOCTYPE html>", HTTP),
    (b"<html><head>", HTTP),
    (b"220 mx.example ESMTP Postfix", SMTP),
    (b"220-mx.example ESMTP", SMTP),
    (b"554 no SMTP service here", SMTP),
    (b"421 mx.example SMTP try later", SMTP),
    (b"220 ftp.example ftp server", FTP),
    (b"+OK POP3 ready", POP3),
    (b"-ERR not now", POP3),
    (b"SSH-2.0-OpenSSH_9.2", SSH),
    (b"2200 what", OTHER),
    (b"550 what", OTHER),
    (b"*x", OTHER),
    (b"hello", OTHER),
]


def told(result: CheckResult) -> tuple[str, str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value, result.failure.detail


def was_left_alone(server: WireServer, result: CheckResult) -> bool:
    """Nothing was sent, and LOGOUT says that it was not reached."""
    logout = result.step("logout")
    return server.raw == b"" and logout is not None and logout.status == "skipped"


@pytest.mark.parametrize(("line", "words"), LINES)
def test_first_line_names_the_protocol(define: Define, server_context: ssl.SSLContext, line: bytes, words: str) -> None:
    """As a line on an IMAP port, cut off before its end, and in clear text where TLS was expected."""
    shown = line.decode()
    actions: list[tuple[Action, str]] = [(raw(line + b"\r\n", close), f"{words}: {shown}"), (raw(line, close), words)]
    for action, detail in actions:
        with WireServer(script={"GREETING": action}) as server:
            result = run_check(define(server, authentication="none"))
        assert told(result) == ("greeting", "not_imap", detail)
        assert was_left_alone(server, result)
    with WireServer(script={"TLS": raw(line + b"\r\n", hang)}, tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result) == ("tls", "not_imap", words + IN_CLEAR + shown)
    assert result.transcript == (f"S: {shown}",)


def test_imap_in_clear_text_on_a_tls_port_is_called_imap(define: Define, server_context: ssl.SSLContext) -> None:
    """The one case in which the port is right and TLS is not."""
    with WireServer(script={"TLS": raw(b"* OK ready\r\n", hang)}, tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result) == ("tls", "not_imap", "the server speaks IMAP" + IN_CLEAR + "* OK ready")


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", TLS),
        (b"\x16\x03\x04\x00\x02\x02\x46", TLS),
        (b"\x17\x03\x00\x00\x02\x02\x46", TLS),
        (b"\x18\x03\x01\x00\x02\x02\x46", OTHER),
        (b"\x15\x03\x05\x00\x02\x02\x46", OTHER),
        (b"\x13\x03\x01\x00\x02\x02\x46", OTHER),
    ],
)
def test_tls_record_on_a_clear_port(define: Define, alert: bytes, words: str) -> None:
    """RFC 8446 section 5.1: content type and version; it has no line to show."""
    with WireServer(script={"GREETING": raw(alert, close)}) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result) == ("greeting", "not_imap", words)


@pytest.mark.parametrize("beginning", [b"", b"*", b"* ", b"* O"])
def test_beginning_of_a_greeting_is_no_other_protocol(define: Define, beginning: bytes) -> None:
    """The server went away, or is slow: nothing says that it speaks anything else."""
    for then, type in ((close, "connection_lost"), (hang, "timeout")):
        with WireServer(script={"GREETING": raw(beginning, then)}) as server:
            result = run_check(define(server, authentication="none", timeout=1))
        assert told(result)[:2] == ("greeting", type)
        assert was_left_alone(server, result)


@pytest.mark.parametrize(
    ("greeting", "type", "detail"),
    [
        (b"* BYE [UNAVAILABLE] full", "greeting_rejected", "the server answered BYE [UNAVAILABLE] full"),
        (b"* NO go away", "greeting_rejected", "the server answered NO go away"),
        (b"* 1 EXISTS", "protocol_error", "the server sent something else instead of a greeting: 1 EXISTS"),
    ],
)
def test_greeting_that_is_none_ends_the_session(define: Define, greeting: bytes, type: str, detail: str) -> None:
    """No LOGOUT to a server that has said BYE or knows no greeting."""
    with WireServer(script={"GREETING": raw(greeting + b"\r\n", hang)}) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result) == ("greeting", type, detail)
    assert was_left_alone(server, result)


def test_after_an_injected_response_nothing_more_is_sent(define: Define, server_context: ssl.SSLContext) -> None:
    """Between OK to STARTTLS and TLS somebody else has spoken: not even LOGOUT goes out in clear text."""
    injected: dict[str, Any] = {"STARTTLS": raw(b"%t OK go\r\n* CAPABILITY IMAP4rev1\r\n", hang)}
    with WireServer(script=injected, starttls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result)[:2] == ("starttls", "protocol_error")
    assert server.commands == ["CAPABILITY", "STARTTLS"]


@pytest.mark.parametrize(
    ("octet", "type"),
    [
        (19, "not_imap"), (20, "tls_handshake_failed"), (21, "tls_handshake_failed"), (22, "connection_lost"),
        (23, "tls_handshake_failed"), (24, "not_imap"),
    ],
)  # fmt: skip
def test_what_begins_like_a_tls_record_is_no_clear_text(
    define: Define, server_context: ssl.SSLContext, octet: int, type: str
) -> None:
    """RFC 8446 section 5.1 knows four types; OpenSSL judges what is in them. One of 22 is half a handshake."""
    record = bytes([octet, 3, 3, 0, 2, 2, 255])
    with WireServer(script={"TLS": raw(record, close)}, tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert told(result)[:2] == ("tls", type)
