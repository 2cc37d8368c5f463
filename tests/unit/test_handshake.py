"""The TLS handshake on a connection whose pieces come as the network likes."""

import socket
import ssl
import threading
import time

import pytest

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.network import transport
from imapcheck.network.tls import ClearText, client_context
from imapcheck.network.transport import Wire
from imapcheck.trace import Deadline
from support.certificates import Certificates


def serve(sock: socket.socket, context: ssl.SSLContext, size: int) -> None:
    """The server's side of a handshake, its octets sent `size` at a time with a moment between."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        while piece := outgoing.read(size):
            sock.sendall(piece)
            time.sleep(0.005)
        if done:
            return
        incoming.write(sock.recv(65_536))


@pytest.mark.parametrize("size", [1000, 400, 77])
def test_flight_in_many_pieces_is_one(certificates: Certificates, size: int) -> None:
    """Only the very first octet tells TLS from clear text; a later piece may begin with any."""
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=serve, args=(theirs, certificates.server_context("good"), size), daemon=True)
    serving.start()
    context = client_context(verify=True, minimum_version="1.2", ca_path=certificates.ca)
    with ours, theirs:
        tls = Wire(ours, Deadline.after(30)).start_tls(context, "localhost")
        serving.join(10)
    assert tls.version() == "TLSv1.3"


@pytest.mark.parametrize("first", [b"* OK ready\r\n", b"220 mail ESMTP\r\n", b"\x00", b"\x18\x03\x03"])
def test_clear_text_is_told_by_its_first_octet(certificates: Certificates, first: bytes) -> None:
    """Record types are 20 to 23 (RFC 8446 section 5.1)."""
    ours, theirs = socket.socketpair()
    context = client_context(verify=True, minimum_version="1.2", ca_path=certificates.ca)
    with ours, theirs:
        theirs.sendall(first)
        with pytest.raises(ClearText) as raised:
            Wire(ours, Deadline.after(30)).start_tls(context, "localhost")
    assert raised.value.line == first.removesuffix(b"\r\n")


def broken(reason: str) -> ssl.SSLError:
    """As OpenSSL raises it."""
    error = ssl.SSLError(1, "[SSL] words")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "type", "words"),
    [
        (None, FailureType.CONNECTION_LOST, "the server closed the connection"),
        (TimeoutError(), FailureType.TIMEOUT, "no complete answer in time"),
        (
            broken("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
            FailureType.TLS_HANDSHAKE_FAILED,
            "the server ended TLS with an alert: tlsv13 alert certificate required",
        ),
        (
            broken("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
            FailureType.CONNECTION_LOST,
            "the TLS connection broke: decryption failed or bad record mac",
        ),
        (ConnectionResetError(104, "reset"), FailureType.CONNECTION_LOST, "the connection was reset"),
        (OSError(32, "Broken pipe"), FailureType.CONNECTION_LOST, "the connection was lost: broken pipe"),
        (ssl.SSLEOFError(8, "EOF occurred"), FailureType.CONNECTION_LOST, "the connection was lost: eof occurred"),
    ],
)
def test_end_of_an_established_connection(error: OSError | None, type: FailureType, words: str) -> None:
    """A broken stream is a lost connection; an alert that the server sent is its own verdict."""
    failure = transport._lost(error)
    assert (failure.type, failure.detail) == (type, words)


def test_alert_that_waits_when_sending_fails_is_the_verdict(certificates: Certificates) -> None:
    """A server that misses a client certificate under TLS 1.3 says so and leaves, perhaps before we say a word."""
    server_context = certificates.server_context()
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificates.ca)
    server_context.minimum_version = ssl.TLSVersion.TLSv1_3
    ours, theirs = socket.socketpair()

    def refuse() -> None:
        with theirs, pytest.raises(ssl.SSLError):
            server_context.wrap_socket(theirs, server_side=True)

    serving = threading.Thread(target=refuse, daemon=True)
    serving.start()
    with ours:
        wire = Wire(ours, Deadline.after(30))
        wire.start_tls(client_context(verify=True, minimum_version="1.2", ca_path=certificates.ca), "localhost")
        serving.join(10)
        with pytest.raises(CheckFailure) as raised:
            wire.send(b"A1 CAPABILITY\r\n")
    assert raised.value.type is FailureType.TLS_HANDSHAKE_FAILED
    assert raised.value.detail == "the server ended TLS with an alert: tlsv13 alert certificate required"
