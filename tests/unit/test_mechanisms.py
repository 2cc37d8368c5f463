"""SASL mechanisms octet by octet: initial responses, answers, and challenges that are not part of the exchange."""

import hmac

import pytest

from imapcheck.errors import CheckFailure, CredentialsError
from imapcheck.login.credentials import Credentials
from imapcheck.login.mechanisms import CramMd5, Login, OAuthBearer, Plain, XOAuth2, mechanism_for
from imapcheck.login.scram import Scram


def test_plain_is_one_message() -> None:
    """RFC 4616: no authorisation identity, UTF-8."""
    assert Plain("älice", "pä ss").initial == "\0älice\0pä ss".encode()


def test_login_answers_twice_in_order() -> None:
    """Whatever the prompts are; a third is not part of it."""
    login = Login("alice", "secret")
    assert login.initial is None
    assert [login.respond(b"Password:"), login.respond(b"")] == [b"alice", b"secret"]
    login.finish()
    with pytest.raises(CheckFailure, match="not part of LOGIN"):
        login.respond(b"again")


def test_login_that_was_not_asked_for_the_password_is_untested() -> None:
    """OK after the name alone proves nothing."""
    login = Login("alice", "secret")
    login.respond(b"Username:")
    with pytest.raises(CheckFailure, match="OK before it received any credentials"):
        login.finish()


def test_cram_md5_keys_a_digest_of_the_challenge() -> None:
    """RFC 2195 section 2, its own example."""
    cram = CramMd5("tim", "tanstaaftanstaaf")
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    assert cram.respond(challenge) == b"tim b913a602c7eda7a495b4e6e7334d3890"
    cram.finish()
    with pytest.raises(CheckFailure, match="not part of CRAM-MD5"):
        cram.respond(challenge)


def test_cram_md5_never_digests_nothing() -> None:
    """The digest of an empty challenge could be used again by whoever sees it."""
    cram = CramMd5("tim", "secret")
    with pytest.raises(CheckFailure, match="not part of CRAM-MD5") as raised:
        cram.respond(b"")
    assert hmac.new(b"secret", b"", "md5").hexdigest() not in raised.value.detail
    with pytest.raises(CheckFailure, match="OK before it received any credentials"):
        cram.finish()


def test_xoauth2_message_and_farewell() -> None:
    """Google's and Microsoft's form; an error challenge is answered by an empty line."""
    bearer = XOAuth2("alice@example.com", "t0k")
    assert bearer.initial == b"user=alice@example.com\1auth=Bearer t0k\1\1"
    assert bearer.respond(b'{"status": "401", "schemes": "bearer"}') == b""
    assert bearer.explain() == "status=401 schemes=bearer"


@pytest.mark.parametrize(
    ("username", "escaped"), [("alice", "alice"), ("a,b", "a=2Cb"), ("a=b", "a=3Db"), ("a=2C,", "a=3D2C=2C")]
)
def test_oauthbearer_message_and_farewell(username: str, escaped: str) -> None:
    """RFC 7628 section 3.1: name escaped as in RFC 5801, host and port; section 3.2.3: the answer is %x01."""
    bearer = OAuthBearer(username, "t0k", "mail.example", 993)
    wanted = f"n,a={escaped},\1host=mail.example\1port=993\1auth=Bearer t0k\1\1"
    assert bearer.initial == wanted.encode()
    assert bearer.respond(b'{"status": "invalid_token"}') == b"\1"
    assert bearer.explain() == "status=invalid_token"


@pytest.mark.parametrize(
    ("challenge", "explained"),
    [
        (b'{"status": 401, "scope": "mail", "error": "expired"}', "status=401 error=expired scope=mail"),
        (b'{"status": ["401"], "other": "x"}', None),
        (b'["status"]', None),
        (b"no JSON", None),
        (b"[" * 100_000, None),
        (b"\xff", None),
        (b"{}", None),
    ],
)
def test_what_an_error_challenge_says(challenge: bytes, explained: str | None) -> None:
    """Known members of the object and no others (RFC 7628 section 3.2.2)."""
    bearer = XOAuth2("a", "t")
    bearer.respond(challenge)
    assert bearer.explain() == explained


@pytest.mark.parametrize(
    ("authentication", "name"),
    [
        ("plain", "PLAIN"),
        ("login", "LOGIN"),
        ("cram-md5", "CRAM-MD5"),
        ("scram-sha-1", "SCRAM-SHA-1"),
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("xoauth2", "XOAUTH2"),
        ("oauthbearer", "OAUTHBEARER"),
    ],
)
def test_mechanism_of_each_authentication(authentication: str, name: str) -> None:
    """And all but the bearers need a password."""
    held = {"username": "alice", "password": "pw"}
    found = mechanism_for(authentication, Credentials.model_validate(held), "t0k", "h.example", 993)
    assert found.name == name
    if "AUTH" not in name:
        with pytest.raises(CredentialsError, match="password: missing"):
            mechanism_for(authentication, Credentials(username="alice"), None, "h.example", 993)


def test_scram_ends_after_the_servers_proof() -> None:
    """A fourth message is not part of it, and OK before the signature proves nothing."""
    scram = Scram("SCRAM-SHA-256", "alice", "pw")
    with pytest.raises(CheckFailure, match="no signature came"):
        scram.finish()
    scram.respond(b"r=" + (scram.initial or b"").split(b"r=")[1] + b"abc,s=c2FsdHNhbHRzYWx0,i=4096")
    assert scram.respond(b"e=invalid-proof") == b""
    assert scram.explain() == "invalid-proof"
    with pytest.raises(CheckFailure, match="challenge after challenge"):
        scram.respond(b"v=x")
    with pytest.raises(CheckFailure, match="no signature came"):
        scram.finish()


@pytest.mark.parametrize("count", ["0", "-1", "1000001", "99999999999999999999", "x", ""])
def test_scram_refuses_a_count_that_cannot_be(count: str) -> None:
    """It decides how long we compute."""
    scram = Scram("SCRAM-SHA-1", "alice", "pw")
    nonce = (scram.initial or b"").split(b"r=")[1] + b"abc"
    with pytest.raises(CheckFailure, match=r"an iteration count that cannot be|from 4096 to 1000000 are taken"):
        scram.respond(b"r=" + nonce + b",s=c2FsdHNhbHRzYWx0,i=" + count.encode())
