"""One IMAP session: a method per command, each adapted to what the server offers.

The commands and their order are the reference check's (DESIGN section 2); `steps` decides which are
sent. We hold the connection ourselves instead of driving `imapclient.IMAPClient`, whose imaplib core
waits per `recv`, keeps whole messages, knows no SASL-IR and loses response codes (ARCHITECTURE.md);
its parsers read the responses.

Every method raises `CheckFailure` with `timeout`, `connection_lost` or `protocol_error`; a NO or BAD is
returned as a `Completion` unless the method says otherwise.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, cast

from imapcheck.errors import CheckFailure, FailureType
from imapcheck.imap.data import (
    Fetched,
    Found,
    Mailbox,
    SearchCollector,
    fetch_items,
    fetched_message,
    header_text,
    internal_date_of,
    mailbox_of,
    personal_prefix,
)
from imapcheck.imap.decoder import MAX_BODY, BodyPolicy, Response, ResponseReader, broken
from imapcheck.imap.encoder import Literal, Part, string, uid_set
from imapcheck.login.mechanisms import Mechanism
from imapcheck.network.tls import ClearText, TlsConnection, TlsContext
from imapcheck.network.transport import Wire
from imapcheck.transcript import MASK, Redactor, Transcript

type Aside = AbstractContextManager[None]

_REV2_IMPLIES = {"NAMESPACE", "ESEARCH", "LIST-EXTENDED", "SPECIAL-USE", "SASL-IR", "UIDPLUS", "MOVE"}
_AFTER_BYE = 1.0
_MAX_LISTED = 20_000
_MAX_UNTAGGED_OCTETS = 32 << 20
_MAX_CHALLENGES = 10


class Completion(NamedTuple):
    """A tagged response."""

    status: str
    code: str | None
    code_arguments: bytes
    text: bytes
    redactor: Redactor

    @property
    def words(self) -> str:
        """The whole of it, redacted, for a person."""
        return self.redactor.show(self.status.encode() + b" " + self.text, 300)

    @property
    def ok(self) -> bool:
        return self.status == "OK"

    def rejected(self, type: FailureType = FailureType.COMMAND_REJECTED, advice: str = "") -> CheckFailure:
        """The failure that a NO or BAD to a required command is."""
        return CheckFailure(type, f"the server answered {self.words}{advice}", response_code=self.public_code)

    @property
    def public_code(self) -> str | None:
        """The response code, unless the server put a secret there."""
        return self.code if self.code is not None and self.redactor.clean_text(self.code) == self.code else None


class Appended(NamedTuple):
    """The completion of APPEND with UIDVALIDITY and UID where the server gave APPENDUID (RFC 4315)."""

    completion: Completion
    uid_validity: int | None
    uid: int | None


class ImapSession:
    """Commands over one `Wire`. After a `CheckFailure` from the wire, `usable` is False and nothing more is sent."""

    def __init__(self, wire: Wire, redactor: Redactor, transcript: Transcript) -> None:
        self.wire = wire
        self.preauthenticated = False
        self.usable = True
        self._redactor = redactor
        self._transcript = transcript
        self._reader = ResponseReader(wire, transcript)
        self._capabilities: frozenset[str] = frozenset()
        self._capabilities_told = 0
        self._count = 0
        self._bye: Completion | None = None

    # --- before the login ---------------------------------------------------------------------------

    def greeting(self) -> None:
        """Wait for the greeting (RFC 9051 section 7.1); raises `greeting_rejected` or `not_imap` too."""
        try:
            line = self._reader.line()
        except CheckFailure as failure:
            self.usable = False
            raise _silent_greeting(failure, self.wire.peek()) from failure
        if not line.startswith(b"* "):
            self._reader.show_unreadable(line)
            self.usable = False
            raise CheckFailure(FailureType.NOT_IMAP, f"{name_protocol(line)}: {self._redactor.show(line, 120)}")
        self._transcript.server(line)
        status, _, text = line[2:].partition(b" ")
        greeting = self._completion(Response("untagged", status.upper(), text=text))
        match greeting.status:
            case "OK":
                return
            case "PREAUTH":
                self.preauthenticated = True
            case "BYE":
                self.usable = False
                raise greeting.rejected(FailureType.GREETING_REJECTED)
            case _:
                self.usable = False
                raise broken(f"a greeting that is none: {greeting.words}")

    def capability(self) -> None:
        """CAPABILITY; raises `command_rejected` too."""
        told = self._capabilities_told
        completion = self._command([b"CAPABILITY"])
        if not completion.ok:
            raise completion.rejected()
        if self._capabilities_told == told:
            raise broken("OK to CAPABILITY without the list")

    def offers(self, capability: str) -> bool:
        """The server advertises it, or IMAP4rev2, which implies it (RFC 9051 appendix E)."""
        if capability in self._capabilities:
            return True
        return "IMAP4REV2" in self._capabilities and capability in _REV2_IMPLIES

    def mechanisms(self) -> list[str]:
        """The SASL mechanisms on offer, at most ten."""
        offered = sorted(name[5:] for name in self._capabilities if name.startswith("AUTH="))
        return [name[:40] for name in offered[:10]]

    def starttls(self) -> None:
        """STARTTLS up to the tagged OK (RFC 9051 section 6.2.1); raises `starttls_unavailable` too."""
        completion = self._command([b"STARTTLS"])
        if not completion.ok:
            raise completion.rejected(FailureType.STARTTLS_UNAVAILABLE)
        if self.wire.unread():
            self.usable = False
            raise broken("something after its OK to STARTTLS and before TLS (response injection)")

    def start_tls(self, context: TlsContext, server_name: str, *, implicit: bool) -> TlsConnection:
        """The TLS handshake. After STARTTLS all that the server said before is forgotten."""
        try:
            tls = self.wire.start_tls(context, server_name)
        except ClearText as clear:
            self.usable = False
            line = clear.beginning.partition(b"\n")[0].removesuffix(b"\r")
            self._transcript.server(line)
            if not implicit:
                raise broken("clear text between STARTTLS and TLS (response injection)") from None
            said = f"{name_protocol(line)} in clear text on a port where TLS was expected: "
            raise CheckFailure(FailureType.NOT_IMAP, said + self._redactor.show(line, 120)) from None
        except CheckFailure:
            self.usable = False
            raise
        self._capabilities = frozenset()
        return tls

    # --- the login ----------------------------------------------------------------------------------

    def authenticate(self, mechanism: Mechanism, aside: Callable[[], Aside]) -> tuple[Completion, bool]:
        """AUTHENTICATE (RFC 9051 section 6.2.2), on one line where the server offers SASL-IR (RFC 4959).

        Answers to challenges are computed `aside`: some mechanisms hash for longer than the server takes.
        Returns the completion and whether the server volunteered its capabilities with it.
        """
        told = self._capabilities_told
        command: list[Part] = [b"AUTHENTICATE " + mechanism.name.encode()]
        to_send = mechanism.initial
        if to_send is not None and self.offers("SASL-IR"):
            encoded = self._secret_line(to_send) or b"="
            command += [b" ", Literal(encoded, MASK.encode())]
            to_send = None
        exchange = _Exchange(mechanism, to_send)
        self._reader.secrecy = "login"
        try:
            completion = self._command(
                command, inline=True, on_continuation=lambda text: self._answer(exchange, text, aside)
            )
        finally:
            self._reader.secrecy = "open"
        if exchange.failure is not None:
            raise exchange.failure
        if completion.ok:
            if not exchange.begun:
                raise broken("OK before it had any credentials")
            mechanism.finish()
        return completion, self._capabilities_told > told

    def login(self, username: str, password: str) -> tuple[Completion, bool]:
        """The LOGIN command (RFC 9051 section 6.2.3); returns as `authenticate` does."""
        told = self._capabilities_told
        user = string(username.encode(), shown=username.encode())
        secret = string(password.encode())
        hidden = Literal(secret.data if isinstance(secret, Literal) else secret, MASK.encode())
        self._reader.secrecy = "login"
        try:
            completion = self._command([b"LOGIN ", user, b" ", hidden], inline=not isinstance(secret, Literal))
        finally:
            self._reader.secrecy = "open"
        return completion, self._capabilities_told > told

    # --- after the login ----------------------------------------------------------------------------

    def identify(self, version: str) -> Completion:
        """ID with our name and version (RFC 2971)."""
        return self._command([b'ID ("name" "imapcheck" "version" "' + version.encode() + b'")'])

    def namespace(self) -> tuple[Completion, bytes]:
        """NAMESPACE (RFC 2342); returns the prefix of the first personal namespace, empty where there is none."""
        prefixes: list[bytes] = []

        def collect(response: Response) -> None:
            if response.name == b"NAMESPACE" and not prefixes:
                prefixes.append(personal_prefix(response))

        completion = self._command([b"NAMESPACE"], on_untagged=collect)
        return completion, prefixes[0] if completion.ok and prefixes else b""

    def list_mailboxes(
        self, pattern: bytes, *, selection: bytes = b"", returning: bytes = b""
    ) -> tuple[Completion, Sequence[Mailbox]]:
        """LIST "" pattern, with selection and return options of LIST-EXTENDED where they are given."""
        listed: list[Mailbox] = []

        def collect(response: Response) -> None:
            if response.name == b"LIST":
                if len(listed) >= _MAX_LISTED:
                    raise broken(f"more than {_MAX_LISTED} mailboxes")
                listed.append(mailbox_of(response))

        options = selection + b" " if selection else b""
        tail = b" RETURN " + returning if returning else b""
        completion = self._command([b"LIST " + options + b'"" ', string(pattern), tail], on_untagged=collect)
        return completion, listed

    def examine(self, mailbox: bytes) -> Completion:
        """EXAMINE, never SELECT: the mailbox is opened read-only (with CONDSTORE, RFC 7162, where offered)."""
        tail = b" (CONDSTORE)" if self.offers("CONDSTORE") else b""
        return self._command([b"EXAMINE ", string(mailbox), tail])

    def select(self, mailbox: bytes) -> Completion:
        """SELECT: opens the mailbox writable; only the clean-up does."""
        return self._command([b"SELECT ", string(mailbox)])

    def search(
        self, keys: Sequence[Part], *, charset: bytes | None = b"US-ASCII", keep: int = 0
    ) -> tuple[Completion, Found]:
        """UID SEARCH, with RETURN () where ESEARCH is offered (RFC 4731).

        An answer may come as ESEARCH, as SEARCH, or not at all where nothing matched. `keep` UIDs, the
        lowest ones, are returned one by one.
        """
        collector = SearchCollector(keep)
        head = b"UID SEARCH "
        if self.offers("ESEARCH"):
            head += b"RETURN () "
        if charset is not None:
            head += b"CHARSET " + charset + b" "
        completion = self._command([head, *keys], on_untagged=lambda response: collector.take(response, self._tag))
        return completion, collector.found()

    def fetch(
        self, uid: int, *, internal_date: bool, limit: int | None, keep: int
    ) -> tuple[Completion, Fetched | None]:
        """UID FETCH of the whole message without setting a flag; octets are counted and let go.

        Returns None for the message where the server sent none. Raises `message_too_large` too.
        """
        policy = BodyPolicy(min(limit or MAX_BODY, MAX_BODY), keep)
        fetched: list[Fetched] = []

        def collect(response: Response) -> None:
            if response.name == b"FETCH" and (message := fetched_message(response, uid)) is not None:
                fetched.append(message)

        items = b"(INTERNALDATE BODY.PEEK[])" if internal_date else b"(BODY.PEEK[])"
        self._reader.secrecy = "body"
        try:
            completion = self._command([b"UID FETCH %d " % uid + items], on_untagged=collect, body=policy)
        except CheckFailure as failure:
            if policy.announced is not None and failure.type is not FailureType.MESSAGE_TOO_LARGE:
                raise policy.too_large() from failure
            raise
        finally:
            self._reader.secrecy = "open"
        message = fetched[-1] if fetched else None
        if completion.ok and message is not None and message.size > policy.limit:
            policy.announced = message.size
        if policy.announced is not None:
            raise policy.too_large(ends_session=False)
        return completion, message

    def fetch_header(
        self, uids: Sequence[int], field: bytes
    ) -> tuple[Completion, dict[int, tuple[bytes, datetime | None]]]:
        """UID FETCH of one header field and INTERNALDATE; returns (field text, date) by UID, for `uids` only."""
        wanted, found = set(uids), dict[int, tuple[bytes, datetime | None]]()

        def collect(response: Response) -> None:
            if response.name == b"FETCH":
                items = fetch_items(response.parsed())
                uid, text = items.get(b"UID"), header_text(items)
                if isinstance(uid, int) and uid in wanted and text is not None:
                    found[uid] = (text, internal_date_of(items))

        items = b" (INTERNALDATE BODY.PEEK[HEADER.FIELDS (" + field + b")])"
        policy = BodyPolicy(1 << 16, 1 << 16)
        self._reader.secrecy = "body"
        try:
            completion = self._command([b"UID FETCH " + uid_set(uids) + items], on_untagged=collect, body=policy)
        finally:
            self._reader.secrecy = "open"
        return completion, found

    def flag_deleted(self, uids: Sequence[int]) -> Completion:
        """UID STORE +FLAGS.SILENT (\\Deleted) on exactly these messages."""
        return self._command([b"UID STORE " + uid_set(uids) + b" +FLAGS.SILENT (\\Deleted)"])

    def expunge(self, uids: Sequence[int]) -> Completion:
        """UID EXPUNGE of exactly these messages (RFC 4315); a bare EXPUNGE is never sent."""
        return self._command([b"UID EXPUNGE " + uid_set(uids)])

    def move(self, uids: Sequence[int], mailbox: bytes) -> Completion:
        """UID MOVE of exactly these messages (RFC 6851)."""
        return self._command([b"UID MOVE " + uid_set(uids) + b" ", string(mailbox)])

    def append(self, mailbox: bytes, message: bytes, on_send: Callable[[], None]) -> Appended:
        """APPEND without flags or date, with a synchronising literal; `on_send` is called before the message goes."""
        literal = Literal(message, b"{%d octets}" % len(message))
        completion = self._command([b"APPEND ", string(mailbox), b" ", literal], before_literal=on_send)
        validity, uid = _append_uid(completion)
        return Appended(completion, validity, uid)

    def logout(self) -> str | None:
        """LOGOUT; returns None where it went well, else what did not. BYE and the end of the connection is well."""
        try:
            completion = self._command([b"LOGOUT"])
        except CheckFailure as failure:
            return None if self._bye is not None and failure.type is FailureType.CONNECTION_LOST else failure.detail
        finally:
            self.usable = False
        return None if completion.ok else f"the server answered {completion.words}"

    # --- the command engine -------------------------------------------------------------------------

    def _command(
        self,
        parts: Sequence[Part],
        *,
        inline: bool = False,
        on_untagged: Callable[[Response], None] | None = None,
        on_continuation: Callable[[bytes], bytes] | None = None,
        before_literal: Callable[[], None] | None = None,
        body: BodyPolicy | None = None,
    ) -> Completion:
        """Send a command and read up to its tagged response.

        `inline` literals are secrets that go out within the line: the type only carries what is shown.
        """
        self._count += 1
        self._tag = b"A%04d" % self._count
        try:
            pending = self._send_lines(parts, inline)
            return self._read(pending, on_untagged, on_continuation, before_literal, body)
        except CheckFailure as failure:
            if failure.ends_session:
                self.usable = False
            raise self._with_bye(failure) from failure.__cause__

    def _send_lines(self, parts: Sequence[Part], inline: bool) -> list[tuple[bytes, bytes]]:
        """Send the first line; returns what is left to send, a literal and the rest of its line at a time."""
        (wire, shown), *rest = _chunks(self._tag, parts, inline)
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
        octets = 0
        while True:
            self.wire.check_time()
            response = self._reader.response(self._tag, body)
            match response.kind:
                case "tagged":
                    if pending and response.name == b"OK":
                        raise broken("OK before the whole command was sent")
                    return self._concluded(response)
                case "continuation" if pending:
                    wire, shown = pending.pop(0)
                    if before_literal is not None:
                        before_literal()
                    self._transcript.client(shown)
                    self.wire.send(wire)
                case "continuation":
                    self._answer_challenge(response.text, on_continuation)
                case "untagged":
                    octets += response.octets()
                    if octets > _MAX_UNTAGGED_OCTETS:
                        raise broken("untagged responses without end")
                    self._note(response)
                    if on_untagged is not None:
                        on_untagged(response)

    def _answer_challenge(self, challenge: bytes, answer: Callable[[bytes], bytes] | None) -> None:
        if answer is None:
            raise broken("a continuation request where nothing was left to send")
        line = answer(challenge)
        self._transcript.client(b"*" if line == b"*" else MASK.encode())
        self.wire.send(line + b"\r\n")

    def _note(self, response: Response) -> None:
        """What any untagged response may say: capabilities, or that the server is leaving."""
        match response.name:
            case b"CAPABILITY":
                self._learn(response.text)
            case b"OK" if response.text[:12].upper() == b"[CAPABILITY ":
                self._learn(response.code()[1])
            case b"BYE":
                self._bye = self._completion(response)
                self.wire.deadline = self.wire.deadline.within(_AFTER_BYE)

    def _learn(self, capabilities: bytes) -> None:
        self._capabilities = frozenset(capabilities.decode("ascii", "replace").upper().split())
        self._capabilities_told += 1

    def _concluded(self, response: Response) -> Completion:
        completion = self._completion(response)
        if completion.code == "CAPABILITY" and completion.ok:
            self._learn(completion.code_arguments)
        return completion

    def _completion(self, response: Response) -> Completion:
        code, arguments, _ = response.code()
        return Completion(response.name.decode("ascii", "replace"), code, arguments, response.text, self._redactor)

    def _with_bye(self, failure: CheckFailure) -> CheckFailure:
        """A connection that ended after BYE was ended by the server, in its own words."""
        bye = self._bye
        if bye is None or failure.type not in (FailureType.CONNECTION_LOST, FailureType.TIMEOUT):
            return failure
        return CheckFailure(
            FailureType.CONNECTION_LOST, f"the server ended the session: {bye.words}", response_code=bye.public_code
        )

    def _answer(self, exchange: "_Exchange", text: bytes, aside: Callable[[], Aside]) -> bytes:
        with aside():
            answer = exchange.answer(text)
        return b"*" if answer is None else self._secret_line(answer)

    def _secret_line(self, data: bytes) -> bytes:
        """A SASL message for the wire; from now on the redactor knows it in both forms."""
        encoded = base64.b64encode(data)
        self._redactor.add(data)
        self._redactor.add(encoded)
        return encoded


def _chunks(tag: bytes, parts: Sequence[Part], inline: bool) -> list[tuple[bytes, bytes]]:
    """A command as it goes out, and as it is shown: a line, then each literal with the rest of its line."""
    if Literal not in map(type, parts):
        line = b" ".join((tag, b"".join(cast("Sequence[bytes]", parts))))
        return [(line + b"\r\n", line)]
    chunks = [(bytearray(tag + b" "), bytearray(tag + b" "))]
    for part in parts:
        wire, shown = chunks[-1]
        if isinstance(part, Literal) and not (inline and part.shown == MASK.encode()):
            wire += b"{%d}\r\n" % len(part.data)
            shown += b"{%d}" % len(part.data) if part.shown != MASK.encode() else b"{...}"
            chunks.append((bytearray(part.data), bytearray(part.shown)))
        else:
            wire += part.data if isinstance(part, Literal) else part
            shown += part.shown if isinstance(part, Literal) else part
    chunks[-1][0].extend(b"\r\n")
    return [(bytes(wire), bytes(shown)) for wire, shown in chunks]


class _Exchange:
    """The client's side of one AUTHENTICATE: the initial response if it is still to send, then answers."""

    def __init__(self, mechanism: Mechanism, initial: bytes | None) -> None:
        self.failure: CheckFailure | None = None
        self._mechanism = mechanism
        self._initial = initial
        self._rounds = 0

    @property
    def begun(self) -> bool:
        """Whatever the mechanism sends first has been sent."""
        return self._initial is None

    def answer(self, text: bytes) -> bytes | None:
        """The decoded answer to a continuation; None cancels the exchange, and `failure` says why."""
        self._rounds += 1
        if self._initial is not None:
            initial, self._initial = self._initial, None
            return initial
        try:
            if self._rounds > _MAX_CHALLENGES:
                raise broken("challenge after challenge")
            return self._mechanism.respond(_challenge(text))
        except CheckFailure as failure:
            self.failure = failure
            return None


def _append_uid(completion: Completion) -> tuple[int | None, int | None]:
    if completion.code == "APPENDUID" and (
        match := re.fullmatch(rb"([0-9]{1,10}) ([0-9]{1,10})", completion.code_arguments.strip())
    ):
        return int(match[1]), int(match[2])
    return None, None


def _challenge(text: bytes) -> bytes:
    """A decoded challenge; some servers send LOGIN's prompts without encoding them."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text


def name_protocol(line: bytes) -> str:
    """What a first line that is no IMAP greeting gives away about the server."""
    if line.startswith(b"* "):
        return "the server speaks IMAP"
    if re.match(rb"HTTP/\d|<!doctype|<html", line, re.IGNORECASE):
        return "the server speaks HTTP, not IMAP"
    if re.match(rb"(220|421|554)[ -]", line):
        return "the server speaks " + ("FTP" if b"FTP" in line.upper() else "SMTP") + ", not IMAP"
    if line.startswith((b"+OK", b"-ERR")):
        return "the server speaks POP3, not IMAP"
    if line.startswith(b"SSH-"):
        return "the server speaks SSH, not IMAP"
    if re.match(rb"[\x14-\x17]\x03[\x00-\x04]", line):
        return "the server speaks TLS on a port where clear text was expected; use imaps:// or tls.mode implicit"
    return "the server does not speak IMAP"


def _silent_greeting(failure: CheckFailure, received: bytes) -> CheckFailure:
    """A greeting that never came in full: what did come may say which protocol it is."""
    if received and not b"* ".startswith(received[:2]):
        return CheckFailure(FailureType.NOT_IMAP, name_protocol(received))
    return failure
