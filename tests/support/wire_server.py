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

import base64
import binascii
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

REFERENCE = (
    "IMAP4rev1 SASL-IR NAMESPACE SPECIAL-USE LIST-EXTENDED CONDSTORE ESEARCH UIDPLUS ID CHILDREN AUTH=PLAIN AUTH=LOGIN"
    " AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 AUTH=OAUTHBEARER"
)
MINIMAL = "IMAP4rev1 AUTH=PLAIN"
MESSAGE = (
    b"From: a@example.com\r\nSubject: IMAP testing\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nbody-canary-4711\r\n"
)


@dataclass
class Dialect:
    """What the server offers and holds. Mailboxes are lines of LIST after `* LIST `."""

    capabilities: str = REFERENCE
    after_login: str | None = None
    volunteer: bool = True
    greeting: bytes = b"* OK IMAP4 ready"
    namespace: bytes = b'(("" "/")) NIL NIL'
    special: tuple[bytes, ...] = (
        b'(\\HasNoChildren \\Sent) "/" "[Special]/Sent Mail"',
        b'(\\HasNoChildren \\Trash) "/" "[Special]/Trash"',
    )
    top: tuple[bytes, ...] = (
        b'(\\HasNoChildren) "/" "INBOX"',
        b'(\\HasChildren \\Noselect) "/" "[Special]"',
        b'(\\HasNoChildren) "/" "Sent"',
    )
    inbox: bytes = b'(\\HasNoChildren) "/" "INBOX"'
    uids: tuple[int, ...] = (2, 4)
    message: bytes = MESSAGE
    internal_date: bytes = b"23-Nov-2026 09:00:01 +0000"
    username: str = "alice"
    password: str = "canary-pa55word"
    check_password: bool = True

    def offers(self, capability: str) -> bool:
        return capability.upper() in self.capabilities.upper().split()


@dataclass
class Exchange:
    """One command under way: what a script may look at and send through."""

    server: "WireServer"
    connection: "Connection"
    tag: bytes
    name: str
    line: bytes

    def send(self, data: bytes) -> None:
        self.connection.send(data)


type Action = Callable[[Exchange], bool | None]
"""Does something; True means that the usual answer follows."""


def delay(seconds: float) -> Action:
    """Wait, then answer as usual."""

    def act(exchange: Exchange) -> bool:
        time.sleep(seconds)
        return True

    return act


def hang(exchange: Exchange) -> None:
    """Never answer, until the client has gone."""
    exchange.connection.wait_until_gone(exchange.server.stopping)
    exchange.connection.close()


def close(exchange: Exchange) -> None:
    """Close the connection without a word."""
    exchange.connection.close()


def reset(exchange: Exchange) -> None:
    """Reset the connection."""
    exchange.connection.reset()


def drip(exchange: Exchange) -> None:
    """One octet every 0.2 s, without end."""
    for octet in b"* OK " + b"x" * 200:
        if exchange.server.stopping.wait(0.2):
            break
        exchange.send(bytes([octet]))


def endless_line(exchange: Exchange) -> None:
    """A line that does not end."""
    exchange.send(b"* OK ")
    while not exchange.server.stopping.is_set():
        exchange.send(b"x" * 65536)


def endless_lines(exchange: Exchange) -> None:
    """Untagged responses without end."""
    while not exchange.server.stopping.is_set():
        exchange.send(b"* 1 EXISTS\r\n* OK still here\r\n" * 2000)


def huge_literal(exchange: Exchange) -> None:
    """A literal of 2 GB, of which 64 KiB come."""
    name = b"4 FETCH (UID 4 BODY[]" if exchange.name == "UID FETCH" else b'LIST () "/"'
    exchange.send(b"* " + name + b" {2147483648}\r\n" + b"x" * 65536)
    hang(exchange)


def echo(exchange: Exchange) -> None:
    """The command comes back as the answer."""
    exchange.send(exchange.tag + b" " + exchange.line + b"\r\n")
    hang(exchange)


def reply(*lines: bytes, then: Action | None = None) -> Action:
    """Literal answers, `%t` standing for the tag; then `then`, or on with the session."""

    def act(exchange: Exchange) -> bool | None:
        for line in lines:
            exchange.send(line.replace(b"%t", exchange.tag) + b"\r\n")
        return then(exchange) if then is not None else None

    return act


def raw(data: bytes, then: Action | None = None) -> Action:
    """Octets as they are, `%t` standing for the tag."""

    def act(exchange: Exchange) -> bool | None:
        exchange.send(data.replace(b"%t", exchange.tag))
        return then(exchange) if then is not None else None

    return act


no = reply(b"%t NO not today")
bad = reply(b"%t BAD what is that")
bye = reply(b"* BYE maintenance", then=close)
garbage = reply(b"\x00\x9f}{ what", then=hang)
wrong_tag = reply(b"ZZ99 OK done", then=hang)


@dataclass
class Connection:
    """One client: octets in, octets out, and a line reader that joins literals in."""

    sock: socket.socket
    received: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise _Gone from error

    def close(self) -> None:
        try:
            self.sock.close()
        finally:
            raise _Gone

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def wait_until_gone(self, stopping: threading.Event) -> None:
        """Read and forget until the client closes, 30 s have passed or the server stops."""
        self.sock.settimeout(0.2)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up and not stopping.is_set():
            try:
                if not self.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def line(self) -> bytes:
        while b"\n" not in self.received:
            self._fill()
        end = self.received.index(b"\n") + 1
        line = bytes(self.received[:end])
        del self.received[:end]
        return line.rstrip(b"\r\n")

    def exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            self._fill()
        data = bytes(self.received[:count])
        del self.received[:count]
        return data

    def _fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise _Gone from error
        if not data:
            raise _Gone
        self.received += data
        self.raw += data


class _Gone(Exception):
    """The connection is over."""


class _Cancelled(Exception):
    """The client gave the login up (RFC 9051 section 6.2.2)."""


class WireServer:
    """Serves each connection in a thread until the context ends."""

    def __init__(
        self,
        dialect: Dialect | None = None,
        script: Mapping[str, Action] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.dialect = dialect or Dialect()
        self.script = dict(script or {})
        self.commands: list[str] = []
        self.appended: list[bytes] = []
        self.sessions: list[Connection] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._tls, self._starttls = tls, starttls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=200)
        self.host, self.port = host, self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.close()
        # close() does not wake accept(): a connection of our own does.
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as nudge:
            nudge.settimeout(0.2)
            nudge.connect_ex((self.host, self.port))
        for thread in self._threads:
            thread.join(5)

    def session(self, connection: Connection) -> "Session":
        """Who answers one connection; a server that keeps mail has another one (`mail_server`)."""
        return Session(self, connection)

    @property
    def raw(self) -> bytes:
        """Every octet that clients sent, TLS and SASL taken off, in the order of their connections."""
        return b"".join(bytes(connection.raw) for connection in self.sessions)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.stopping.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(30)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        self.sessions.append(connection)
        try:
            if "CONNECT" in self.script:
                self.script["CONNECT"](Exchange(self, connection, b"", "CONNECT", b""))
            if self._tls is not None:
                if "TLS" in self.script and not self.script["TLS"](Exchange(self, connection, b"", "TLS", b"")):
                    return
                connection.sock = self._tls.wrap_socket(sock, server_side=True)
            self.session(connection).run()
        except (_Gone, OSError):
            pass
        finally:
            connection.sock.close()


class Session:
    """The usual answers to one connection's commands."""

    def __init__(self, server: WireServer, connection: Connection) -> None:
        self.server, self.connection, self.dialect = server, connection, server.dialect
        self.counts: dict[str, int] = {}
        self.secure = server._tls is not None
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
                self.server.commands.append(_tokens(line.partition(b" ")[2]))
                line = self.connection.line()
                continue
            if not match[2]:
                self.connection.send(b"+ go on\r\n")
            content = self.connection.exactly(int(match[1]))
            if name == "APPEND" and len(_split(line)) > 3:  # before it a literal is the mailbox's name
                self.server.appended.append(content)
            else:
                line = line[: match.start()] + _quoted(content)
                line += self.connection.line()
                continue
            line = line + self.connection.line()
            break
        tag, _, rest = line.partition(b" ")
        name = rest.split(b" ")[0].decode("ascii", "replace").upper()
        if name == "UID":
            name = " ".join(rest.decode("ascii", "replace").upper().split(" ")[:2])
        self.server.commands.append(_tokens(rest))
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
        elif self.server._starttls is not None and not self.secure:
            words += " STARTTLS"
        return words.encode()

    def do_capability(self, exchange: Exchange) -> None:
        exchange.send(b"* CAPABILITY " + self._offered() + b"\r\n")
        self._ok(exchange)

    def do_starttls(self, exchange: Exchange) -> None:
        assert self.server._starttls is not None
        self._ok(exchange)
        if self._scripted(Exchange(self.server, self.connection, b"", "TLS", b"")):
            self.connection.sock = self.server._starttls.wrap_socket(self.connection.sock, server_side=True)
            self.secure = True

    def do_authenticate(self, exchange: Exchange) -> None:
        words = exchange.line.split(b" ")
        mechanism = words[1].decode("utf-8", "replace").upper()
        initial = words[2] if len(words) > 2 else None
        exchanged = getattr(self, "_sasl_" + mechanism.lower().replace("-", "_"), lambda *_: False)
        try:
            good = exchanged(exchange, initial)
        except (_Cancelled, binascii.Error):
            exchange.send(exchange.tag + b" BAD cancelled\r\n")
        else:
            self._login_done(exchange, good)

    def do_login(self, exchange: Exchange) -> None:
        _, user, password = _split(exchange.line)
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
            raise _Cancelled
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

    def do_id(self, exchange: Exchange) -> None:
        exchange.send(b'* ID ("name" "wire")\r\n')
        self._ok(exchange)

    def do_namespace(self, exchange: Exchange) -> None:
        exchange.send(b"* NAMESPACE " + self.dialect.namespace + b"\r\n")
        self._ok(exchange)

    def do_list(self, exchange: Exchange) -> None:
        words = _split(exchange.line)
        if words[1] == b"(SPECIAL-USE)":
            lines: tuple[bytes, ...] = self.dialect.special
        elif words[2].upper() == b"INBOX":
            lines = (self.dialect.inbox,)
        elif words[2].endswith(b"%"):
            lines = self.dialect.top
        else:
            lines = tuple(line for line in self.dialect.top if _split(line)[-1] == words[2])
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


_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^()]*(?:\([^()]*\)[^()]*)*\))|([^ "]+)|(?<= )(?= |$)')


def _split(line: bytes) -> list[bytes]:
    """IMAP tokens: quoted strings without their quotes, parenthesised lists whole."""
    tokens = []
    for match in _TOKEN.finditer(line):
        if match[1] is not None:
            tokens.append(re.sub(rb"\\(.)", rb"\1", match[1]))
        elif match[0]:
            tokens.append(match[0])
    return tokens


def _tokens(line: bytes) -> str:
    return " ".join(token.decode("utf-8", "replace") or '""' for token in _split(line))


def _quoted(content: bytes) -> bytes:
    return b'"' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
