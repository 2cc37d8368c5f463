"""One connection: reads commands, plays the script, and calls the method that answers."""

import re
from typing import TYPE_CHECKING

from support.wire_server.connection import Connection
from support.wire_server.script import Exchange
from support.wire_server.tokens import quoted, split, tokens

if TYPE_CHECKING:
    from support.wire_server.server import WireServer


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
        line = self.connection.line()
        while match := re.search(rb"\{(\d+)(\+?)\}$", line):
            words = line.split(b" ")
            tag, name = words[0], words[1].decode("utf-8", "replace").upper()
            exchange = Exchange(self.server, self.connection, tag, f"{name} LITERAL", line)
            if name in ("LOGIN", "UID", "APPEND", "SELECT", "EXAMINE", "LIST") and not self._scripted(exchange):
                self.server.commands.append(tokens(line.partition(b" ")[2]))
                line = self.connection.line()
                continue
            if not match[2]:
                self.connection.send(b"+ go on\r\n")
            content = self.connection.exactly(int(match[1]))
            if name == "APPEND" and len(split(line)) > 3:  # before it a literal is the mailbox's name
                self.server.appended.append(content)
            else:
                line = line[: match.start()] + quoted(content)
                line += self.connection.line()
                continue
            line = line + self.connection.line()
            break
        tag, _, rest = line.partition(b" ")
        name = rest.split(b" ")[0].decode("ascii", "replace").upper()
        if name == "UID":
            name = " ".join(rest.decode("ascii", "replace").upper().split(" ")[:2])
        self.server.commands.append(tokens(rest))
        return Exchange(self.server, self.connection, tag, name, rest)

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
