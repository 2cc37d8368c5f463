"""Clean-up on servers with real mailboxes: a check's own older messages go, and provably nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import REFERENCE, Action, Dialect, close, garbage, hang, no, reply

KEEPING = NEW_MESSAGE | {"keep_for": "1d"}
GMAIL = f"{REFERENCE} X-GM-EXT-1 MOVE"


def ours(check: str = "wire", subject: str = "IMAP testing") -> bytes:
    """A message as a check of that name files it."""
    return f"From: alice@example.com\r\nSubject: {subject}\r\nX-Imapcheck: {check}\r\n\r\nHello.\r\n".encode()


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture
def store() -> MailStore:
    """A sent mailbox as it grows: ours old and new, a bystander's, the user's own, and a deletion of theirs."""
    sent = Box(special="\\Sent")
    sent.put(ours(), days_ago(3))
    sent.put(ours(), days_ago(1.01))
    sent.put(ours(), days_ago(0.9))
    sent.put(ours("wire-2"), days_ago(3))
    sent.put(ours("WIRE"), days_ago(3))
    sent.put(b"Subject: IMAP testing\r\n\r\nX-Imapcheck: wire\r\n", days_ago(3))
    sent.put(b"Subject: Re: IMAP testing\r\nX-Imapcheck: wire, wire-2\r\n\r\nx\r\n", days_ago(3))
    sent.put(b"Subject: mine\r\n\r\nx\r\n", days_ago(300), ["\\Deleted"])
    inbox = Box()
    inbox.put(ours(), days_ago(3))
    return MailStore({"INBOX": inbox, "Sent": sent, "Bin": Box(special="\\Trash")})


OURS_OLD = {1, 2}


@pytest.fixture
def clean(define: Define, credentials: Credentials, server_context: Any, store: MailStore) -> Callable[..., Any]:
    """Run a check that keeps messages for a day; returns its result and the server."""

    def run(
        script: dict[str, Action] | None = None, capabilities: str = REFERENCE, **fields: Any
    ) -> tuple[CheckResult, MailServer]:
        with MailServer(store, Dialect(capabilities=capabilities), script, tls=server_context) as server:
            return run_check(define(server, **{"new_message": KEEPING} | fields), credentials), server

    return run


def lost(before: dict[str, dict[int, Any]], store: MailStore) -> dict[str, set[int]]:
    """UIDs that went, by mailbox; that nothing else changed is asserted."""
    after = store.snapshot()
    for name, mails in before.items():
        for uid, mail in mails.items():
            assert after[name].get(uid, mail) == mail, f"{name} {uid} changed"
    return {name: gone for name, mails in before.items() if (gone := mails.keys() - after[name].keys())}


def status_of(result: CheckResult) -> tuple[str, str | None]:
    step = result.step("cleanup")
    assert step is not None
    return step.status, step.detail


def test_own_older_messages_go_and_nothing_else(clean: Callable[..., Any], store: MailStore) -> None:
    """Not the bystander's with the same subject, not the user's, not the user's own deletion."""
    before = store.snapshot()
    result, server = clean()
    assert result.available, result.failure
    assert lost(before, store) == {"Sent": OURS_OLD}
    assert len(store["Sent"].mails) == len(before["Sent"]) - 2 + 1
    assert result.new_message is not None
    assert result.new_message.removed == 2
    names = [command.split(" ")[0] for command in server.commands]
    assert not {"EXPUNGE", "CLOSE"} & set(names)
    assert server.commands[-3:] == ["UID STORE 1:2 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1:2", "LOGOUT"]
    assert "SELECT INBOX" not in server.commands


def test_two_checks_leave_each_other_alone(clean: Callable[..., Any], store: MailStore) -> None:
    """The bystander's run removes the bystander's message only."""
    before = store.snapshot()
    result, _ = clean(name="wire-2")
    assert result.available, result.failure
    assert lost(before, store) == {"Sent": {4}}


def test_nothing_is_sent_without_keep_for(clean: Callable[..., Any], store: MailStore) -> None:
    """Without `keep_for` there is no such step and no such command."""
    before = store.snapshot()
    result, server = clean(new_message=NEW_MESSAGE)
    assert result.step("cleanup") is None
    assert lost(before, store) == {}
    assert not any(command.startswith(("SELECT", "UID")) for command in server.commands)


def test_without_uidplus_nothing_is_removed(clean: Callable[..., Any], store: MailStore) -> None:
    """A bare EXPUNGE would take the user's own deletions along."""
    before = store.snapshot()
    result, server = clean(capabilities=REFERENCE.replace(" UIDPLUS", ""))
    assert result.available, result.failure
    assert status_of(result) == ("skipped", "server does not offer UIDPLUS")
    assert lost(before, store) == {}
    assert not any(command.startswith(("SELECT", "UID")) for command in server.commands)


def test_gmail_moves_them_to_the_trash(clean: Callable[..., Any], store: MailStore) -> None:
    """Expunging only archives there (X-GM-EXT-1)."""
    before = store.snapshot()
    result, server = clean(capabilities=GMAIL)
    assert result.available, result.failure
    assert lost(before, store) == {"Sent": OURS_OLD}
    assert len(store["Bin"].mails) == 2
    assert server.commands[-2] == "UID MOVE 1:2 Bin"


def test_gmail_without_a_trash_removes_nothing(clean: Callable[..., Any], store: MailStore) -> None:
    """Nowhere to move them to: they stay, and the step says so."""
    del store["Bin"]
    before = store.snapshot()
    result, _ = clean(capabilities=GMAIL)
    assert result.available
    assert status_of(result)[0] == "skipped"
    assert "\\Trash" in (status_of(result)[1] or "")
    assert lost(before, store) == {}


def test_read_only_sent_mailbox_is_left_as_it_is(clean: Callable[..., Any], store: MailStore) -> None:
    """SELECT that is answered READ-ONLY ends the clean-up."""
    store["Sent"].read_only = True
    before = store.snapshot()
    result, server = clean()
    assert result.available
    assert status_of(result)[0] == "refused"
    assert lost(before, store) == {}
    assert not any(command.startswith("UID STORE") for command in server.commands)


@pytest.mark.parametrize("command", ["SELECT", "UID SEARCH", "UID FETCH", "UID STORE"])
@pytest.mark.parametrize("fault", [no, reply(b"%t BAD what"), reply(b"%t NO [LIMIT] later")])
def test_refused_command_loses_nothing(
    clean: Callable[..., Any], store: MailStore, command: str, fault: Action
) -> None:
    """The run stays available, the step is refused in the server's words, every message is there."""
    before = store.snapshot()
    result, server = clean({command: fault})
    assert result.available, result.failure
    assert status_of(result)[0] == "refused"
    assert lost(before, store) == {}
    assert server.commands[-1] == "LOGOUT"


@pytest.mark.parametrize("command", ["SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "UID EXPUNGE"])
@pytest.mark.parametrize("fault", [close, garbage, hang, reply(b"* BYE going down", then=close)])
def test_broken_connection_in_the_clean_up_is_no_outage(
    clean: Callable[..., Any], store: MailStore, command: str, fault: Action
) -> None:
    """All that the check asks of the server had passed; the clean-up never makes it unavailable."""
    before = store.snapshot()
    result, _ = clean({command: fault}, timeout=1)
    assert result.available, result.failure
    assert status_of(result)[0] == "refused"
    assert result.new_message is not None
    assert result.new_message.removed == 0
    after = store.snapshot()
    assert {name: mails.keys() for name, mails in before.items()} == {
        name: mails.keys() - ({9} if name == "Sent" else set()) for name, mails in after.items()
    }


@pytest.mark.parametrize(
    "answer",
    [
        b'* ESEARCH (TAG "%t") UID ALL 1:8',
        b'* ESEARCH (TAG "%t") UID ALL 8,7,6:1,1:3',
        b'* ESEARCH (TAG "%t") UID ALL 1:4294967295',
        b"* SEARCH 8 7 6 5 4 3 2 1 1 1",
        b"* SEARCH 4000000000 1 2",
    ],
)
def test_search_that_lies_only_proposes(clean: Callable[..., Any], store: MailStore, answer: bytes) -> None:
    """Whatever the search says, the header and the date of each message decide."""
    before = store.snapshot()
    result, _ = clean({"UID SEARCH": reply(answer, b"%t OK done")})
    assert result.available, result.failure
    assert lost(before, store) == {"Sent": OURS_OLD}


def test_messages_that_were_not_asked_for_are_not_removed(clean: Callable[..., Any], store: MailStore) -> None:
    """A FETCH response for a UID that no search named confirms nothing."""
    header = b"X-Imapcheck: wire\r\n\r\n"
    item = b'INTERNALDATE " 1-Jan-2020 00:00:00 +0000" BODY[HEADER.FIELDS (X-IMAPCHECK)] {%d}\r\n' % len(header)
    stranger = b"* 6 FETCH (UID 6 " + item + header + b")"
    script = {
        "UID SEARCH": reply(b"* SEARCH 4", b"%t OK done"),
        "UID FETCH": reply(stranger, stranger.replace(b"UID 6 ", b""), b"%t OK done"),
    }
    before = store.snapshot()
    result, _ = clean(script)
    assert result.available, result.failure
    assert lost(before, store) == {}


@pytest.mark.parametrize(
    "date",
    [b'"no date"', b'"23-Nov-2026 10:00:00"', b"NIL", b'" 1-Jan-2099 00:00:00 +0000"', b'"31-Feb-2020 0:0:0 +0"'],
)
def test_message_without_a_usable_date_stays(clean: Callable[..., Any], store: MailStore, date: bytes) -> None:
    """An INTERNALDATE that cannot be read proves no age."""
    header = b"X-Imapcheck: wire\r\n\r\n"
    item = b"* 1 FETCH (UID 1 INTERNALDATE " + date + b" BODY[HEADER.FIELDS (X-IMAPCHECK)] {%d}\r\n" % len(header)
    before = store.snapshot()
    clean({"UID SEARCH": reply(b"* SEARCH 1", b"%t OK"), "UID FETCH": reply(item + header + b")", b"%t OK")})
    assert lost(before, store) == {}


def test_at_most_two_hundred_go_in_one_run(clean: Callable[..., Any], store: MailStore) -> None:
    """The oldest first; the next run takes the rest."""
    for _ in range(300):
        store["Sent"].put(ours(), days_ago(5))
    removed = []
    for _ in range(3):
        result, _ = clean()
        assert result.new_message is not None
        removed.append(result.new_message.removed)
    assert removed == [200, 102, 0]


def test_a_bystander_that_keeps_everything_does_not_stand_in_the_way(
    clean: Callable[..., Any], store: MailStore
) -> None:
    """Another check's thousand messages under the same subject come before ours in the listing."""
    sent = store["Sent"]
    sent.mails.clear()
    for _ in range(1000):
        sent.put(ours("keeps-everything"), days_ago(30))
    mine = sent.put(ours(), days_ago(3))
    before = store.snapshot()
    result, _ = clean()
    assert result.available, result.failure
    assert lost(before, store) == {"Sent": {mine}}


@pytest.mark.parametrize("subject", ["Prüfung ✓", 'say "hi" \\ there', "x" * 300])
def test_subjects_of_every_kind_are_found_again(clean: Callable[..., Any], store: MailStore, subject: str) -> None:
    """What one run filed, a later run finds by the same subject and removes."""
    result, _ = clean(new_message=KEEPING | {"subject": subject})
    assert result.available, result.failure
    filed = store["Sent"].mails[-1]
    filed.arrived = days_ago(2)
    before = store.snapshot()
    result, _ = clean(new_message=KEEPING | {"subject": subject})
    assert lost(before, store) == {"Sent": {filed.uid}}


def test_inbox_as_the_sent_mailbox_is_never_opened_writable(clean: Callable[..., Any], store: MailStore) -> None:
    """Where the message is filed in INBOX itself, everything stays."""
    before = store.snapshot()
    result, server = clean(new_message=KEEPING | {"mailbox": "inbox"})
    assert result.available, result.failure
    assert status_of(result)[0] == "skipped"
    assert lost(before, store) == {}
    assert not any(command.startswith("SELECT") for command in server.commands)
