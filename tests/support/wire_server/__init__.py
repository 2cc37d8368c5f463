"""An IMAP server of ours that speaks wire bytes and does as its script says.

    with WireServer(Dialect(), {"EXAMINE": Delay(0.05)}) as server:
        result = run_check(definition_for(server), CREDENTIALS)
    assert server.commands == [...]

The dialect answers like the reference product's example server; `Dialect(capabilities=...)` makes another
one of it. The script maps a command's name, or its name and count as in `LIST#2`, or `GREETING` or
`TLS` to what happens instead. `commands` are the lines received without their tag, tokenised by IMAP's
rules and joined again, so that `Sent` and `"Sent"` are one; a SASL exchange is part of its command.
`raw` is every octet as it came, for what tokens do not show (literal or quoted, one line or two).
`mail_server.MailServer` is this server with real mailboxes behind it.
"""

from support.wire_server.connection import Connection
from support.wire_server.dialect import MESSAGE, MINIMAL, REFERENCE, Dialect
from support.wire_server.script import (
    Action,
    Exchange,
    bad,
    bye,
    close,
    delay,
    drip,
    echo,
    endless_line,
    endless_lines,
    garbage,
    hang,
    huge_literal,
    no,
    once,
    raw,
    reply,
    reset,
    wrong_tag,
)
from support.wire_server.server import WireServer
from support.wire_server.session import Session

__all__ = [
    "MESSAGE",
    "MINIMAL",
    "REFERENCE",
    "Action",
    "Connection",
    "Dialect",
    "Exchange",
    "Session",
    "WireServer",
    "bad",
    "bye",
    "close",
    "delay",
    "drip",
    "echo",
    "endless_line",
    "endless_lines",
    "garbage",
    "hang",
    "huge_literal",
    "no",
    "once",
    "raw",
    "reply",
    "reset",
    "wrong_tag",
]
