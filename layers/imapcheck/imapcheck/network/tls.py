"""TLS: contexts, and handshakes that end in time."""

import contextlib
import functools
import socket
import ssl
import stat
from pathlib import Path

from imapcheck.errors import CheckFailure, DefinitionError
from imapcheck.failures import FailureType
from imapcheck.network import certificate
from imapcheck.network.alerts import alert_of, reason_in_words
from imapcheck.network.shortage import refuse_own
from imapcheck.network.trust_store import require_authorities
from imapcheck.trace import Deadline

type TlsContext = ssl.SSLContext
type TlsConnection = ssl.SSLObject

_NOT_PEM = "not a PEM file of certificates"
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_RECEIVE = 65_536
_MOST_OF_A_FILE = 16 << 20
_TLS_RECORD_TYPES = {20, 21, 22, 23}  # RFC 8446 section 5.1
_APPLICATION_DATA = 23
_MOST_OF_A_FLIGHT = 4096


def client_context(*, verify: bool, minimum_version: str, ca_path: Path | None) -> TlsContext:
    """A client's context; built once a process, as reading the authorities costs 40-60 ms.

    `minimum_version` is "1.2" or "1.3"; without `ca_path` the system's authorities count.
    Raises `DefinitionError` where `ca_path` cannot be read or is not an ordinary file: reading a pipe may never end.
    """
    try:
        changed = None if ca_path is None else _changed_at(ca_path)
        return _context(verify, minimum_version, ca_path, changed)
    except ssl.SSLError as error:
        raise DefinitionError(f"tls.ca_file: {ca_path}: {_NOT_PEM}") from error
    except OSError as error:
        refuse_own(error)
        raise DefinitionError(f"tls.ca_file: {ca_path}: {error.strerror or _NOT_PEM}") from error


def _changed_at(path: Path) -> int:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise DefinitionError(
            f"tls.ca_file: {path}: found something that is not an ordinary file, expected a PEM file of certificates"
        )
    if status.st_size > _MOST_OF_A_FILE:
        raise DefinitionError(f"tls.ca_file: {path}: found more than 16 MiB, expected a PEM file of certificates")
    return status.st_mtime_ns


@functools.lru_cache(maxsize=32)
def _context(verify: bool, minimum_version: str, ca_path: Path | None, _changed: int | None) -> ssl.SSLContext:
    context = verifying_context(ca_path) if verify or ca_path is not None else _lenient_context(None)
    context.minimum_version = _VERSIONS[minimum_version]
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def verifying_context(ca_path: Path | None = None) -> TlsContext:
    """A new context that trusts `ca_path`, else the system's authorities (or OpenSSL's `SSL_CERT_FILE`).

    Raises `NoAuthorities` where there are none, and what `ssl.create_default_context` raises for `ca_path`.
    """
    context = _lenient_context(ca_path)
    if ca_path is None:
        require_authorities(context)
    return context


def _lenient_context(ca_path: Path | None) -> ssl.SSLContext:
    """As mail clients have it, where Python alone is stricter; and stricter where RFC 9525 is."""
    context = ssl.create_default_context(cafile=ca_path)
    # Python 3.13 switched this on; it refuses private authorities that every mail client accepts.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Python's own list has no RSA key exchange and no SHA-1 MAC; OpenSSL's has. The security level stays.
    context.set_ciphers("DEFAULT")
    context.hostname_checks_common_name = False  # RFC 9525: names stand in subjectAltName alone
    return context


def weaknesses(version: str | None, cipher: str | None) -> list[str]:
    """What is old about a connection, by OpenSSL's name of the cipher; TLS 1.3 knows nothing of the kind."""
    if version != "TLSv1.2" or cipher is None:
        return []
    told = [] if cipher.startswith(("ECDHE-", "DHE-")) else ["RSA key exchange, which has no forward secrecy"]
    if "DES" in cipher or "RC4" in cipher:
        told.append("an old cipher")
    if cipher.endswith(("-SHA", "-MD5")):
        told.append(f"{'MD5' if cipher.endswith('-MD5') else 'SHA-1'} MAC")
    return told


def _encrypted_records(flight: bytes) -> int:
    count = position = 0
    while position < len(flight):
        count += flight[position] == _APPLICATION_DATA
        position += 5 + int.from_bytes(flight[position + 3 : position + 5])
    return count


class ClearText(Exception):
    """The server answered the ClientHello with something that is not TLS; `line` is the first of it."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("clear text where TLS was expected")
        self.line = beginning.partition(b"\n")[0].removesuffix(b"\r")


class TlsStream:
    """TLS over a connected socket, with the socket's own four methods that `Wire` uses.

    Records pass through memory, as in asyncio: so the first octets of a server that answers in clear text
    can be looked at, and no wait hides inside OpenSSL.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._last_flight = b""
        self.alert: int | None = None
        # SNI knows no addresses, but verification does: OpenSSL compares server_hostname with IP names too.
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    def settimeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def send(self, data: memoryview) -> int:
        """Encrypt and send all of `data`."""
        sent = self.object.write(data)
        self.flush()
        return sent

    def recv(self, size: int) -> bytes:
        """What has come in; b"" at the end. Raises `SSLWantReadError` where one receive made no whole record."""
        if self._incoming.pending or self.object.pending():
            try:
                return self.object.read(size)
            except ssl.SSLWantReadError:
                pass
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
        self.take(self._socket.recv(_RECEIVE))
        try:
            return self.object.read(size)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        finally:
            self.flush()  # an answer to a key update, say

    def take(self, records: bytes) -> None:
        """Hand over what the socket received; b"" is its end."""
        if records:
            self.alert = alert_of(records)
            self._incoming.write(records)
        else:
            self._incoming.write_eof()

    def flush(self) -> None:
        if records := self._outgoing.read():
            self._last_flight = records if len(records) <= _MOST_OF_A_FLIGHT else b""
            self._socket.sendall(records)

    def answered_certificate_request(self) -> bool:
        """Whether, at the end of a handshake of TLS 1.3, the server had asked for a client certificate.

        Python does not tell; but a client that was asked sends a Certificate, though an empty one, besides its
        Finished (RFC 8446 section 4.4.2), so that its last flight has two encrypted records.
        """
        return self.object.version() == "TLSv1.3" and _encrypted_records(self._last_flight) > 1

    def close(self) -> None:
        self._socket.close()


def handshake(sock: socket.socket, context: ssl.SSLContext, server_name: str, deadline: Deadline) -> TlsStream:
    """Take `sock` into TLS.

    Raises `CheckFailure` (category ssl, connection or timeout), `ClearText` or `OutOfResources`.
    """
    stream = TlsStream(sock, context, server_name)
    heard = False
    while True:
        try:
            stream.settimeout(_time_left(deadline))
            if _advance(stream):
                return stream
            records = sock.recv(_RECEIVE)
        except TimeoutError:
            raise CheckFailure(FailureType.TIMEOUT, "the TLS handshake did not end in time") from None
        except OSError as error:
            refuse_own(error)
            raise _ended(error) from error
        if not heard and records and records[0] not in _TLS_RECORD_TYPES:
            raise ClearText(records[:512])
        heard = True
        stream.take(records)


def _advance(stream: TlsStream) -> bool:
    """Take the handshake as far as it goes; True when it is done."""
    try:
        stream.object.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLCertVerificationError as error:
        raise certificate.refused(stream.object, error) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise _ended(error) from error
    except ssl.SSLError as error:
        raise _handshake_failure(error, stream.alert) from error
    finally:
        with contextlib.suppress(OSError):  # what cannot be sent shows when the answer is waited for
            stream.flush()
    return True


def _time_left(deadline: Deadline) -> float:
    left = deadline.remaining()
    if left <= 0:
        raise TimeoutError
    return left


def _ended(_: OSError) -> CheckFailure:
    return CheckFailure(FailureType.CONNECTION_LOST, "the server ended the connection during the TLS handshake")


def _handshake_failure(error: ssl.SSLError, alert: int | None) -> CheckFailure:
    reason = reason_in_words(error, alert)
    return CheckFailure(FailureType.TLS_HANDSHAKE_FAILED, f"the TLS handshake failed: {reason}")
