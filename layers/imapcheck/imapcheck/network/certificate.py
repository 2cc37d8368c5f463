"""What the server's certificate says: its dates, names and issuer, whether or not it was accepted."""

import ipaddress
import ssl
from datetime import UTC, datetime
from typing import Any

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.result import TlsFacts, isoformat
from imapcheck.text import count, minute

_MOST_NAMES = 20
_SHOWN_NAMES = 5
_HOST_KINDS = ("DNS", "IP Address")

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_FAILURES = {
    9: FailureType.CERTIFICATE_NOT_YET_VALID,
    10: FailureType.CERTIFICATE_EXPIRED,
    62: FailureType.CERTIFICATE_NAME_MISMATCH,
    63: FailureType.CERTIFICATE_NAME_MISMATCH,
    64: FailureType.CERTIFICATE_NAME_MISMATCH,
    **dict.fromkeys((2, 18, 19, 20, 21, 27, 28), FailureType.CERTIFICATE_UNTRUSTED),
}


class CertificateRefused(CheckFailure):
    """The certificate did not pass verification; `facts` say what it is."""

    def __init__(self, type: FailureType, detail: str, facts: TlsFacts) -> None:
        super().__init__(type, detail)
        self.facts = facts


def refused(tls: ssl.SSLObject, error: ssl.SSLCertVerificationError) -> CertificateRefused:
    """The failure that OpenSSL's verdict is, with what the certificate itself says about the reason."""
    type = _FAILURES.get(error.verify_code, FailureType.CERTIFICATE_INVALID)
    facts = facts_of(tls, verified=False)
    reason = f"the server's certificate was refused: {error.verify_message.rstrip('.')}"
    return CertificateRefused(type, reason + _explanation(type, facts, _chain(tls)), facts)


def _explanation(type: FailureType, facts: TlsFacts, chain: list[dict[str, Any]]) -> str:
    match type:
        case FailureType.CERTIFICATE_EXPIRED if expired := _first_expired(chain):
            return f" ({expired})"
        case FailureType.CERTIFICATE_NOT_YET_VALID if chain and (begins := _moment(chain[0].get("notBefore"))):
            return f" (valid from {minute(begins)})"
        case FailureType.CERTIFICATE_NAME_MISMATCH if facts.certificate_names:
            return f"; it is for {_some(facts.certificate_names)}"
        case FailureType.CERTIFICATE_UNTRUSTED if facts.certificates_sent:
            sent = count(facts.certificates_sent, "certificate")
            return f"; issued by {facts.certificate_issuer or 'nobody'}; the server sent {sent}"
    return ""


def _first_expired(chain: list[dict[str, Any]]) -> str | None:
    """The certificate that has expired need not be the leaf."""
    for certificate in chain:
        ended = _moment(certificate.get("notAfter"))
        if ended is not None and ended < datetime.now(UTC):
            whose = "" if certificate is chain[0] else f"{_name(certificate.get('subject', ()))}, "
            return f"{whose}valid until {minute(ended)}"
    return None


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def facts_of(tls: ssl.SSLObject, *, verified: bool) -> TlsFacts:
    """Protocol, cipher and the leaf certificate, of a connection that stands or of one that was refused."""
    cipher, chain = tls.cipher(), _chain(tls)
    certificate = chain[0] if chain else {}
    expires_at = _moment(certificate.get("notAfter"))
    days = None if expires_at is None else round((expires_at - datetime.now(UTC)).total_seconds() / 86400, 1)
    names = _alternative_names(certificate)
    return TlsFacts(
        version=tls.version(),
        cipher=cipher[0] if cipher else None,
        verified=verified,
        certificate_subject=_name(certificate.get("subject", ())) or ", ".join(names[:_SHOWN_NAMES]) or None,
        certificate_issuer=_name(certificate.get("issuer", ())),
        certificate_expires_at=None if expires_at is None else isoformat(expires_at),
        certificate_days_remaining=days,
        certificate_names=names,
        certificates_sent=len(chain) or None,
    )


def _chain(tls: ssl.SSLObject) -> list[dict[str, Any]]:
    """What the server sent, the leaf first, trusted or not; empty where Python cannot read it.

    `getpeercert()` is empty for a peer that was not verified, so the chain's own reading is taken.
    """
    try:
        chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        return [dict(certificate.get_info()) for certificate in chain or ()]
    except (ssl.SSLError, ValueError):
        return []


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
    except (ValueError, OverflowError):
        return None


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str | None:
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    named = [f"{short.get(key, key)}={value}" for group in parts for key, value in group]
    return ", ".join(named) or None


def _alternative_names(certificate: dict[str, Any]) -> tuple[str, ...]:
    """The names a client compares the host with (RFC 9525); addresses count, other kinds do not."""
    alternatives = certificate.get("subjectAltName", ())
    named = [_address(value) if kind != "DNS" else value for kind, value in alternatives if kind in _HOST_KINDS]
    return tuple(named[:_MOST_NAMES])


def _address(text: str) -> str:
    """Python gives an IPv6 address as `0:0:0:0:0:0:0:1`; here it is as people write it (RFC 5952)."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
