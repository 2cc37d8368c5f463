"""Other people's servers: how they greet, list, search and answer, and that a check reads them all."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.wire_server import MESSAGE, MINIMAL, Action, Dialect, WireServer, raw, reply

FULL: dict[str, Any] = {"search": "IMAP testing", "new_message": NEW_MESSAGE}


@dataclass(frozen=True)
class Server:
    """A server as its answers show it; `mailbox` is where its users' sent mail belongs."""

    dialect: Dialect
    mailbox: str
    script: dict[str, Action] = field(default_factory=dict)
    definition: dict[str, Any] = field(default_factory=dict)


def fetched(items: bytes, message: bytes = MESSAGE) -> Action:
    """A FETCH response with `%b` standing for the message as a literal."""
    body = b"{%d}\r\n" % len(message) + message
    return raw(b"* 2 FETCH (" + items.replace(b"%b", body) + b")\r\n%t OK done\r\n")


EXAMINED = (
    b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded)",
    b"* OK [PERMANENTFLAGS ()] No permanent flags permitted",
    b"* OK [UNSEEN 1] first unseen",
    b"* 2 EXISTS",
    b"* 0 RECENT",
    b"* OK [UIDVALIDITY 1384197041] valid",
    b"* OK [UIDNEXT 5] next",
)

SERVERS = {
    "gmail": Server(
        Dialect(
            greeting=b"* OK Gimap ready for requests from 192.0.2.7 5b1f17b1804b1-4773aa2e8d0mb12345",
            capabilities="IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR"
            " AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER",
            inbox=b'(\\HasNoChildren) "/" "INBOX"',
            special=(
                b'(\\All \\HasNoChildren) "/" "[Gmail]/All Mail"',
                b'(\\HasNoChildren \\Sent) "/" "[Gmail]/Sent Mail"',
            ),
            top=(b'(\\HasNoChildren) "/" "INBOX"', b'(\\HasChildren \\Noselect) "/" "[Gmail]"'),
        ),
        "[Gmail]/Sent Mail",
        {
            "AUTHENTICATE": reply(
                b"* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS"
                b" COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL-"
                b" SPECIAL-USE APPENDLIMIT=35651584",
                b"%t OK alice@example.com authenticated (Success)",
            ),
            "EXAMINE": reply(*EXAMINED, b"* OK [HIGHESTMODSEQ 5012]", b"%t OK [READ-ONLY] INBOX selected. (Success)"),
            "APPEND": reply(b"%t OK [APPENDUID 2 13] (Success)"),
        },
    ),
    "exchange": Server(
        Dialect(
            greeting=b"* OK The Microsoft Exchange IMAP4 service is ready. [TQBOADIAUABSADAAMQAuAHAAcgBvAGQA]",
            capabilities="IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE"
            " NAMESPACE LITERAL+",
            volunteer=False,
            inbox=b'(\\Marked \\HasNoChildren) "/" INBOX',
            top=(
                b'(\\HasNoChildren) "/" Calendar/United&IBM-States',
                b'(\\Marked \\HasNoChildren) "/" INBOX',
                b'(\\HasNoChildren \\Sent) "/" "Sent Items"',
            ),
        ),
        "Sent Items",
        {
            "EXAMINE": reply(*EXAMINED, b"%t OK [READ-ONLY] EXAMINE completed."),
            "UID FETCH": fetched(b"BODY[] %b FLAGS (\\Seen) UID 4"),
            "APPEND": reply(b"* 3 EXISTS", b"%t OK [APPENDUID 14 8] APPEND completed."),
            "LOGOUT": reply(b"* BYE Microsoft Exchange Server IMAP4 server signing off.", b"%t OK LOGOUT completed."),
        },
    ),
    "courier": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE AUTH=PLAIN] Courier-IMAP ready.",
            capabilities="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT SORT QUOTA IDLE ACL AUTH=PLAIN",
            volunteer=False,
            namespace=b'(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))',
            inbox=b'(\\Marked \\HasChildren) "." "INBOX"',
            top=(b'(\\HasNoChildren) "." "INBOX.Sent"', b'(\\HasNoChildren) "." "INBOX.Trash"'),
        ),
        "INBOX.Sent",
    ),
    "cyrus": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE AUTH=PLAIN SASL-IR] mail Cyrus IMAP 3.4.3 ready",
            capabilities="IMAP4rev1 LITERAL+ ID ENABLE AUTH=PLAIN SASL-IR",
            after_login="IMAP4rev1 LITERAL+ ID ENABLE ACL CHILDREN NAMESPACE UIDPLUS ESEARCH CONDSTORE LIST-EXTENDED"
            " SPECIAL-USE MOVE XLIST",
            namespace=b'(("INBOX." ".")) (("user." ".")) (("" "."))',
            inbox=b'(\\HasChildren) "." INBOX',
            special=(b'(\\HasNoChildren \\Sent) "." INBOX.Gesendet',),
            top=(
                b'(\\Subscribed \\HasNoChildren) "." INBOX.Gesendet ("CHILDINFO" ("SUBSCRIBED"))',
                b'(\\NonExistent \\HasChildren) "." "INBOX.sent"',
            ),
        ),
        "INBOX.Gesendet",
        {
            "UID SEARCH": reply(b'* ESEARCH (TAG "%t") UID ALL 2,4 MODSEQ 917162500', b"%t OK Completed (2 msgs)"),
            "EXAMINE": reply(*EXAMINED, b"* OK [NOMODSEQ] none", b"%t OK [READ-ONLY] Completed"),
        },
    ),
    "icloud": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=ATOKEN AUTH=PLAIN] p00-imap",
            capabilities="XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=ATOKEN AUTH=PLAIN",
            volunteer=False,
            top=(b'(\\HasNoChildren) "/" "INBOX"', b'(\\HasNoChildren) "/" "Sent Messages"'),
        ),
        "Sent Messages",
    ),
    "uw-imapd": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY IMAP4REV1 LITERAL+ SASL-IR AUTH=PLAIN] example IMAP4rev1 2007f.404 at Mon",
            capabilities="IMAP4REV1 LITERAL+ SASL-IR AUTH=PLAIN NAMESPACE",
            namespace=b'(("" "/")("#mhinbox" NIL)("#mh/" "/")) (("~" "/")) (("#shared/" "/")("#news." "."))',
            inbox=b"(\\NoInferiors) NIL INBOX",
            top=(b"(\\NoInferiors) NIL INBOX", b'(\\NoInferiors \\UnMarked) "/" sent-mail', b'() "/" Sent'),
        ),
        "Sent",
    ),
    "domino": Server(
        Dialect(
            greeting=b"* OK Domino IMAP4 Server Release 12.0.2 ready Mon, 23 Nov 2026 10:00:00 +0100",
            capabilities="IMAP4rev1 AUTH=PLAIN LITERAL+ NAMESPACE QUOTA UIDPLUS SPECIAL-USE",
            volunteer=False,
            namespace=b'(("" "\\\\")) (("Other Users\\\\" "\\\\")) NIL',
            inbox=b'(\\HasNoChildren) "\\\\" Inbox',
            special=(b'(\\Sent) "\\\\" "Mail\\\\Sent"',),
            top=(b'(\\HasNoChildren) "\\\\" Inbox', b'(\\HasChildren \\Noselect) "\\\\" Mail'),
        ),
        "Mail\\Sent",
    ),
    "hmailserver": Server(
        Dialect(
            greeting=b"* OK IMAPrev1",
            capabilities="IMAP4 IMAP4rev1 CHILDREN IDLE QUOTA SORT ACL NAMESPACE RIGHTS=texk",
            volunteer=False,
            namespace=b'(("" ".")) NIL (("#Public" "."))',
            inbox=b'(\\HasNoChildren) "." "INBOX"',
            top=(b'(\\HasNoChildren) "." "INBOX"', b'(\\HasNoChildren) "." "Sent"'),
        ),
        "Sent",
        definition={"authentication": "login"},
    ),
    "yahoo": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 ID NAMESPACE OBJECTID] Hello",
            capabilities="IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER ID MOVE NAMESPACE"
            " XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN UNSELECT OBJECTID",
            top=(b'(\\Archive \\HasNoChildren) "/" "Archive"', b'(\\Sent \\HasNoChildren) "/" "Sent"'),
        ),
        "Sent",
        {"EXAMINE": reply(*EXAMINED, b"* OK [MAILBOXID (1)] Ok", b"%t OK [READ-ONLY] EXAMINE completed")},
    ),
    "stalwart": Server(
        Dialect(
            greeting=b"* OK [CAPABILITY IMAP4rev2 IMAP4rev1 AUTH=PLAIN SASL-IR] Stalwart IMAP4rev2 at your service.",
            capabilities="IMAP4rev2 IMAP4rev1 ENABLE SASL-IR LITERAL+ ID UTF8=ACCEPT AUTH=PLAIN JMAPACCESS",
            special=(b'("\\\\Sent") "/" "Sent Items"',),
            top=(b'(\\Subscribed) "/" "INBOX"', b'(\\Subscribed \\Sent) "/" "Sent Items" ()'),
        ),
        "Sent Items",
        {"UID SEARCH": reply(b'* ESEARCH (TAG "%t") UID COUNT 2 MIN 2 MAX 4 ALL 2,4', b"%t OK found")},
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_full_check_is_available_on(define: Define, credentials: Credentials, server_context: Any, name: str) -> None:
    """Every server's own way of saying it is read; the message lands where its users' sent mail is."""
    kind = SERVERS[name]
    with WireServer(kind.dialect, kind.script, tls=server_context) as server:
        result = run_check(define(server, **FULL | kind.definition), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid, result.search.size_bytes) == (2, 4, len(MESSAGE))
    assert result.new_message is not None
    assert result.new_message.mailbox == kind.mailbox
    statuses = {step.name: step.status for step in result.steps}
    assert set(statuses.values()) <= {"passed", "skipped"}, statuses


SPELLINGS: dict[str, dict[str, Action]] = {
    "lower case": {
        "GREETING": reply(b"* ok hello"),
        "CAPABILITY": reply(b"* capability imap4rev1 auth=plain sasl-ir namespace", b"%t ok done"),
        "UID SEARCH": reply(b"* search 2 4", b"%t ok done"),
        "UID FETCH": fetched(b"uid 4 body[] %b"),
        "LOGOUT": reply(b"* bye", b"%t ok"),
    },
    "no text after the status": {
        "GREETING": reply(b"* OK"),
        "NAMESPACE": reply(b'* NAMESPACE (("" "/")) NIL NIL', b"%t OK"),
        "EXAMINE": reply(b"%t OK"),
        "LOGOUT": reply(b"* BYE", b"%t OK"),
    },
    "spaces at line ends": {
        "CAPABILITY": reply(b"* CAPABILITY IMAP4rev1  AUTH=PLAIN  NAMESPACE ", b"%t OK done "),
        "NAMESPACE": reply(b'* NAMESPACE (("" "/")) NIL NIL ', b"%t OK done"),
        "UID SEARCH": reply(b"* SEARCH 2 4 ", b"%t OK done"),
    },
    "line ends without CR": {
        "GREETING": raw(b"* OK hello\n"),
        "EXAMINE": raw(b"* 2 EXISTS\n%t OK [READ-ONLY] done\n"),
        "UID SEARCH": raw(b"* SEARCH 2 4\n%t OK done\n"),
    },
    "news between the lines": {
        "NAMESPACE": reply(b"* 3 EXISTS", b'* NAMESPACE (("" "/")) NIL NIL', b"* 1 RECENT", b"%t OK done"),
        "UID SEARCH": reply(b"* 5 EXISTS", b"* 1 FETCH (FLAGS (\\Seen))", b"* SEARCH 2 4", b"%t OK done"),
        "UID FETCH": raw(
            b"* 2 FETCH (FLAGS (\\Seen) UID 4)\r\n* 2 FETCH (UID 4 BODY[] {%d}\r\n" % len(MESSAGE)
            + MESSAGE
            + b")\r\n* 1 FETCH (FLAGS ())\r\n* VANISHED 9\r\n%t OK done\r\n"
        ),
    },
    "an alert in another script": {
        "EXAMINE": reply("* OK [ALERT] Ihr Postfach läuft über".encode(), b"%t OK [READ-ONLY] fertig"),
    },
    "the message as a quoted string": {
        "UID FETCH": raw(b'* 2 FETCH (UID 4 BODY[] "%s")\r\n%%t OK done\r\n' % (b"x" * len(MESSAGE)))
    },
    "the message before its UID": {"UID FETCH": fetched(b"BODY[] %b UID 4")},
    "the message with its octets counted too": {
        "UID FETCH": fetched(b"UID 4 RFC822.SIZE %d MODSEQ (77) BODY[] %%b" % len(MESSAGE))
    },
    "no UID in the answer": {"UID FETCH": fetched(b"BODY[] %b")},
    "two searches in parts": {"UID SEARCH": reply(b"* SEARCH 2", b"* SEARCH 4", b"%t OK done")},
    "an unknown response": {"NAMESPACE": reply(b"* XYZZY (a b) {3}\r\nabc d", b"%t OK done")},
    "a response code with brackets in its text": {
        "EXAMINE": reply(b"* OK [BADCHARSET (UTF-8)] x [y]", b"%t OK [READ-ONLY] ok")
    },
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_servers_may_say_does_no_harm(
    define: Define, credentials: Credentials, server_context: Any, spelling: str
) -> None:
    """Whatever RFC 9051 permits, and what servers do all the same, is no outage."""
    with WireServer(script=SPELLINGS[spelling], tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, (result.failure, result.transcript)
    assert result.search is not None
    assert (result.search.matches, result.search.uid, result.search.size_bytes) == (2, 4, len(MESSAGE))


@pytest.mark.parametrize("continuation", [b"+", b"+ ", b"+ Ready for literal data", b"+ OK", b"+ idling [x]"])
def test_continuation_in_any_words(
    define: Define, credentials: Credentials, server_context: Any, continuation: bytes
) -> None:
    """What follows the plus is for people, and often missing."""

    def ask(exchange: Any) -> bool:
        exchange.send(continuation + b"\r\n")
        exchange.connection.send = _without_one_line(exchange.connection)
        return True

    with WireServer(script={"APPEND LITERAL": ask}, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert len(server.appended) == 1


def _without_one_line(connection: Any) -> Any:
    """The connection's `send` that keeps its first line, the usual continuation, to itself."""
    send = type(connection).send.__get__(connection)

    def swallow(data: bytes) -> None:
        del connection.send
        assert data.startswith(b"+"), data
        assert send is not None

    return swallow


@pytest.mark.parametrize(
    ("top", "name"),
    [
        (b'() "/" "Sent"', "Sent"),
        (b'() "/" {4}\r\nSent', "Sent"),
        (b'() "/" sent', "sent"),
        (b'() NIL "Sent"', "Sent"),
        (b'(\\HasNoChildren \\Subscribed) "/" Sent ("OLDNAME" ("Gesendet"))', "Sent"),
    ],
)
def test_message_goes_to_the_name_as_it_was_listed(
    define: Define, credentials: Credentials, server_context: Any, top: bytes, name: str
) -> None:
    """Atom, quoted or literal: the very octets come back in APPEND."""
    with WireServer(Dialect(capabilities=MINIMAL, top=(top,), special=()), tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert server.commands[-2].startswith(f"APPEND {name} {{")


@pytest.mark.parametrize(
    "name", ["Sent &- more", "&ZeVnLIqe-", 'Sent "quoted"', "Sent (old)", "100%", "Sent*", "a\\b", "Éléments"]
)
def test_flagged_mailbox_with_an_awkward_name(
    define: Define, credentials: Credentials, server_context: Any, name: str
) -> None:
    """Quotes, backslashes, wildcards and raw UTF-8 in the name of the mailbox that is flagged \\Sent."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    dialect = Dialect(top=(), special=(f'(\\Sent) "/" "{quoted}"'.encode(),))
    with WireServer(dialect, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert len(server.appended) == 1
    # Octets above 127 need a literal, all else a quoted string.
    wanted = f'APPEND "{quoted}" {{' if name.isascii() else f"APPEND {{{len(name.encode())}}}\r\n{name} {{"
    assert wanted.encode() in server.raw


@pytest.mark.parametrize("name", [b"a\x00b", b"\x00", b"a\rb", b"a\nb", b"a\r\nA0099 NOOP", b"\xff\xfe", b""])
def test_mailbox_name_in_a_literal_smuggles_no_command(
    define: Define, credentials: Credentials, server_context: Any, name: bytes
) -> None:
    """Whatever octets a server names its mailbox by: sent back as a literal, or a protocol error."""
    dialect = Dialect(top=(), special=(b'(\\Sent) "/" {%d}\r\n' % len(name) + name,))
    with WireServer(dialect, tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert not any(command.startswith("NOOP") for command in server.commands)
    if result.available:
        assert b" APPEND {%d}\r\n" % len(name) + name in server.raw or b' APPEND "%s"' % name in server.raw
    else:
        assert result.failure is not None
        assert (result.failure.step, result.failure.type) == ("list", "protocol_error")
