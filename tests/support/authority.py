"""An authority that signs what a test asks for: chains with an intermediate, odd dates, odd names, RSA keys."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Entity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make_entity(
    name: str,
    issuer: Entity | None = None,
    *,
    authority: bool = False,
    days: tuple[float, float] = (-1, 80),
    names: Sequence[x509.GeneralName] | None = None,
    with_rsa: bool = False,
) -> Entity:
    """`days` are from now, begin and end; `names` the subjectAltName, none at all where it is empty."""
    key: Key = rsa.generate_private_key(65537, 2048) if with_rsa else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Entity(builder.sign((issuer or Entity(None, key)).key, hashes.SHA256()), key)  # type: ignore[arg-type]


def named(*names: str) -> list[x509.GeneralName]:
    """DNS names and addresses, each as what it is."""

    def spelt(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return [spelt(name) for name in names]


def serving(directory: Path, leaf: Entity, *above: Entity) -> ssl.SSLContext:
    """A server's context that sends `leaf` and what is `above` it."""
    chain, key = directory / "chain.pem", directory / "chain.key"
    chain.write_bytes(b"".join(one.pem() for one in (leaf, *above)))
    key.write_bytes(
        leaf.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context
