"""OAuth2 logins on Dovecot with tokens from a real HTTPS token endpoint of ours."""

import json
import time
from typing import Any

import pytest

from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.errors import CredentialsError
from imapcheck.login import oauth
from imapcheck.trace import Deadline
from support import token_endpoint as endpoints
from support.certificates import Certificates
from support.dovecot import Dovecot, bearer_token
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TokenEndpoint

pytestmark = pytest.mark.server
SECRETS = (CLIENT_SECRET, REFRESH_TOKEN)


@pytest.fixture
def definition(dovecot: Dovecot, certificates: Certificates) -> CheckDefinition:
    return CheckDefinition.model_validate(
        {
            "name": "oauth",
            "server": f"imaps://localhost:{dovecot.imaps}",
            "authentication": "xoauth2",
            "tls": {"ca_file": str(certificates.ca)},
            "timeout": 5,
        }
    )


def secret(endpoint: TokenEndpoint, **fields: Any) -> Credentials:
    base = {"username": "monitor", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return Credentials.model_validate({key: value for key, value in (base | fields).items() if value is not None})


def quiet(result: CheckResult, endpoint: TokenEndpoint) -> None:
    shown = json.dumps(result.to_dict())
    assert not any(value in shown for value in (*SECRETS, *endpoint.issued))


@pytest.mark.parametrize("authentication", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize(
    ("fields", "grant"),
    [
        ({"scope": "mail"}, "client_credentials"),
        ({"refresh_token": REFRESH_TOKEN, "client_secret": None}, "refresh_token"),
    ],
)
def test_grant_fetches_a_token_that_logs_in(
    definition: CheckDefinition, endpoint: TokenEndpoint, authentication: str, fields: dict[str, Any], grant: str
) -> None:
    """Both grants, both mechanisms; the time it took is told apart, and the next run takes the cached token."""
    definition = definition.model_copy(update={"authentication": authentication})
    first = run_check(definition, secret(endpoint, **fields))
    second = run_check(definition, secret(endpoint, **fields))
    for result in (first, second):
        assert result.available, result.failure
        quiet(result, endpoint)
    assert [request["grant_type"] for request in endpoint.requests] == [grant]
    assert first.token_ms is not None
    assert first.token_ms > 0
    assert second.token_ms is None
    assert endpoint.requests[0].get("scope") == fields.get("scope")


def test_token_is_fetched_anew_shortly_before_it_expires(definition: CheckDefinition, endpoint: TokenEndpoint) -> None:
    """A token that lives for less than a minute is not kept."""
    endpoint.lifetime = 50
    for _ in range(2):
        assert run_check(definition, secret(endpoint)).available
    assert len(endpoint.requests) == 2


def test_revoked_token_is_fetched_anew_at_once(
    definition: CheckDefinition, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cached token that the server refuses costs one more login, not an outage."""
    credentials = secret(endpoint)
    monkeypatch.setattr(oauth, "_cache", {oauth._key(credentials): (bearer_token("monitor", -600), time.time() + 600)})
    result = run_check(definition, credentials)
    assert result.available, result.failure
    assert result.attempts == 2
    assert [failure.type for failure in result.earlier_failures] == ["authentication_failed"]


@pytest.mark.parametrize("token", [bearer_token("monitor", -600), bearer_token("nobody"), "garbage"])
def test_refused_token_is_a_refused_login(definition: CheckDefinition, token: str) -> None:
    """Expired, somebody else's, garbage: told with what the server's challenge said."""
    result = run_check(definition, Credentials.model_validate({"username": "monitor", "access_token": token}))
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert token not in json.dumps(result.to_dict())


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (endpoints.hang, "timeout"),
        (endpoints.drip, "timeout"),
        (endpoints.redirect, "HTTP 307 without a token"),
        (endpoints.html, "HTTP 200 without a token"),
        (endpoints.unavailable, "HTTP 503 without a token"),
        (endpoints.endless, "HTTP 200 without a token"),
        (endpoints.close, "no HTTP answer"),
    ],
)
def test_token_endpoint_that_misbehaves_is_a_credentials_error(
    definition: CheckDefinition, endpoint: TokenEndpoint, misbehave: Any, words: str
) -> None:
    """In time, naming the endpoint, never an outage of the mail server."""
    endpoint.misbehave = misbehave
    started = time.monotonic()
    with pytest.raises(CredentialsError) as raised:
        run_check(definition, secret(endpoint), deadline=started + 1)
    assert time.monotonic() - started < 10
    assert "token endpoint localhost" in str(raised.value)
    assert words in str(raised.value)
    assert not any(value in str(raised.value) for value in SECRETS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"client_id": "another"}, "it refused with invalid_client (HTTP 401)"),
        ({"client_secret": "wrong-canary"}, "it refused with invalid_client (HTTP 401)"),
        ({"refresh_token": "wrong-canary"}, "it refused with invalid_grant (HTTP 400)"),
        ({"client_id": None}, "client_id: missing"),
        ({"client_secret": None}, "client_secret: missing"),
        ({"token_url": None}, "token_url or tenant_id: missing"),
        ({"token_url": "http://localhost/token"}, "token_url: expected an https URL"),
        ({"token_url": "https://u:p@localhost/token"}, "token_url: expected an https URL"),
        ({"token_url": "https://localhost:1/token"}, "connection_refused"),
        ({"token_url": "https://nowhere.invalid/token"}, "name_not_resolved"),
    ],
)
def test_refused_or_incomplete_client_is_an_error_that_names_the_field_or_code(
    definition: CheckDefinition, endpoint: TokenEndpoint, fields: dict[str, Any], words: str
) -> None:
    """Never a value."""
    with pytest.raises(CredentialsError) as raised:
        run_check(definition, secret(endpoint, **fields))
    assert words in str(raised.value)
    assert "canary" not in str(raised.value)


def test_endpoint_with_an_untrusted_certificate_gets_no_secret(
    definition: CheckDefinition, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always verified; and inside Lambda never on a local address."""
    with pytest.raises(CredentialsError, match="loopback"):
        oauth.access_token(secret(endpoint), Deadline.after(2), refuse_local_addresses=True)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(CredentialsError, match="certificate_untrusted"):
        run_check(definition, secret(endpoint))
    assert endpoint.requests == []


def test_tenant_means_microsofts_endpoint() -> None:
    """`tenant_id` alone is enough for Microsoft 365."""
    credentials = Credentials.model_validate({"username": "u", "tenant_id": "contoso.example", "client_id": "c"})
    assert oauth._endpoint(credentials) == ("login.microsoftonline.com", 443, "/contoso.example/oauth2/v2.0/token")
