"""What the server's certificate says: its dates, names and issuer, whether or not it was accepted."""

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.result import TlsFacts, isoformat
from imapcheck.wording import count, date

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


_RENEW_CHAIN = (
    "Check this machine's clock; then have the server send the current chain of its authority: not its own certificate"
    " has expired, but one above it."
)
_ADD_NAMES = "Issue a certificate that names the host as subjectAltName (RFC 9525): clients look at no common name."
_ADD_ADDRESS = "Issue a certificate that has the address as an IP address name, or give a host name in the definition."
_NAME_IT = "Give the host's name in the definition in place of its address, or set tls.server_name to it."


class CertificateRefused(CheckFailure):
    """The certificate did not pass verification; `facts` say what it is."""

    def __init__(self, type: FailureType, detail: str, facts: TlsFacts, advice: str | None = None) -> None:
        super().__init__(type, detail, advice=advice)
        self.facts = facts


def refused(tls: ssl.SSLObject, error: ssl.SSLCertVerificationError) -> CertificateRefused:
    """The failure that OpenSSL's verdict is, with what the certificate itself says about the reason."""
    type = _FAILURES.get(error.verify_code, FailureType.CERTIFICATE_INVALID)
    facts, chain = facts_of(tls, verified=False), _chain(tls)
    reason = f"the server's certificate was refused: {error.verify_message.rstrip('.')}"
    match type:
        case FailureType.CERTIFICATE_EXPIRED:
            explanation, advice = _expired(chain or _verified_chain(tls), _verified_chain(tls))
        case FailureType.CERTIFICATE_NAME_MISMATCH:
            explanation, advice = _other_names(chain, tls.server_hostname or "")
        case _:
            explanation, advice = _explanation(type, facts, chain), None
    return CertificateRefused(type, reason + explanation, facts, advice)


def _explanation(type: FailureType, facts: TlsFacts, chain: list[dict[str, Any]]) -> str:
    match type:
        case FailureType.CERTIFICATE_NOT_YET_VALID if early := _first(chain, "notBefore", lambda at, now: at > now):
            return f" ({_whose(early, chain)}valid from {date(early.moment)}{_own_clock()})"
        case FailureType.CERTIFICATE_UNTRUSTED if facts.certificates_sent:
            sent = count(facts.certificates_sent, "certificate")
            return f"; issued by {facts.certificate_issuer or 'nobody'}; the server sent {sent}"
    return ""


class _Dated(NamedTuple):
    certificate: dict[str, Any]
    moment: datetime


def _first(chain: list[dict[str, Any]], field: str, is_wrong: Callable[[datetime, datetime], bool]) -> _Dated | None:
    """The first certificate whose date is wrong by our clock; it need not be the leaf."""
    now = datetime.now(UTC)
    dated = (_Dated(certificate, moment) for certificate in chain if (moment := _moment(certificate.get(field))))
    return next((one for one in dated if is_wrong(one.moment, now)), None)


def _whose(one: _Dated, chain: list[dict[str, Any]]) -> str:
    return "" if one.certificate is chain[0] else f"{_name(one.certificate.get('subject', ()))}, "


def _own_clock() -> str:
    """A certificate's dates are judged by the clock of whoever looks, so that is what to look at first."""
    return f"; the clock of this machine says {date(datetime.now(UTC))}"


def _expired(sent: list[dict[str, Any]], verified: list[dict[str, Any]]) -> tuple[str, str | None]:
    """What has expired, and what to do where it is not the server's own certificate."""
    for chain in (sent, verified):
        if (old := _first(chain, "notAfter", lambda at, now: at < now)) is not None:
            told = f" ({_whose(old, chain)}valid until {date(old.moment)}{_own_clock()})"
            return told, None if old.certificate is chain[0] else _RENEW_CHAIN
    return "", None


def _other_names(chain: list[dict[str, Any]], host: str) -> tuple[str, str | None]:
    """Which names count, and what to do where the host's stands in a place that does not (RFC 9525)."""
    if not chain:
        return "", None
    leaf = chain[0]
    names = _alternative_names(leaf)
    if not names:
        subject = _name(leaf.get("subject", ())) or "nobody"
        return f"; it is issued to {subject} without a subjectAltName, and a common name does not count", _ADD_NAMES
    if _is_address(host):
        if ("DNS", host) in leaf.get("subjectAltName", ()):
            return f"; it has {host} as a DNS name, where an address does not count", _ADD_ADDRESS
        if all(not _is_address(name) for name in names):
            return f"; it is for {_some(names)}, and the definition gives an address", _NAME_IT
    return f"; it is for {_some(names)}", None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def facts_of(tls: ssl.SSLObject, *, verified: bool) -> TlsFacts:
    """Protocol, cipher and the leaf certificate, of a connection that stands or of one that was refused."""
    cipher, chain = tls.cipher(), _chain(tls)
    certificate = chain[0] if chain else {}
    expires_at, expiring = _moment(certificate.get("notAfter")), None
    if verified:
        expires_at, expiring = _first_to_expire(_verified_chain(tls), expires_at)
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
        certificate_expiring=expiring,
    )


def _first_to_expire(chain: list[dict[str, Any]], leaf: datetime | None) -> tuple[datetime | None, str | None]:
    """When the first certificate of the verified chain expires, and whose it is where it is not the leaf."""
    earliest, whose = leaf, None
    for certificate in chain[1:]:
        moment = _moment(certificate.get("notAfter"))
        if moment is not None and (earliest is None or moment < earliest):
            earliest, whose = moment, _name(certificate.get("subject", ())) or "a certificate above it"
    return earliest, whose


def _chain(tls: ssl.SSLObject) -> list[dict[str, Any]]:
    """What the server sent, the leaf first, trusted or not; empty where Python cannot read it.

    `getpeercert()` is empty for a peer that was not verified, so the chain's own reading is taken.
    """
    return _read(tls, "get_unverified_chain")


def _verified_chain(tls: ssl.SSLObject) -> list[dict[str, Any]]:
    """What the verdict rests on, from the leaf to the authority; as far as OpenSSL came where it refused."""
    return _read(tls, "get_verified_chain")


def _read(tls: ssl.SSLObject, method: str) -> list[dict[str, Any]]:
    try:
        chain = getattr(tls._sslobj, method)()  # type: ignore[attr-defined]  # noqa: SLF001
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
