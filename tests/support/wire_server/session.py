"""The usual answers to one connection's commands."""

from support.wire_server.login import Logins
from support.wire_server.script import Exchange
from support.wire_server.tokens import split


class Session(Logins):
    """A method for each command."""

    def do_capability(self, exchange: Exchange) -> None:
        exchange.send(b"* CAPABILITY " + self._offered() + b"\r\n")
        self._ok(exchange)

    def do_starttls(self, exchange: Exchange) -> None:
        assert self.server.starttls is not None
        self._ok(exchange)
        if self._scripted(Exchange(self.server, self.connection, b"", "TLS", b"")):
            self.connection.sock = self.server.starttls.wrap_socket(self.connection.sock, server_side=True)
            self.secure = True

    def do_id(self, exchange: Exchange) -> None:
        exchange.send(b'* ID ("name" "wire")\r\n')
        self._ok(exchange)

    def do_namespace(self, exchange: Exchange) -> None:
        exchange.send(b"* NAMESPACE " + self.dialect.namespace + b"\r\n")
        self._ok(exchange)

    def do_list(self, exchange: Exchange) -> None:
        words = split(exchange.line)
        if words[1] == b"(SPECIAL-USE)":
            lines: tuple[bytes, ...] = self.dialect.special
        elif words[2].upper() == b"INBOX":
            lines = (self.dialect.inbox,)
        elif words[2].endswith(b"%"):
            lines = self.dialect.top
        else:
            lines = tuple(line for line in self.dialect.top if split(line)[-1] == words[2])
        for line in lines:
            exchange.send(b"* LIST " + line + b"\r\n")
        self._ok(exchange)

    def do_examine(self, exchange: Exchange) -> None:
        exchange.send(b"* FLAGS (\\Seen)\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
        self._ok(exchange, b"[READ-ONLY] done")

    def do_uid_search(self, exchange: Exchange) -> None:
        if b"RETURN" in exchange.line:
            uids = b" ALL " + b",".join(b"%d" % uid for uid in self.dialect.uids) if self.dialect.uids else b""
            exchange.send(b'* ESEARCH (TAG "' + exchange.tag + b'") UID' + uids + b"\r\n")
        else:
            exchange.send(b"* SEARCH" + b"".join(b" %d" % uid for uid in self.dialect.uids) + b"\r\n")
        self._ok(exchange)

    def do_uid_fetch(self, exchange: Exchange) -> None:
        uid = int(exchange.line.split(b" ")[2])
        date = b' INTERNALDATE "' + self.dialect.internal_date + b'"' if b"INTERNALDATE" in exchange.line else b""
        message = self.dialect.message
        exchange.send(b"* 2 FETCH (UID %d" % uid + date + b" BODY[] {%d}\r\n" % len(message) + message + b")\r\n")
        self._ok(exchange)

    def do_append(self, exchange: Exchange) -> None:
        self._ok(exchange, b"[APPENDUID 15 13] done" if self.dialect.offers("UIDPLUS") else b"done")

    def do_logout(self, exchange: Exchange) -> None:
        exchange.send(b"* BYE see you\r\n")
        self._ok(exchange)
        self.connection.close()
