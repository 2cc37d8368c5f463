"""Credentials: what is refused before anything is sent, what no error shows, and for which host they are."""

from typing import Any

import pytest
from pydantic import ValidationError

from conftest import Define
from imapcheck import Credentials, run_check
from imapcheck.errors import CredentialsError
from support.wire_server import Dialect, WireServer

EVERY = {
    "username": "alice", "password": "p-canary", "host": "h.example", "access_token": "a-canary", "client_id": "c",
    "client_secret": "s-canary", "token_url": "https://t.example/", "tenant_id": "t", "scope": "x",
    "refresh_token": "r-canary", "private_key": "k-canary", "private_key_id": "i", "certificate": "c",
    "client_email": "e",
    "token_uri": "https://t.example/", "expires_at": "2027-03-01",
}  # fmt: skip


def test_every_secret_is_held_back() -> None:
    """All five of them are redacted, and a new one of any of them ends a login pause."""
    assert set(Credentials.model_validate(EVERY).secret_values()) == {
        "p-canary", "a-canary", "s-canary", "r-canary", "k-canary",
    }  # fmt: skip
    assert Credentials(username="a").secret_values() == ()


@pytest.mark.parametrize("field", EVERY)
@pytest.mark.parametrize("char", ["\0", "\ud800"])
def test_what_no_login_can_carry_is_refused(field: str, char: str) -> None:
    """NUL ends a field of PLAIN's message; half a surrogate pair has no octets. The field is named, nothing shown."""
    with pytest.raises(CredentialsError, match=f"^secret x: {field} holds a character") as raised:
        Credentials.from_object(EVERY | {field: f"canary{char}tail"}, source="secret x")
    assert "canary" not in str(raised.value)


def test_empty_user_name_is_refused() -> None:
    """Nobody is called that."""
    with pytest.raises(CredentialsError, match="username is empty"):
        Credentials.from_object({"username": "", "password": "x"}, source="secret x")


@pytest.mark.parametrize("data", [{"username": 1, "password": "canary"}, {"username": "a", "password": ["canary"]}])
def test_validation_error_shows_no_value(data: dict[str, Any]) -> None:
    """Also to whoever calls the model directly."""
    with pytest.raises(ValidationError) as raised:
        Credentials.model_validate(data)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_empty_password_is_never_sent(
    define: Define, server_context: Any, password: str | None, authentication: str
) -> None:
    """A directory takes an empty one for "unauthenticated bind" (RFC 4513 section 5.1.2) and says OK: a false green."""
    held = Credentials.model_validate({"username": "alice", "password": password})
    with WireServer(tls=server_context) as server:
        with pytest.raises(CredentialsError, match="password: missing"):
            run_check(define(server, authentication=authentication), held)
        assert server.connections == 0


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "LocalHost."])
def test_host_in_any_spelling_is_the_same_host(define: Define, server_context: Any, host: str) -> None:
    """Whoever wrote the secret did not copy the definition's spelling."""
    held = Credentials.model_validate({"username": "alice", "password": "canary-pa55word", "host": host})
    with WireServer(tls=server_context) as server:
        assert run_check(define(server), held).available


@pytest.mark.parametrize(
    "host", ["ocalhost", "xlocalhost", "mail.localhost", "localhost.example", "127.0.0.1", "", "not a host"]
)
def test_credentials_go_to_no_other_host(define: Define, server_context: Any, host: str) -> None:
    """Not to one whose name ends or begins alike, nor to its address."""
    held = Credentials.model_validate({"username": "alice", "password": "canary-pa55word", "host": host})
    with WireServer(tls=server_context) as server:
        with pytest.raises(CredentialsError, match="made for host"):
            run_check(define(server), held)
        assert server.connections == 0


def test_host_of_an_address_with_brackets(define: Define, server_context: Any) -> None:
    """IPv6 with or without them."""
    held = Credentials.model_validate({"username": "alice", "password": "canary-pa55word", "host": "[::1]"})
    with WireServer(tls=server_context, host="::1") as server:
        assert run_check(define(server), held).available


@pytest.mark.parametrize("host", ["u:password@h", "alice:canary-pa55word@localhost", "imaps://a:other@h.example/"])
def test_host_with_a_user_part_is_not_shown(define: Define, server_context: Any, host: str) -> None:
    """Whoever put a URL there may have put another password in it."""
    held = Credentials.model_validate({"username": "alice", "password": "canary-pa55word", "host": host})
    with WireServer(tls=server_context) as server:
        with pytest.raises(CredentialsError, match="made for host text with an @, the definition's server") as raised:
            run_check(define(server), held)
        assert server.connections == 0
    assert host not in str(raised.value)


@pytest.mark.parametrize("host", ["canary-pa55word", "h.example/canary%2Dpa55word", "CANARY-PA55WORD.example"])
def test_secret_in_the_wrong_field_is_not_shown(define: Define, server_context: Any, host: str) -> None:
    """Fields get mixed up."""
    held = Credentials.model_validate({"username": "alice", "password": "canary-pa55word", "host": host})
    with (
        WireServer(tls=server_context) as server,
        pytest.raises(CredentialsError, match=r"made for host '.*\*{8}") as raised,
    ):
        run_check(define(server), held)
    assert "pa55word" not in str(raised.value).casefold()


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("Host", "host"),
        ("HOST", "host"),
        (" host", "host"),
        ("Password", "password"),
        ("Access_Token ", "access_token"),
    ],
)
def test_misspelled_key_is_refused(key: str, field: str) -> None:
    """`Host` ignored would be credentials for any host. The key and the field are named, no value."""
    with pytest.raises(CredentialsError) as raised:
        Credentials.from_object({"username": "alice", "password": "canary", key: "canary"}, source="secret x")
    assert str(raised.value) == f"secret x: found the key {key!r}, expected {field!r}"


def test_other_keys_are_ignored() -> None:
    """A secret may serve more than this check."""
    held = Credentials.from_object({"username": "a", "Port": 993, "engine": "x", "hosts": "y"}, source="secret x")
    assert held.model_dump() == Credentials(username="a").model_dump()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"username": "a", "pass": "canary"}, '; found "pass": did you mean "password"?'),
        ({"username": "a", "passwort": "canary"}, '; found "passwort": did you mean "password"?'),
        ({"username": "a", "canary": "x"}, ""),
    ],
)
def test_password_under_another_name(data: dict[str, Any], words: str) -> None:
    """It is named where a password is needed, and not before: a token may be all that is wanted."""
    credentials = Credentials.from_object(data, source="x")
    with pytest.raises(CredentialsError) as refused:
        credentials.require_password()
    assert str(refused.value) == f"credentials: password: missing{words}; this authentication needs one"


@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("padded", [" right", "right\n", "right\t"])
def test_refused_password_with_white_space_at_its_ends(
    define: Define, server_context: Any, mechanism: str, padded: str
) -> None:
    """Said where the login is refused, and shown nowhere; one that is accepted is nobody's business."""
    for secret, hinted in ((padded, True), ("wrong", False)):
        with WireServer(Dialect(password="right"), tls=server_context) as server:
            given = Credentials.model_validate({"username": "alice", "password": secret})
            result = run_check(define(server, authentication=mechanism), given)
        assert result.failure is not None
        assert result.failure.type == "authentication_failed"
        assert ("(the password begins or ends with white space)" in result.failure.detail) is hinted
    with WireServer(Dialect(password="right "), tls=server_context) as server:
        given = Credentials.model_validate({"username": "alice", "password": "right "})
        assert run_check(define(server, authentication=mechanism), given).available


@pytest.mark.parametrize(
    ("username", "password", "words"),
    [
        ("alice\n", "wrong", "the user name begins or ends with white space"),
        (" alice", "wrong", "the user name begins or ends with white space"),
        ("alice\r\n", "wrong ", "white space; the password begins or ends with white space"),
        ("al\u200bice", "wrong", "the user name holds an invisible character, U+200B"),
        ("alice", "wr\ufeffong", "the password holds an invisible character, U+FEFF"),
        ("alice", "wr\u00a0ong", "the password holds an invisible character, U+00A0"),
        ("alice", "wr\u2028ong", "the password holds an invisible character, U+2028"),
        ("alice", "wr\x07ong", "the password holds an invisible character, U+0007"),
        ("al\u00adice", "wrong", "the user name holds an invisible character, U+00AD"),
        ("alice", "wrong", ""),
        ("alice", "wr ong", ""),
        ("ali\u00e7e", "wr\u00f6ng", ""),
    ],
)
def test_what_is_hard_to_see_in_refused_credentials_is_told(
    define: Define, server_context: Any, username: str, password: str, words: str
) -> None:
    """echo without -n, a paste from a web page, Kubernetes: by what it is, and nothing else of them is shown."""
    with WireServer(Dialect(), tls=server_context) as server:
        result = run_check(define(server), Credentials.model_validate({"username": username, "password": password}))
    assert result.failure is not None
    assert result.failure.type == "authentication_failed"
    assert words in result.failure.detail
    assert ("white space" in result.failure.detail or "invisible" in result.failure.detail) is bool(words)
