"""The command engine: sends a command and reads all that comes back, up to the command's tagged response.

It knows tags, literals, continuations and the end of a session; it knows no command (`session` does) and no
octet (`encoder` and `decoder` do). We hold the connection ourselves instead of driving
`imapclient.IMAPClient`, whose imaplib core waits per `recv`, keeps whole messages, knows no SASL-IR and
loses response codes (ARCHITECTURE.md).
"""

from collections.abc import Callable, Sequence

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.capabilities import Capabilities
from imapcheck.imap.completion import Completion
from imapcheck.imap.decoder import BodyPolicy, Response, ResponseReader, Secrecy, Stream, Unreadable
from imapcheck.imap.encoder import Part, encode_command
from imapcheck.imap.greeting import STATUS, not_imap, not_tls, silent
from imapcheck.network.tls import ClearText, TlsConnection, TlsContext
from imapcheck.network.transport import Wire
from imapcheck.transcript import MASK, Redactor, Transcript

_AFTER_BYE = 1.0
_MOST_ALERTS = 10
_MAX_UNTAGGED_OCTETS = 32 << 20
"""Of a whole session, as most of it is kept until its end; what comes as a stream is not."""


class Engine:
    """One command at a time over one `Wire`.

    After a failure that ends the session `usable` is False and nothing more may be sent. `tag` is that of the
    command under way; `bye` is the server's BYE, once it came, `complaint` the latest untagged NO or BAD to the
    command (RFC 9051 section 7.1: a warning, or what went wrong). `alerts` are the texts that the server wants
    shown; `expunged` is set once it says that some message is gone, and a search unsets it; `messages` is the number
    of messages in the open mailbox as told last; `capabilities` are learnt wherever they are told.
    """

    expunged: bool

    def __init__(self, wire: Wire, redactor: Redactor, transcript: Transcript) -> None:
        self.wire = wire
        self.usable = True
        self.tag = b""
        self.bye: Completion | None = None
        self.complaint: Completion | None = None
        self.alerts: list[bytes] = []
        self.messages = 0
        self.capabilities = Capabilities()
        self._redactor = redactor
        self._transcript = transcript
        self._reader = ResponseReader(wire, transcript, redactor)
        self._count = 0
        self._octets = 0

    def greeting(self) -> Completion:
        """The server's first line as a status response; raises `not_imap` or `greeting_rejected` where it is none."""
        try:
            line = self._reader.line()
        except CheckFailure as failure:
            self.usable = False
            raise silent(failure, self.wire.peek()) from failure
        self._transcript.server(line)
        if (status := STATUS.match(line)) is None:
            self.usable = False
            raise not_imap(line, self._redactor.show(line, 120))
        text = line[status.end() :].lstrip()
        return self._completion(Response("untagged", (status[1] or status[2]).upper(), text=text))

    def start_tls(self, context: TlsContext, server_name: str, *, implicit: bool) -> TlsConnection:
        """The TLS handshake. All that the server offered before is forgotten."""
        try:
            tls = self.wire.start_tls(context, server_name)
        except ClearText as clear:
            self.usable = False
            self._transcript.server(clear.line)
            if not implicit:
                raise broken("clear text between STARTTLS and TLS (response injection)") from None
            raise not_tls(clear.line, self._redactor.show(clear.line, 120)) from None
        except CheckFailure:
            self.usable = False
            raise
        self.capabilities.forget()
        return tls

    @property
    def next_tag(self) -> bytes:
        """The tag that the next command will have."""
        return b"A%04d" % (self._count + 1)

    def abandon(self) -> None:
        """Nothing more may be sent."""
        self.usable = False

    def command(
        self,
        parts: Sequence[Part],
        *,
        on_untagged: Callable[[Response], None] | None = None,
        on_continuation: Callable[[bytes], bytes] | None = None,
        before_literal: Callable[[], None] | None = None,
        body: BodyPolicy | None = None,
        stream: Stream | None = None,
        secrecy: Secrecy = "open",
    ) -> Completion:
        """Send a command and read up to its tagged response.

        `on_untagged` gets every untagged response, `on_continuation` each challenge and returns the line that
        answers it; `before_literal` is called before a literal goes out. `body` says how much of a message is
        read, `stream` takes search results that are too long for a line, `secrecy` says what the transcript must
        not show of the answers.
        """
        self._begin()
        self._reader.secrecy, self._reader.stream = secrecy, stream
        try:
            pending = self._send_line(parts)
            return self._read(pending, on_untagged, on_continuation, before_literal, body)
        except CheckFailure as failure:
            raise self._ended_by(failure) from failure.__cause__
        finally:
            self._reader.secrecy, self._reader.stream = "open", None

    def _begin(self) -> None:
        self.tag = self.next_tag
        self._count += 1
        self.complaint = None

    def _send_line(self, parts: Sequence[Part]) -> list[tuple[bytes, bytes]]:
        """Send the first line; returns what is left to send, a literal and the rest of its line at a time."""
        (wire, shown), *rest = encode_command(self.tag, parts)
        try:
            self.wire.send(wire)
        finally:  # after it, as then the server is at work meanwhile
            self._transcript.client(shown)
        return rest

    def _read(
        self,
        pending: list[tuple[bytes, bytes]],
        on_untagged: Callable[[Response], None] | None,
        on_continuation: Callable[[bytes], bytes] | None,
        before_literal: Callable[[], None] | None,
        body: BodyPolicy | None,
    ) -> Completion:
        while True:
            self.wire.check_time()
            response = self._reader.response(self.tag, body)
            match response.kind:
                case "tagged":
                    if pending and response.name == b"OK":
                        raise broken("OK before the whole command was sent")
                    return self._concluded(response)
                case "continuation" if pending:
                    self._send_literal(*pending.pop(0), before_literal)
                case "continuation":
                    self._answer_challenge(response.text, on_continuation)
                case "untagged":
                    self._octets += response.held()
                    if self._octets > _MAX_UNTAGGED_OCTETS:
                        raise broken("more untagged responses than a check reads")
                    self._note(response)
                    if on_untagged is not None:
                        self._take(response, on_untagged)

    def _take(self, response: Response, on_untagged: Callable[[Response], None]) -> None:
        """Hand a response on; what cannot be read in it is reported as it was read, unless it may hold a message."""
        try:
            on_untagged(response)
        except Unreadable as failure:
            if response.name != b"FETCH":
                self._reader.with_line(failure, response.text)
            raise

    def _send_literal(self, wire: bytes, shown: bytes, before: Callable[[], None] | None) -> None:
        if before is not None:
            before()
        self._transcript.client(shown)
        self.wire.send(wire)

    def _answer_challenge(self, challenge: bytes, answer: Callable[[bytes], bytes] | None) -> None:
        if answer is None:
            raise broken("a continuation request although the command was complete")
        line = answer(challenge)
        self._transcript.client(b"*" if line == b"*" else MASK.encode())
        self.wire.send(line + b"\r\n")

    def _note(self, response: Response) -> None:
        """What any untagged response may say: capabilities, or that the server is leaving."""
        match response.name:
            case b"CAPABILITY":
                self.capabilities.learn(response.text)
            case b"EXISTS":
                self.messages = response.number or 0
            case b"EXPUNGE" | b"VANISHED":
                self.expunged = True
                self.messages -= 1
            case b"OK" if response.text[:12].upper() == b"[CAPABILITY ":
                self.capabilities.learn(response.code()[1])
            case b"NO" | b"BAD":
                self.complaint = self._completion(response)
            case b"BYE":
                self.bye = self._completion(response)
                self.wire.deadline = self.wire.deadline.within(_AFTER_BYE)
            case b"OK" if response.text[:2].upper() in (b"[A", b"[E"):
                self._completion(response)

    def _concluded(self, response: Response) -> Completion:
        completion = self._completion(response)
        if completion.code == "CAPABILITY" and completion.ok:
            self.capabilities.learn(completion.code_arguments)
        return completion

    def _completion(self, response: Response) -> Completion:
        """A status response, with note taken of the codes that mean something wherever they come."""
        completion = Completion.of(response, self._redactor)
        if completion.code == "ALERT" and len(self.alerts) < _MOST_ALERTS and response.text not in self.alerts:
            self.alerts.append(response.text)
        elif completion.code == "EXPUNGEISSUED":
            self.expunged = True
        return completion

    def _ended_by(self, failure: CheckFailure) -> CheckFailure:
        """A connection that ended after BYE was ended by the server; an untagged NO or BAD before may say why."""
        if failure.ends_session:
            self.usable = False
        return _explained(failure, self.bye, self.complaint)


def _explained(failure: CheckFailure, bye: Completion | None, complaint: Completion | None) -> CheckFailure:
    """The failure with what the server said before."""
    if failure.type not in (FailureType.CONNECTION_LOST, FailureType.TIMEOUT):
        return failure
    said = f" after {complaint.words}" if complaint is not None else ""
    code = complaint.public_code if complaint is not None else None
    if bye is None:
        return CheckFailure(failure.type, failure.detail + said, response_code=code)
    detail = f"the server ended the session: {bye.words}{said}"
    return CheckFailure(FailureType.CONNECTION_LOST, detail, response_code=bye.public_code or code)
