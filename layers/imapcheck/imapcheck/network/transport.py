"""The connection: TCP to one of several addresses, then bytes in both directions. Every wait ends by the deadline."""

import errno
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.network.alerts import reason_in_words
from imapcheck.network.resolver import Address
from imapcheck.network.shortage import refuse_own
from imapcheck.network.tls import TlsStream, handshake
from imapcheck.trace import Deadline

_RECEIVE = 65_536
_SEND = 16_384
_PER_ADDRESS = 5.0
_FOR_AN_ALERT = 0.2
_UNREACHABLE = {
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN,
    errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM, errno.EINVAL,
}  # fmt: skip


class Connected(NamedTuple):
    """A TCP connection, the address it is to, and those that were tried before in vain.

    `dead` are those of them that are not merely out of reach from here, as IPv6 is where there is no route for it;
    each with what was wrong.
    """

    socket: socket.socket
    address: Address
    unreachable: tuple[Address, ...]
    dead: tuple[tuple[Address, str], ...] = ()

    @property
    def local(self) -> Address:
        """The address of this end."""
        return ip_address(str(self.socket.getsockname()[0]).partition("%")[0])


class UnreachableAddresses(CheckFailure):
    """No address could be reached; `addresses` are the ones that were tried."""

    def __init__(self, type: FailureType, detail: str, addresses: tuple[Address, ...]) -> None:
        super().__init__(type, detail)
        self.addresses = addresses


def connect(addresses: Sequence[Address], port: int, deadline: Deadline) -> Connected:
    """TCP to the first address that answers.

    Of several addresses each gets the remaining time divided by the addresses left, 5 s at most.
    Raises `UnreachableAddresses`: `connection_refused`, `network_unreachable`, `connection_lost` or `timeout`;
    and `OutOfResources` where it is this machine that has no socket left.
    """
    failures: list[tuple[Address, CheckFailure]] = []
    for index, address in enumerate(addresses):
        budget = deadline.remaining() / (len(addresses) - index)
        if len(addresses) > 1:
            budget = min(budget, _PER_ADDRESS)
        try:
            sock = _connect_one(address, port, budget)
        except CheckFailure as failure:
            failures.append((address, failure))
        else:
            dead = tuple((failed, failure.detail) for failed, failure in failures if not _hint(failed, failure))
            return Connected(sock, address, tuple(failed for failed, _ in failures), dead)
    raise _none_reached(failures)


def _connect_one(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    if seconds <= 0:
        raise CheckFailure(FailureType.TIMEOUT, "no time left to connect")
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        refuse_own(error)
        raise CheckFailure(FailureType.NETWORK_UNREACHABLE, _words(error)) from error
    try:
        sock.settimeout(seconds)
        sock.connect((str(address), port))
        # Without it each literal and each login waits for the peer's delayed acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        sock.close()
        refuse_own(error)
        raise _connect_failure(error) from error
    return sock


def _connect_failure(error: OSError) -> CheckFailure:
    if isinstance(error, TimeoutError):
        return CheckFailure(FailureType.TIMEOUT, "no answer to the connection attempt")
    if isinstance(error, ConnectionRefusedError):
        return CheckFailure(FailureType.CONNECTION_REFUSED, "connection refused")
    if error.errno in _UNREACHABLE:
        return CheckFailure(FailureType.NETWORK_UNREACHABLE, _words(error))
    return CheckFailure(FailureType.CONNECTION_LOST, _words(error))


def _none_reached(failures: list[tuple[Address, CheckFailure]]) -> UnreachableAddresses:
    """The verdict over several addresses: an answer or a silence says more than a missing route."""
    telling = [failure for _, failure in failures if failure.type is not FailureType.NETWORK_UNREACHABLE]
    verdict = telling[-1] if telling else failures[-1][1]
    detail = "; ".join(f"{address}: {failure.detail}{_hint(address, failure)}" for address, failure in failures)
    return UnreachableAddresses(verdict.type, detail, tuple(address for address, _ in failures))


def _hint(address: Address, failure: CheckFailure) -> str:
    if address.version == 6 and failure.type is FailureType.NETWORK_UNREACHABLE:
        return " (no IPv6 route from here; Lambda has one only in a dual-stack VPC)"
    return ""


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


class Wire:
    """Bytes over one socket, in clear or in TLS. No wait passes `deadline`, which may be moved between commands.

    Every method raises `CheckFailure`: `timeout` or `connection_lost`; and `OutOfResources`.
    `moved` is called at the end of each wait, whether octets came in, went out, or none did in time.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, moved: Callable[[], None] = lambda: None) -> None:
        self._socket: socket.socket | TlsStream = sock
        self._buffer = bytearray()
        self._scanned = 0
        self._wants_certificate = False
        self._moved = moved
        self.deadline = deadline

    def send(self, data: bytes) -> None:
        """Send all of `data`, in as few writes as the kernel takes."""
        try:
            self._send_all(data)
        finally:
            self._moved()

    def _send_all(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            try:
                self._socket.settimeout(self._time_left())
                done += self._socket.send(memoryview(data)[done : done + _SEND])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError as error:
                raise self._ended(self._last_alert() or error) from error

    def read_line(self, limit: int) -> bytes | None:
        """The next line with its line end; None if it is longer than `limit` bytes."""
        while True:
            end = self._buffer.find(b"\n", self._scanned)
            if end >= 0:
                self._scanned = 0
                return self._take(end + 1) if end < limit else None
            self._scanned = len(self._buffer)
            if self._scanned >= limit:
                return None
            self._fill()

    def has_line(self, limit: int) -> bool:
        """Wait for a whole line; False once `limit` octets have come without its end."""
        while self._buffer.find(b"\n", self._scanned) < 0:
            self._scanned = len(self._buffer)
            if self._scanned >= limit:
                return False
            self._fill()
        return True

    def read_piece(self, most: int) -> bytes:
        """What has come in of a line, at most `most` octets, up to its line end."""
        if not self._buffer:
            self._fill()
        self._scanned = 0
        return self._take(self._buffer.find(b"\n", 0, most) + 1 or min(most, len(self._buffer)))

    def read_exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._scanned = 0
        while len(self._buffer) < count:
            self._fill()
        return self._take(count)

    def receive(self, most: int) -> bytes:
        """What has come in, at most `most` bytes; b"" at the end of the connection."""
        if not self._buffer:
            try:
                self._fill()
            except CheckFailure as failure:
                if failure.type is FailureType.CONNECTION_LOST and failure.__cause__ is None:
                    return b""
                raise
        self._scanned = 0
        return self._take(min(most, len(self._buffer)))

    def discard(self, count: int, keep: int = 0) -> bytes:
        """Read and drop the next `count` bytes as they come; returns the first `keep` of them."""
        self._scanned = 0
        kept = bytearray()
        while count:
            if not self._buffer:
                self._fill()
            size = min(count, len(self._buffer))
            kept += self._buffer[: max(0, min(size, keep - len(kept)))]
            del self._buffer[:size]
            count -= size
        return bytes(kept)

    def unread(self) -> int:
        """How many bytes have come in and not been read, as after half a line."""
        return len(self._buffer)

    def peek(self) -> bytes:
        """The first 512 of them; they stay unread."""
        return bytes(self._buffer[:512])

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Take the connection into TLS; raises what `tls.handshake` raises."""
        assert isinstance(self._socket, socket.socket)
        stream = handshake(self._socket, context, server_name, self.deadline)
        self._socket = stream
        self._wants_certificate = stream.answered_certificate_request()
        return stream.object

    def close(self) -> None:
        """Close the socket; a TLS close_notify is not waited for."""
        self._socket.close()

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _fill(self) -> None:
        try:
            data = self._receive()
        finally:
            self._moved()
        if not data:
            raise self._ended(None)
        self._wants_certificate = False
        self._buffer += data

    def _receive(self) -> bytes:
        """What comes in next; empty where the connection has ended."""
        while True:
            try:
                self._socket.settimeout(self._time_left())
                return self._socket.recv(_RECEIVE)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError as error:
                raise self._ended(error) from error

    def _ended(self, error: OSError | None) -> CheckFailure:
        """What the end of the connection means; under TLS 1.3 a client certificate is missed after the handshake."""
        refuse_own(error)
        failure = _lost(error)
        if self._wants_certificate and failure.type is FailureType.CONNECTION_LOST:
            return CheckFailure(
                FailureType.TLS_HANDSHAKE_FAILED,
                f"the server asked for a client certificate and got none; {failure.detail}",
            )
        return failure

    def _last_alert(self) -> OSError | None:
        """What the server sent before it stopped reading, if that was a TLS alert."""
        if isinstance(self._socket, TlsStream):
            ends = time.monotonic() + _FOR_AN_ALERT
            try:
                while (left := ends - time.monotonic()) > 0:
                    self._socket.settimeout(left)
                    if not self._socket.recv(_RECEIVE):
                        break
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return None
            except ssl.SSLError as error:
                return error
            except OSError:
                return None
        return None

    def check_time(self) -> None:
        """Raise `timeout` once the deadline has passed: a server that never pauses leaves no wait to bound."""
        self._time_left()

    def _time_left(self) -> float:
        left = self.deadline.at - time.monotonic()
        if left <= 0:
            raise CheckFailure(FailureType.TIMEOUT, "no complete answer in time")
        return left


def _lost(error: OSError | None) -> CheckFailure:
    if error is None:
        return CheckFailure(FailureType.CONNECTION_LOST, "the server closed the connection")
    if isinstance(error, TimeoutError):
        return CheckFailure(FailureType.TIMEOUT, "no complete answer in time")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        reason = reason_in_words(error)
        if "alert" in reason:
            return CheckFailure(FailureType.TLS_HANDSHAKE_FAILED, f"the server ended TLS with an alert: {reason}")
        return CheckFailure(FailureType.CONNECTION_LOST, f"the TLS connection broke: {reason}")
    if isinstance(error, ConnectionResetError):
        return CheckFailure(FailureType.CONNECTION_LOST, "the connection was reset")
    return CheckFailure(FailureType.CONNECTION_LOST, f"the connection was lost: {_words(error)}")
