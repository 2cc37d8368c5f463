"""What a result says beyond the verdict: every failure, advice, warnings, thresholds, a refused certificate."""

import re
from dataclasses import fields
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.certificates import Certificates
from support.wire_server import REFERENCE, Dialect, WireServer, delay, reply


def test_every_failure_is_listed_with_its_step(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A content failure lets the session go on; what fails after it is told too, each with its own step."""
    script = {"APPEND": reply(b"%t NO [OVERQUOTA] full")}
    with WireServer(Dialect(uids=()), script, tls=server_context) as server:
        result = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials)
    assert [(failure.step, failure.type.value) for failure in result.failures] == [
        ("search", "no_match"),
        ("append", "over_quota"),
    ]
    assert result.failure == result.failures[0]
    assert all(failure.advice == failure.type.advice for failure in result.failures)


def test_every_field_of_a_result_is_filled(define: Define, credentials: Credentials, server_context: Any) -> None:
    """By a run that does all but send; named is what others fill: `test_round_trip`, `test_oauth_faults`, places."""
    script = {"GETQUOTAROOT": reply(b'* QUOTA "" (STORAGE 10 512)', b"%t OK done")}
    with WireServer(Dialect(f"{REFERENCE} QUOTA"), script, tls=server_context) as server:
        definition = define(server, search="IMAP testing", new_message=NEW_MESSAGE, quota={"warn_percent": 90})
        result = run_check(definition, credentials)
    assert result.available, result.failure
    empty = {field.name for field in fields(result) if getattr(result, field.name) is None}
    assert empty == {"failure", "delivery", "token_ms", "login_tested", "places"}


def test_thresholds_that_were_passed_are_named(define: Define, credentials: Credentials, server_context: Any) -> None:
    """With their limit and what it took."""
    with WireServer(Dialect(), {"EXAMINE": delay(0.1)}, tls=server_context) as server:
        result = run_check(define(server, thresholds={"examine": 50, "total": 60_000, "list": 5000}), credentials)
    assert result.available
    assert result.slow
    (passed,) = result.exceeded
    assert (passed.name, passed.limit_ms) == ("examine", 50)
    assert passed.duration_ms >= 100


@pytest.mark.parametrize(
    ("certificate", "type", "words"),
    [
        ("expired", "certificate_expired", "valid until "),
        ("not-yet-valid", "certificate_not_yet_valid", "valid from "),
        ("wrong-host", "certificate_name_mismatch", "it is for mail.other.example"),
        ("untrusted", "certificate_untrusted", "issued by O="),
        ("self-signed", "certificate_untrusted", "the server sent 1 certificate$"),
    ],
)
@pytest.mark.parametrize("starttls", [False, True])
def test_a_refused_certificate_is_told(
    define: Define, credentials: Credentials, certificates: Certificates, certificate: str, type: str, words: str,
    starttls: bool,
) -> None:  # fmt: skip
    """Its facts are in the result and the reason in the detail: which date, which names, which issuer."""
    context = certificates.server_context(certificate)
    wanted: dict[str, Any] = {"starttls": context} if starttls else {"tls": context}
    with WireServer(**wanted) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert result.failure.type == type
    assert re.search(words, result.failure.detail)
    tls = result.server.tls
    assert tls is not None
    assert not tls.verified
    assert tls.certificate_expires_at is not None
    assert tls.certificates_sent == 1
    assert result.warnings == ()


def test_warnings_tell_of_certificates(define: Define, credentials: Credentials, certificates: Certificates) -> None:
    """One that expires within a fortnight, and one that nobody verified."""
    with WireServer(tls=certificates.server_context("soon")) as server:
        soon = run_check(define(server, authentication="none"))
    with WireServer(tls=certificates.server_context("good")) as server:
        good = run_check(define(server, authentication="none"))
        open_tls = {"mode": "implicit", "verify": False}
        unverified = run_check(define(server, authentication="none", tls=open_tls))
    assert [warning.type for warning in soon.warnings] == ["certificate_expires_soon"]
    assert soon.available
    assert good.warnings == ()
    assert [warning.type for warning in unverified.warnings] == ["certificate_unverified"]


def test_names_of_a_certificate_are_told(define: Define, certificates: Certificates) -> None:
    """Those that a client compares the host with, addresses as people write them (RFC 5952)."""
    with WireServer(tls=certificates.server_context("good")) as server:
        result = run_check(define(server, authentication="none"))
    assert result.server.tls is not None
    assert result.server.tls.certificate_names == ("localhost", "127.0.0.1", "127.0.0.5", "::1")
