"""One connection: reads commands, plays the script, and calls the method that answers."""

import re
from typing import TYPE_CHECKING

from support.wire_server.connection import Connection
from support.wire_server.script import Exchange
from support.wire_server.tokens import quoted, split, tokens

if TYPE_CHECKING:
    from support.wire_server.server import WireServer

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_WITH_LITERALS = ("LOGIN", "UID", "APPEND", "SELECT", "EXAMINE", "LIST")


class Conversation:
    """What every session does; `do_<command>` of a subclass is the usual answer to a command."""

    def __init__(self, server: "WireServer", connection: Connection) -> None:
        self.server, self.connection, self.dialect = server, connection, server.dialect
        self.counts: dict[str, int] = {}
        self.secure = server.tls is not None
        self.logged_in = False

    def run(self) -> None:
        if self._scripted(Exchange(self.server, self.connection, b"*", "GREETING", b"")):
            self.connection.send(self.dialect.greeting + b"\r\n")
        while True:
            exchange = self._next()
            if not self._scripted(exchange):
                continue
            handler = getattr(self, "do_" + exchange.name.lower().replace(" ", "_"), None)
            if handler is None:
                exchange.send(exchange.tag + b" BAD unknown command\r\n")
            else:
                handler(exchange)

    def _next(self) -> Exchange:
        """The next command, in one line: literals are joined in as quoted strings, a message stays apart."""
        line, whole = self.connection.line(), False
        while not whole and (announced := _LITERAL.search(line)):
            line, whole = self._with_literal(line, announced)
        tag, _, rest = line.partition(b" ")
        name = rest.split(b" ")[0].decode("ascii", "replace").upper()
        if name == "UID":
            name = " ".join(rest.decode("ascii", "replace").upper().split(" ")[:2])
        self.server.commands.append(tokens(rest))
        return Exchange(self.server, self.connection, tag, name, rest)

    def _with_literal(self, line: bytes, announced: re.Match[bytes]) -> tuple[bytes, bool]:
        """The line with its literal and what follows it, and whether that is all.

        A script may act on `NAME LITERAL`, the moment before the literal is asked for; where it answers the command
        then and there, the line is the next command's.
        """
        if self._answered_before_literal(line):
            return self.connection.line(), False
        if not announced[2]:
            self.connection.send(b"+ go on\r\n")
        content = self.connection.exactly(int(announced[1]))
        if self._is_message(line):
            self.server.appended.append(content)
            return line + self.connection.line(), True
        return line[: announced.start()] + quoted(content) + self.connection.line(), False

    def _answered_before_literal(self, line: bytes) -> bool:
        tag, name = line.split(b" ")[0], _name(line)
        if name not in _WITH_LITERALS or self._scripted(
            Exchange(self.server, self.connection, tag, f"{name} LITERAL", line)
        ):
            return False
        self.server.commands.append(tokens(line.partition(b" ")[2]))
        return True

    def _is_message(self, line: bytes) -> bool:
        """APPEND's last literal; one before it is the mailbox's name."""
        return _name(line) == "APPEND" and len(split(line)) > 3

    def _scripted(self, exchange: Exchange) -> bool:
        """Play the script's action for the exchange; True where the usual answer follows."""
        count = self.counts[exchange.name] = self.counts.get(exchange.name, 0) + 1
        script = self.server.script
        action = script.get(f"{exchange.name}#{count}") or script.get(exchange.name)
        return True if action is None else bool(action(exchange))

    def _ok(self, exchange: Exchange, text: bytes = b"done") -> None:
        exchange.send(exchange.tag + b" OK " + text + b"\r\n")

    def _offered(self) -> bytes:
        words = self.dialect.capabilities
        if self.logged_in:
            words = self.dialect.after_login or words
        elif self.server.starttls is not None and not self.secure:
            words += " STARTTLS"
        return words.encode()


def _name(line: bytes) -> str:
    """The command's name in capitals: the word after the tag."""
    return line.split(b" ")[1].decode("utf-8", "replace").upper()
