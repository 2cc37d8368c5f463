"""A throw-away public key infrastructure with every fault that a certificate can have."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "127.0.0.1", "127.0.0.5", "::1")


@dataclass(frozen=True)
class Certificates:
    """`ca` is the authority's PEM file; `chain(name)` and `key(name)` belong to one of the leafs."""

    directory: Path

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    def chain(self, name: str = "good") -> Path:
        return self.directory / f"{name}.pem"

    def server_context(self, name: str = "good") -> ssl.SSLContext:
        """For servers of ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain(name), self.key(name))
        return context

    def key(self, name: str = "good") -> Path:
        return self.directory / f"{name}.key"


def make_certificates(directory: Path) -> Certificates:
    """Leafs named good, soon, expired, not-yet-valid, wrong-host, untrusted and self-signed."""
    authority, stranger = trustme.CA(), trustme.CA()
    now = datetime.now(UTC)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    leafs = {
        "good": authority.issue_cert(*NAMES, common_name="localhost", not_after=now + timedelta(days=90)),
        "soon": authority.issue_cert(*NAMES, not_after=now + timedelta(days=3)),
        "expired": authority.issue_cert(*NAMES, not_before=now - timedelta(9), not_after=now - timedelta(2)),
        "not-yet-valid": authority.issue_cert(*NAMES, not_before=now + timedelta(2), not_after=now + timedelta(9)),
        "wrong-host": authority.issue_cert("mail.other.example"),
        "untrusted": stranger.issue_cert(*NAMES),
    }
    for name, leaf in leafs.items():
        leaf.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        (directory / f"{name}.pem").write_bytes(chain)
    _write_self_signed(directory)
    return Certificates(directory)


def _write_self_signed(directory: Path) -> None:
    """A leaf that is its own issuer, as appliances ship them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "self-signed.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "self-signed.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
