"""The clean-up reaches its own messages whatever else is in the mailbox, and counts what really went."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.check.cleanup import date
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import REFERENCE, Action, Dialect, Exchange, reply

KEEPING = NEW_MESSAGE | {"keep_for": "1d"}
GMAIL = f"{REFERENCE} X-GM-EXT-1 MOVE"


def mail(check: str = "wire", subject: str = "IMAP testing") -> bytes:
    return f"From: alice@example.com\r\nSubject: {subject}\r\nX-Imapcheck: {check}\r\n\r\nHello.\r\n".encode()


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture
def store() -> MailStore:
    return MailStore({"INBOX": Box(), "Sent": Box(special="\\Sent"), "Bin": Box(special="\\Trash")})


@pytest.fixture
def clean(define: Define, credentials: Credentials, server_context: Any, store: MailStore) -> Callable[..., Any]:
    def run(
        script: dict[str, Action] | None = None, capabilities: str = REFERENCE, **fields: Any
    ) -> tuple[CheckResult, MailServer]:
        with MailServer(store, Dialect(capabilities=capabilities), script, tls=server_context) as server:
            return run_check(define(server, **{"new_message": KEEPING} | fields), credentials), server

    return run


def removed(result: CheckResult) -> int:
    assert result.available, result.failure
    assert result.new_message is not None
    return result.new_message.removed


@pytest.mark.parametrize("capabilities", [REFERENCE, f"{REFERENCE} WITHIN", GMAIL, "IMAP4rev1 AUTH=PLAIN UIDPLUS"])
@pytest.mark.parametrize("age", [30, 2.5, 1.5])
def test_ours_behind_thousands_of_others(
    clean: Callable[..., Any],
    store: MailStore,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: str,
    age: float,
) -> None:
    """More than one page of another check's mail under the same subject, older or younger, before ours and after."""
    # A server of ours, which is no database, shall take its time over five thousand messages.
    monkeypatch.setattr("imapcheck.check.steps.filing._CLEANUP_SECONDS", 60)
    sent = store["Sent"]
    for _ in range(4500):
        sent.put(mail("keeps-everything"), days_ago(age))
    ours = [sent.put(mail(), days_ago(3)) for _ in range(3)]
    for _ in range(500):
        sent.put(mail("keeps-everything"), days_ago(age))
    result, _ = clean(capabilities=capabilities, new_message=KEEPING | {"mailbox": "Sent"}, timeout=60)
    assert removed(result) == 3, result.step("cleanup")
    assert not set(ours) & set(sent.uids())
    assert len(sent.mails) == 5001


def test_younger_mail_of_others_before_ours_does_not_end_the_search(
    clean: Callable[..., Any], store: MailStore
) -> None:
    """UIDs and dates need not go together: mail that was copied or imported."""
    sent = store["Sent"]
    for _ in range(900):
        sent.put(mail("other"), days_ago(0.1))
    ours = sent.put(mail(), days_ago(3))
    result, _ = clean({"UID SEARCH#1": reply(b"* SEARCH", b"%t OK none")})
    assert removed(result) == 1
    assert ours not in sent.uids()


def test_ours_under_an_earlier_subject_go_too(clean: Callable[..., Any], store: MailStore) -> None:
    """The definition's subject may change; the header field does not."""
    ours = store["Sent"].put(mail(subject="another subject"), days_ago(3))
    result, server = clean()
    assert removed(result) == 1
    assert ours not in store["Sent"].uids()
    assert any(" HEADER X-Imapcheck wire" in command for command in server.commands)


def test_server_that_finds_no_header_fields_is_asked_by_subject(clean: Callable[..., Any], store: MailStore) -> None:
    """It answers OK and finds nothing, or NO."""
    for answer in (reply(b"* SEARCH", b"%t OK none"), reply(b"%t NO [BADCHARSET] no")):
        ours = store["Sent"].put(mail(), days_ago(3))
        result, _ = clean({"UID SEARCH#1": answer})
        assert removed(result) == 1
        assert ours not in store["Sent"].uids()


def test_dates_are_in_the_words_of_the_protocol() -> None:
    """RFC 9051 section 9, date-text: a day of one or two digits, and the months in English whatever the locale."""
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    assert [date(datetime(2026, number, 7, tzinfo=UTC)) for number in range(1, 13)] == [
        f"7-{month}-2026" for month in months
    ]
    assert date(datetime(2027, 1, 31, tzinfo=UTC)) == "31-Jan-2027"


@pytest.mark.parametrize(("capabilities", "key"), [(f"{REFERENCE} WITHIN", "OLDER 86400 "), (REFERENCE, "BEFORE ")])
def test_age_is_asked_in_seconds_where_the_server_can(clean: Callable[..., Any], capabilities: str, key: str) -> None:
    """OLDER (RFC 5032), else the days of BEFORE, two to spare."""
    _, server = clean(capabilities=capabilities)
    searches = [command for command in server.commands if command.startswith("UID SEARCH")]
    assert searches
    assert all(key in command for command in searches)


@pytest.mark.parametrize("gmail", [False, True])
@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (b"%t OK done", 0),
        (b"* 1 EXPUNGE\r\n%t OK done", 1),
        (b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n%t OK done", 2),
        (b"* VANISHED 1:2\r\n%t OK done", 2),
        (b"* VANISHED (EARLIER) 1,2\r\n%t OK done", 2),
        (b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n%t OK done", 3),
        (b"* 1 EXPUNGE\r\n%t NO [LIMIT] not more", 1),
        (b"%t NO no", 0),
    ],
)
def test_removed_is_what_was_expunged(
    clean: Callable[..., Any], store: MailStore, answer: bytes, count: int, gmail: bool
) -> None:
    """By the server's own words, however many were asked for."""
    for _ in range(3):
        store["Sent"].put(mail(), days_ago(3))
    command = "UID MOVE" if gmail else "UID EXPUNGE"
    result, _ = clean({command: reply(*answer.split(b"\r\n"))}, capabilities=GMAIL if gmail else REFERENCE)
    assert removed(result) == count
    step = result.step("cleanup")
    assert step is not None
    refusal = answer.partition(b"%t NO ")[2].decode()
    told = f"NO {refusal}" if refusal else "3 removed" if count == 3 else f"{count} of 3 removed"
    assert (step.status, step.detail) == ("refused" if refusal else "passed", told)


def test_clean_up_counts_for_no_time(clean: Callable[..., Any], store: MailStore) -> None:
    """However long it takes, it is our housekeeping."""
    import time

    store["Sent"].put(mail(), days_ago(3))

    def late(exchange: Exchange) -> bool:
        time.sleep(0.4)
        return True

    result, _ = clean({"UID EXPUNGE": late}, thresholds={"total": 350})
    step = result.step("cleanup")
    assert step is not None
    assert (step.duration_ms or 0) >= 400
    assert result.duration_ms < sum(entry.duration_ms or 0 for entry in result.steps) - 400 + 1
    assert removed(result) == 1


@pytest.mark.parametrize("days", [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330, 360])
def test_day_is_asked_for_in_the_protocols_words(clean: Callable[..., Any], days: int) -> None:
    """Two days to spare, the month by its English name whatever the locale; and nothing found is told as that."""
    asked = {datetime.now(UTC) - timedelta(days=days - 2)}
    result, server = clean(new_message=NEW_MESSAGE | {"keep_for": f"{days}d"})
    asked.add(datetime.now(UTC) - timedelta(days=days - 2))
    words = {f"BEFORE {day.day}-{day:%b}-{day.year} " for day in asked}
    searches = [command for command in server.commands if command.startswith("UID SEARCH") and "BEFORE" in command]
    assert len(searches) == 2
    assert all(any(word in command for word in words) for command in searches)
    step = result.step("cleanup")
    assert step is not None
    assert (step.status, step.detail) == ("passed", "nothing to remove")
