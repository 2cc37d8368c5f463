"""Answers that real servers give now and then, each with what the check makes of it."""

import base64
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.header import Header
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import MINIMAL, REFERENCE, Action, Dialect, Exchange, WireServer, no, reply

FULL: dict[str, Any] = {"search": "IMAP testing", "new_message": NEW_MESSAGE}
type Run = Callable[..., tuple[CheckResult, list[str]]]


@pytest.fixture
def run(define: Define, credentials: Credentials, server_context: Any) -> Run:
    """(result, commands) of a check against a server with this script."""

    def check(
        script: dict[str, Action], dialect: Dialect | None = None, **fields: Any
    ) -> tuple[CheckResult, list[str]]:
        with WireServer(dialect, script, tls=server_context) as server:
            return run_check(define(server, **fields), credentials), server.commands

    return check


def step(result: CheckResult, name: Any) -> tuple[str, str | None]:
    found = result.step(name)
    assert found is not None
    return found.status, found.detail


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value


def test_ok_to_capability_without_the_list_is_no_answer(run: Run) -> None:
    """A server that says nothing about itself was not looked at."""
    result, _ = run({"CAPABILITY": reply(b"%t OK done")})
    assert failed(result) == ("capability", "protocol_error")


@pytest.mark.parametrize("word", ["OK", "Ok", "ok"])
def test_capabilities_in_an_untagged_ok_count_as_volunteered(run: Run, word: str) -> None:
    """`* OK [CAPABILITY ..]` before the tagged answer to the login: nothing is asked again."""
    script = {"AUTHENTICATE": reply(f"* {word} [CAPABILITY {MINIMAL}] hello".encode(), b"%t OK in")}
    result, commands = run(script)
    assert result.available, result.failure
    assert commands.count("CAPABILITY") == 1
    assert step(result, "namespace") == ("skipped", "server does not offer NAMESPACE")


def test_capabilities_of_a_refusal_are_not_believed(run: Run) -> None:
    """Only OK tells what is offered from now on."""
    script = {"NAMESPACE": reply(b"%t NO [CAPABILITY IMAP4rev1] no")}
    result, commands = run(script)
    assert result.available
    assert "EXAMINE INBOX (CONDSTORE)" in commands


def test_prompts_of_login_without_base64(run: Run) -> None:
    """`+ Username:` as it is."""

    def plainly(exchange: Exchange) -> None:
        answers = []
        for prompt in (b"+ Username:\r\n", b"+ Password:\r\n"):
            exchange.send(prompt)
            answers.append(exchange.connection.line())
        good = answers == [b"YWxpY2U=", b"Y2FuYXJ5LXBhNTV3b3Jk"]
        exchange.send(exchange.tag + (b" OK in\r\n" if good else b" NO no\r\n"))

    result, _ = run({"AUTHENTICATE": plainly}, authentication="login")
    assert result.available, result.failure


def test_challenge_of_cram_md5_without_base64(run: Run) -> None:
    """What is digested is what the server wrote, not what is left of it once it was decoded."""
    challenge = b"<1896.697170952@mail.example.com>"

    def plainly(exchange: Exchange) -> None:
        exchange.send(b"+ " + challenge + b"\r\n")
        digest = hmac.new(b"canary-pa55word", challenge, "md5").hexdigest().encode()
        good = base64.b64decode(exchange.connection.line()) == b"alice " + digest
        exchange.send(exchange.tag + (b" OK in\r\n" if good else b" NO no\r\n"))

    offered = Dialect("IMAP4rev1 AUTH=CRAM-MD5")
    result, _ = run({"AUTHENTICATE": plainly}, offered, authentication="cram-md5")
    assert result.available, result.failure


def test_throttled_login_is_no_wrong_password(run: Run) -> None:
    """Amazon WorkMail and others: later it works with the same password."""
    result, _ = run({"AUTHENTICATE": reply(b"%t NO [THROTTLED] no")})
    assert failed(result) == ("authenticate", "authentication_unavailable")


def test_identify_without_a_login_sends_nothing(run: Run) -> None:
    """`authentication: none` is CAPABILITY and LOGOUT, whatever else is asked for."""
    result, commands = run({}, authentication="none", identify=True)
    assert commands == ["CAPABILITY", "LOGOUT"]
    assert "id" not in {step.name for step in result.steps}


def test_id_that_is_refused_or_not_offered_is_recorded(run: Run) -> None:
    """And the run goes on."""
    result, _ = run({"ID": no}, identify=True)
    assert result.available
    assert step(result, "id") == ("refused", "NO not today")
    result, commands = run({}, Dialect(capabilities=MINIMAL), identify=True)
    assert result.available
    assert step(result, "id") == ("skipped", "server does not offer ID")
    assert not any(command.startswith("ID") for command in commands)


ONCE_MORE = "NO not today; sent once more without it"


@pytest.mark.parametrize(
    ("script", "status", "detail"),
    [
        ({"LIST#1": no}, "refused", "NO not today"),
        ({"LIST#2": no}, "passed", f"LIST (SPECIAL-USE): {ONCE_MORE}"),
        ({"LIST#2": no, "LIST#3": no}, "passed", f"LIST *: NO not today; LIST (SPECIAL-USE): {ONCE_MORE}"),
        ({"LIST#3": no}, "passed", None),
        ({"LIST#4": no}, "passed", f"LIST … RETURN: {ONCE_MORE}"),
        ({"LIST#4": no, "LIST#5": no}, "passed", f"LIST %: NO not today; LIST … RETURN: {ONCE_MORE}"),
    ],
)
def test_list_that_is_refused_is_recorded(run: Run, script: dict[str, Action], status: str, detail: str | None) -> None:
    """Only where INBOX itself cannot be listed is the step refused."""
    result, _ = run(script)
    assert result.available
    assert step(result, "list") == (status, detail)


def test_missing_list_of_sent_is_an_outage(run: Run) -> None:
    """Where the message goes must be known."""
    result, _ = run({"LIST#5": no, "LIST#6": no}, **FULL)
    assert failed(result) == ("locate_sent", "command_rejected")


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"%t NO [TRYCREATE] none", "mailbox_not_found"),
        (b"%t NO [NONEXISTENT] none", "mailbox_not_found"),
        (b"%t NO [NOPERM] no", "command_rejected"),
        (b"%t BAD what", "command_rejected"),
    ],
)
@pytest.mark.parametrize("command", ["EXAMINE", "APPEND"])
def test_mailbox_that_is_not_there(run: Run, command: str, answer: bytes, type: str) -> None:
    """By the response code (RFC 5530, RFC 9051 section 7.1), for the watched mailbox and the sent one."""
    search = {"subject": "x", "mailbox": "Archive"}
    result, _ = run({command: reply(answer)}, **FULL | {"search": search})
    assert failed(result) == ("examine" if command == "EXAMINE" else "append", type)


def test_fewer_matches_than_wanted_are_not_fetched(run: Run) -> None:
    """The step says why; none at all has words of its own."""
    result, commands = run({}, search={"subject": "x", "min_matches": 3})
    assert failed(result) == ("search", "no_match")
    assert step(result, "fetch") == ("skipped", "fewer matches than min_matches")
    assert not any(command.startswith("UID FETCH") for command in commands)
    result, _ = run({}, Dialect(uids=()), search={"subject": "x", "min_matches": 3})
    assert step(result, "fetch") == ("skipped", "no match")
    result, _ = run({}, search={"subject": "x", "min_matches": 2})
    assert result.available


def test_date_is_asked_for_only_with_max_age_and_no_flag_is_set(run: Run) -> None:
    """BODY.PEEK, as some servers mark mail as read even in a mailbox that was opened by EXAMINE."""
    _, commands = run({}, search={"subject": "x", "max_age": "999d"})
    assert "UID FETCH 4 (INTERNALDATE BODY.PEEK[])" in commands


def own(date: str) -> bytes:
    return f"Subject: needle\r\nX-Imapcheck: wire\r\nDate: {date}\r\n\r\nbody\r\n".encode()


@pytest.mark.parametrize(
    ("date", "delivery"),
    [
        ("Mon, 23 Nov 2026 09:00:00 -0000", 30),  # no zone known (RFC 5322 section 3.3): taken as UTC
        ("Mon, 23 Nov 2026 09:00:00 +0000", 30),
        ("Mon, 23 Nov 2026 09:00:00", 30),
        ("Mon, 23 Nov 2026 11:00:00 +0200", 30),
        ("Mon, 23 Nov 2026 10:00:00 +0000", 0),  # in the future: clocks differ
        ("no date", None),
        ("Mon, 99 Nov 2026 09:00:00 +0000", None),
    ],
)
def test_date_of_a_message_of_ours(run: Run, date: str, delivery: float | None) -> None:
    """Anybody may have written it: never an exception, never a time below zero."""
    dialect = Dialect(message=own(date), internal_date=b"23-Nov-2026 09:00:30 +0000")
    result, _ = run({}, dialect, **FULL | {"search": {"subject": "needle", "max_age": "999d"}})
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.delivery_seconds == delivery


def test_imap4rev2_alone_finds_sent_and_cleans_up(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """It implies SPECIAL-USE, LIST-EXTENDED, UIDPLUS and MOVE (RFC 9051 appendix E); `Sent` has another name."""
    store = MailStore({"INBOX": Box(), "Gesendet": Box(special="\\Sent")})
    old = b"X-Imapcheck: wire\r\nSubject: IMAP testing\r\n\r\nx\r\n"
    store["Gesendet"].put(old, datetime.now(UTC) - timedelta(days=3))
    with MailServer(store, Dialect(capabilities="IMAP4rev2 AUTH=PLAIN"), tls=server_context) as server:
        message = NEW_MESSAGE | {"keep_for": "1d"}
        result = run_check(define(server, new_message=message), credentials)
    assert result.available, result.failure
    assert 'LIST (SPECIAL-USE) "" *' in server.commands
    assert 'LIST "" % RETURN (SUBSCRIBED CHILDREN)' in server.commands
    assert result.new_message is not None
    assert (result.new_message.mailbox, result.new_message.removed) == ("Gesendet", 1)


KEEPING = {"new_message": NEW_MESSAGE | {"keep_for": "1d"}}


@pytest.fixture
def clean(define: Define, credentials: Credentials, server_context: Any) -> Callable[..., Any]:
    """A run with a clean-up over one old message of ours: (result, commands, what stayed of it)."""

    def check(script: dict[str, Action], capabilities: str, subject: str = "IMAP testing") -> Any:
        store = MailStore({"INBOX": Box(), "Sent": Box(), "Bin": Box(special="\\Trash")})
        message = f"X-Imapcheck: wire\r\nSubject: {Header(subject).encode()}\r\n\r\nx\r\n".encode()
        uid = store["Sent"].put(message, datetime.now(UTC) - timedelta(days=3))
        with MailServer(store, Dialect(capabilities=capabilities), script, tls=server_context) as server:
            fields = {"new_message": NEW_MESSAGE | {"keep_for": "1d", "subject": subject}}
            result = run_check(define(server, **fields), credentials)
        return result, server.commands, uid in store["Sent"].uids()

    return check


GMAIL = REFERENCE.replace(" UIDPLUS", "") + " X-GM-EXT-1"


@pytest.mark.parametrize(
    ("command", "capabilities"), [("UID EXPUNGE", REFERENCE), ("UID MOVE", GMAIL + " MOVE"), ("UID STORE", REFERENCE)]
)
def test_refused_removal_is_not_told_as_done(clean: Callable[..., Any], command: str, capabilities: str) -> None:
    """Nothing was removed, and the step says why."""
    result, _, stayed = clean({command: no}, capabilities)
    assert result.available
    assert step(result, "cleanup") == ("refused", "NO not today")
    assert result.new_message.removed == 0
    assert stayed


def test_gmail_without_move_is_left_alone(clean: Callable[..., Any]) -> None:
    """Expunging would archive only; a command that is not offered is not sent."""
    result, commands, stayed = clean({}, GMAIL)
    assert step(result, "cleanup") == ("skipped", "server does not offer MOVE")
    assert not any(command.startswith(("SELECT", "UID")) for command in commands)
    assert stayed


@pytest.mark.parametrize(("subject", "charset"), [("IMAP testing", "US-ASCII"), ("Prüfung", "UTF-8")])
def test_search_of_the_clean_up_names_its_charset(clean: Callable[..., Any], subject: str, charset: str) -> None:
    """Where the header is not found, by the subject: in another charset BADCHARSET, and nothing is ever removed."""
    blind = reply(b'* ESEARCH (TAG "%t") UID', b"%t OK done")
    _, commands, stayed = clean({"UID SEARCH#1": blind}, REFERENCE, subject)
    by_header, by_subject = [command for command in commands if command.startswith("UID SEARCH")]
    assert " CHARSET US-ASCII BEFORE " in by_header
    assert by_header.endswith(" HEADER X-Imapcheck wire")
    assert f" CHARSET {charset} " in by_subject
    assert by_subject.endswith(f" SUBJECT {subject}")
    assert not stayed


@pytest.mark.parametrize(
    ("header", "removed"),
    [
        (b"X-Imapcheck: wire", 1),
        (b"x-imapcheck:wire ", 1),
        (b"X-Imapcheck: wire\r\nX-Imapcheck: wire", 0),
        (b"X-Imapcheck: other\r\nX-Imapcheck: wire", 0),
        (b"X-Imapcheck: wire2", 0),
        (b"X-Imapcheck: wire\r\n more", 0),
        (b"Subject: wire", 0),
    ],
)
def test_only_what_names_this_check_once_is_its_own(run: Run, header: bytes, removed: int) -> None:
    """A message that carries the header twice was forwarded or forged."""
    octets = header + b"\r\n\r\n"
    item = b'INTERNALDATE " 1-Jan-2020 00:00:00 +0000" BODY[HEADER.FIELDS (X-IMAPCHECK)] {%d}\r\n' % len(octets)
    script: dict[str, Action] = {
        "SELECT": reply(b"%t OK [READ-WRITE] go"),
        "UID SEARCH": reply(b"* SEARCH 4", b"%t OK done"),
        "UID FETCH": reply(b"* 1 FETCH (UID 4 " + item + octets + b")", b"%t OK done"),
        "UID STORE": reply(b"%t OK done"),
        "UID EXPUNGE": reply(b"* 1 EXPUNGE", b"%t OK done"),
    }
    result, _ = run(script, **KEEPING)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.removed == removed
