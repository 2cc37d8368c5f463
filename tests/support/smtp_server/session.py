"""The usual answers to one connection's commands (RFC 5321, RFC 4954)."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.wire_server import Connection, Exchange

if TYPE_CHECKING:
    from support.smtp_server.server import SmtpServer


@dataclass
class Submission:
    """What the server offers, and whom it lets in; `None` for extensions that it does not offer."""

    banner: bytes = b"220 mail.example ESMTP ready"
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES")
    mechanisms: str | None = "PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER"
    in_clear: bool = True
    username: str = "sender"
    password: str = "canary-s3nding"
    token: str = ""
    queued: bytes = b"250 2.0.0 Ok: queued as 4XyZ"


@dataclass(frozen=True)
class Envelope:
    """A message that was accepted."""

    sender: str
    recipients: tuple[str, ...]
    octets: bytes


class SmtpConversation:
    """Reads commands, plays the script, and calls the method that answers."""

    def __init__(self, server: "SmtpServer", connection: Connection) -> None:
        self.server, self.connection, self.offer = server, connection, server.offer
        self.counts: dict[str, int] = {}
        self.secure = server.tls is not None
        self.logged_in = self.offer.mechanisms is None
        self.sender: str | None = None
        self.recipients: list[str] = []

    def run(self) -> None:
        if self._scripted("GREETING"):
            self._say(self.offer.banner)
        while True:
            line = self.connection.line()
            self.server.commands.append(line.decode("utf-8", "replace"))
            name = line.split(b" ")[0].decode("ascii", "replace").upper()
            if self._scripted(name, line):
                getattr(self, "do_" + name.lower(), self._unknown)(line)

    def _scripted(self, name: str, line: bytes = b"") -> bool:
        """Play the script's action; True where the usual answer follows."""
        count = self.counts[name] = self.counts.get(name, 0) + 1
        action = self.server.script.get(f"{name}#{count}") or self.server.script.get(name)
        return True if action is None else bool(action(Exchange(self.server, self.connection, b"", name, line)))

    def _say(self, *lines: bytes) -> None:
        for line in lines:
            self.connection.send(line + b"\r\n")

    def _unknown(self, line: bytes) -> None:
        self._say(b"502 5.5.1 Error: command not recognized")

    def do_ehlo(self, line: bytes) -> None:
        offered = list(self.offer.extensions)
        if self.server.starttls is not None and not self.secure:
            offered.append("STARTTLS")
        if self.offer.mechanisms is not None and (self.secure or self.offer.in_clear):
            offered.append("AUTH " + self.offer.mechanisms)
        lines = [b"mail.example", *(word.encode() for word in offered)]
        self._say(*(b"250-" + text for text in lines[:-1]), b"250 " + lines[-1])

    def do_starttls(self, line: bytes) -> None:
        assert self.server.starttls is not None
        self._say(b"220 2.0.0 Ready to start TLS")
        if self._scripted("TLS"):
            self.connection.sock = self.server.starttls.wrap_socket(self.connection.sock, server_side=True)
            self.secure = True

    def do_auth(self, line: bytes) -> None:
        _, mechanism, *initial = line.split(b" ")
        exchanged = getattr(self, "_sasl_" + mechanism.decode().lower().replace("-", "_"), None)
        try:
            good = exchanged is not None and exchanged(initial[0] if initial else None)
        except (binascii.Error, ValueError):
            self._say(b"501 5.5.2 cancelled")
            return
        self.logged_in = self.logged_in or good
        self._say(b"235 2.7.0 Authentication successful" if good else b"535 5.7.8 Error: authentication failed")

    def _ask(self, challenge: bytes = b"") -> bytes:
        if self._scripted("CHALLENGE"):
            self._say(b"334 " + base64.b64encode(challenge))
        return base64.b64decode(self.connection.line(), validate=True)

    def _sasl_plain(self, initial: bytes | None) -> bool:
        _, user, password = (self._ask() if initial is None else base64.b64decode(initial)).split(b"\0")
        return self._right(user, password)

    def _sasl_login(self, initial: bytes | None) -> bool:
        return self._right(self._ask(b"Username:"), self._ask(b"Password:"))

    def _sasl_cram_md5(self, initial: bytes | None) -> bool:
        challenge = b"<1896.697170952@mail.example>"
        user, _, digest = self._ask(challenge).rpartition(b" ")
        expected = hmac.new(self.offer.password.encode(), challenge, "md5").hexdigest()
        return (user, digest) == (self.offer.username.encode(), expected.encode())

    def _sasl_xoauth2(self, initial: bytes | None) -> bool:
        message = self._ask() if initial is None else base64.b64decode(initial)
        if message == f"user={self.offer.username}\1auth=Bearer {self.offer.token}\1\1".encode():
            return True
        self._ask(b'{"status":"400","schemes":"Bearer"}')
        return False

    def _right(self, user: bytes, password: bytes) -> bool:
        return (user, password) == (self.offer.username.encode(), self.offer.password.encode())

    def do_mail(self, line: bytes) -> None:
        if not self.logged_in:
            self._say(b"530 5.7.0 Authentication required")
            return
        self.sender, self.recipients = _path(line), []
        self._say(b"250 2.1.0 Ok")

    def do_rcpt(self, line: bytes) -> None:
        if self.sender is None:
            self._say(b"503 5.5.1 Error: need MAIL command")
            return
        self.recipients.append(_path(line))
        self._say(b"250 2.1.5 Ok")

    def do_data(self, line: bytes) -> None:
        if not self.recipients:
            self._say(b"503 5.5.1 Error: need RCPT command")
            return
        self._say(b"354 End data with <CR><LF>.<CR><LF>")
        content = bytearray()
        while (text := self.connection.line()) != b".":
            content += text.removeprefix(b".") + b"\r\n"
        envelope = Envelope(self.sender or "", tuple(self.recipients), bytes(content))
        self.server.received.append(envelope)
        self.sender, self.recipients = None, []
        if self._scripted("MESSAGE"):
            self.server.envelopes.append(envelope)
            if self.server.deliver is not None:
                self.server.deliver(envelope)
            self._say(self.offer.queued)

    def do_rset(self, line: bytes) -> None:
        self.sender, self.recipients = None, []
        self._say(b"250 2.0.0 Ok")

    def do_noop(self, line: bytes) -> None:
        self._say(b"250 2.0.0 Ok")

    def do_quit(self, line: bytes) -> None:
        self._say(b"221 2.0.0 Bye")
        self.connection.close()


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].rpartition(b">")[0].decode("utf-8", "replace")
