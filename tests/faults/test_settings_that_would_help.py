"""What a refusal means: a setting that would help, a trouble that passes, a full mailbox, a login that wants TLS."""

from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.check.refusals import LoginAnswer, is_over_quota, refused_login
from support.wire_server import REFERENCE, Dialect, WireServer, reply

FULL: dict[str, Any] = {"search": "x", "new_message": NEW_MESSAGE}
COMMANDS = ("EXAMINE", "UID SEARCH", "UID FETCH", "APPEND")


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "words",
    [
        b"%t NO EXAMINE Unsafe Login. Please contact kefu@188.com for help",
        b"%t BAD unsafe login",
        b"%t NO please send ID command first",
        b"%t NO client without ID command (RFC 2971)",
    ],
)
def test_server_that_wants_to_know_its_clients(
    define: Define, credentials: Credentials, server_context: Any, command: str, words: bytes
) -> None:
    """NetEase: nothing but `identify` helps, and nobody finds it."""
    for identify in (False, True):
        with WireServer(script={command: reply(words)}, tls=server_context) as server:
            result = run_check(define(server, identify=identify, **FULL), credentials)
        assert failed(result)[1] == "command_rejected"
        assert result.failure is not None
        assert ("set identify: true" in result.failure.detail) is not identify
        assert ("identify: true" in result.failure.advice) is not identify


@pytest.mark.parametrize(
    ("capabilities", "hint"),
    [
        ("IMAP4rev1 AUTH=XOAUTH AUTH=XOAUTH2 AUTH=EXTERNAL", True),
        ("IMAP4rev1 AUTH=GSSAPI AUTH=OAUTHBEARER", True),
        ("IMAP4rev1", True),
        ("IMAP4rev1 AUTH=LOGIN", True),
        ("IMAP4rev1 AUTH=LOGIN AUTH=XOAUTH2", True),
        ("IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED", False),
        ("IMAP4rev1 AUTH=CRAM-MD5 AUTH=XOAUTH2", False),
        ("IMAP4rev1 AUTH=SCRAM-SHA-256", False),
    ],
)
def test_login_is_named_where_no_mechanism_takes_a_password(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str, hint: bool
) -> None:
    """Aliyun offers XOAUTH, XOAUTH2 and EXTERNAL, and takes LOGIN."""
    with WireServer(Dialect(capabilities), tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert failed(result) == ("authenticate", "mechanism_not_offered")
    assert result.failure is not None
    assert ("set authentication: login" in result.failure.detail) is hint
    token = Credentials.model_validate({"username": "alice", "access_token": "canary-token"})
    if "XOAUTH2" not in capabilities:
        with WireServer(Dialect(capabilities), tls=server_context) as server:
            result = run_check(define(server, authentication="xoauth2"), token)
        assert result.failure is not None
        assert "set authentication: login" not in result.failure.detail, "there is no password to log in with"


@pytest.mark.parametrize(
    ("command", "words", "attempts"),
    [
        ("EXAMINE", b"%t NO [UNAVAILABLE] user is authenticated but not connected", 2),
        ("EXAMINE", b"%t NO User is authenticated but not connected.", 2),
        ("EXAMINE", b"%t NO [INUSE] mailbox in use", 2),
        ("EXAMINE", b"%t BAD internal server error", 2),
        ("UID SEARCH", b"%t NO [SERVERBUG] broken", 2),
        ("UID FETCH", b"%t NO temporary failure", 2),
        ("LIST", b"%t NO try again later", 2),
        ("APPEND LITERAL", b"%t NO [UNAVAILABLE] try again later", 2),
        ("APPEND", b"%t NO [UNAVAILABLE] try again later", 1),
        ("EXAMINE", b"%t NO [NOPERM] no", 1),
        ("EXAMINE", b"%t NO not today", 1),
        ("UID FETCH", b"%t NO [CLIENTBUG] what", 1),
    ],
)
def test_passing_refusal_after_the_login_is_tried_again(
    define: Define, credentials: Credentials, server_context: Any, command: str, words: bytes, attempts: int
) -> None:
    """`retries` is for what may be gone a second later; never once a message has gone out."""
    with WireServer(script={command: reply(words)}, tls=server_context) as server:
        result = run_check(define(server, retries=1, **FULL), credentials)
    assert not result.available
    assert (result.attempts, server.connections) == (attempts, attempts)
    assert len(result.earlier_failures) == attempts - 1


@pytest.mark.parametrize(
    "words",
    [
        "The 1500 MB storage limit has been exceeded.",
        "Mailbox size limit exceeded",
        "Mailbox limit reached",
        "Exceeded storage allocation",
        "mailbox has exceeded its storage limit",
        "Message would exceed maximum mailbox size",
        "would exceed the mailbox's size limit",
        "Out of disk space",
        "out of storage space",
        "Not enough storage",
        "Not enough free disk space available",
        "insufficient system storage",
        "Disk full",
        "Storage exhausted",
        "Your mail storage is full",
        "account size limit reached",
        "Account storage limit of 1 GB reached",
        "Space limit exceeded",
        "Mailbox space exhausted",
    ],
)
def test_full_mailbox_in_other_words(words: str) -> None:
    """GroupWise (offlineimap 29), and others of the class."""
    assert is_over_quota(None, words)
    assert is_over_quota(None, words.upper())


@pytest.mark.parametrize(
    "words",
    [
        "Message size exceeds the limit",
        "message exceeds maximum message size",
        "The message is too large for this mailbox",
        "Message size limit of mailbox exceeded",
        "Rate limit exceeded",
        "Too many connections: limit reached",
        "mailbox is locked",
        "invalid mailbox name",
        "time limit exceeded",
    ],
)
def test_other_limits_are_no_full_mailbox(words: str) -> None:
    """Of the message, of the rate, of time."""
    assert not is_over_quota(None, words)


@pytest.mark.parametrize(
    "words",
    [
        "cleartext logins disabled",
        "Cleartext login is disabled",
        "clear text authentication not allowed",
        "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
        "plain-text passwords are not permitted",
        "LOGIN disabled without TLS",
        "Login only available under a layer",
        "authentication requires encryption",
        "TLS required",
        "Must issue a STARTTLS command first",
        "Please use SSL",
        "Please enable TLS",
    ],
)
def test_login_that_is_refused_for_want_of_tls(words: str) -> None:
    """Zimbra's words, and others of the class: neither the password nor the login service is to blame."""
    assert refused_login(None, words) is LoginAnswer.NEEDS_TLS


@pytest.mark.parametrize(
    "words",
    ["account disabled", "application-specific password required", "Login failed", "LOGIN disabled for user"],
)
def test_login_that_is_refused_otherwise(words: str) -> None:
    """The control."""
    assert refused_login(None, words) is not LoginAnswer.NEEDS_TLS


def test_zimbra_is_mechanism_not_offered(define: Define, credentials: Credentials, server_context: Any) -> None:
    """In a session."""
    script = {"AUTHENTICATE": reply(b"%t NO cleartext logins disabled")}
    with WireServer(Dialect(REFERENCE), script, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert failed(result) == ("authenticate", "mechanism_not_offered")
