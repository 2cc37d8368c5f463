"""Reading responses (RFC 9051 section 7) from a server that may send anything.

One response is a line and whatever literals it announces. Lines are bounded, literals of a message
are counted and not kept, and each response goes into the transcript before anything acts on it. What
the server says in its data is parsed by imapclient's lexer, which gives nested tuples of bytes and int.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, Self

from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_response

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.display import displayed_response
from imapcheck.network.transport import Wire
from imapcheck.transcript import MASK, Redactor, Transcript
from imapcheck.wording import excess

MAX_LINE = 1 << 20
MAX_BODY = 25 << 20
_MAX_PARSED = 1 << 16
_MAX_LITERAL = 1 << 16
_MAX_LITERALS = 64
_STREAMED = 1 << 16
_SHOWN = 120
_PADDING = b" \t\0\r"
"""What real servers put around a line."""
_MOST_EMPTY_LINES = 1000
_SEARCH_RESULT = re.compile(rb"[\0 \t]*\*[ \t]+(E?SEARCH)[ \t]+", re.IGNORECASE)

STATUSES = {b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"}
_LITERAL = re.compile(rb"~?\{([0-9]+)\+?\}$")
_UID_ITEM = re.compile(rb"\bUID ([0-9]{1,10})\b", re.IGNORECASE)
_CODE = re.compile(rb"\[([A-Za-z0-9][A-Za-z0-9._-]{0,40})(?: ([^\]]*))?\] ?(.*)$", re.DOTALL)
_UNTAGGED = re.compile(
    rb"\*[ \t]+(?:(-?[0-9]{1,10})[ \t]+(?=[A-Za-z][A-Za-z0-9-]*(?:[ \t]|$|\()))?([A-Za-z][A-Za-z0-9.-]*)[ \t]*"
)
_ESCAPED = re.compile(rb"\\.", re.DOTALL)

type Segment = bytes | tuple[bytes, bytes]
type Secrecy = Literal["open", "login", "body"]


class CountedLiteral(bytes):
    """A literal whose octets were not kept: its length is their number, its content at most their beginning."""

    size: int

    def __new__(cls, size: int, beginning: bytes) -> Self:
        literal = super().__new__(cls, beginning)
        literal.size = size
        return literal

    def __len__(self) -> int:
        return self.size


@dataclass
class BodyPolicy:
    """How much of a message is acceptable (`limit`, octets) and how much of its beginning is kept (`keep`).

    A literal over `limit` is still taken off the wire, so that the session can go on, unless it is over
    `MAX_BODY`; `announced` is the first such size. `uid` is the message that was asked for, if it is one.
    """

    limit: int
    keep: int
    uid: int | None = None
    announced: int | None = None

    def accept(self, size: int, segments: Sequence[Segment]) -> None:
        """Called when the last of `segments` announces a literal; raises `message_too_large` if it will not be read."""
        if size <= self.limit:
            return
        named = _UID_ITEM.search(b"".join(map(_line_of, segments)))
        if named is not None and self.uid is not None and int(named[1]) != self.uid:
            return  # another message's: nobody asked for it
        if self.announced is None:
            self.announced = size
        if size > MAX_BODY:
            raise self.too_large()

    def too_large(self, *, ends_session: bool = True) -> CheckFailure:
        return CheckFailure(
            FailureType.MESSAGE_TOO_LARGE,
            f"the message has {excess(self.announced or 0, self.limit)}",
            ends_session=ends_session,
        )


class Response(NamedTuple):
    """One response. `name` is upper case: a status, or the kind of data; `number` precedes it in `* 4 FETCH`, if it
    is one (Zoho sends `* -1 FETCH`).

    `text` is the first line after the name. `segments` is empty where that is all there is, else the lines
    in order, each but the last paired with the literal it announced.
    """

    kind: Literal["untagged", "tagged", "continuation"]
    name: bytes = b""
    number: int | None = None
    text: bytes = b""
    segments: tuple[Segment, ...] = ()

    def octets(self) -> int:
        """How long its lines are, literals aside."""
        return sum(map(_line_octets, self.segments)) if self.segments else len(self.text)

    def held(self) -> int:
        """How many octets of it are in memory, literals too."""
        return sum(map(_held_octets, self.segments)) if self.segments else len(self.text)

    def parsed(self) -> tuple[Any, ...]:
        """The data after the name as nested tuples; raises `CheckFailure` `protocol_error`."""
        if self.octets() > _MAX_PARSED:
            raise broken(f"a {self.name.decode()} response of more than {_MAX_PARSED} bytes")
        try:
            return tuple(parse_response(self.segments or (self.text,)))
        except (ProtocolError, ValueError, TypeError, IndexError, RecursionError) as error:
            raise unreadable(f"a {self.name.decode()} response") from error

    def code(self) -> tuple[str | None, bytes, bytes]:
        """(response code in upper case, its arguments, the text after it) of a status response."""
        match = _CODE.match(self.text)
        if match is None:
            return None, b"", self.text
        return match[1].decode("ascii").upper(), match[2] or b"", match[3]


def _line_octets(segment: Segment) -> int:
    return len(_line_of(segment))


def _held_octets(segment: Segment) -> int:
    kept = 0 if isinstance(segment, bytes) else len(bytes.__getitem__(segment[1], slice(None)))
    return _line_octets(segment) + kept


def _line_of(segment: Segment) -> bytes:
    return segment if isinstance(segment, bytes) else segment[0]


class Unreadable(CheckFailure):
    """Data that cannot be read, in a response that was framed well."""


def unreadable(what: str) -> Unreadable:
    """A `protocol_error`: the server sent `what`, and it makes no sense."""
    return Unreadable(FailureType.PROTOCOL_ERROR, f"the server sent {what} that cannot be read")


class Stream(Protocol):
    """Takes a response that is too long for a line, piece by piece: what follows its name."""

    def begin(self, name: bytes) -> None: ...

    def feed(self, text: bytes) -> None: ...

    def end(self) -> None: ...


class ResponseReader:
    """Reads responses off a `Wire` into the transcript.

    `secrecy` says what the lines may hold: with `login`, continuations and anything that cannot be
    read are masked; with `body`, a FETCH shows its known items only. It fails closed.
    """

    def __init__(self, wire: Wire, transcript: Transcript, redactor: Redactor) -> None:
        self._wire = wire
        self._transcript = transcript
        self._redactor = redactor
        self._tag = b""
        self.secrecy: Secrecy = "open"
        self.stream: Stream | None = None

    def line(self) -> bytes:
        """The next line, without its line end and the padding around it; empty lines are passed over."""
        for passed in range(_MOST_EMPTY_LINES):
            if line := self._padded_line().strip(_PADDING):
                return line
            self._pass_over(passed)
        raise broken(f"{_MOST_EMPTY_LINES} empty lines in a row")

    def _pass_over(self, before: int) -> None:
        self._wire.check_time()
        if not before:
            self._transcript.server(b"{empty line}")

    def _padded_line(self) -> bytes:
        try:
            line = self._wire.read_line(MAX_LINE)
        except CheckFailure:
            self._show_half_line()
            raise
        if line is None:
            self._transcript.server(b"{more than %d octets without a line end}" % MAX_LINE)
            raise broken(f"a line of more than {MAX_LINE} bytes")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def _show_half_line(self) -> None:
        if unread := self._wire.unread():
            self._transcript.server(b"{%d octets of an unfinished line}" % unread)

    def response(self, tag: bytes, body: BodyPolicy | None = None) -> Response:
        """The next response to the command of `tag`; a search result of any length goes into `stream`."""
        self._tag = tag
        for passed in range(_MOST_EMPTY_LINES):
            if self.stream is not None and (streamed := self._streamed(self.stream)) is not None:
                return streamed
            if line := self._padded_line().strip(_PADDING):
                return self._response(line, tag, body)
            self._pass_over(passed)
        raise broken(f"{_MOST_EMPTY_LINES} empty lines in a row")

    def _response(self, line: bytes, tag: bytes, body: BodyPolicy | None) -> Response:
        first, rest = (*line.split(None, 1), b"")[:2]
        if first == b"*" and rest:
            return self._untagged(line, body)
        if first == tag:
            status, text = (*rest.split(None, 1), b"", b"")[:2]
            if status.upper() in (b"OK", b"NO", b"BAD"):
                self._transcript.server(line)
                return Response("tagged", status.upper(), None, text)
        elif first == b"+":
            shown = b"+ " + MASK.encode() if self.secrecy == "login" and rest else line
            self._transcript.server(shown)
            return Response("continuation", text=rest)
        raise self._unreadable(line, tag)

    def _streamed(self, stream: Stream) -> Response | None:
        """A search result that is longer than 64 KiB; None where the next line is another or shorter."""
        try:
            if self._wire.has_line(_STREAMED) or (head := _SEARCH_RESULT.match(self._wire.peek())) is None:
                return None
        except CheckFailure:
            self._show_half_line()
            raise
        self._wire.read_exactly(head.end())
        octets, held = 0, b""
        stream.begin(head[1].upper())
        try:
            while not held.endswith(b"\n"):
                piece = held + self._wire.read_piece(_STREAMED)
                octets += len(piece) - len(held)
                text = piece.rstrip(b"\r\n")
                held = piece[len(text) :]
                stream.feed(text)
        finally:
            self._transcript.server(b"%b{%d octets}" % (head[0], octets))
        stream.end()
        return Response("untagged", head[1].upper())

    def show_unreadable(self, line: bytes) -> None:
        """Put a line that is not a response into the transcript."""
        secret = self.secrecy != "open"
        self._transcript.server(b"{%d octets that are not a response}" % len(line) if secret else line)

    def with_line(self, failure: CheckFailure, line: bytes) -> CheckFailure:
        """The failure with the line that was read, where it may be shown."""
        shown = self._redactor.show(line, _SHOWN) if self.secrecy == "open" else f"{{{len(line)} octets}}"
        failure.detail += f": {shown}"
        return failure

    def _unreadable(self, line: bytes, tag: bytes) -> CheckFailure:
        self.show_unreadable(line)
        return self.with_line(self._broken_line(line, tag), line)

    @staticmethod
    def _broken_line(line: bytes, tag: bytes) -> CheckFailure:
        if line.startswith(tag + b" "):
            return broken("the command's tag without OK, NO or BAD (an echo of the command?)")
        if re.match(rb"[^\s+*]{1,40} (OK|NO|BAD)\b", line, re.IGNORECASE):
            return broken("an answer with the tag of another command")
        return broken("a line that is not an IMAP response")

    def _untagged(self, line: bytes, body: BodyPolicy | None) -> Response:
        match = _UNTAGGED.match(line)
        if match is None:
            self.show_unreadable(line)
            raise self.with_line(broken("an untagged line that is not an IMAP response"), line)
        number = int(match[1]) if match[1] is not None and match[1].isdigit() else None
        name, after = match[2].upper(), line[match.end() :]
        if name in STATUSES:
            self._transcript.server(line)
            return Response("untagged", name, None, after)
        if name != b"FETCH" and not line.endswith(b"}"):  # nearly all: one line, nothing to hide
            self._transcript.server(line)
            return Response("untagged", name, number, after)
        segments: list[Segment] = []
        try:
            self._read_literals(name, after, segments, body)
        finally:
            head = line[: match.end()].rstrip(b" ")
            pieces = [_piece(segment) for segment in segments or [after]]
            octets = sum(len(piece) for piece, _ in pieces)
            self._transcript.server_later(octets, lambda: displayed_response(name, head, pieces))
        return Response("untagged", name, number, after, tuple(segments))

    def _read_literals(self, name: bytes, line: bytes, segments: list[Segment], body: BodyPolicy | None) -> None:
        total = len(line)
        while match := _LITERAL.search(line):
            size = int(match[1][:20])
            segments.append(line[: match.start()] + b"{%d}" % size)
            content = self._literal(name, size, segments, body)
            segments[-1] = (line[: match.start()] + b"{%d}" % size, content)
            line = self._after_literal(segments)
            total += len(line)
            if total > MAX_LINE or len(segments) > _MAX_LITERALS:
                raise broken(f"a {name.decode()} response that does not end")
        if segments and line:
            segments.append(line)

    def _after_literal(self, segments: Sequence[Segment]) -> bytes:
        """The rest of the line. An empty line there is passed over where the response is not whole without more."""
        line = self._padded_line().rstrip(_PADDING).lstrip(b"\0")
        if line or not _is_open(segments) or not self._wire.has_line(MAX_LINE):
            return line
        ahead = self._wire.peek().lstrip(_PADDING + b"\n")
        return b"" if ahead.startswith((b"* ", self._tag + b" ")) else self.line()

    def _literal(self, name: bytes, size: int, segments: list[Segment], body: BodyPolicy | None) -> bytes:
        if name == b"FETCH" and body is not None:
            body.accept(size, segments)
            return CountedLiteral(size, self._wire.discard(size, body.keep))
        if size > _MAX_LITERAL:
            raise broken(f"a {name.decode()} response with a literal of {size} bytes")
        return self._wire.read_exactly(size)


def _is_open(segments: Sequence[Segment]) -> bool:
    """More parentheses were opened than closed, those in quoted strings aside."""
    text = b"".join(b"".join(_ESCAPED.sub(b"", _line_of(segment)).split(b'"')[::2]) for segment in segments)
    return text.count(b"(") > text.count(b")")


def _piece(segment: Segment) -> tuple[bytes, int | None]:
    """A line, and the size of the literal after it."""
    return (segment, None) if isinstance(segment, bytes) else (segment[0], len(segment[1]))
