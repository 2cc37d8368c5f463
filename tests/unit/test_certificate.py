"""What a certificate says: OpenSSL's verdicts, names, dates and issuer; hostile names are one clean line."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.network import certificate
from imapcheck.transcript import MASK
from support.certificates import Certificates
from support.wire_server import WireServer

CODES = {
    9: "certificate_not_yet_valid", 10: "certificate_expired", 2: "certificate_untrusted",
    18: "certificate_untrusted", 19: "certificate_untrusted", 20: "certificate_untrusted",
    21: "certificate_untrusted", 27: "certificate_untrusted", 28: "certificate_untrusted",
    62: "certificate_name_mismatch", 63: "certificate_name_mismatch", 64: "certificate_name_mismatch",
    7: "certificate_invalid", 24: "certificate_invalid", 26: "certificate_invalid", 66: "certificate_invalid",
}  # X509_V_ERR_* of OpenSSL's x509_vfy.h  # fmt: skip


@pytest.mark.parametrize(("code", "type"), CODES.items())
def test_verdicts_of_openssl(code: int, type: str) -> None:
    """Each code is told as what it is."""
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = code, "the words."
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="h.example")
    failure = certificate.refused(tls, error)
    assert failure.type.value == type
    assert failure.detail == "the server's certificate was refused: the words"
    assert not failure.facts.verified


def seen(define: Define, context: ssl.SSLContext, **fields: Any) -> CheckResult:
    with WireServer(tls=context) as server:
        return run_check(define(server, authentication="none", **fields))


def test_names_issuer_and_end(define: Define, certificates: Certificates) -> None:
    """As they stand in the certificate itself."""
    leaf = x509.load_pem_x509_certificate(certificates.chain("good").read_bytes())
    [issuer] = leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    tls = seen(define, certificates.server_context("good")).server.tls
    assert tls is not None
    assert tls.certificate_subject is not None
    assert "CN=localhost" in tls.certificate_subject
    assert tls.certificate_issuer is not None
    assert f"O={issuer.value!s}" in tls.certificate_issuer
    assert tls.certificate_issuer != tls.certificate_subject
    assert tls.certificate_expires_at == leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert tls.certificate_names == ("localhost", "127.0.0.1", "127.0.0.5", "0:0:0:0:0:0:0:1")
    assert tls.certificates_sent == 1
    assert tls.verified


def made(directory: Path, subject: list[x509.NameAttribute[Any]], names: list[str]) -> ssl.SSLContext:
    """A server whose certificate, its own issuer, says so."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name(subject)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=not subject)
        .sign(key, hashes.SHA256())
    )
    chain, held = directory / "made.pem", directory / "made.key"
    chain.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    held.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, held)
    return context


OPEN = {"mode": "implicit", "verify": False}


def test_certificate_without_a_subject_is_called_by_its_names(define: Define, tmp_path: Path) -> None:
    """As short-lived ones of ACME authorities are."""
    names = [f"n{number}.example" for number in range(7)]
    tls = seen(define, made(tmp_path, [], names), tls=OPEN).server.tls
    assert tls is not None
    assert tls.certificate_subject == ", ".join(names[:5])
    assert tls.certificate_names == tuple(names)
    assert not tls.verified


def test_many_names_are_cut(define: Define, tmp_path: Path) -> None:
    """Twenty are told; and a mismatch names five and counts the rest."""
    names = [f"n{number}.example" for number in range(30)]
    context = made(tmp_path, [x509.NameAttribute(NameOID.COMMON_NAME, "x")], names)
    tls = seen(define, context, tls=OPEN).server.tls
    assert tls is not None
    assert tls.certificate_names == tuple(names[:20])
    trusting = {"mode": "implicit", "ca_file": str(tmp_path / "made.pem")}
    failure = seen(define, context, tls=trusting).failure
    assert failure is not None
    assert failure.type.value == "certificate_name_mismatch"
    assert failure.detail.endswith("; it is for " + ", ".join(names[:5]) + " and 15 more")


def test_hostile_names_are_clean_and_hold_no_secret(define: Define, tmp_path: Path, server_context: Any) -> None:
    """Whoever makes the certificate writes the words: control characters, and a password it has learnt."""
    words = "\x1b]0;own\x07\r\nSet-Cookie: canary-pa55word"
    context = made(tmp_path, [x509.NameAttribute(NameOID.COMMON_NAME, words)], ["localhost"])
    with WireServer(tls=context) as server:
        definition = define(server, tls=OPEN | {"allow_unverified_login": True})
        credentials = Credentials.model_validate({"username": "alice", "password": "canary-pa55word"})
        tls = run_check(definition, credentials).server.tls
    assert tls is not None
    for name in (tls.certificate_subject, tls.certificate_issuer):
        assert name is not None
        assert name.isprintable()
        assert name.endswith(f"Set-Cookie: {MASK}")
