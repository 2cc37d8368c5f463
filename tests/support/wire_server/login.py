"""How a client logs in: LOGIN, and AUTHENTICATE with a method for each mechanism."""

import base64
import binascii

from support.wire_server.conversation import Conversation
from support.wire_server.script import Exchange
from support.wire_server.tokens import split


class Cancelled(Exception):
    """The client gave the login up (RFC 9051 section 6.2.2)."""


class Logins(Conversation):
    """The part of a session that logs in."""

    def do_authenticate(self, exchange: Exchange) -> None:
        words = exchange.line.split(b" ")
        mechanism = words[1].decode("utf-8", "replace").upper()
        initial = words[2] if len(words) > 2 else None
        exchanged = getattr(self, "_sasl_" + mechanism.lower().replace("-", "_"), lambda *_: False)
        try:
            good = exchanged(exchange, initial)
        except (Cancelled, binascii.Error):
            exchange.send(exchange.tag + b" BAD cancelled\r\n")
        else:
            self._login_done(exchange, good)

    def do_login(self, exchange: Exchange) -> None:
        _, user, password = split(exchange.line)
        self._login_done(exchange, self._right(user, password))

    def _login_done(self, exchange: Exchange, good: bool) -> None:
        if not good:
            exchange.send(exchange.tag + b" NO [AUTHENTICATIONFAILED] wrong user or password\r\n")
            return
        self.logged_in = True
        self._ok(exchange, (b"[CAPABILITY " + self._offered() + b"] in") if self.dialect.volunteer else b"in")

    def _ask(self, challenge: bytes = b"") -> bytes:
        self.connection.send(b"+ " + base64.b64encode(challenge) + b"\r\n")
        answer = self.connection.line()
        if answer == b"*":
            raise Cancelled
        return base64.b64decode(answer)

    def _right(self, user: bytes, password: bytes) -> bool:
        wanted = (self.dialect.username.encode(), self.dialect.password.encode())
        return not self.dialect.check_password or (user, password) == wanted

    def _sasl_plain(self, exchange: Exchange, initial: bytes | None) -> bool:
        answer = self._ask() if initial is None else base64.b64decode(initial)
        _, user, password = answer.split(b"\0")
        return self._right(user, password)

    def _sasl_login(self, exchange: Exchange, initial: bytes | None) -> bool:
        return self._right(self._ask(b"Username:"), self._ask(b"Password:"))
