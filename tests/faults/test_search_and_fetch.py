"""What the found message says: its age, its size, its way here; and hostile ones that say nonsense."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import Dialect, WireServer, hang, raw, reply

FRESH = {"subject": "needle", "max_age": "15m"}


def ago(**units: float) -> datetime:
    return datetime.now(UTC) - timedelta(**units)


def needle(sent: datetime | None = None, check: str = "wire") -> bytes:
    """A message of the check's own, dated `sent`."""
    date = f"Date: {format_datetime(sent)}\r\n" if sent else ""
    return f"Subject: needle\r\nX-Imapcheck: {check}\r\n{date}\r\nbody\r\n".encode()


@pytest.fixture
def inbox() -> Box:
    return Box()


@pytest.fixture
def find(define: Define, credentials: Credentials, server_context: Any, inbox: Box) -> Callable[..., CheckResult]:
    """Run a check that looks into `inbox`."""

    def run(**fields: Any) -> CheckResult:
        with MailServer(MailStore({"INBOX": inbox, "Sent": Box()}), tls=server_context) as server:
            return run_check(define(server, **{"search": FRESH} | fields), credentials)

    return run


def test_newest_match_within_max_age_is_available(find: Callable[..., CheckResult], inbox: Box) -> None:
    """INTERNALDATE decides, in whatever zone the server writes it."""
    inbox.put(needle(), ago(days=3))
    inbox.put(needle(), ago(minutes=5).astimezone(timezone(timedelta(hours=-11, minutes=-30))))
    result = find()
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.age_seconds == pytest.approx(300, abs=30)


def test_newest_match_that_is_too_old_is_said_so(find: Callable[..., CheckResult], inbox: Box) -> None:
    """`too_old` at fetch; the session goes on and files the message."""
    inbox.put(needle(), ago(minutes=20).astimezone(timezone(timedelta(hours=14))))
    result = find(new_message=NEW_MESSAGE)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type, result.failure.category) == ("fetch", "too_old", "content")
    assert result.search is not None
    assert result.search.age_seconds == pytest.approx(1200, abs=30)
    assert {step.name: step.status for step in result.steps}["append"] == "passed"


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(125.2, r"2 h 5 min ago, more than 15 min"), (15.2, r"9[0-4]\d s ago, more than 900 s")],
)
def test_age_is_told_as_finely_as_it_takes(
    find: Callable[..., CheckResult], inbox: Box, minutes: float, told: str
) -> None:
    """Never "15 min ago, more than 15 min"."""
    inbox.put(needle(), ago(minutes=minutes))
    failure = find().failure
    assert failure is not None
    assert re.fullmatch(f"the newest match arrived {told}", failure.detail), failure.detail


def test_age_is_never_negative(find: Callable[..., CheckResult], inbox: Box) -> None:
    """The server's clock is ahead of ours."""
    inbox.put(needle(), ago(hours=-2))
    result = find()
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.age_seconds == 0


def test_internal_date_is_not_asked_for_without_max_age(find: Callable[..., CheckResult], inbox: Box) -> None:
    """The reference FETCH stays as it is; the age is null."""
    inbox.put(needle(), ago(days=3))
    result = find(search="needle")
    assert result.available
    assert result.search is not None
    assert result.search.age_seconds is None
    assert any(line.endswith("UID FETCH 1 (BODY.PEEK[])") for line in result.transcript)


def dated(define: Define, credentials: Credentials, server_context: Any, date: bytes) -> CheckResult:
    """A check whose match says that it came at `date`."""
    fetch = raw(b"* 1 FETCH (UID 4 INTERNALDATE " + date + b" BODY[] {3}\r\nabc)\r\n%t OK done\r\n")
    with WireServer(script={"UID FETCH": fetch}, tls=server_context) as server:
        return run_check(define(server, search=FRESH), credentials)


@pytest.mark.parametrize(
    "date",
    [
        b"NIL",
        b'"nonsense"',
        b'"32-Foo-2026 99:99:99 +0000"',
        b'"23-Nov-2026 10:00:00"',
        b'"23-Nov-2026 09:00:00 +000440222"',
    ],
)
def test_internal_date_that_means_nothing_is_a_protocol_error(
    define: Define, credentials: Credentials, server_context: Any, date: bytes
) -> None:
    """Never an exception, and never an age made up."""
    result = dated(define, credentials, server_context, date)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "protocol_error")
    assert result.search is not None
    assert result.search.age_seconds is None


def test_first_day_of_all_is_an_age(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A date before any calendar of ours is old, and no exception."""
    result = dated(define, credentials, server_context, b'" 1-Jan-0001 00:00:00 +2359"')
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "too_old")


@pytest.mark.parametrize("date", [b'"31-Dec-9999 23:59:59 -2359"', b'"01-Jan-9999 00:00:00 +0000"'])
def test_internal_date_far_ahead_is_no_age(
    define: Define, credentials: Credentials, server_context: Any, date: bytes
) -> None:
    """Another clock's matter."""
    result = dated(define, credentials, server_context, date)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.age_seconds == 0


def test_delivery_is_timed_where_the_match_is_ours(find: Callable[..., CheckResult], inbox: Box) -> None:
    """From the message's Date to its INTERNALDATE."""
    sent = ago(minutes=5)
    inbox.put(needle(sent), sent + timedelta(seconds=42))
    result = find(new_message=NEW_MESSAGE)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.delivery_seconds == pytest.approx(42, abs=1)


def test_delivery_is_told_where_nothing_can_be_filed(
    define: Define, credentials: Credentials, server_context: Any, inbox: Box
) -> None:
    """No mailbox for sent mail: the message that came earlier has arrived all the same."""
    inbox.put(needle(ago(minutes=5)), ago(minutes=4))
    with MailServer(MailStore({"INBOX": inbox}), tls=server_context) as server:
        result = run_check(define(server, search=FRESH, new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("locate_sent", "mailbox_not_found")
    assert result.new_message is not None
    assert (result.new_message.mailbox, result.new_message.message_id) == (None, None)
    assert result.new_message.delivery_seconds == pytest.approx(60, abs=2)


@pytest.mark.parametrize("delivered", [False, True])
def test_no_new_message_is_no_object_of_nulls(find: Callable[..., CheckResult], inbox: Box, delivered: bool) -> None:
    """Nothing is filed, so nothing is said of it, even where an earlier message of ours is found."""
    inbox.put(needle(ago(minutes=5)), ago(minutes=4))
    result = find(**{} if delivered else {"search": None})
    assert result.available, result.failure
    assert result.to_dict()["new_message"] is None
    assert (result.search is None) is not delivered
    assert result.quota is None


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: needle\r\nX-Imapcheck: wire-2\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nx\r\n",
        b"Subject: needle\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nX-Imapcheck: wire\r\n",
        b"Subject: needle\r\nX-Imapcheck: \xff\xfe\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\nDate: \xff\xfe\r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\nDate: \r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\nDate: Mon, 99 Nov 99999 99:99:99 +9999\r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\nDate: Mon, 23 Nov 2026 09:00:00 +99999999999999\r\n\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck: wire\r\nDate: =?utf-8?q?x?=\r\n\r\nx\r\n",
        b"Subject: needle\r\n" + b"X-Imapcheck: wire\r\n" * 3000 + b"\r\nx\r\n",
        b"Subject: needle\r\nX-Imapcheck\r\n: :\r\n\r\nx\r\n",
    ],
)
def test_hostile_message_is_not_ours_and_does_no_harm(
    find: Callable[..., CheckResult], inbox: Box, message: bytes
) -> None:
    """Anybody can write to the watched mailbox: no header of theirs may upset the check."""
    inbox.put(message, ago(minutes=1))
    result = find(new_message=NEW_MESSAGE)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.delivery_seconds is None


def test_message_over_max_size_is_told_and_the_session_goes_on(find: Callable[..., CheckResult], inbox: Box) -> None:
    """`message_too_large`, with what was announced and what is accepted; the rest runs."""
    inbox.put(needle() + b"x" * 5000, ago(minutes=1))
    result = find(search={"subject": "needle", "max_size": 2000}, new_message=NEW_MESSAGE)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "message_too_large")
    assert "2000" in result.failure.detail
    assert {step.name: step.status for step in result.steps}["append"] == "passed"
    assert result.step("logout") is not None


def test_literal_of_two_gigabytes_is_refused_when_it_is_announced(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Nothing is waited for: the verdict comes with the announcement."""
    fetch = raw(b"* 1 FETCH (UID 4 BODY[] {2147483648}\r\n", then=hang)
    with WireServer(script={"UID FETCH": fetch}, tls=server_context) as server:
        result = run_check(define(server, search="x", timeout=5), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("fetch", "message_too_large")
    assert result.duration_ms < 2000


def test_fewer_than_min_matches_is_no_match(find: Callable[..., CheckResult], inbox: Box) -> None:
    """Two of three: both numbers are in the detail."""
    inbox.put(needle())
    inbox.put(needle())
    result = find(search={"subject": "needle", "min_matches": 3})
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("search", "no_match")
    assert result.failure.detail.startswith("2 found with ")
    assert result.failure.detail.endswith("at least 3 expected")
    assert result.search is not None
    assert result.search.matches == 2


def test_terms_in_every_field_are_all_required(find: Callable[..., CheckResult], inbox: Box) -> None:
    """Subject, from, to and text, by a server that really searches."""
    inbox.put(b"Subject: needle\r\nFrom: A <a@x.example>\r\nTo: b@y.example\r\n\r\nhay and straw\r\n", ago(seconds=9))
    inbox.put(b"Subject: needle\r\nFrom: A <a@x.example>\r\nTo: c@y.example\r\n\r\nhay and straw\r\n", ago(seconds=9))
    everything = {"subject": "needle", "from": "a@x", "to": "b@y.example", "text": ["hay", "straw"]}
    result = find(search=everything)
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (1, 1)


def test_first_run_of_a_delivery_check_finds_nothing_and_still_sends(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """`no_match`, then the server delivers, then available: a check that failed once recovers by itself."""
    store = MailStore({"INBOX": Box(), "Outbox": Box()})
    message = NEW_MESSAGE | {"to": ["alice@example.com"], "subject": "round trip", "mailbox": "Outbox"}
    with MailServer(store, Dialect(), {}, tls=server_context) as server:
        definition = define(server, search={"subject": "round trip", "max_age": "15m"}, new_message=message)
        first = run_check(definition, credentials)
        store["INBOX"].put(store["Outbox"].mails[0].octets)
        second = run_check(definition, credentials)
    assert first.failure is not None
    assert first.failure.type == "no_match"
    assert second.available, second.failure
    assert second.new_message is not None
    assert second.new_message.delivery_seconds is not None
    assert 0 <= second.new_message.delivery_seconds < 60


def test_search_with_modseq_and_gaps_counts_messages_not_ranges(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """A set of ten thousand in one range is ten thousand matches, and the last one is fetched."""
    script = {
        "UID SEARCH": reply(b'* ESEARCH (TAG "%t") UID ALL 1:9999,20000 MODSEQ 5', b"%t OK done"),
        "UID FETCH": raw(b"* 1 FETCH (UID 20000 BODY[] {3}\r\nabc)\r\n%t OK done\r\n"),
    }
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (10_000, 20_000)
    assert "UID FETCH 20000 (BODY.PEEK[])" in server.commands
