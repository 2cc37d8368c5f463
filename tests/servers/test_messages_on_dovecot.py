"""Messages on Dovecot: a week of clean-up beside other people's mail, deliveries, ages, a password that changes."""

import email
import email.policy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.check.message import Draft
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.mailbox_probe import Probe

pytestmark = pytest.mark.server

KEEPING = NEW_MESSAGE | {"keep_for": "1d"}


@pytest.fixture
def check(dovecot: Dovecot, certificates: Certificates) -> Callable[..., CheckResult]:
    """Run a check named `week` as `monitor`, or as who is named."""

    def run(username: str = "monitor", password: str = PASSWORD, **fields: Any) -> CheckResult:
        server = f"imaps://localhost:{dovecot.imaps}"
        data = {"name": "week", "server": server, "tls": {"ca_file": str(certificates.ca)}, **fields}
        secret = {"username": username, "password": password, "host": "localhost"}
        return run_check(CheckDefinition.model_validate(data), Credentials.model_validate(secret))

    return run


@pytest.fixture
def bystander(dovecot: Dovecot, certificates: Certificates) -> Iterator[Probe]:
    """Somebody else's mailbox on the same server."""
    connection = Probe("localhost", dovecot.imaps, str(certificates.ca), "bystander", PASSWORD)
    for mailbox in ("INBOX", "Sent"):
        connection.empty(mailbox)
    yield connection
    connection.close()


def filed(check: str, when: datetime, **fields: Any) -> bytes:
    """The very message that a run of `check` would have filed at `when`."""
    definition = CheckDefinition.model_validate({"server": "localhost", "new_message": NEW_MESSAGE | fields})
    assert definition.new_message is not None
    return Draft(definition.new_message, check).dated(when).octets


def test_hundred_runs_over_a_week_leave_exactly_what_should_be_left(
    check: Callable[..., CheckResult], probe: Probe, bystander: Probe
) -> None:
    """Ours of the last day; another check's, the user's own and their deletions, and a bystander's: all of them."""
    now = datetime.now(UTC)
    probe.put("Sent", b"Subject: IMAP testing, said the user\r\n\r\nx\r\n", now - timedelta(days=6))
    probe.put("Sent", b"Subject: gone\r\n\r\nx\r\n", now - timedelta(days=6), (b"\\Deleted",))
    probe.put("INBOX", filed("week", now - timedelta(days=6)), now - timedelta(days=6))
    for hours in range(0, 168, 12):
        when = now - timedelta(hours=hours)
        bystander.put("Sent", filed("week", when), when)
        probe.put("Sent", filed("weekend", when), when, (b"\\Seen",))
    others, beside = probe.snapshot(), bystander.snapshot()
    recent = 0
    for number in range(100):
        when = now - timedelta(days=7) + timedelta(hours=1.68 * number)
        probe.put("Sent", filed("week", when), when)
        recent += when > now - timedelta(days=1)
        if number % 10 == 9:
            result = check(new_message=KEEPING)
            assert result.available, result.failure
    after = probe.snapshot()
    for mailbox, messages in others.items():
        assert {uid: after[mailbox].get(uid) for uid in messages} == messages
    left = after["Sent"].keys() - others["Sent"].keys()
    assert len(left) == recent + 10
    assert after.keys() == others.keys()
    assert after["INBOX"] == others["INBOX"]
    assert bystander.snapshot() == beside


def test_full_mailbox_loses_nothing(
    check: Callable[..., CheckResult], dovecot: Dovecot, certificates: Certificates
) -> None:
    """Over quota: `over_quota` at append, and the clean-up is not reached."""
    connection = Probe("localhost", dovecot.imaps, str(certificates.ca), "full", PASSWORD)
    before = connection.snapshot()
    result = check(username="full", new_message=KEEPING | {"message": "x" * 5000})
    after = connection.snapshot()
    connection.close()
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("append", "over_quota")
    step = result.step("cleanup")
    assert step is not None
    assert (step.status, step.detail) == ("skipped", "not reached")
    assert after == before


def test_delivery_check_recovers_by_itself_and_times_the_way(check: Callable[..., CheckResult], probe: Probe) -> None:
    """First `no_match`, and the message is filed; once it is delivered, its way is timed."""
    definition = {
        "search": {"subject": "round trip", "max_age": "15m"},
        "new_message": NEW_MESSAGE | {"subject": "round trip", "to": ["monitor@example.com"]},
    }
    first = check(**definition)
    assert first.failure is not None
    assert first.failure.type == "no_match"
    [message] = probe.snapshot()["Sent"].values()
    probe.put("INBOX", message.octets, datetime.now(UTC) + timedelta(seconds=7))
    second = check(**definition)
    assert second.available, second.failure
    assert second.search is not None
    assert second.search.age_seconds is not None
    assert second.new_message is not None
    assert second.new_message.delivery_seconds == pytest.approx(7, abs=3)


@pytest.mark.parametrize(
    ("minutes", "type"), [(5, None), (14, None), (16, "too_old"), (3 * 24 * 60, "too_old"), (-90, None)]
)
def test_age_is_decided_by_internal_date(
    check: Callable[..., CheckResult], probe: Probe, minutes: int, type: str | None
) -> None:
    """Whatever the day is in the server's zone; a clock that is ahead makes no negative age."""
    probe.put("INBOX", b"Subject: fresh news\r\n\r\nx\r\n", datetime.now(UTC) - timedelta(minutes=minutes))
    before = probe.snapshot()
    result = check(search={"subject": "fresh news", "max_age": "15m"})
    assert (result.failure.type if result.failure else None) == type
    assert result.search is not None
    assert result.search.age_seconds == pytest.approx(max(minutes, 0) * 60, abs=30)
    assert probe.snapshot() == before


def test_search_in_other_fields_and_mailboxes(check: Callable[..., CheckResult], probe: Probe) -> None:
    """The object form, in a mailbox whose name is not ASCII and in one found by its special use."""
    message = (
        "From: Zoë <zoe@example.com>\r\nTo: b@example.com\r\nSubject: =?utf-8?q?=E9=80=9A=E7=9F=A5?=\r\n\r\nhay\r\n"
    )
    probe.create("Entwürfe 通知")
    probe.put("Entwürfe 通知", message.encode())
    probe.put("Trash", message.encode())
    asked = {"subject": "通知", "from": "zoe@example.com", "to": "b@example.com", "text": "hay"}
    for mailbox in ("Entwürfe 通知", "\\Trash"):
        result = check(search=asked | {"mailbox": mailbox})
        assert result.available, result.failure
        assert result.search is not None
        assert result.search.matches == 1
    probe.empty("Trash")
    probe.delete("Entwürfe 通知")


def test_password_that_changes_is_noticed_at_once(
    certificates: Certificates,
) -> None:
    """The old one is refused, the new one lets in, without a restart of anything."""
    with Dovecot(certificates) as server:
        definition = CheckDefinition.model_validate(
            {"server": f"localhost:{server.imaps}", "tls": {"ca_file": str(certificates.ca)}}
        )
        old, new = (
            Credentials.model_validate({"username": "monitor", "password": word}) for word in (PASSWORD, "changed ✓")
        )
        assert run_check(definition, old).available
        server.change_password("monitor", "changed ✓")
        refused = run_check(definition, old)
        assert refused.failure is not None
        assert refused.failure.type == "authentication_failed"
        assert run_check(definition, new).available


def test_message_arrives_to_the_octet_in_every_script(check: Callable[..., CheckResult], probe: Probe) -> None:
    """Subjects and names by RFC 2047, bodies in UTF-8 with long lines and lines of a single dot."""
    text = "Grüße ✓\n.\n" + "x" * 2000 + "\n" + "通知 " * 300 + "\n"
    asked = {
        "from": "Zoë Ünal <zoe@example.com>",
        "to": ['"Müller, Jörg" <j@example.com>', "b@example.com"],
        "cc": ["通知 <c@example.com>"],
        "bcc": ["d@example.com"],
        "subject": "Prüfung: 通知 " + "lang " * 40 + "!",
        "message": text,
    }
    result = check(new_message=asked)
    assert result.available, result.failure
    [stored] = probe.snapshot()["Sent"].values()
    parsed = email.message_from_bytes(stored.octets, policy=email.policy.default)
    assert parsed.get_content().replace("\r\n", "\n") == text
    assert parsed["Subject"] == asked["subject"]
    assert [str(address) for address in parsed["To"].addresses] == ['"Müller, Jörg" <j@example.com>', "b@example.com"]
    assert parsed["Bcc"] == "d@example.com"
    assert max(len(line) for line in stored.octets.split(b"\r\n")) <= 998
    assert stored.octets.isascii()
    assert result.new_message is not None
    assert parsed["Message-ID"] == result.new_message.message_id
    assert not stored.flags
