"""The TLS handshake on a connection whose pieces come as the network likes."""

import socket
import ssl
import threading
import time

import pytest

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
    assert raised.value.beginning == first
