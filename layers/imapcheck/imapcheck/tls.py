"""TLS: contexts, handshakes that end in time, and what a certificate says."""

import functools
import re
import select
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imapcheck.definition import CheckDefinition
from imapcheck.errors import CheckFailure, DefinitionError, FailureType
from imapcheck.result import TlsFacts, isoformat
from imapcheck.trace import Deadline

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_TLS_RECORD_TYPES = {20, 21, 22, 23}  # RFC 8446 section 5.1

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_CERTIFICATE_FAILURES = {
    9: FailureType.CERTIFICATE_NOT_YET_VALID,
    10: FailureType.CERTIFICATE_EXPIRED,
    62: FailureType.CERTIFICATE_NAME_MISMATCH,
    63: FailureType.CERTIFICATE_NAME_MISMATCH,
    64: FailureType.CERTIFICATE_NAME_MISMATCH,
    **dict.fromkeys((2, 18, 19, 20, 21, 27, 28), FailureType.CERTIFICATE_UNTRUSTED),
}


def context_for(definition: CheckDefinition) -> ssl.SSLContext:
    """The context of `definition`; built once a process, as reading the authorities costs 40-60 ms.

    Raises `DefinitionError` where `tls.ca_file` cannot be read.
    """
    path = definition.ca_path
    try:
        changed = path.stat().st_mtime_ns if path else 0
        return _context(definition.tls.verify, definition.tls.minimum_version, path, changed)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "not a PEM file of certificates"
        raise DefinitionError(f"{definition.label}: tls.ca_file: {path}: {reason}") from error


@functools.lru_cache(maxsize=32)
def _context(verify: bool, minimum_version: str, ca_path: Path | None, _changed: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_path)
    context.minimum_version = _VERSIONS[minimum_version]
    # Python 3.13 switched this on; it refuses private authorities that every mail client accepts.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class ClearText(Exception):
    """The server answered the ClientHello with something that is not TLS; `beginning` is how it starts."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("clear text where TLS was expected")
        self.beginning = beginning


def handshake(sock: socket.socket, context: ssl.SSLContext, server_name: str, deadline: Deadline) -> ssl.SSLSocket:
    """Take `sock` into TLS. Raises `CheckFailure` (category ssl, connection or timeout) or `ClearText`."""
    # SNI knows no addresses, but verification does: OpenSSL compares server_hostname with IP names too.
    try:
        tls = context.wrap_socket(sock, server_hostname=server_name, do_handshake_on_connect=False)
    except OSError as error:  # the peer was faster and is gone already
        raise _ended(error) from error
    try:
        tls.setblocking(False)
        _drive(tls, deadline)
    except BaseException:
        tls.close()
        raise
    return tls


def _drive(tls: ssl.SSLSocket, deadline: Deadline) -> None:
    looked = False
    while True:
        try:
            tls.do_handshake()
            return
        except ssl.SSLWantReadError:
            _wait(tls, select.POLLIN, deadline)
        except ssl.SSLWantWriteError:
            _wait(tls, select.POLLOUT, deadline)
        except ssl.SSLCertVerificationError as error:
            raise _certificate_failure(error) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise _ended(error) from error
        except ssl.SSLError as error:
            raise _handshake_failure(error) from error
        except OSError as error:
            raise _ended(error) from error
        if not looked:
            looked = _look_for_clear_text(tls)


def _look_for_clear_text(tls: ssl.SSLSocket) -> bool:
    """Look at the server's first octets before OpenSSL does: it would only say 'wrong version number'."""
    try:
        beginning = socket.socket.recv(tls, 512, socket.MSG_PEEK)
    except OSError:
        return False
    if beginning and beginning[0] not in _TLS_RECORD_TYPES:
        raise ClearText(beginning)
    return bool(beginning)


def _wait(tls: ssl.SSLSocket, event: int, deadline: Deadline) -> None:
    poll = select.poll()
    poll.register(tls, event)
    if not poll.poll(deadline.remaining() * 1000) or not deadline.remaining():
        raise CheckFailure(FailureType.TIMEOUT, "the TLS handshake did not end in time")


def _ended(_: OSError) -> CheckFailure:
    return CheckFailure(FailureType.CONNECTION_LOST, "the server ended the connection during the TLS handshake")


def _certificate_failure(error: ssl.SSLCertVerificationError) -> CheckFailure:
    type = _CERTIFICATE_FAILURES.get(error.verify_code, FailureType.CERTIFICATE_INVALID)
    return CheckFailure(type, f"the server's certificate was refused: {error.verify_message.rstrip('.')}")


def _handshake_failure(error: ssl.SSLError) -> CheckFailure:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    words = re.sub(r"[^A-Za-z0-9]+", " ", str(reason)).strip().lower()
    return CheckFailure(FailureType.TLS_HANDSHAKE_FAILED, f"the TLS handshake failed: {words}")


def facts(tls: ssl.SSLSocket, verified: bool) -> TlsFacts:
    """Protocol, cipher and the leaf certificate of a connection that stands."""
    cipher = tls.cipher()
    certificate = _certificate(tls)
    expires_at = _expiry(certificate)
    days = None if expires_at is None else round((expires_at - datetime.now(UTC)).total_seconds() / 86400, 1)
    return TlsFacts(
        version=tls.version(),
        cipher=cipher[0] if cipher else None,
        verified=verified,
        certificate_subject=_name(certificate.get("subject", ())) or _alternative_names(certificate),
        certificate_issuer=_name(certificate.get("issuer", ())),
        certificate_expires_at=None if expires_at is None else isoformat(expires_at),
        certificate_days_remaining=days,
    )


def _certificate(tls: ssl.SSLSocket) -> dict[str, Any]:
    """`getpeercert()`, which is empty for an unverified peer: then the chain's own reading of the leaf.

    A certificate that Python cannot read (nobody verified it) has no facts to tell.
    """
    try:
        if verified := tls.getpeercert():
            return dict(verified)
        chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        return dict(chain[0].get_info()) if chain else {}
    except (ssl.SSLError, ValueError):
        return {}


def _expiry(certificate: dict[str, Any]) -> datetime | None:
    not_after = certificate.get("notAfter")
    if not isinstance(not_after, str):
        return None
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    except (ValueError, OverflowError):
        return None


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str | None:
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    named = [f"{short.get(key, key)}={value}" for group in parts for key, value in group]
    return ", ".join(named) or None


def _alternative_names(certificate: dict[str, Any]) -> str | None:
    names = [f"{kind}:{value}" for kind, value in certificate.get("subjectAltName", ())]
    return ", ".join(names[:5]) or None
