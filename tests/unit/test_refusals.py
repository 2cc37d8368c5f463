"""What a refusal means: the words of real servers, and others of the same class."""

import re

import pytest

from imapcheck.check import refusals
from imapcheck.check.refusals import Login, Words, is_mailbox_missing, is_over_quota, refused_login

DOWN = [
    "[ALERT] Too many simultaneous connections. (Failure)",
    "Too many simultaneous connections",
    "Too many concurrent connections to this mailbox",
    "Too many connections from your IP",
    "Too many sessions for this user",
    "Too many logins in progress",
    "Too many login attempts, please try again later. For more information, go to https://support.google.com/mail",
    "Too many users logged in",
    "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
    "maximum connections exceeded for this user",
    "Max sessions reached",
    "Connection limit reached",
    "session limit exceeded",
    "Server Unavailable. 15",
    "Server Unavailable. 21",
    "Temporary authentication failure.",
    "Temporary authentication failure. [mail1:2026-11-24 10:00:00]",
    "Authentication temporarily unavailable",
    "Account is temporarily unavailable.",
    "Internal error occurred. Refer to server log for more information. [2026-11-24 10:00:00]",
    "Internal login failure. Refer to server log for more information.",
    "internal server error (#IS6530)",
    "AUTHENTICATE Internal error",
    "LOGIN Server error - Please try again later",
    "failed: Could not connect to server",
    "failed: Could not determine server",
    "failed: Connection Negotiation Failure",
    "failed: TLS not present",
    "Login failed: Could not connect to server",
    "Temporary server problem, try again later",
    "Temporary problem, please try again later",
    "Login failed: generic failure",
    "remote authentication server unavailable",
    "transient failure (e.g., weak key)",
    "no memory available",
    "User is authenticated but not connected.",
    "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
    "system busy",
    "Server is overloaded, come back later",
    "The service is currently down for maintenance",
    "server shutting down",
    "Logins are currently disabled",
    "LDAP error",
    "LDAP server is down",
    "ldap: can't contact LDAP server",
    "Can't contact LDAP server",
    "SQL error",
    "Database error while looking up the user",
    "Unable to connect to the user database",
    "Cannot connect to MySQL",
    "could not contact authentication daemon",
    "could not look up user: backend timed out",
    "Backend lookup timed out",
    "Authentication timed out",
    "connection to auth backend refused",
    "Connection to backend failed",
    "Connection refused",
    "authentication service not responding",
    "authentication server failure",
    "Authentication failed due to server error",
    "Login failed: service unavailable",
    "Authentication failed: backend unavailable",
    "Authentication failed, server busy",
    "Login failed: too many connections",
    "No backend servers available",
    "no upstream",
    "Unable to authenticate at present",
    "Cannot process your login at this time",
    "out of memory",
    "Resource temporarily unavailable",
    "unexpected error",
    "Unknown error",
    "Rate limit exceeded",
    "Mailbox is locked by another session",
    "Account is being migrated, please retry in a few minutes",
    "Service not available",
    "Please retry later",
    "invalid response from authentication server; try again later",
]
WRONG = [
    "not today",
    "Invalid credentials (Failure)",
    "[ALERT] Invalid credentials (Failure)",
    "Authentication failed.",
    "authentication failure",
    "LOGIN failed.",
    "AUTHENTICATE failed.",
    "Login failed: authentication failure",
    "Login failed: user not found",
    "[CONTACTADMIN] account_expired",
    "Invalid user name or password.",
    "bad username or password",
    "Bad user name or password, please try again",
    "Incorrect username or password",
    "Invalid login/password for user id alice",
    "wrong password",
    "password incorrect",
    "Unknown user or bad password",
    "LOGIN Username/password incorrect",
    "LOGIN failed. Invalid login/password for user id bob",
    "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
    "[ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
    "[WEBALERT https://accounts.google.com/signin] Web login required.",
    "account disabled",
    "Account locked",
    "Account is disabled",
    "Your account has been locked",
    "Account temporarily locked, try again in 15 minutes",
    "Your account is temporarily disabled",
    "Your account has been temporarily suspended",
    "Access to your account has been temporarily restricted as we suspect it may have been hacked",
    "User account has been locked out due to too many failed logins",
    "Too many failed login attempts, try again later",
    "Too many invalid logon attempts.",
    "Too many authentication failures",
    "Too many login failures",
    "Invalid credentials, please try again later",
    "invalid password, server says goodbye",
    "failed: Re-Authentication Failure",
    "Login denied",
    "Permission denied",
    "Not authenticated",
    "Password expired",
    "LDAP authentication failed: invalid credentials",
    "Authentication failed. Please try again.",
    "IMAP access is disabled for your domain. Please contact your domain administrator",
    "The password you entered is wrong",
    "No such user",
]


@pytest.mark.parametrize("words", DOWN)
def test_login_service_that_is_down_in_words(words: str) -> None:
    """Whatever the server's way of saying it: nobody gets in, so the password was not judged."""
    code, text = split(words)
    assert refused_login(code, text) is Login.UNAVAILABLE


@pytest.mark.parametrize("words", WRONG)
def test_wrong_password_is_never_an_outage(words: str) -> None:
    """The name, the password or the account was refused, or nothing else was said."""
    code, text = split(words)
    assert refused_login(code, text) in (Login.REFUSED, Login.UNTOLD)


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, lambda words: words.replace(" ", "  ")])
@pytest.mark.parametrize(("cases", "is_down"), [(DOWN, True), (WRONG, False)])
def test_case_and_spacing_of_words_decide_nothing(cases: list[str], is_down: bool, change: object) -> None:
    """Servers shout, and some pad."""
    assert callable(change)
    verdicts = {refused_login(None, change(split(words)[1])) is Login.UNAVAILABLE for words in cases}
    assert verdicts == {is_down}


@pytest.mark.parametrize(
    ("code", "words", "verdict"),
    [
        ("UNAVAILABLE", "Invalid credentials", Login.UNAVAILABLE),
        ("SERVERBUG", "wrong password", Login.UNAVAILABLE),
        ("LIMIT", "LOGIN failed", Login.UNAVAILABLE),
        ("AUTHENTICATIONFAILED", "temporary problem, try again later", Login.REFUSED),
        ("AUTHORIZATIONFAILED", "server busy", Login.REFUSED),
        ("EXPIRED", "internal error", Login.REFUSED),
        ("PRIVACYREQUIRED", "server unavailable", Login.NEEDS_TLS),
        ("X-UNHEARD-OF", "server unavailable", Login.UNAVAILABLE),
        ("CONTACTADMIN", "internal error", Login.UNAVAILABLE),
    ],
)
def test_code_decides_before_words(code: str, words: str, verdict: Login) -> None:
    """RFC 5530 section 3; a code that says nothing about the reason leaves it to the words."""
    assert refused_login(code, words) is verdict


def rows(table: tuple[Words, ...]) -> list[Words]:
    return list(table)


@pytest.mark.parametrize("row", rows(refusals.LOGIN_UNAVAILABLE), ids=lambda row: row.said[:40])
def test_each_row_of_unavailable_knows_its_own_words(row: Words) -> None:
    """Its pattern matches, no refusal comes first, and it says where the words are from."""
    assert re.search(row.pattern, row.said.lower())
    assert refused_login(None, row.said) is Login.UNAVAILABLE
    assert row.source


@pytest.mark.parametrize("row", rows(refusals.LOGIN_REFUSED), ids=lambda row: row.said[:40])
def test_each_row_of_refused_knows_its_own_words(row: Words) -> None:
    """Likewise."""
    assert re.search(row.pattern, row.said.lower().replace("/", " "))
    assert refused_login(None, row.said) is not Login.UNAVAILABLE
    assert row.source


@pytest.mark.parametrize("row", rows(refusals.MAILBOX_MISSING), ids=lambda row: row.said[:40])
def test_each_row_of_missing_knows_its_own_words(row: Words) -> None:
    """A code that decides otherwise comes first."""
    assert re.search(row.pattern, row.said.lower())
    assert is_mailbox_missing(None, row.said) is True
    assert is_mailbox_missing("UNAVAILABLE", row.said) is False


@pytest.mark.parametrize(
    ("code", "words", "missing"),
    [
        ("NONEXISTENT", "EXAMINE failed", True),
        ("TRYCREATE", "who knows", True),
        (None, "Mailbox doesn't exist: Archive/2026", True),
        (None, "Mailbox does not exist", True),
        (None, "EXAMINE failed. No such mailbox.", True),
        (None, 'Folder "Archive" was not found', True),
        (None, "Unable to open this mailbox.", None),
        (None, "EXAMINE failed", None),
        ("ALERT", "not today", None),
        ("SERVERBUG", "Mailbox does not exist", False),
        ("NOPERM", "no such mailbox", False),
    ],
)
def test_missing_mailbox_by_code_by_words_or_in_doubt(code: str | None, words: str, missing: bool | None) -> None:
    """None leaves it to a LIST of the name."""
    assert is_mailbox_missing(code, words) is missing


@pytest.mark.parametrize(
    ("code", "words", "full"),
    [
        ("OVERQUOTA", "no", True),
        (None, "Quota exceeded", True),
        (None, "Over quota", True),
        (None, "Your quota has been exceeded", True),
        (None, "Mailbox is full", True),
        ("ALERT", "Mailbox is at 101% of quota: over quota", True),
        ("UNAVAILABLE", "cannot reach the quota service", False),
        ("SERVERBUG", "quota exceeded while crashing", False),
        (None, "cannot reach the quota service", False),
        (None, "not today", False),
    ],
)
def test_full_mailbox_by_code_or_by_words(code: str | None, words: str, full: bool) -> None:
    """`quota` alone says nothing: a quota service may be down."""
    assert is_over_quota(code, words) is full


def split(words: str) -> tuple[str | None, str]:
    """(response code, words)."""
    match = re.match(r"\[([A-Z-]+)[^\]]*\] (.*)", words)
    return (match[1], match[2]) if match else (None, words)
