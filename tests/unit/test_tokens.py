"""Access tokens: when one is kept, when it is fetched anew, what is asked for, and what no answer may show."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Define
from imapcheck import Credentials, run_check
from imapcheck.errors import CredentialsError
from imapcheck.login.oauth import Token, access_token
from imapcheck.trace import Deadline
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TokenEndpoint, send
from support.wire_server import Dialect, WireServer, reply

type Fetch = Callable[..., Token]


@pytest.fixture
def fetch(endpoint: TokenEndpoint) -> Fetch:
    """The access token of a secret for our endpoint, with changes."""

    def get(**changes: Any) -> Token:
        held = {
            "username": "alice", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        } | changes  # fmt: skip
        return access_token(Credentials.model_validate(held), Deadline.after(10))

    return get


def answer(endpoint: TokenEndpoint, status: int = 200, **content: Any) -> None:
    """What the endpoint says from now on."""
    endpoint.misbehave = lambda handler: send(handler, status, json.dumps(content).encode())


def test_token_is_kept_until_shortly_before_it_expires(endpoint: TokenEndpoint, fetch: Fetch) -> None:
    """One request for many runs."""
    first, second = fetch(), fetch()
    assert (first.cached, second.cached) == (False, True)
    assert first.value == second.value
    assert first.milliseconds is not None
    assert second.milliseconds is None
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("lifetime", "kept"),
    [(600, True), (61, True), (60, False), (0, False), (-1, False), (None, False), ("600", True), ("soon", False),
     ([600], False), (1e400, True)],
)  # fmt: skip
def test_lifetime_decides_whether_it_is_kept(endpoint: TokenEndpoint, fetch: Fetch, lifetime: Any, kept: bool) -> None:
    """A minute is left for the run itself; without a lifetime nothing is kept (RFC 6749 section 5.1)."""
    answer(endpoint, access_token="t0ken", expires_in=lifetime)
    fetch()
    assert fetch().cached is kept


@pytest.mark.parametrize(
    "change",
    [
        {"username": "bob"},
        {"client_secret": "another-canary"},
        {"refresh_token": "another-refresh"},
        {"scope": "mail"},
        {"client_id": "another"},
    ],
)
def test_another_secret_gets_another_token(endpoint: TokenEndpoint, fetch: Fetch, change: dict[str, str]) -> None:
    """A rotated refresh token or another scope never uses what the old one got."""
    answer(endpoint, access_token="t0ken", expires_in=600)
    fetch()
    assert not fetch(**change).cached
    assert fetch(**change).cached


@pytest.mark.parametrize(
    "code", [CLIENT_SECRET, REFRESH_TOKEN, "prefix-" + CLIENT_SECRET, CLIENT_SECRET[3:12], "x" * 61]
)
def test_error_code_that_is_a_secret_is_not_told(endpoint: TokenEndpoint, fetch: Fetch, code: str) -> None:
    """An endpoint that answers what it was sent."""
    answer(endpoint, 400, error=code)
    with pytest.raises(CredentialsError, match="HTTP 400 without a token") as raised:
        fetch(refresh_token=REFRESH_TOKEN)
    assert code not in str(raised.value)


def test_error_code_is_told(endpoint: TokenEndpoint, fetch: Fetch) -> None:
    """RFC 6749 section 5.2's own words say what to do."""
    answer(endpoint, 400, error="invalid_grant")
    with pytest.raises(CredentialsError, match=r"it refused with invalid_grant \(HTTP 400\)"):
        fetch()


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([7000222], ", AADSTS7000222: the client_secret has expired"),
        ([7000215], ", AADSTS7000215: wrong client_secret"),
        ([53003], ", AADSTS53003: blocked by Conditional Access"),
        ([65001], "nobody has consented"),
        ([50076, 50079, 1234567, 8], "; AADSTS1234567"),
        ([], "(HTTP 400)"),
        ("7000222", "(HTTP 400)"),
        ([True, "x", -1, 10**9, 1.5, None, [7000222]], "(HTTP 400)"),
        (None, "(HTTP 400)"),
    ],
)
def test_numbers_of_microsoft_are_told_with_what_they_mean(
    endpoint: TokenEndpoint, fetch: Fetch, numbers: Any, words: str
) -> None:
    """An expired secret, a wrong one and Conditional Access are one word in OAuth's own language."""
    answer(endpoint, 400, error="invalid_client", error_codes=numbers)
    with pytest.raises(CredentialsError) as raised:
        fetch()
    assert f"it refused with invalid_client (HTTP 400){words if words.startswith(',') else ''}" in str(raised.value)
    assert words in str(raised.value)
    assert str(raised.value).endswith("(HTTP 400)") == (words == "(HTTP 400)")


def test_number_that_stands_in_a_secret_is_not_told(endpoint: TokenEndpoint, fetch: Fetch) -> None:
    """An endpoint that answers what it was sent."""
    answer(endpoint, 400, error="invalid_client", error_codes=[47114711])
    with pytest.raises(CredentialsError) as raised:
        fetch(client_secret="canary-47114711")
    assert "4711" not in str(raised.value)


@pytest.mark.parametrize("token", ["", "two words", "tökens", 5, None, "a\r\nb"])
def test_what_is_no_token(endpoint: TokenEndpoint, fetch: Fetch, token: Any) -> None:
    """Nothing that would be sent as something else."""
    answer(endpoint, access_token=token, expires_in=600)
    with pytest.raises(CredentialsError, match="HTTP 200 without a token"):
        fetch()


def test_query_of_the_endpoint_arrives(endpoint: TokenEndpoint, fetch: Fetch) -> None:
    """Azure AD B2C names its policy there."""
    paths: list[str] = []

    def note(handler: Any) -> None:
        paths.append(handler.path)
        send(handler, 200, json.dumps({"access_token": "t"}).encode())

    endpoint.misbehave = note
    fetch(token_url=endpoint.url + "?p=b2c_policy&x=1")
    fetch(token_url=endpoint.url.removesuffix("/token"))
    assert paths == ["/token?p=b2c_policy&x=1", "/"]


@pytest.mark.parametrize(
    "url",
    ["http://localhost/", "https://", "https://user@localhost/", "https://localhost/ü", "https://local host/", "x",
     "https://localhost:99999/"],
)  # fmt: skip
def test_what_is_no_endpoint(fetch: Fetch, url: str) -> None:
    """https, a host, no user information, ASCII."""
    with pytest.raises(CredentialsError, match="token_url: expected an https URL without user information"):
        fetch(token_url=url)


def test_tenant_is_one_part_of_microsofts_url(monkeypatch: pytest.MonkeyPatch, fetch: Fetch) -> None:
    """Whatever stands in `tenant_id`, it changes neither host nor path."""
    asked: list[Any] = []

    def post(endpoint: Any, form: bytes, *_: Any) -> tuple[int, bytes]:
        asked.append(endpoint)
        return 200, b'{"access_token": "t"}'

    monkeypatch.setattr("imapcheck.login.oauth._post", post)
    fetch(token_url=None, tenant_id="a/b?c#d@e")
    fetch(token_url=None, tenant_id="contoso.example")
    assert [tuple(endpoint) for endpoint in asked] == [
        ("login.microsoftonline.com", 443, "/a%2Fb%3Fc%23d%40e/oauth2/v2.0/token"),
        ("login.microsoftonline.com", 443, "/contoso.example/oauth2/v2.0/token"),
    ]


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({}, {"grant_type": "client_credentials", "client_secret": CLIENT_SECRET}),
        ({"scope": "mail x"}, {"grant_type": "client_credentials", "client_secret": CLIENT_SECRET, "scope": "mail x"}),
        (
            {"refresh_token": REFRESH_TOKEN, "client_secret": None},
            {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN},
        ),
        (
            {"refresh_token": REFRESH_TOKEN},
            {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "client_secret": CLIENT_SECRET},
        ),
    ],
)
def test_what_is_asked_for(
    endpoint: TokenEndpoint, fetch: Fetch, changes: dict[str, Any], sent: dict[str, str]
) -> None:
    """The refresh-token grant where there is one, else client credentials (RFC 6749 sections 4.4.2 and 6)."""
    fetch(**changes)
    assert endpoint.requests == [{"client_id": CLIENT_ID, **sent}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": None}, "client_id: missing"),
        ({"client_secret": None}, "client_secret: missing"),
        ({"token_url": None}, "access_token, token_url or tenant_id: missing"),
    ],
)
def test_what_is_missing_is_named(fetch: Fetch, changes: dict[str, Any], words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(CredentialsError, match=words):
        fetch(**changes)


def test_given_token_is_taken_as_it_is(endpoint: TokenEndpoint, fetch: Fetch) -> None:
    """Nothing is fetched."""
    assert fetch(access_token="mine") == Token("mine", None, cached=False)
    assert endpoint.requests == []


def test_endpoint_nobody_vouches_for_is_told_as_that(
    endpoint: TokenEndpoint, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to it, and the reason is the certificate."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(CredentialsError, match="token endpoint localhost: certificate_untrusted: the server's cert"):
        fetch()
    assert endpoint.requests == []


def test_refused_token_is_fetched_anew_once_and_then_kept_no_longer(
    define: Define, endpoint: TokenEndpoint, server_context: Any
) -> None:
    """A revoked one costs a second attempt in the same run; a new one that is refused too is dropped as well."""
    held = Credentials.model_validate(
        {"username": "alice", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    )
    dialect = Dialect(capabilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2")
    answer(endpoint, access_token="t0ken-canary", expires_in=600)
    with WireServer(dialect, {"AUTHENTICATE": reply(b"%t NO [AUTHENTICATIONFAILED] no")}, tls=server_context) as server:
        definition = define(server, authentication="xoauth2")
        results = [run_check(definition, held) for _ in range(2)]
        assert [result.attempts for result in results] == [1, 1]
        assert len(endpoint.requests) == 2
        access_token(held, Deadline.after(10))  # kept again, as when a run went well
        result = run_check(definition, held)
    assert result.attempts == 2
    assert [failure.type.value for failure in result.earlier_failures] == ["authentication_failed"]
    assert len(endpoint.requests) == 4
    assert not access_token(held, Deadline.after(10)).cached
