"""The logins of organizations: a service account and a certificate. Our endpoint verifies what they sign."""

import functools
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conftest import Define
from imapcheck import Credentials, run_check
from imapcheck.errors import CredentialsError
from imapcheck.login import assertion
from imapcheck.login.oauth import Token, access_token
from imapcheck.trace import Deadline
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SCOPE, Signer, TokenEndpoint, send
from support.wire_server import WireServer

ACCOUNT = "monitor@project.iam.gserviceaccount.com"


def google(endpoint: TokenEndpoint, signer: Signer, **changes: Any) -> dict[str, Any]:
    """The key file of a service account as Google gives it, with what a login needs besides."""
    content = {
        "type": "service_account", "project_id": "project", "private_key_id": signer.key_id, "private_key": signer.pem,
        "client_email": ACCOUNT, "client_id": "1234567890", "token_uri": endpoint.url,
        "universe_domain": "googleapis.com", "username": "monitor", "host": "imap.gmail.com", "scope": SCOPE,
    } | changes  # fmt: skip
    return {key: value for key, value in content.items() if value is not None}


def microsoft(endpoint: TokenEndpoint, signer: Signer, **changes: Any) -> dict[str, Any]:
    content = {
        "username": "monitor", "token_url": endpoint.url, "client_id": CLIENT_ID, "private_key": signer.pem,
        "certificate": signer.certificate, "scope": "https://outlook.office365.com/.default",
    } | changes  # fmt: skip
    return {key: value for key, value in content.items() if value is not None}


def fetch(content: dict[str, Any]) -> Token:
    return access_token(Credentials.from_object(content, source="x"), Deadline.after(20))


def test_service_account_speaks_for_the_user(endpoint: TokenEndpoint) -> None:
    """Signature, issuer, audience, scope and times are verified; a second run takes the token that is kept."""
    content = google(endpoint, endpoint.signer(ACCOUNT))
    first, second = fetch(content), fetch(content)
    assert (endpoint.refused, first.cached, second.cached) == ([], False, True)
    assert endpoint.requests[0].keys() == {"grant_type", "assertion"}
    other = fetch(content | {"username": "somebody"})
    assert not other.cached
    assert len(endpoint.issued) == 2


def test_certificate_stands_for_a_client_secret(endpoint: TokenEndpoint) -> None:
    """Each request has an assertion of its own; where both are given the secret stays at home."""
    content = microsoft(endpoint, endpoint.signer(CLIENT_ID), client_secret=CLIENT_SECRET)
    endpoint.lifetime = 0
    assert not fetch(content).cached
    assert not fetch(content).cached
    assert endpoint.refused == []
    assert len({request["client_assertion"] for request in endpoint.requests}) == 2
    assert CLIENT_SECRET not in json.dumps(endpoint.requests)


@pytest.mark.parametrize("spoil", ["key", "audience", "thumbprint", "expiry", "scope"])
def test_endpoint_really_verifies(endpoint: TokenEndpoint, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ours would take in any case proves nothing."""
    signer, other = endpoint.signer(CLIENT_ID), Signer(CLIENT_ID)
    content = microsoft(endpoint, signer)
    if spoil == "key":
        content |= {"private_key": other.pem, "certificate": other.certificate}
    elif spoil == "audience":
        endpoint.url += "x"
    elif spoil == "thumbprint":
        signer.thumbprint = other.thumbprint
    elif spoil == "expiry":
        monkeypatch.setattr(assertion, "_once", lambda: {"iat": 1_000_000_000, "exp": 1_000_000_600, "jti": "x"})
    else:
        endpoint.signers.clear()
        content = google(endpoint, endpoint.signer(ACCOUNT), scope="other")
    with pytest.raises(CredentialsError, match=r"invalid_(client|grant)"):
        fetch(content)
    assert len(endpoint.refused) == 1


@functools.cache
def keys() -> dict[str, str]:
    """Keys that RS256 cannot use."""
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    locked = Signer("x").key.private_bytes(*form, serialization.BestAvailableEncryption(b"canary"))
    return {
        "small": small.private_bytes(*form, serialization.NoEncryption()).decode(),
        "curve": curve.private_bytes(*form, serialization.NoEncryption()).decode(),
        "locked": locked.decode(),
        "cut": Signer("x").pem[:500],
        "text": "canary-text",
        "certificate": Signer("x").certificate,
        "empty": "",
    }


@pytest.mark.parametrize("name", ["small", "curve", "locked", "cut", "text", "certificate", "empty"])
def test_key_that_cannot_sign_is_named_and_not_shown(endpoint: TokenEndpoint, name: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        fetch(google(endpoint, endpoint.signer(ACCOUNT), private_key=keys()[name]))
    assert str(caught.value) == (
        "credentials: private_key: expected an RSA key in PEM of at least 2048 bits, without a passphrase"
    )
    assert endpoint.requests == []


def test_what_is_missing_is_named(endpoint: TokenEndpoint) -> None:
    signer = endpoint.signer(ACCOUNT)
    for content, says in (
        (google(endpoint, signer, private_key=None), "private_key: missing"),
        (google(endpoint, signer, scope=None), "scope: missing"),
        (google(endpoint, signer, token_uri="http://x.example/"), "token_uri: expected an https URL"),
        (microsoft(endpoint, signer, certificate=None), "certificate: missing"),
        (microsoft(endpoint, signer, private_key=None), "private_key: missing"),
        (microsoft(endpoint, signer, certificate="x"), "certificate: expected a certificate in PEM"),
        (microsoft(endpoint, signer, certificate=Signer("x").certificate), "it is not the one of private_key"),
        (microsoft(endpoint, signer, client_id=None), "client_id: missing"),
    ):
        with pytest.raises(CredentialsError, match=says) as caught:
            fetch(content)
        assert "BEGIN" not in str(caught.value)
    assert endpoint.requests == []


def test_line_ends_that_a_hand_wrote(endpoint: TokenEndpoint) -> None:
    r"""`\\n` in JSON instead of `\n`; PEM with CRLF."""
    signer = endpoint.signer(ACCOUNT)
    for old in (r"\n", "\r\n"):
        fetch(google(endpoint, signer, private_key=signer.pem.replace("\n", old)))
    assert endpoint.refused == []


def test_certificate_renews_a_refresh_token_too(endpoint: TokenEndpoint) -> None:
    content = microsoft(endpoint, endpoint.signer(CLIENT_ID), refresh_token=REFRESH_TOKEN)
    endpoint.misbehave = lambda handler: send(handler, 200, b'{"access_token": "t", "expires_in": 9}')
    fetch(content)
    assert endpoint.requests[0]["grant_type"] == "refresh_token"
    assert "client_assertion" in endpoint.requests[0]


def test_assertion_that_the_endpoint_repeats_is_not_shown(endpoint: TokenEndpoint) -> None:
    """Nor a piece of it as an error code."""
    signer = endpoint.signer(ACCOUNT)

    def echo(handler: Any) -> None:
        piece = endpoint.requests[-1]["assertion"][-50:]
        send(handler, 400, json.dumps({"error": piece, "error_description": piece}).encode())

    endpoint.misbehave = echo
    with pytest.raises(CredentialsError) as caught:
        fetch(google(endpoint, signer))
    assert endpoint.requests[-1]["assertion"][-50:] not in str(caught.value)
    assert "HTTP 400 without a token" in str(caught.value)


def test_others_load_no_cryptography() -> None:
    """It takes as long as all the rest together."""
    program = "import sys, imapcheck.login.oauth, imapcheck.check.run; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (timedelta(days=31, hours=1), None), (timedelta(days=29, hours=23), "expires in 29 days, on "),
        (timedelta(days=1, hours=1), "expires in 1 day, on "), (-timedelta(days=3, hours=1), "expired 3 days ago, on "),
    ],
)  # fmt: skip
def test_credentials_that_expire_soon_are_warned_of(
    define: Define, server_context: Any, left: timedelta, says: Any
) -> None:
    """From 30 days on, whatever it is that expires; the run stays what it is."""
    held = {"username": "alice", "password": "canary-pa55word", "expires_at": (NOW + left).isoformat()}
    with WireServer(tls=server_context) as server:
        result = run_check(define(server), Credentials.from_object(held, source="x"))
    found = [warning.detail for warning in result.warnings if warning.type == "credentials_expire_soon"]
    assert result.available
    assert found == [] if says is None else found[0].startswith(says)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-03-01", "2027-03-01T00:00:00+00:00"), ("2027-03-01T12:30:00Z", "2027-03-01T12:30:00+00:00"),
        ("2027-03-01T12:30", "2027-03-01T12:30:00+00:00"), ("2027-03-01T12:30:00+02:00", "2027-03-01T10:30:00+00:00"),
    ],
)  # fmt: skip
def test_date_or_time(text: str, moment: str) -> None:
    held = Credentials.from_object({"username": "u", "expires_at": text}, source="x")
    assert held.expires == datetime.fromisoformat(moment)


@pytest.mark.parametrize("text", ["soon", "", "2027-13-01", "01.03.2027", "0001-01-01T00:00:00+23:59", 20270301])
def test_no_date_is_refused(text: Any) -> None:
    with pytest.raises(CredentialsError, match=r"^x: "):
        Credentials.from_object({"username": "u", "expires_at": text}, source="x")
