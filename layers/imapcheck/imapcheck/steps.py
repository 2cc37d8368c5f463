# ruff: noqa: E501 - a table
"""The steps of a check: one row says all that is known of each, and adding a step begins with its row.

The order of the rows is the order of a session (docs/session.md, whose table is made from them).
"""

from typing import Literal, NamedTuple

StepName = Literal[
    "dns", "connect", "tls", "greeting", "capability", "starttls", "authenticate", "id", "namespace",
    "list", "examine", "send_connect", "send_tls", "send_authenticate", "submit", "arrival", "quota", "search", "fetch", "locate_sent", "append", "cleanup", "logout",
]  # fmt: skip
"""A test holds it to the rows."""
type Phase = Literal["dns", "connect", "tls", "wait", "transfer"]
type Need = Literal[
    "login",
    "tls",
    "starttls",
    "identify",
    "quota",
    "search",
    "new_message",
    "keep_for",
    "send",
    "send_tls",
    "send_login",
]
"""What a definition must ask for, so that a step runs; `definition.asked` decides it."""

_WAY, _STORE, _SERVER = "the host and the path to it", "the mail store", "the mail server"
_SENDER, _DELIVERY = (
    "the sending server and the path to it",
    "the queues, filters and greylisting between the two servers",
)
_TOP_LEVEL = '`LIST "" "<prefix>%" RETURN (SUBSCRIBED CHILDREN)`'


class Step(NamedTuple):
    """One step: `behind` is what it stands or falls with, `sends` what docs/session.md displays of it.

    `commands` are the commands it sends, as a transcript begins them; those of the sending session after `SMTP `. `phase` is the color of its bar. `needs` is what
    the definition must ask for. `optional`: a NO or BAD is recorded as `refused`, and the check goes on. `main`: its time
    is published with `metrics: steps`. `counted`: it is part of the run's duration. `also` is what people call it, unless it looks like the name.
    """

    name: StepName
    behind: str
    sends: str
    commands: tuple[str, ...] = ()
    phase: Phase = "wait"
    needs: tuple[Need, ...] = ()
    optional: bool = False
    main: bool = False
    counted: bool = True
    also: tuple[str, ...] = ()


_ROWS = (
    Step("dns", "the resolver and the zone's name servers", "nothing: a lookup of the name", phase="dns", also=("resolve", "lookup")),
    Step("connect", _WAY, "nothing: TCP", phase="connect", main=True, also=("tcp",)),
    Step("tls", _WAY, "the TLS handshake; after `STARTTLS` then `CAPABILITY` again", phase="tls", needs=("tls",), main=True, also=("handshake", "ssl")),
    Step("greeting", _WAY, "nothing: the server's first line", also=("banner",)),
    Step("capability", _WAY, "`CAPABILITY`: once, even if the greeting volunteers it", ("CAPABILITY",)),
    Step("starttls", _WAY, "`STARTTLS`", ("STARTTLS",), phase="tls", needs=("starttls",)),
    Step("authenticate", "the login service", "`AUTHENTICATE PLAIN <response>`, then `CAPABILITY` again unless the server volunteers it", ("AUTHENTICATE", "LOGIN"), needs=("login",), main=True, also=("login", "auth")),
    Step("id", _SERVER, "`ID`", ("ID",), needs=("identify", "login"), optional=True),
    Step("namespace", _STORE, "`NAMESPACE`", ("NAMESPACE",), needs=("login",), optional=True),
    Step("list", _STORE, f'`LIST "" "INBOX"`, `LIST (SPECIAL-USE) "" "*"`, `LIST "" "<parent>"` once for each parent of those mailboxes (at most 20), {_TOP_LEVEL}', ("LIST",), needs=("login",), optional=True),
    Step("examine", _STORE, "`EXAMINE INBOX (CONDSTORE)`", ("EXAMINE",), needs=("login",), also=("select",)),
    Step("send_connect", _SENDER, "on a second connection: a lookup of the name, TCP, the banner, `EHLO` (after STARTTLS again)", ("SMTP EHLO",), phase="connect", needs=("send", "login"), also=("smtp",)),
    Step("send_tls", _SENDER, "`STARTTLS` on `smtp://`, and the TLS handshake", ("SMTP STARTTLS",), phase="tls", needs=("send", "login", "send_tls")),
    Step("send_authenticate", "the sending server's login service", "`AUTH PLAIN <response>`", ("SMTP AUTH",), needs=("send", "login", "send_login")),
    Step("submit", "the sending server", "`MAIL`, `RCPT`, `DATA` and the message, up to the reply to it; then `QUIT`", ("SMTP MAIL", "SMTP RCPT", "SMTP DATA"), phase="transfer", needs=("send", "login"), also=("send",)),
    Step("arrival", _DELIVERY, "`UID FETCH` of header fields of new messages, whenever `IDLE` (else `NOOP` every 2 s) announces mail; `STATUS` of the junk mailbox every 5 s", ("IDLE", "NOOP", "STATUS", "UID FETCH"), needs=("send", "login"), counted=False, also=("delivery",)),
    Step("quota", _STORE, "`GETQUOTAROOT` of the examined mailbox, if the server offers QUOTA (RFC 9208)", ("GETQUOTAROOT",), needs=("quota", "login"), optional=True),
    Step("search", _STORE, '`UID SEARCH RETURN () CHARSET US-ASCII SUBJECT "<term>"`', ("UID SEARCH",), needs=("search",), main=True),
    Step("fetch", _STORE, "`UID FETCH <newest match> (BODY.PEEK[])`, if there are enough matches", ("UID FETCH",), phase="transfer", needs=("search",), main=True),
    Step("locate_sent", _STORE, f"{_TOP_LEVEL}, unless `new_message.mailbox` is set", ("LIST",), needs=("new_message",)),
    Step("append", _STORE, "`APPEND <sent mailbox> {n}` and the message", ("APPEND",), phase="transfer", needs=("new_message",), main=True),
    Step("cleanup", _STORE, "`SELECT`, `UID SEARCH`, `UID FETCH` of one header field, `UID STORE`, `UID EXPUNGE` (on Gmail `UID MOVE`)", ("SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "UID EXPUNGE", "UID MOVE"), needs=("keep_for",), optional=True, counted=False),
    Step("logout", _SERVER, "`LOGOUT`, if the connection is still usable", ("LOGOUT",), optional=True),
)  # fmt: skip
STEPS: dict[str, Step] = {row.name: row for row in _ROWS}
STEP_NAMES: tuple[StepName, ...] = tuple(row.name for row in _ROWS)
