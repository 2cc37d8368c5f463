"""The wire server with real mail behind it: what a client does to a mailbox can be looked at afterwards.

    store = MailStore({"INBOX": Box(), "Sent": Box(special="\\\\Sent")})
    store["Sent"].put(b"Subject: old\\r\\n\\r\\nx\\r\\n", arrived=datetime(2026, 1, 1, tzinfo=UTC))
    with MailServer(store, Dialect(), {"UID STORE": no}, tls=context) as server:
        run_check(...)
    assert store["Sent"].uids() == [1, 2]

Dialect and script are `wire_server`'s: a script may still replace the answer to any command, while LIST,
SELECT, EXAMINE, SEARCH, FETCH, STORE, APPEND, MOVE, EXPUNGE and LOGIN are answered from the store. It
knows what RFC 9051 asks of these commands as far as a monitor or a probe uses them, and answers BAD
to the rest. Nothing here is taken from the product.
"""

import email
import email.policy
import hmac
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import Message as EmailMessage
from typing import Any

from support.wire_server import Action, Connection, Dialect, Exchange, Session, WireServer

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Mail:
    """One message: what a mailbox knows about it."""

    uid: int
    octets: bytes
    arrived: datetime
    flags: set[str] = field(default_factory=set)

    def headers(self) -> EmailMessage:
        return email.message_from_bytes(self.octets, policy=email.policy.compat32)

    def internal_date(self) -> bytes:
        moment = self.arrived
        zone = moment.strftime("%z")
        return f"{moment.day:2d}-{_MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S} {zone}".encode()


@dataclass
class Box:
    """A mailbox: `special` is its special use, `closed` one of `\\Noselect` and `\\NonExistent`."""

    special: str | None = None
    closed: str | None = None
    read_only: bool = False
    uid_validity: int = 15
    mails: list[Mail] = field(default_factory=list)
    uid_next: int = 1

    def put(self, octets: bytes, arrived: datetime | None = None, flags: Iterable[str] = ()) -> int:
        """Add a message; returns its UID."""
        uid, self.uid_next = self.uid_next, self.uid_next + 1
        self.mails.append(Mail(uid, octets, arrived or datetime.now(UTC), set(flags)))
        return uid

    def uids(self) -> list[int]:
        return [mail.uid for mail in self.mails]

    def within(self, uid_set: bytes) -> list[Mail]:
        """The messages of a UID set such as `1,3:5,7:*`; UIDs that no message has are passed over."""
        wanted: list[tuple[int, int]] = []
        last = max(self.uids(), default=0)
        for part in uid_set.split(b","):
            low, _, high = part.partition(b":")
            ends = [last if end == b"*" else int(end) for end in (low, high or low)]
            wanted.append((min(ends), max(ends)))
        return [mail for mail in self.mails if any(low <= mail.uid <= high for low, high in wanted)]


class MailStore(dict[str, Box]):
    """Mailboxes by their name on the wire; `lock` is held by every command that looks at them."""

    def __init__(self, boxes: Mapping[str, Box] | None = None) -> None:
        super().__init__(boxes if boxes is not None else {"INBOX": Box(), "Sent": Box(special="\\Sent")})
        self.lock = threading.RLock()
        self.delimiter = "/"

    def find(self, name: bytes) -> Box | None:
        text = name.decode("utf-8", "replace")
        return self.get("INBOX" if text.upper() == "INBOX" else text)

    def snapshot(self) -> dict[str, dict[int, tuple[bytes, frozenset[str]]]]:
        """Octets and flags of every message: equal before and after where nothing was done."""
        with self.lock:
            return {
                name: {mail.uid: (mail.octets, frozenset(mail.flags)) for mail in box.mails}
                for name, box in self.items()
            }


class MailServer(WireServer):
    """A `WireServer` whose mailbox commands are answered from `store`."""

    def __init__(
        self,
        store: MailStore | None = None,
        dialect: Dialect | None = None,
        script: Mapping[str, Action] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(dialect, script, **options)
        self.store = store if store is not None else MailStore()

    def session(self, connection: Connection) -> Session:
        return MailSession(self, connection)


class MailSession(Session):
    """One connection to the store: which mailbox is open, and whether it may be written to."""

    def __init__(self, server: MailServer, connection: Connection) -> None:
        super().__init__(server, connection)
        self.store = server.store
        self.opened: Box | None = None
        self.read_only = True

    def _no(self, exchange: Exchange, text: bytes) -> None:
        exchange.send(exchange.tag + b" NO " + text + b"\r\n")

    # --- mailboxes ----------------------------------------------------------------------------------

    def do_list(self, exchange: Exchange) -> None:
        words = words_of(exchange.line)[1:]
        only_special = bool(words) and words[0].upper() == b"(SPECIAL-USE)"
        reference, pattern = words[1:3] if only_special else words[:2]
        matches = pattern_of((reference + pattern).decode("utf-8", "replace"), self.store.delimiter)
        with self.store.lock:
            for name, box in self.store.items():
                if matches(name) and (box.special or not only_special):
                    attributes = " ".join(filter(None, (box.special, box.closed)))
                    line = f'* LIST ({attributes}) "{self.store.delimiter}" "{name}"\r\n'
                    exchange.send(line.encode())
        self._ok(exchange)

    def do_select(self, exchange: Exchange) -> None:
        self._open(exchange, read_only=False)

    def do_examine(self, exchange: Exchange) -> None:
        self._open(exchange, read_only=True)

    def _open(self, exchange: Exchange, *, read_only: bool) -> None:
        box = self.store.find(words_of(exchange.line)[1])
        self.opened = None
        if box is None or box.closed:
            self._no(exchange, b"[NONEXISTENT] no such mailbox")
            return
        self.opened, self.read_only = box, read_only or box.read_only
        exchange.send(b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n")
        exchange.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % (len(box.mails), box.uid_validity))
        exchange.send(b"* OK [UIDNEXT %d] next\r\n" % box.uid_next)
        self._ok(exchange, b"[READ-ONLY] open" if self.read_only else b"[READ-WRITE] open")

    def do_unselect(self, exchange: Exchange) -> None:
        self.opened = None
        self._ok(exchange)

    def do_noop(self, exchange: Exchange) -> None:
        if self.opened is not None:
            exchange.send(b"* %d EXISTS\r\n" % len(self.opened.mails))
        self._ok(exchange)

    def do_status(self, exchange: Exchange) -> None:
        name = words_of(exchange.line)[1]
        box = self.store.find(name)
        if box is None or box.closed:
            self._no(exchange, b"[NONEXISTENT] no such mailbox")
            return
        exchange.send(b'* STATUS "%b" (UIDNEXT %d)\r\n' % (name, box.uid_next))
        self._ok(exchange)

    def do_idle(self, exchange: Exchange) -> None:
        """Tell of each message that comes, until the client is DONE."""
        assert self.opened is not None
        known = len(self.opened.mails)
        exchange.send(b"+ idling\r\n")
        while b"\n" not in self.connection.received:
            if self._pushes and len(self.opened.mails) != known:
                known = len(self.opened.mails)
                exchange.send(b"* %d EXISTS\r\n" % known)
            self.connection.wait(0.01)
        assert self.connection.line().upper() == b"DONE"
        self._ok(exchange)

    @property
    def _pushes(self) -> bool:
        """Whether IDLE tells of mail; a dialect's capability `X-SLEEPS` makes a server whose IDLE does not."""
        return not self.dialect.offers("X-SLEEPS")

    def do_append(self, exchange: Exchange) -> None:
        words = words_of(exchange.line)
        box = self.store.find(words[1])
        octets = self.server.appended[-1]
        if box is None:
            self._no(exchange, b"[TRYCREATE] no such mailbox")
            return
        flags = next((word for word in words[2:-1] if word.startswith(b"(")), b"()")
        dated = next((word.decode("utf-8", "replace") for word in words[2:-1] if re.match(rb" ?\d+-", word)), None)
        arrived = datetime.strptime(dated.strip(), "%d-%b-%Y %H:%M:%S %z") if dated else None
        with self.store.lock:
            uid = box.put(octets, arrived, flags.decode("utf-8", "replace").strip("()").split())
        code = b"[APPENDUID %d %d] " % (box.uid_validity, uid) if self.dialect.offers("UIDPLUS") else b""
        self._ok(exchange, code + b"filed")

    # --- messages -----------------------------------------------------------------------------------

    def do_uid_search(self, exchange: Exchange) -> None:
        words = words_of(exchange.line)[2:]
        extended = words[:1] == [b"RETURN"]
        words = words[2:] if extended else words
        words = words[2:] if words[:1] == [b"CHARSET"] else words
        if (box := self._box(exchange)) is None:
            return
        with self.store.lock:
            criterion = Criterion(words, box)
            uids = [b"%d" % mail.uid for mail in box.mails if criterion.matches(mail)]
        if extended:
            found = b" ALL " + b",".join(uids) if uids else b""
            exchange.send(b'* ESEARCH (TAG "' + exchange.tag + b'") UID' + found + b"\r\n")
        else:
            exchange.send(b" ".join([b"* SEARCH", *uids]) + b"\r\n")
        self._ok(exchange)

    def do_uid_fetch(self, exchange: Exchange) -> None:
        _, _, uids, asked = words_of(exchange.line)
        items = items_of(asked)
        if (box := self._box(exchange)) is None:
            return
        with self.store.lock:
            for mail in box.within(uids):
                if any(item.startswith(b"BODY[") for item in items) and not self.read_only:
                    mail.flags.add("\\Seen")
                shown = b" ".join(_item(mail, item) for item in items if item != b"UID")
                number = box.mails.index(mail) + 1
                exchange.send(b"* %d FETCH (UID %d %s)\r\n" % (number, mail.uid, shown))
        self._ok(exchange)

    def do_uid_store(self, exchange: Exchange) -> None:
        _, _, uids, action, flags = words_of(exchange.line)
        if self._refused(exchange):
            return
        assert self.opened is not None
        names = set(flags.decode("utf-8", "replace").strip("()").split())
        with self.store.lock:
            for mail in self.opened.within(uids):
                mail.flags = mail.flags | names if action.startswith(b"+") else mail.flags - names
                if b".SILENT" not in action.upper():
                    number = self.opened.mails.index(mail) + 1
                    exchange.send(b"* %d FETCH (UID %d %s)\r\n" % (number, mail.uid, _item(mail, b"FLAGS")))
        self._ok(exchange)

    def do_uid_expunge(self, exchange: Exchange) -> None:
        if not self._refused(exchange):
            assert self.opened is not None
            self._expunge(exchange, self.opened.within(words_of(exchange.line)[2]))

    def do_expunge(self, exchange: Exchange) -> None:
        if not self._refused(exchange):
            assert self.opened is not None
            self._expunge(exchange, self.opened.mails)

    def _expunge(self, exchange: Exchange, mails: list[Mail]) -> None:
        assert self.opened is not None
        with self.store.lock:
            self._remove(exchange, [mail for mail in mails if "\\Deleted" in mail.flags])
        self._ok(exchange)

    def do_uid_move(self, exchange: Exchange) -> None:
        _, _, uids, target = words_of(exchange.line)
        box = self.store.find(target)
        if box is None:
            self._no(exchange, b"[TRYCREATE] no such mailbox")
        elif not self._refused(exchange):
            assert self.opened is not None
            with self.store.lock:
                moved = self.opened.within(uids)
                for mail in moved:
                    box.put(mail.octets, mail.arrived, mail.flags)
                self._remove(exchange, moved)
            self._ok(exchange)

    def _remove(self, exchange: Exchange, mails: list[Mail]) -> None:
        assert self.opened is not None
        for mail in mails:
            number = self.opened.mails.index(mail) + 1
            self.opened.mails.remove(mail)
            exchange.send(b"* %d EXPUNGE\r\n" % number)

    def _box(self, exchange: Exchange) -> Box | None:
        """The open mailbox; without one the command is answered BAD."""
        if self.opened is None:
            exchange.send(exchange.tag + b" BAD no mailbox is open\r\n")
        return self.opened

    def _refused(self, exchange: Exchange) -> bool:
        if self.opened is None or self.read_only:
            self._no(exchange, b"[READ-ONLY] not open for writing")
            return True
        return False

    # --- logins -------------------------------------------------------------------------------------

    def _sasl_cram_md5(self, exchange: Exchange, initial: bytes | None) -> bool:
        challenge = b"<1896.697170952@wire.example>"
        user, _, digest = self._ask(challenge).rpartition(b" ")
        expected = hmac.new(self.dialect.password.encode(), challenge, "md5").hexdigest()
        return (user, digest) == (self.dialect.username.encode(), expected.encode())


class Criterion:
    """Search keys, all of which must match (RFC 9051 section 6.4.4)."""

    def __init__(self, words: list[bytes], box: Box) -> None:
        self._box = box
        self._words = list(words)
        self._tests: list[Callable[[Mail], bool]] = []
        while self._words:
            self._tests.append(self._next())

    def matches(self, mail: Mail) -> bool:
        return all(test(mail) for test in self._tests)

    def _next(self) -> Callable[[Mail], bool]:
        key = self._words.pop(0).upper().decode("utf-8", "replace")
        match key:
            case "ALL":
                return lambda mail: True
            case "SUBJECT" | "FROM" | "TO" | "CC" | "BCC":
                return self._header(key, self._term())
            case "HEADER":
                return self._header(self._term(), self._term())
            case "TEXT" | "BODY":
                term = self._term().casefold()
                return lambda mail: term in mail.octets.decode("utf-8", "replace").casefold()
            case "SINCE" | "BEFORE" | "ON":
                return self._date(key, datetime.strptime(self._term() + " +0000", "%d-%b-%Y %z").date())
            case "OLDER" | "YOUNGER":
                limit = datetime.now(UTC) - timedelta(seconds=int(self._term()))
                return lambda mail: (mail.arrived <= limit) == (key == "OLDER")
            case "SEEN" | "DELETED" | "FLAGGED" | "ANSWERED" | "DRAFT":
                return lambda mail: f"\\{key.capitalize()}" in mail.flags
            case "UNSEEN" | "UNDELETED" | "UNFLAGGED" | "UNANSWERED" | "UNDRAFT":
                return lambda mail: f"\\{key[2:].capitalize()}" not in mail.flags
            case "UID":
                within = {mail.uid for mail in self._box.within(self._words.pop(0))}
                return lambda mail: mail.uid in within
            case "NOT":
                inner = self._next()
                return lambda mail: not inner(mail)
            case "OR":
                first, second = self._next(), self._next()
                return lambda mail: first(mail) or second(mail)
        raise ValueError(f"a search key that this server does not know: {key}")

    def _term(self) -> str:
        return self._words.pop(0).decode("utf-8")

    @staticmethod
    def _header(field: str, term: str) -> Callable[[Mail], bool]:
        def matches(mail: Mail) -> bool:
            values = [str(make_header(decode_header(str(value)))) for value in mail.headers().get_all(field, [])]
            return any(term.casefold() in value.casefold() for value in values)

        return matches

    @staticmethod
    def _date(key: str, day: Any) -> Callable[[Mail], bool]:
        compare: dict[str, Callable[[Any], bool]] = {
            "SINCE": lambda arrived: bool(arrived >= day),
            "BEFORE": lambda arrived: bool(arrived < day),
            "ON": lambda arrived: bool(arrived == day),
        }
        return lambda mail: compare[key](mail.arrived.date())


def _item(mail: Mail, item: bytes) -> bytes:
    """One FETCH item and its value."""
    match item:
        case b"FLAGS":
            return b"FLAGS (" + b" ".join(_flags(mail)) + b")"
        case b"INTERNALDATE":
            return b'INTERNALDATE "' + mail.internal_date() + b'"'
        case b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.octets)
    section = re.fullmatch(rb"BODY(?:\.PEEK)?\[(.*)\]", item)
    if section is None:
        raise ValueError(f"a FETCH item that this server does not know: {item!r}")
    content = _section(mail, section[1])
    return b"BODY[" + section[1] + b"] {%d}\r\n" % len(content) + content


def _section(mail: Mail, section: bytes) -> bytes:
    if not section:
        return mail.octets
    if section == b"HEADER":
        return mail.octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    fields = re.fullmatch(rb"HEADER\.FIELDS \((.*)\)", section)
    if fields is None:
        raise ValueError(f"a section that this server does not know: {section!r}")
    wanted = set(fields[1].decode("utf-8", "replace").lower().split())
    kept = [f"{name}: {value}\r\n" for name, value in mail.headers().items() if name.lower() in wanted]
    return "".join(kept).encode("utf-8", "surrogateescape") + b"\r\n"


def _flags(mail: Mail) -> list[bytes]:
    return sorted(flag.encode() for flag in mail.flags)


_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))|([^ "]+)')


def words_of(line: bytes) -> list[bytes]:
    """A command's words: quoted strings without their quotes, parenthesised lists whole."""
    return [re.sub(rb"\\(.)", rb"\1", match[1]) if match[1] is not None else match[0] for match in _WORD.finditer(line)]


def items_of(asked: bytes) -> list[bytes]:
    """The items of `(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])` or of a single one, upper case."""
    inside = asked[1:-1] if asked.startswith(b"(") else asked
    return re.findall(rb"[A-Z0-9.]+(?:\[[^\]]*\])?", inside.upper())


def pattern_of(pattern: str, delimiter: str) -> Callable[[str], bool]:
    """LIST's wildcards: `*` matches anything, `%` anything within one level; INBOX in any case."""
    wild = {"*": ".*", "%": f"[^{re.escape(delimiter)}]*"}
    expression = re.compile("".join(wild.get(char) or re.escape(char) for char in pattern), re.DOTALL)
    inbox = pattern.upper() == "INBOX"
    return lambda name: (name == "INBOX" and inbox) or expression.fullmatch(name) is not None
