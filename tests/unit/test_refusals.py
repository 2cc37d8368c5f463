"""What a refusal means: the words of real servers, and others of the same class."""

import re
from pathlib import Path

import pytest

from imapcheck.check import refusal_words
from imapcheck.check.refusal_words import Words
from imapcheck.check.refusals import LoginAnswer, is_mailbox_missing, is_over_quota, refused_login

DATA = Path(__file__).parents[1] / "data"
DOWN = (DATA / "login-unavailable.txt").read_text(encoding="utf-8").splitlines()
WRONG = (DATA / "login-refused.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("words", DOWN)
def test_login_service_that_is_down_in_words(words: str) -> None:
    """Whatever the server's way of saying it: nobody gets in, so the password was not judged."""
    code, text = split(words)
    assert refused_login(code, text) is LoginAnswer.UNAVAILABLE


@pytest.mark.parametrize("words", WRONG)
def test_wrong_password_is_never_an_outage(words: str) -> None:
    """The name, the password or the account was refused, or nothing else was said."""
    code, text = split(words)
    assert refused_login(code, text) in (LoginAnswer.REFUSED, LoginAnswer.UNCLEAR)


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, lambda words: words.replace(" ", "  ")])
@pytest.mark.parametrize(("cases", "is_down"), [(DOWN, True), (WRONG, False)])
def test_case_and_spacing_of_words_decide_nothing(cases: list[str], is_down: bool, change: object) -> None:
    """Servers shout, and some pad."""
    assert callable(change)
    verdicts = {refused_login(None, change(split(words)[1])) is LoginAnswer.UNAVAILABLE for words in cases}
    assert verdicts == {is_down}


@pytest.mark.parametrize(
    ("code", "words", "verdict"),
    [
        ("UNAVAILABLE", "Invalid credentials", LoginAnswer.UNAVAILABLE),
        ("SERVERBUG", "wrong password", LoginAnswer.UNAVAILABLE),
        ("LIMIT", "LOGIN failed", LoginAnswer.UNAVAILABLE),
        ("AUTHENTICATIONFAILED", "temporary problem, try again later", LoginAnswer.REFUSED),
        ("AUTHORIZATIONFAILED", "server busy", LoginAnswer.REFUSED),
        ("EXPIRED", "internal error", LoginAnswer.REFUSED),
        ("PRIVACYREQUIRED", "server unavailable", LoginAnswer.NEEDS_TLS),
        ("X-UNHEARD-OF", "server unavailable", LoginAnswer.UNAVAILABLE),
        ("CONTACTADMIN", "internal error", LoginAnswer.UNAVAILABLE),
    ],
)
def test_code_decides_before_words(code: str, words: str, verdict: LoginAnswer) -> None:
    """RFC 5530 section 3; a code that says nothing about the reason leaves it to the words."""
    assert refused_login(code, words) is verdict


def rows(table: tuple[Words, ...]) -> list[Words]:
    return list(table)


@pytest.mark.parametrize("row", rows(refusal_words.LOGIN_UNAVAILABLE), ids=lambda row: row.said[:40])
def test_each_row_of_unavailable_knows_its_own_words(row: Words) -> None:
    """Its pattern matches, no refusal comes first, and it says where the words are from."""
    assert re.search(row.pattern, row.said.lower())
    assert refused_login(None, row.said) is LoginAnswer.UNAVAILABLE
    assert row.source


@pytest.mark.parametrize("row", rows(refusal_words.LOGIN_REFUSED), ids=lambda row: row.said[:40])
def test_each_row_of_refused_knows_its_own_words(row: Words) -> None:
    """Likewise."""
    assert re.search(row.pattern, row.said.lower().replace("/", " "))
    assert refused_login(None, row.said) is not LoginAnswer.UNAVAILABLE
    assert row.source


@pytest.mark.parametrize("row", rows(refusal_words.MAILBOX_MISSING), ids=lambda row: row.said[:40])
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
