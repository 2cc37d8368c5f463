"""What a refusal means: the response code decides, and where there is none the words that real servers use.

A code of RFC 5530 or RFC 9051 section 7.1 says it for certain. Many servers send none, or one that says nothing
about the reason (`ALERT`, `CONTACTADMIN`), and put it into words: `check.refusal_words` is the table of those.
"""

import functools
import re
from enum import Enum, auto

from imapcheck.check.refusal_words import (
    LOGIN_REFUSED,
    LOGIN_UNAVAILABLE,
    MAILBOX_MISSING,
    OVER_QUOTA,
    Words,
)
from imapcheck.check.tls_words import LOGIN_NEEDS_TLS


class LoginAnswer(Enum):
    """What the refusal of a login says about it."""

    REFUSED = auto()
    UNAVAILABLE = auto()
    NEEDS_TLS = auto()
    UNCLEAR = auto()


_LOGIN_BY_CODE = {
    **dict.fromkeys(("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "NOPERM"), LoginAnswer.REFUSED),
    **dict.fromkeys(
        ("UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "THROTTLED", "TEMPFAIL", "CORRUPTION"), LoginAnswer.UNAVAILABLE
    ),
    "PRIVACYREQUIRED": LoginAnswer.NEEDS_TLS,
}
_MISSING_CODES = {"NONEXISTENT", "TRYCREATE"}
_DECIDING_CODES = {
    *_LOGIN_BY_CODE, *_MISSING_CODES, "OVERQUOTA", "CANNOT", "CLIENTBUG", "READ-ONLY", "TOOBIG", "EXPUNGEISSUED",
    "ALREADYEXISTS", "BADCHARSET", "PARSE", "HASCHILDREN", "USEATTR", "UNKNOWN-CTE",
}  # fmt: skip


_MOST_CHARACTERS = 400


@functools.cache
def _any_of(rows: tuple[Words, ...]) -> re.Pattern[str]:
    """Compiled when a refusal is first read: a cold start that goes well never pays for it."""
    return re.compile("|".join(f"(?:{row.pattern})" for row in rows))


def refused_login(code: str | None, words: str) -> LoginAnswer:
    """What a refused login was refused for; `UNCLEAR` where neither code nor words say it."""
    if (told := _LOGIN_BY_CODE.get(code or "")) is not None:
        return told
    plain = _plain(words)
    if _any_of(LOGIN_NEEDS_TLS).search(plain):
        return LoginAnswer.NEEDS_TLS
    if _any_of(LOGIN_REFUSED).search(plain):
        return LoginAnswer.REFUSED
    return LoginAnswer.UNAVAILABLE if _any_of(LOGIN_UNAVAILABLE).search(plain) else LoginAnswer.UNCLEAR


def is_passing(code: str | None, words: str) -> bool:
    """Whether a command after the login was refused for a trouble that may pass, such as a back end that is away."""
    return refused_login(code, words) is LoginAnswer.UNAVAILABLE


def is_mailbox_missing(code: str | None, words: str) -> bool | None:
    """Whether a mailbox was refused because there is none; None where a LIST of its name must tell."""
    if code in _MISSING_CODES:
        return True
    if code in _DECIDING_CODES:
        return False
    return True if _any_of(MAILBOX_MISSING).search(_plain(words)) else None


def is_over_quota(code: str | None, words: str) -> bool:
    """Whether a message was refused because the mailbox is full; servers older than RFC 5530 say it in words only."""
    if code in _DECIDING_CODES:
        return code == "OVERQUOTA"
    return _any_of(OVER_QUOTA).search(_plain(words)) is not None


def _plain(words: str) -> str:
    """Lower case, one space between words, typographic apostrophes as they are typed; bounded."""
    return re.sub(r"[\s_]+", " ", words[:_MOST_CHARACTERS].replace("’", "'")).lower()
