"""An extension that is advertised and does not work costs one more command, never the verdict (docs/session.md)."""

import functools
import re
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.mail_server import MailServer
from support.wire_server import REFERENCE, Action, Dialect, Exchange, WireServer, reply

FULL: dict[str, Any] = {"search": "IMAP testing", "new_message": NEW_MESSAGE}
REFUSALS = (
    b"%t NO not supported",
    b"%t NO [BADCHARSET (UTF-8)] what",
    b"%t NO [CANNOT] no",
    b"%t BAD invalid arguments",
    b"%t BAD [CLIENTBUG] UID SEARCH Command arguments invalid",
)


type Serve = Callable[..., WireServer]


@pytest.fixture
def serve(server_context: ssl.SSLContext) -> Serve:
    """A server of ours behind TLS."""
    return functools.partial(WireServer, tls=server_context)


def refuse(pattern: str, answer: bytes = REFUSALS[3]) -> Action:
    """Refuse the command where its line matches; the plain form gets the usual answer."""

    def act(exchange: Exchange) -> bool | None:
        return reply(answer)(exchange) if re.search(pattern.encode(), exchange.line) else True

    return act


def detail(result: CheckResult, step: Any) -> str:
    found = result.step(step)
    assert found is not None
    return found.detail or ""


def names(server: WireServer, command: str) -> list[str]:
    return [line for line in server.commands if line.startswith(command)]


@pytest.mark.parametrize("answer", REFUSALS)
@pytest.mark.parametrize("part", [r"CHARSET", r"RETURN \(\)"])
@pytest.mark.parametrize("capabilities", [REFERENCE, REFERENCE.replace(" ESEARCH", "")])
def test_search_goes_once_more_without_charset_and_return(
    serve: Serve, define: Define, credentials: Credentials, answer: bytes, part: str, capabilities: str
) -> None:
    """Aliyun refuses every CHARSET (paperless-ngx 6815, go-imap 638); Yahoo answers BAD (aioimaplib 126)."""
    with serve(Dialect(capabilities), {"UID SEARCH": refuse(part, answer)}) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, result.failure
    sent = names(server, "UID SEARCH")
    told = part.replace("\\", "") in sent[0]
    assert len(sent) == 1 + told
    assert sent[-1].endswith("SUBJECT IMAP testing") or 'SUBJECT "IMAP testing"' in sent[-1]
    assert ("CHARSET" in sent[-1]) is not told
    assert ("sent once more without it" in detail(result, "search")) is told
    assert "2 found" in detail(result, "search")


def test_search_that_is_refused_in_both_forms_is_a_failure(
    serve: Serve, define: Define, credentials: Credentials
) -> None:
    """The refusal of the plain form decides, and what was tried before stands in the step."""
    script = {"UID SEARCH#1": reply(b"%t BAD no charset"), "UID SEARCH#2": reply(b"%t NO [UNAVAILABLE] index broken")}
    with serve(script=script) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("search", "command_rejected")
    assert (result.failure.response_code, len(names(server, "UID SEARCH"))) == ("UNAVAILABLE", 2)
    assert "BAD no charset" in detail(result, "search")


def test_term_outside_ascii_keeps_its_charset(serve: Serve, define: Define, credentials: Credentials) -> None:
    """Without UTF-8 it could not be said; RETURN () alone goes."""
    with serve(script={"UID SEARCH": refuse(r"RETURN")}) as server:
        result = run_check(define(server, search="Grüße"), credentials)
    assert result.available, result.failure
    assert [("RETURN" in line, "CHARSET UTF-8" in line) for line in names(server, "UID SEARCH")] == [
        (True, True),
        (False, True),
    ]
    with serve(script={"UID SEARCH": refuse(r"CHARSET")}) as server:
        result = run_check(define(server, search="Grüße"), credentials)
    assert result.failure is not None
    assert result.failure.type == "command_rejected"


@pytest.mark.parametrize("answer", REFUSALS)
def test_examine_goes_once_more_without_condstore(
    serve: Serve, define: Define, credentials: Credentials, answer: bytes
) -> None:
    """RFC 7162 is an extension like any other."""
    with serve(script={"EXAMINE": refuse("CONDSTORE", answer)}) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    assert names(server, "EXAMINE") == ["EXAMINE INBOX (CONDSTORE)", "EXAMINE INBOX"]
    assert "CONDSTORE" in detail(result, "examine")


@pytest.mark.parametrize("answer", [*REFUSALS, b"%t OK nothing to list"])
@pytest.mark.parametrize("flags", [b"\\HasNoChildren", b"\\Sent"])
def test_sent_mailbox_is_found_though_list_return_gives_nothing(
    serve: Serve, define: Define, credentials: Credentials, answer: bytes, flags: bytes
) -> None:
    """Strato: LIST … RETURN is empty (MailKit 1957); others answer BAD."""
    name = b"Post" if b"Sent" in flags else b"Sent"
    dialect = Dialect(special=(), top=(b'() "/" INBOX', b"(" + flags + b') "/" ' + name))
    with serve(dialect, {"LIST": refuse("RETURN", answer)}) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.mailbox == name.decode()
    assert len(names(server, 'LIST "" %')) == 3, "the session uses what does not work no more"
    assert "sent once more without it" in detail(result, "list")


def test_sent_mailbox_is_found_though_list_return_gives_less(
    serve: Serve, define: Define, credentials: Credentials
) -> None:
    """Cyrus: the subscribed ones only (MailKit 1639)."""
    dialect = Dialect(special=(), top=(b'() "/" INBOX', b'() "/" Sent'))
    with serve(dialect, {"LIST": refuse("RETURN", b'* LIST () "/" INBOX\r\n%t OK some')}) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.mailbox == "Sent"
    assert "1 mailbox listed; sent once more without it" in detail(result, "locate_sent")


def test_no_sent_mailbox_by_either_form(serve: Serve, define: Define, credentials: Credentials) -> None:
    """The verdict stays, after both."""
    with serve(Dialect(special=(), top=(b'() "/" INBOX',))) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("locate_sent", "mailbox_not_found")
    assert [("RETURN" in line) for line in names(server, 'LIST "" %')] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "namespace", "mailbox"),
    [
        (b'() "/" "Sent/"', b'(("" "/")) NIL NIL', "Sent"),
        (b'() "/" Sent//', b'(("" "/")) NIL NIL', "Sent"),
        (b'() "/" {5}\r\nSent/', b'(("" "/")) NIL NIL', "Sent"),
        (b'() "/" "/Sent"', b'(("" "/")) NIL NIL', "/Sent"),
        (b'() "." Inbox.Sent', b'(("INBOX." ".")) NIL NIL', "Inbox.Sent"),
        (b'() "." "Inbox.Sent."', b'(("INBOX." ".")) NIL NIL', "Inbox.Sent"),
        (b'() "." INBOX.Sent', b'(("Inbox." ".")) NIL NIL', "INBOX.Sent"),
        (b'(\\Sent) "/" "Gesendet/"', b'(("" "/")) NIL NIL', "Gesendet"),
        (b'(\\Sent) "/" "/Gesendet"', b'(("" "/")) NIL NIL', "/Gesendet"),
        (b'() "/" "Sent Items/"', b'(("" "/")) NIL NIL', "Sent Items"),
    ],
)
def test_sent_mailbox_is_found_in_every_spelling(
    serve: Serve, define: Define, credentials: Credentials, line: bytes, namespace: bytes, mailbox: str
) -> None:
    """UW-IMAP says `Sent/` (roundcube, neomutt), others `/Sent` (imapflow); a prefix compares without case."""
    dialect = Dialect(special=(), top=(line,), namespace=namespace)
    with serve(dialect) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.mailbox == mailbox


def test_special_uses_are_learnt_from_a_plain_list(serve: Serve, define: Define, credentials: Credentials) -> None:
    """RFC 6154 section 2: servers may tell them there, too."""

    def act(exchange: Exchange) -> bool | None:
        if b"(SPECIAL-USE)" in exchange.line:
            return reply(b"%t BAD what is that")(exchange)
        if b"*" in exchange.line:
            return reply(b'* LIST () "/" INBOX', b'* LIST (\\Archive) "/" "All"', b"%t OK done")(exchange)
        return True

    with serve(script={"LIST": act}) as server:
        result = run_check(define(server, search={"subject": "x", "mailbox": "\\Archive"}), credentials)
    assert result.available, result.failure
    assert "EXAMINE All (CONDSTORE)" in server.commands


@pytest.mark.parametrize("mechanism", ["plain", "xoauth2", "oauthbearer"])
def test_initial_response_that_is_not_understood_is_sent_when_asked_for(
    serve: Serve, define: Define, mechanism: str
) -> None:
    """BAD to the one line; the login itself has not been judged."""
    secret = {"username": "alice", "password": "canary-pa55word", "access_token": "canary-token-1"}

    def act(exchange: Exchange) -> bool | None:
        if len(exchange.line.split(b" ")) > 2:
            return reply(b"%t BAD Error in IMAP command received by server.")(exchange)
        exchange.send(b"+ \r\n")
        exchange.connection.line()
        return reply(b"%t OK in")(exchange)

    with serve(script={"AUTHENTICATE": act}) as server:
        result = run_check(define(server, authentication=mechanism), Credentials.model_validate(secret))
    assert result.available, result.failure
    assert [len(line.split(" ")) for line in names(server, "AUTHENTICATE")] == [3, 2]
    assert "initial response: BAD" in detail(result, "authenticate")
    assert "canary" not in str(result.to_dict())


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"%t NO no such user here", "authentication_failed"),
        (b"%t NO [AUTHENTICATIONFAILED] no", "authentication_failed"),
        (b"%t BAD [AUTHENTICATIONFAILED] no", "authentication_failed"),
        (b"%t BAD invalid user name or password", "authentication_failed"),
        (b"* NO [AUTHENTICATIONFAILED] no\r\n%t BAD no", "authentication_failed"),
        (b"* BYE go away", "connection_lost"),
    ],
)
def test_refused_login_is_never_tried_again(
    serve: Serve, define: Define, credentials: Credentials, answer: bytes, type: str
) -> None:
    """Tries are what locks a mailbox."""

    def act(exchange: Exchange) -> None:
        reply(answer)(exchange)
        if b"BYE" in answer:
            exchange.connection.close()

    with serve(script={"AUTHENTICATE": act}) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", type)
    assert len(names(server, "AUTHENTICATE")) == 1


def test_bad_after_a_challenge_is_not_the_initial_responses_fault(
    serve: Serve, define: Define, credentials: Credentials
) -> None:
    """SCRAM: what came first was understood."""

    def act(exchange: Exchange) -> None:
        exchange.send(b"+ bm9uc2Vuc2U=\r\n")
        exchange.connection.line()
        reply(b"%t BAD cancelled")(exchange)

    with serve(script={"AUTHENTICATE": act}) as server:
        result = run_check(define(server, authentication="scram-sha-256"), credentials)
    assert not result.available
    assert len(names(server, "AUTHENTICATE")) == 1


@pytest.mark.parametrize("part", ["CHARSET", r"RETURN \(\)", "OLDER"])
@pytest.mark.parametrize("answer", [REFUSALS[0], REFUSALS[4]])
def test_clean_up_goes_once_more_in_the_plain_form(
    define: Define, credentials: Credentials, server_context: Any, part: str, answer: bytes
) -> None:
    """Else test messages pile up while the run stays available."""
    dialect = Dialect(REFERENCE + " WITHIN")
    with MailServer(None, dialect, {"UID SEARCH": refuse(part, answer)}, tls=server_context) as server:
        definition = define(server, new_message=NEW_MESSAGE | {"keep_for": "1d"})
        result = run_check(definition, credentials)
    assert result.available, result.failure
    step = result.step("cleanup")
    assert step is not None
    assert step.status == "passed", step.detail
    assert "sent once more without it" in (step.detail or "")
    assert " BEFORE " in names(server, "UID SEARCH")[-1]
