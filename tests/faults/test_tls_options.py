"""TLS as enterprises have it: another name, a minimum version, no verification, an authority of their own."""

import ssl

import pytest

from conftest import Define
from imapcheck import Credentials, run_check
from support.certificates import Certificates
from support.wire_server import WireServer


def test_server_name_is_what_is_verified(define: Define, certificates: Certificates) -> None:
    """A certificate for another name passes where the definition says so, and only there."""
    context = certificates.server_context("wrong-host")
    with WireServer(tls=context) as server:
        plain = run_check(define(server, authentication="none"))
        named = run_check(
            define(
                server,
                authentication="none",
                tls={"ca_file": str(certificates.ca), "server_name": "mail.other.example"},
            )
        )
    assert plain.failure is not None
    assert plain.failure.type == "certificate_name_mismatch"
    assert named.available


@pytest.mark.parametrize(("minimum", "available"), [("1.2", True), ("1.3", False)])
def test_minimum_version(define: Define, certificates: Certificates, minimum: str, available: bool) -> None:
    """A server that stops at TLS 1.2."""
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with WireServer(tls=context) as server:
        tls = {"ca_file": str(certificates.ca), "minimum_version": minimum}
        result = run_check(define(server, authentication="none", tls=tls))
    assert result.available is available
    if result.failure is not None:
        assert (result.failure.step, result.failure.type) == ("tls", "tls_handshake_failed")
    else:
        assert result.server.tls is not None
        assert result.server.tls.version == "TLSv1.2"


@pytest.mark.parametrize("certificate", ["expired", "wrong-host", "untrusted"])
def test_unverified_server_is_never_called_verified(
    define: Define, credentials: Credentials, certificates: Certificates, certificate: str
) -> None:
    """`verify: false` with leave to log in: available, `verified: false`, the leaf's facts all the same."""
    with WireServer(tls=certificates.server_context(certificate)) as server:
        tls = {"verify": False, "allow_unverified_login": True}
        result = run_check(define(server, tls=tls), credentials)
    assert result.available, result.failure
    facts = result.server.tls
    assert facts is not None
    assert facts.verified is False
    assert facts.certificate_issuer is not None
    assert facts.certificate_days_remaining is not None
    assert (facts.certificate_days_remaining < 0) is (certificate == "expired")
