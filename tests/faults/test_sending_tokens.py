"""OAuth2 at the sending server: the token is fetched, kept, and renewed where a kept one is refused; mail goes once."""

import pytest

from imapcheck import Credentials, run_check
from imapcheck.login import oauth
from imapcheck.trace import Deadline
from support.certificates import Certificates
from support.round_trip import CREDENTIALS, World, world
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TokenEndpoint
from support.wire_server import Exchange


@pytest.fixture
def secret(endpoint: TokenEndpoint) -> Credentials:
    sender = {
        "username": "sender", "host": "localhost", "token_url": endpoint.url, "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
    }  # fmt: skip
    return CREDENTIALS.model_copy(update={"send": Credentials.from_object(sender, source="test")})


def newest_token_counts(there: World, endpoint: TokenEndpoint) -> None:
    """The server takes the token that was issued last, and no other."""

    def look(exchange: Exchange) -> bool:
        there.smtp.offer.token = endpoint.issued[-1]
        return True

    there.smtp.script["AUTH"] = look


@pytest.fixture
def way(certificates: Certificates) -> dict[str, object]:
    return {"tls": {"ca_file": str(certificates.ca)}, "authentication": "xoauth2"}


def test_token_is_fetched_and_the_message_goes(
    server_context: object, way: dict[str, object], endpoint: TokenEndpoint, secret: Credentials
) -> None:
    """As for the mailbox; its time is in no step."""
    with world(starttls=server_context) as there:
        newest_token_counts(there, endpoint)
        result = run_check(there.define(way), secret)
    assert result.available, result.failure
    assert len(endpoint.issued) == 1
    assert endpoint.issued[0] not in str(result.to_dict())


def test_kept_token_that_is_refused_is_renewed_once(
    server_context: object, way: dict[str, object], endpoint: TokenEndpoint, secret: Credentials
) -> None:
    """It may have been revoked; one message is sent, by the attempt that logged in."""
    assert secret.send is not None
    oauth.access_token(secret.send, Deadline.after(10))
    refused: list[bytes] = []

    def revoke(exchange: Exchange) -> bool:
        there.smtp.offer.token = endpoint.issued[-1] if refused else "another"
        refused.append(exchange.line)
        return True

    with world({"AUTH": revoke}, starttls=server_context) as there:
        result = run_check(there.define(way), secret)
    assert result.available, result.failure
    assert (result.attempts, len(endpoint.issued), len(there.smtp.received)) == (2, 2, 1)
    assert result.earlier_failures[0].step == "send_authenticate"


def test_new_token_that_is_refused_is_told_as_the_senders(
    server_context: object, way: dict[str, object], endpoint: TokenEndpoint, secret: Credentials
) -> None:
    """No second try, and the mailbox's login stays what it was."""
    with world(starttls=server_context) as there:
        result = run_check(there.define(way), secret)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type.value) == ("send_authenticate", "authentication_failed")
    assert result.attempts == 1
    assert "status=400" in result.failure.detail
    assert there.smtp.received == []
