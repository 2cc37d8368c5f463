"""What a search and a FETCH prove: a mailbox in use is not a broken server, and no message is no message."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import REFERENCE, Action, Dialect, Exchange, WireServer, raw, reply

REV2 = "IMAP4rev2 AUTH=PLAIN"


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type


def searches(server: WireServer) -> int:
    return sum(command.startswith("UID SEARCH") for command in server.commands)


SIGNS = {
    "expunge before OK": b"* 2 EXPUNGE\r\n%t OK done\r\n",
    "vanished": b"* VANISHED 4\r\n%t OK done\r\n",
    "tagged code": b"%t NO [EXPUNGEISSUED] some messages are gone\r\n",
    "tagged code with OK": b"%t OK [EXPUNGEISSUED] done\r\n",
    "untagged code": b"* OK [EXPUNGEISSUED] gone\r\n%t OK done\r\n",
    "no and expunge": b"* 2 EXPUNGE\r\n%t NO some messages could not be fetched\r\n",
    "nil and expunge": b"* 2 FETCH (UID 4 BODY[] NIL)\r\n* 2 EXPUNGE\r\n%t OK done\r\n",
    "nil and code": b"* 2 FETCH (UID 4 BODY[] NIL)\r\n%t OK [EXPUNGEISSUED] done\r\n",
    "flags and expunge": b"* 2 FETCH (UID 4 FLAGS (\\Deleted))\r\n* 2 EXPUNGE\r\n%t OK done\r\n",
}


@pytest.mark.parametrize("sign", SIGNS)
def test_newest_match_that_vanishes_is_searched_for_again(
    define: Define, credentials: Credentials, server_context: Any, sign: str
) -> None:
    """Once more, in the same session, and the then newest is fetched."""

    def search(exchange: Exchange) -> None:
        exchange.send(b'* ESEARCH (TAG "' + exchange.tag + b'") UID ALL 2\r\n' + exchange.tag + b" OK done\r\n")

    script: dict[str, Action] = {"UID FETCH#1": raw(SIGNS[sign]), "UID SEARCH#2": search}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(
            define(server, search={"subject": "x", "max_age": "9999w"}, new_message=NEW_MESSAGE), credentials
        )
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (1, 2)
    assert result.search.size_bytes == len(server.dialect.message)
    assert searches(server) == 2
    assert server.connections == 1
    assert [command for command in server.commands if "FETCH" in command] == [
        "UID FETCH 4 (INTERNALDATE BODY.PEEK[])", "UID FETCH 2 (INTERNALDATE BODY.PEEK[])",
    ]  # fmt: skip
    step = result.step("fetch")
    assert step is not None
    assert "vanished" in (step.detail or "")


def test_expunge_that_came_with_the_search_is_a_sign_too(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The search still counted what was gone when it ended."""
    gone = b'* ESEARCH (TAG "%t") UID ALL 2,4\r\n* 2 EXPUNGE\r\n%t OK done\r\n'
    script: dict[str, Action] = {"UID SEARCH#1": raw(gone), "UID FETCH#1": raw(b"%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert searches(server) == 2


@pytest.mark.parametrize("min_matches", [0, 1])
def test_only_match_that_vanishes_is_no_match(
    define: Define, credentials: Credentials, server_context: Any, min_matches: int
) -> None:
    """By the second search; where none is needed the server is fine."""
    script: dict[str, Action] = {
        "UID FETCH": raw(b"* 2 EXPUNGE\r\n%t OK done\r\n"),
        "UID SEARCH#2": raw(b'* ESEARCH (TAG "%t") UID\r\n%t OK done\r\n'),
    }
    with WireServer(script=script, tls=server_context) as server:
        asked = {"subject": "x", "min_matches": min_matches}
        result = run_check(define(server, search=asked, new_message=NEW_MESSAGE), credentials)
    step = result.step("fetch")
    assert step is not None
    assert step.status == "skipped"
    assert searches(server) == 2
    if min_matches:
        assert failed(result) == ("search", "no_match")
        assert result.new_message is not None
    else:
        assert result.available, result.failure


@pytest.mark.parametrize(
    ("script", "type", "count"),
    [
        ({"UID FETCH": raw(b"%t OK done\r\n")}, "protocol_error", 1),
        ({"UID FETCH": raw(b"* 2 FETCH (UID 4 BODY[] NIL)\r\n%t OK done\r\n")}, "protocol_error", 1),
        ({"UID FETCH": raw(b"%t NO no\r\n")}, "command_rejected", 1),
        ({"UID FETCH": raw(b"* 2 EXPUNGE\r\n%t NO [SERVERBUG] broken\r\n")}, "command_rejected", 1),
        ({"UID FETCH": raw(b"* 2 EXPUNGE\r\n%t OK done\r\n")}, "protocol_error", 2),
        ({"UID FETCH": raw(b"%t NO [EXPUNGEISSUED] gone\r\n")}, "command_rejected", 2),
    ],
)
def test_message_that_does_not_come_without_a_sign_or_twice_is_a_failure(
    define: Define, credentials: Credentials, server_context: Any, script: dict[str, Action], type: str, count: int
) -> None:
    """One more search, not more."""
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert failed(result) == ("fetch", type)
    assert searches(server) == count


def test_min_matches_zero_needs_a_search_and_no_match(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The search must work; a match need not be there, and is fetched where it is."""
    asked = {"subject": "x", "min_matches": 0, "max_age": "1d"}
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        result = run_check(define(server, search=asked), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.matches == 0
    with WireServer(script={"UID SEARCH": reply(b"%t NO no")}, tls=server_context) as server:
        assert failed(run_check(define(server, search=asked), credentials)) == ("search", "command_rejected")
    with WireServer(tls=server_context) as server:
        found = run_check(define(server, search={"subject": "x", "min_matches": 0}), credentials)
    assert found.search is not None
    assert (found.search.matches, found.search.uid) == (2, 4)
    assert found.search.size_bytes


# --- empty bodies, other messages ------------------------------------------------------------------


@pytest.mark.parametrize("empty", [b'BODY[] ""', b"BODY[] {0}\r\n"])
def test_empty_message_is_a_warning(
    define: Define, credentials: Credentials, server_context: Any, empty: bytes
) -> None:
    """It matched by its text, so that it cannot be empty; but nothing else proves the server wrong."""
    script = {"UID FETCH": raw(b"* 2 FETCH (UID 4 " + empty + b")\r\n%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert [warning.type for warning in result.warnings] == ["empty_message"]


@pytest.mark.parametrize(
    "items",
    [
        b'UID 4 RFC822.SIZE 4711 BODY[] ""',
        b'BODY[] "" UID 4 RFC822.SIZE 1',
        b'UID 4 BODY[] "" BODY[HEADER] "Subject: x"',
        b'UID 4 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 4 BODY[] ""',
    ],
)
def test_empty_message_that_the_server_contradicts_is_an_error(
    define: Define, credentials: Credentials, server_context: Any, items: bytes
) -> None:
    """RFC822.SIZE, another part, or the same message with content."""
    script = {"UID FETCH": raw(b"* 2 FETCH (" + items + b")\r\n%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert failed(result) == ("fetch", "protocol_error")


OURS = b"* 2 FETCH (UID 4 BODY[] {3}\r\nabc)\r\n"
OTHERS = [
    b"* 1 FETCH (UID 9 BODY[] {3}\r\nxyz)\r\n",
    b"* 1 FETCH (UID 9 BODY[] NIL)\r\n",
    b"* 1 FETCH (UID 9 what is this %)\r\n",
    b'* 1 FETCH (UID 9 BODY[] "unclosed)\r\n',
    b"* 1 FETCH (((((\r\n",
    b"* 1 FETCH\r\n",
    b"* 1 FETCH (UID 44 RFC822.SIZE)\r\n",
    b"* 1 FETCH (UID 9 BODY[] {40000000}\r\n" + b"x" * 40_000_000 + b")\r\n",
    b"* 1 FETCH (UID 9 BODY[] {5000}\r\n" + b"x" * 5000 + b")\r\n",
    b"* 1 FETCH (BODY[] {5000}\r\n" + b"x" * 5000 + b" UID 9)\r\n",
    b"* 1 FETCH (FLAGS (\\Seen))\r\n",
]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_fetch_of_another_message_never_counts_and_never_fails(
    define: Define, credentials: Credentials, server_context: Any, other: bytes, order: str
) -> None:
    """Readable or not, however large."""
    answer = other + OURS if order == "before" else OURS + other
    with WireServer(script={"UID FETCH": raw(answer + b"%t OK done\r\n")}, tls=server_context) as server:
        result = run_check(define(server, search={"subject": "x", "max_size": 1000}), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.size_bytes == 3
    with WireServer(script={"UID FETCH": raw(other + b"%t OK done\r\n")}, tls=server_context) as server:
        alone = run_check(define(server, search={"subject": "x", "max_size": 1000}), credentials)
    assert failed(alone) == ("fetch", "protocol_error")


def test_own_message_that_cannot_be_read_is_an_error(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    for broken in (b'* 2 FETCH (UID 4 BODY[] "unclosed)\r\n', b"* 2 FETCH (UID 4 what is this %)\r\n"):
        with WireServer(script={"UID FETCH": raw(broken + b"%t OK done\r\n")}, tls=server_context) as server:
            assert failed(run_check(define(server, search="x"), credentials)) == ("fetch", "protocol_error")


def test_two_answers_to_one_search_are_one_result(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """SEARCH and ESEARCH, and a UID told twice."""
    answer = b'* SEARCH 2 4 4\r\n* ESEARCH (TAG "%t") UID ALL 2:4,4\r\n* SEARCH 4 2\r\n%t OK done\r\n'
    with WireServer(script={"UID SEARCH": raw(answer)}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (3, 4)


@pytest.mark.parametrize("items", [b"COUNT 2", b"MIN 2 MAX 4", b"MIN 2 MAX 4 COUNT 2"])
def test_esearch_without_all_is_no_answer(
    define: Define, credentials: Credentials, server_context: Any, items: bytes
) -> None:
    answer = b'* ESEARCH (TAG "%t") UID ' + items + b"\r\n%t OK done\r\n"
    with WireServer(script={"UID SEARCH": raw(answer)}, tls=server_context) as server:
        assert failed(run_check(define(server, search="x"), credentials)) == ("search", "protocol_error")


# --- big answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False])
def test_search_result_of_megabytes_is_read(
    define: Define, credentials: Credentials, server_context: Any, extended: bool
) -> None:
    """Longer than any line that is held; the session goes on after it."""
    uids = range(1, 600_000, 2)

    def search(exchange: Exchange) -> None:
        separator = b"," if extended else b" "
        head = b'* ESEARCH (TAG "' + exchange.tag + b'") UID ALL ' if extended else b"* SEARCH "
        exchange.send(head + separator.join(b"%d" % uid for uid in uids) + b"\r\n" + exchange.tag + b" OK done\r\n")

    with WireServer(script={"UID SEARCH": search}, tls=server_context) as server:
        result = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (len(uids), uids[-1])
    assert any(re.search(r"\* E?SEARCH \{\d+ octets\}", line) for line in result.transcript)


def test_list_is_bounded_by_all_its_octets(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Names in literals count as those on the line do."""

    def endless(exchange: Exchange) -> None:
        for number in range(4000):
            name = b"%06d" % number + b"x" * 60_000
            exchange.send(b'* LIST () "/" {%d}\r\n%s\r\n' % (len(name), name))
        exchange.send(exchange.tag + b" OK done\r\n")

    with WireServer(script={"LIST#1": endless}, tls=server_context) as server:
        result = run_check(define(server, timeout=20), credentials)
    assert failed(result) == ("list", "protocol_error")
    assert result.failure is not None
    assert "more untagged responses" in result.failure.detail


# --- quota, alerts ---------------------------------------------------------------------------------

WITH_QUOTA = f"{REFERENCE} QUOTA"


@pytest.mark.parametrize(
    ("answer", "percent", "resource", "warns"),
    [
        (b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)', 2.0, "STORAGE", False),
        (b'* QUOTAROOT "INBOX" "User quota"\r\n* QUOTA "User quota" (STORAGE 500 512)', 97.7, "STORAGE", True),
        (b'* QUOTA "" (STORAGE 10 512 MESSAGE 90 100)', 90.0, "MESSAGE", True),
        (b"* QUOTA a (STORAGE 89 100)\r\n* QUOTA b (STORAGE 899 1000)", 89.9, "STORAGE", False),
        (b'* QUOTA "" (STORAGE 600 512)', 117.2, "STORAGE", True),
        (b'* QUOTA "" (STORAGE 0 0)', 100.0, "STORAGE", True),
        (b"* QUOTA {4}\r\nroot (STORAGE 99 100)", 99.0, "STORAGE", True),
    ],
)
def test_quota_is_asked_for_and_warned_of(
    define: Define,
    credentials: Credentials,
    server_context: Any,
    answer: bytes,
    percent: float,
    resource: str,
    warns: bool,
) -> None:
    """The fullest resource of all roots; never a failure."""
    script = {"GETQUOTAROOT": raw(answer + b"\r\n%t OK done\r\n")}
    with WireServer(Dialect(capabilities=WITH_QUOTA), script, tls=server_context) as server:
        result = run_check(define(server, quota={"warn_percent": 90}, search="x"), credentials)
    assert result.available, result.failure
    assert result.quota is not None
    assert (result.quota.used_percent, result.quota.resource) == (percent, resource)
    assert [warning.type for warning in result.warnings] == (["quota"] if warns else [])
    names = [step.name for step in result.steps]
    assert names[names.index("examine") : names.index("search") + 1] == ["examine", "quota", "search"]
    assert "GETQUOTAROOT INBOX" in server.commands


@pytest.mark.parametrize(
    ("capabilities", "answer", "status"),
    [
        (REFERENCE, b"%t OK", "skipped"),
        (WITH_QUOTA, b"%t NO [SERVERBUG] quota service is down", "refused"),
        (WITH_QUOTA, b"%t BAD what", "refused"),
        (WITH_QUOTA, b"* QUOTAROOT INBOX\r\n%t OK no roots", "passed"),
        (f"{REFERENCE} QUOTA=RES-STORAGE", b"* QUOTA x ()\r\n%t OK done", "passed"),
    ],
)
def test_quota_that_is_not_told_is_no_outage(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str, answer: bytes, status: str
) -> None:
    with WireServer(Dialect(capabilities=capabilities), {"GETQUOTAROOT": reply(answer)}, tls=server_context) as server:
        result = run_check(define(server, quota={}, search="x"), credentials)
    step = result.step("quota")
    assert result.available, result.failure
    assert step is not None
    assert step.status == status
    assert result.quota is None
    assert result.warnings == ()


def test_quota_of_the_watched_mailbox(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Not INBOX's where another is watched; and nothing is asked where no quota is."""
    store = MailStore({"INBOX": Box(), "Sent": Box(), "Archive": Box()})
    script = {"GETQUOTAROOT": raw(b'* QUOTA "" (STORAGE 1 2)\r\n%t OK\r\n')}
    search = {"subject": "x", "mailbox": "Archive", "min_matches": 0}
    with MailServer(store, Dialect(capabilities=WITH_QUOTA), script, tls=server_context) as server:
        assert run_check(define(server, quota={}, search=search), credentials).available
        assert "GETQUOTAROOT Archive" in server.commands
        run_check(define(server, search=search), credentials)
    assert sum("GETQUOTAROOT" in command for command in server.commands) == 1


def test_alerts_are_warnings_wherever_they_come(define: Define, credentials: Credentials, server_context: Any) -> None:
    """RFC 9051 section 7.1 wants them shown: in the greeting, untagged, tagged; each once, clean, ten at most."""

    def say(exchange: Exchange) -> bool:
        exchange.send(b"* OK [alert] second\x1b\r\n* NO [ALERT] third\r\n* OK [ALERT] first\r\n")
        return True

    script: dict[str, Action] = {
        "NAMESPACE": reply(b"%t NO [ALERT] fourth"), "EXAMINE": say, "LIST#1": reply(b"%t OK [ALERT] canary-pa55word"),
        "LIST#2": reply(*(b"* OK [ALERT] more %d" % number for number in range(30)), then=lambda _: True),
    }  # fmt: skip
    with WireServer(Dialect(greeting=b"* OK [ALERT] first"), script, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    details = [warning.detail for warning in result.warnings]
    assert {warning.type for warning in result.warnings} == {"server_alert"}
    assert details[:3] == ["first", "fourth", "********"]
    assert len(details) == len(set(details)) == 10
    assert all(detail.isprintable() for detail in details)
    json.dumps(result.to_dict())


# --- IMAP4rev2 alone -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capabilities", "wire"),
    [(REV2, "Gesendet/Entwürfe & Übriges"), ("IMAP4rev1 IMAP4rev2 AUTH=PLAIN", "Gesendet/Entw&APw-rfe &- &ANw-briges")],
)
def test_mailbox_names_on_the_wire_and_in_the_result(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str, wire: str
) -> None:
    """UTF-8 where the server offers IMAP4rev2 and nothing older (RFC 9051 section 5.1); modified UTF-7 else."""
    name = "Gesendet/Entwürfe & Übriges"
    sent = Box(special="\\Sent")
    watched = Box()
    watched.put(b"Subject: x\r\n\r\nx\r\n", datetime.now(UTC))
    store = MailStore({"INBOX": Box(), wire: watched, f"{wire} 2": sent})
    asked: dict[str, Any] = {"search": {"subject": "x", "mailbox": name}, "new_message": NEW_MESSAGE}
    if capabilities != REV2:
        capabilities += " SPECIAL-USE"
    with MailServer(store, Dialect(capabilities=capabilities), tls=server_context) as server:
        given = asked | {"new_message": NEW_MESSAGE | {"mailbox": f"{name} 2"}}
        by_name = run_check(define(server, **given), credentials)
        found = run_check(define(server, **asked), credentials)
    for result in (by_name, found):
        assert result.available, result.failure
        assert result.new_message is not None
        assert result.new_message.mailbox == f"{name} 2"
    assert len(sent.mails) == 2
