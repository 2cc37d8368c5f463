"""TLS as mail clients have it: old ciphers, names, alerts, whole chains, and whose fault a refusal is."""

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from conftest import Define
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.errors import NoAuthorities
from imapcheck.network import tls
from support import forked
from support.authority import Entity, make_entity, named, serving
from support.certificates import Certificates
from support.wire_server import WireServer, hang, raw

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root() -> Entity:
    return make_entity("Test Root", authority=True, days=(-10, 3000))


@pytest.fixture
def check(credentials: Credentials, tmp_path: Path) -> Any:
    """Run a login against a server with `context`; `anchors` are what it trusts."""

    def run(context: ssl.SSLContext, *anchors: Entity, host: str = "localhost", **fields: Any) -> CheckResult:
        trusted = tmp_path / "anchors.pem"
        trusted.write_bytes(b"".join(anchor.pem() for anchor in anchors))
        with WireServer(tls=context) as server:
            data: dict[str, Any] = {"server": f"imaps://{host}:{server.port}/", "tls": {"ca_file": str(trusted)}}
            data |= {"name": "wire", "timeout": 10} | fields
            return run_check(CheckDefinition.model_validate(data), credentials)

    return run


def warned(result: CheckResult) -> dict[str, str]:
    return {warning.type: warning.detail for warning in result.warnings}


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value


@pytest.mark.parametrize(
    ("cipher", "words"),
    [
        ("AES256-GCM-SHA384", "TLS 1.2 with AES256-GCM-SHA384: RSA key exchange, which has no forward secrecy"),
        ("AES128-SHA256", "TLS 1.2 with AES128-SHA256: RSA key exchange, which has no forward secrecy"),
        ("AES128-SHA", "TLS 1.2 with AES128-SHA: RSA key exchange, which has no forward secrecy; SHA-1 MAC"),
        ("ECDHE-RSA-AES128-SHA", "TLS 1.2 with ECDHE-RSA-AES128-SHA: SHA-1 MAC"),
        ("ECDHE-RSA-AES128-SHA256", None),
        ("ECDHE-RSA-AES128-GCM-SHA256", None),
    ],
)
def test_old_cipher_is_a_warning(check: Any, root: Entity, tmp_path: Path, cipher: str, words: str | None) -> None:
    """getmail6 108, home-assistant 79766, mailnag 232: mail clients connect, so does the check."""
    leaf = make_entity("localhost", root, names=named("localhost"), with_rsa=True)
    context = serving(tmp_path, leaf)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    result = check(context, root)
    assert result.available, result.failure
    assert result.server.tls.cipher == cipher
    assert warned(result).get("weak_tls") == words


def test_tls_1_3_is_never_weak_and_a_minimum_of_1_3_still_holds(check: Any, root: Entity, tmp_path: Path) -> None:
    """The control, in both directions."""
    leaf = make_entity("localhost", root, names=named("localhost"), with_rsa=True)
    assert warned(check(serving(tmp_path, leaf), root)) == {}
    context = serving(tmp_path, leaf)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    anchors = {"ca_file": str(tmp_path / "anchors.pem"), "minimum_version": "1.3"}
    assert failed(check(context, root, tls=anchors)) == ("tls", "tls_handshake_failed")


def test_security_level_is_openssls_own() -> None:
    """Its own list of ciphers, and nothing below it."""
    ours, default = tls.verifying_context(), ssl.create_default_context()
    assert ours.security_level == default.security_level
    assert not {cipher["name"] for cipher in ours.get_ciphers() if "NULL" in cipher["name"] or "ADH" in cipher["name"]}


@pytest.mark.parametrize(
    ("names", "host", "words", "advice"),
    [
        ([], "localhost", "without a subjectAltName, and a common name does not count", "subjectAltName (RFC 9525)"),
        ([x509.RFC822Name("a@b.example")], "localhost", "without a subjectAltName", "subjectAltName (RFC 9525)"),
        ([x509.DNSName("127.0.0.1")], "127.0.0.1", "it has 127.0.0.1 as a DNS name", "as an IP address name"),
        (named("mail.example"), "127.0.0.1", "the definition gives an address", "Give the host's name"),
        (named("mail.example"), "localhost", "it is for mail.example", "Check where the name points"),
        (named("127.0.0.2"), "127.0.0.1", "it is for 127.0.0.2", "Check where the name points"),
    ],
)
def test_names_that_do_not_count(
    check: Any, root: Entity, tmp_path: Path, names: list[x509.GeneralName], host: str, words: str, advice: str
) -> None:
    """RFC 9525: no common name, an address only as an address. listmonk 1363, wg-gen-web 79."""
    leaf = make_entity(host, root, names=names)
    result = check(serving(tmp_path, leaf), root, host=host)
    assert failed(result) == ("tls", "certificate_name_mismatch")
    assert words in result.failure.detail
    assert advice in result.failure.advice


@pytest.mark.parametrize(("names", "host"), [(named("localhost"), "localhost"), (named("127.0.0.1"), "127.0.0.1")])
def test_names_that_count(check: Any, root: Entity, tmp_path: Path, names: Any, host: str) -> None:
    """The control."""
    assert check(serving(tmp_path, make_entity("other", root, names=names)), root, host=host).available


def test_first_certificate_of_the_chain_to_expire_counts(check: Any, root: Entity, tmp_path: Path) -> None:
    """The leaf has 80 days, what is above it three: in three days every client refuses the server."""
    between = make_entity("Test Between", root, authority=True, days=(-10, 3.5))
    leaf = make_entity("localhost", between, names=named("localhost"))
    result = check(serving(tmp_path, leaf, between), root)
    assert result.available, result.failure
    assert 3 < result.server.tls.certificate_days_remaining < 4
    assert result.server.tls.certificate_expiring == "CN=Test Between"
    assert warned(result)["certificate_expires_soon"].startswith("CN=Test Between in the chain expires in 3 days")


def test_root_that_expires_first_counts_too(check: Any, tmp_path: Path) -> None:
    """It is part of the verdict, though no server sends it."""
    old = make_entity("Old Root", authority=True, days=(-10, 5.5))
    result = check(serving(tmp_path, make_entity("localhost", old, names=named("localhost"))), old)
    assert result.available
    assert result.server.tls.certificate_expiring == "CN=Old Root"
    assert "certificate_expires_soon" in warned(result)


def test_what_was_sent_besides_the_verified_chain_does_not_count(check: Any, root: Entity, tmp_path: Path) -> None:
    """An expired twin beside a good intermediate: clients verify by the good one."""
    good = make_entity("Test Between", root, authority=True, days=(-10, 300))
    stranger = make_entity("Somebody", authority=True, days=(-10, 2))
    leaf = make_entity("localhost", good, names=named("localhost"))
    result = check(serving(tmp_path, leaf, good, stranger), root)
    assert result.available, result.failure
    assert 79 < result.server.tls.certificate_days_remaining < 81
    assert result.server.tls.certificate_expiring is None
    assert warned(result) == {}


@pytest.mark.parametrize("where", ["intermediate", "root"])
def test_expired_certificate_above_the_leaf_has_its_own_advice(check: Any, tmp_path: Path, where: str) -> None:
    """Renewing the server's certificate, which has 80 days, would help nobody."""
    top = make_entity("Test Root", authority=True, days=(-20, -2 if where == "root" else 300))
    between = make_entity("Test Between", top, authority=True, days=(-10, -2 if where == "intermediate" else 300))
    leaf = make_entity("localhost", between, names=named("localhost"))
    result = check(serving(tmp_path, leaf, between), top)
    assert failed(result) == ("tls", "certificate_expired")
    assert f"CN={'Test Root' if where == 'root' else 'Test Between'}, valid until" in result.failure.detail
    assert "current chain" in result.failure.advice
    assert "Renew" not in result.failure.advice


@pytest.mark.parametrize(
    ("name", "type"), [("expired", "certificate_expired"), ("not-yet-valid", "certificate_not_yet_valid")]
)
def test_own_clock_is_told(define: Define, certificates: Certificates, name: str, type: str) -> None:
    """Dates are judged by the clock of whoever looks: that is what to look at first."""
    with WireServer(tls=certificates.server_context(name)) as server:
        result = run_check(define(server, authentication="none"))
    assert failed(result) == ("tls", type)
    assert result.failure is not None
    assert "the clock of this machine says " in result.failure.detail
    if name == "not-yet-valid":
        assert result.failure.advice.startswith("Check the clock of this machine")


ALERTS = {
    10: "unexpected message", 40: "handshake failure", 42: "bad certificate", 48: "unknown ca", 49: "access denied",
    70: "protocol version", 71: "insufficient security", 80: "internal error", 86: "inappropriate fallback", 109:
    "missing extension", 110: "unsupported extension", 112: "unrecognized name", 115: "unknown psk identity", 116:
    "certificate required", 120: "no application protocol", 121: "ech required", 117: "general error", 200:
    "number 200",
}  # fmt: skip


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_told_by_its_name(define: Define, server_context: ssl.SSLContext, alert: int) -> None:
    """RFC 8446 section 6; also those that OpenSSL or Python has no words for, and never a line of Python's source."""
    action = raw(bytes([21, 3, 3, 0, 2, 2, alert]), hang)
    with WireServer(script={"TLS": action}, tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert failed(result) == ("tls", "tls_handshake_failed")
    assert result.failure is not None
    assert f"alert {ALERTS[alert]}" in result.failure.detail
    assert "ssl c" not in result.failure.detail


@pytest.mark.parametrize("file", ["/nonexistent", os.devnull])
@pytest.mark.parametrize("folder", ["/nonexistent", "/nonexistent:/also-not", "EMPTY"])
def test_machine_without_authorities_is_our_fault(tmp_path: Path, file: str, folder: str) -> None:
    """Slim images, Python for macOS, a stale SSL_CERT_FILE: status 2 and nothing of the server; Nagios says UNKNOWN."""
    definition = tmp_path / "mail.json"
    definition.write_text('{"server": "imaps://localhost:1/", "authentication": "none"}', encoding="utf-8")
    environment = os.environ | {"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder.replace("EMPTY", str(tmp_path))}
    for options, status in (((), 2), (("--format", "nagios"), 3)):
        done = forked.imapcheck("run", definition, *options, environment=environment)
        told = done.stdout + done.stderr
        assert done.returncode == status, told
        assert "trusts no certificate authority" in " ".join(told.split())
        assert file in told


def test_folder_of_authorities_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificates: Certificates
) -> None:
    """OpenSSL looks into it during the handshake; several folders, and the second has one."""
    full = tmp_path / "full"
    full.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}{os.pathsep}{full}")
    with pytest.raises(NoAuthorities):
        tls.verifying_context()
    (full / "0a1b2c3d.0").write_bytes(certificates.ca.read_bytes())
    tls.verifying_context()
    tls.verifying_context(certificates.ca)


def test_without_verification_no_authority_is_needed(
    monkeypatch: pytest.MonkeyPatch, define: Define, server_context: ssl.SSLContext
) -> None:
    """Nobody is trusted, and nobody is asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    tls._context.cache_clear()
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, authentication="none", tls={"verify": False}))
    tls._context.cache_clear()
    assert result.available, result.failure
