"""One session with a submission server (RFC 6409): from the banner to the reply after the message, and QUIT.

The commands are those of RFC 5321, AUTH is RFC 4954's and STARTTLS RFC 3207's. One command at a time: what a server
sends before it was asked is refused, unless it is the 421 that ends a session.
"""

import re
from collections.abc import Callable
from contextlib import suppress

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.login.exchange import Aside, Exchange
from imapcheck.login.mechanisms import Mechanism
from imapcheck.network.spoken import name_protocol, speaks_ftp
from imapcheck.network.tls import ClearText, TlsConnection, TlsContext
from imapcheck.network.transport import Wire
from imapcheck.smtp.reply import Reply, ReplyReader, is_reply, not_smtp
from imapcheck.transcript import MASK, Redactor, Transcript

_COMMAND_LINE = 512
"""Octets of a command with its CRLF (RFC 5321 section 4.5.3.1.4)."""
_LINE_START_DOT = re.compile(rb"^\.", re.MULTILINE)
_REPLY_BEGINS = re.compile(rb"[2-5][0-9]{0,2}")
_MOST_CHALLENGES = 20
_GO_ON_WITH_LOGIN, _GO_ON_WITH_MESSAGE = 334, 354


class SmtpSession:
    """Commands over one `Wire`; after a failure, or a 421, `usable` is False and nothing more may be sent.

    `client` is who we say we are: a name or an address literal. `extensions` are what EHLO offered last: a keyword in
    upper case and its parameters. Every method raises `CheckFailure` with `timeout`, `connection_lost` or
    `protocol_error`; a refusal is returned as a `Reply` unless the method says otherwise.
    """

    def __init__(self, wire: Wire, redactor: Redactor, transcript: Transcript, client: str) -> None:
        self.wire = wire
        self.usable = True
        self._quitting = False
        self._client = client
        self.extensions: dict[str, tuple[str, ...]] = {}
        self._redactor = redactor
        self._transcript = transcript
        self._reader = ReplyReader(wire, redactor, transcript)

    def banner(self) -> None:
        """Wait for the banner; raises `greeting_rejected` (421, 554 and the like) or `not_smtp` too."""
        try:
            line = self._reader.line()
        except CheckFailure as failure:
            self.usable = False
            beginning = self.wire.peek()
            if beginning and not _REPLY_BEGINS.fullmatch(beginning[:3]):
                raise CheckFailure(FailureType.NOT_SMTP, name_protocol(beginning, "SMTP")) from failure
            raise
        if not is_reply(line) or speaks_ftp(line):
            self.usable = False
            self._reader.show(line.rstrip(b"\r\n"))
            raise not_smtp(line, self._redactor)
        reply = self._reply(line)
        if reply.code != 220:
            self.usable = False
            if reply.code < 400:
                raise broken(f"something else instead of a banner: {reply.words}")
            raise reply.rejected(FailureType.GREETING_REJECTED)

    def ehlo(self) -> None:
        """EHLO; raises `command_rejected` too."""
        reply = self._command(b"EHLO " + self._client.encode("ascii"))
        self.extensions = {}
        if not reply.ok:
            raise self._rejected(reply)
        for text in reply.texts[1:]:
            keyword, *parameters = text.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ").split() or [""]
            self.extensions[keyword] = self.extensions.get(keyword, ()) + tuple(parameters)

    def mechanisms(self) -> list[str]:
        """The SASL mechanisms on offer, at most ten, for a person."""
        return [self._redactor.clean_line(name, 40) for name in sorted(set(self.extensions.get("AUTH", ())))[:10]]

    def starttls(self) -> None:
        """STARTTLS up to its reply; raises `starttls_unavailable` too, and `protocol_error` where more came with it."""
        if "STARTTLS" not in self.extensions:
            raise CheckFailure(FailureType.STARTTLS_UNAVAILABLE, "the server does not offer STARTTLS")
        reply = self._command(b"STARTTLS")
        if not reply.ok:
            raise self._rejected(reply, FailureType.STARTTLS_UNAVAILABLE)
        if self.wire.unread():
            self.usable = False
            raise broken("data between its reply to STARTTLS and TLS (response injection)")

    def start_tls(self, context: TlsContext, server_name: str, *, implicit: bool) -> TlsConnection:
        """The TLS handshake; what was offered before it counts for nothing (RFC 3207 section 4.2)."""
        try:
            tls = self.wire.start_tls(context, server_name)
        except ClearText as clear:
            self.usable = False
            self._transcript.server(clear.line)
            if not implicit:
                raise broken("clear text between STARTTLS and TLS (response injection)") from None
            raise not_smtp(clear.line, self._redactor, " in clear text on a port where TLS was expected") from None
        except CheckFailure:
            self.usable = False
            raise
        self.extensions = {}
        return tls

    def authenticate(self, mechanism: Mechanism, aside: Callable[[], Aside]) -> Reply:
        """AUTH with an initial response where it fits the command's line; answers are computed `aside`."""
        exchange = Exchange(mechanism, self._redactor, aside)
        command = b"AUTH " + mechanism.name.encode()
        initial = exchange.initial_response(_COMMAND_LINE - len(command) - 3)
        self._reader.login = True
        try:
            if initial is None:
                reply = self._command(command, goes_on=_GO_ON_WITH_LOGIN)
            else:
                shown = command + b" " + MASK.encode()
                reply = self._command(command + b" " + initial, shown, goes_on=_GO_ON_WITH_LOGIN)
            for _ in range(_MOST_CHALLENGES):
                if reply.code != _GO_ON_WITH_LOGIN:
                    break
                answer = exchange.answer(b"".join(reply.texts))
                shown = answer if answer == b"*" else MASK.encode()
                reply = self._command(answer, shown, goes_on=_GO_ON_WITH_LOGIN)
        finally:
            self._reader.login = False
        if reply.code == _GO_ON_WITH_LOGIN:
            raise self._broken("too many challenges")
        exchange.conclude(reply.ok)
        return reply

    def mail(self, sender: str) -> Reply:
        """MAIL FROM: a new transaction."""
        return self._command(b"MAIL FROM:<" + sender.encode("ascii") + b">")

    def rcpt(self, recipient: str) -> Reply:
        """RCPT TO."""
        return self._command(b"RCPT TO:<" + recipient.encode("ascii") + b">")

    def data(self) -> Reply:
        """DATA up to its reply, which is 354 or a refusal."""
        reply = self._command(b"DATA", goes_on=_GO_ON_WITH_MESSAGE)
        if reply.ok:
            raise self._broken(f"{reply.code} to DATA")
        return reply

    def message(self, octets: bytes) -> Reply:
        """The message, which ends with CRLF, dot-stuffed (RFC 5321 section 4.5.2), and the reply to it."""
        wire = _LINE_START_DOT.sub(b"..", octets) + b".\r\n"
        return self._command(wire.removesuffix(b"\r\n"), b"{%d octets}" % len(octets))

    def quit(self) -> None:
        """QUIT, once; its reply need not be waited for by anybody who has more to do: `farewell` takes it."""
        if self.usable and not self._quitting:
            self._quitting = True
            self._transcript.client(b"QUIT")
            try:
                self.wire.send(b"QUIT\r\n")
            except CheckFailure:
                self.usable = False

    def farewell(self) -> None:
        """Take the reply to QUIT, if it comes by the wire's deadline; whatever it is changes nothing."""
        with suppress(CheckFailure):
            if self.usable:
                self._reader.reply()
        self.usable = False

    def _command(self, line: bytes, shown: bytes | None = None, *, goes_on: int | None = None) -> Reply:
        """Send a line and read its reply; `shown` is what the transcript says instead of it.

        Of the replies that ask for more only `goes_on` may come.
        """
        reply = self._unasked() if self.wire.unread() else self._answered(line, shown)
        if 300 <= reply.code < 400 and reply.code != goes_on:
            raise self._broken(f"{reply.code}, which asks for more than there is")
        return reply

    def _answered(self, line: bytes, shown: bytes | None) -> Reply:
        ended: CheckFailure | None = None
        try:
            self.wire.send(line + b"\r\n")
        except CheckFailure as failure:
            ended = failure
        self._transcript.client(line if shown is None else shown)
        return self._reply() if ended is None else self._last_words(ended)

    def _unasked(self) -> Reply:
        """A server may end the session at any time (RFC 5321 section 3.8); any other reply would be misread."""
        if not self.wire.peek().startswith(b"421"):
            self._reader.show(self.wire.peek().partition(b"\n")[0].removesuffix(b"\r"))
            raise self._broken("a reply that no command asked for")
        return self._reply()

    def _last_words(self, failure: CheckFailure) -> Reply:
        """What the server said before it stopped listening."""
        self.usable = False
        try:
            reply = self._reader.reply()
        except CheckFailure:
            raise failure from None
        if reply.code < 400:
            raise failure
        return reply

    def _reply(self, first: bytes | None = None) -> Reply:
        try:
            reply = self._reader.reply(first)
        except CheckFailure:
            self.usable = False
            raise
        if reply.closing:
            self.usable = False
        return reply

    def _rejected(self, reply: Reply, type: FailureType = FailureType.COMMAND_REJECTED) -> CheckFailure:
        if reply.closing:
            words = f"the server ended the session: {reply.words}"
            return CheckFailure(FailureType.CONNECTION_LOST, words, response_code=reply.enhanced)
        return reply.rejected(type)

    def _broken(self, what: str) -> CheckFailure:
        self.usable = False
        return broken(what)
