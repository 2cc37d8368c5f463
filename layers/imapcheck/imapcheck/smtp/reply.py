"""Reading replies (RFC 5321 section 4.2) from a server that may send anything.

A reply is one line or several with the same code. Lines and their number are bounded, each line goes into the
transcript before anything acts on it, and a line that does not end with CRLF is refused: whoever reads a bare line
end as an end reads another session than its peer.
"""

import re
from typing import NamedTuple

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.network.spoken import name_protocol
from imapcheck.network.transport import Wire
from imapcheck.transcript import MASK, Redactor, Transcript

_MOST_OF_A_LINE = 4096
"""RFC 5321 section 4.5.3.1.5 has 512; some servers explain themselves at more length."""
_MOST_LINES = 100
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)")
_QUEUE_ID = re.compile(
    rb"queued as <?([!-=?-~]{1,100})|\bid=([!-~]{1,100})|^([!-~]{1,100}) Message accepted for delivery"
    rb"|^OK +([0-9]{1,12} [!-~]{1,100}) - gsmtp|^Ok ([0-9a-f-]{30,100})$",
    re.IGNORECASE,
)
"""Postfix and others, Exim, Sendmail, Gmail, Amazon SES: what they call the message in their own logs."""
_CHALLENGE = 334
_SERVICE_CLOSES = 421


class Reply(NamedTuple):
    """A server's answer: its code, and the text of each of its lines as it came."""

    code: int
    texts: tuple[bytes, ...]
    redactor: Redactor

    @property
    def ok(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def transient(self) -> bool:
        """4yz: not now."""
        return 400 <= self.code < 500

    @property
    def closing(self) -> bool:
        """421: the server ends the session (RFC 5321 section 3.8)."""
        return self.code == _SERVICE_CLOSES

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463) that begins the text, if its class is that of the reply (RFC 2034)."""
        match = _ENHANCED.match(self.texts[0])
        return match[0].decode() if match is not None and int(match[1]) == self.code // 100 else None

    @property
    def said(self) -> str:
        """The text without codes, for whoever judges by words; not for showing."""
        return b" ".join(_without_code(text) for text in self.texts).decode("utf-8", "replace")

    @property
    def queue_id(self) -> str | None:
        """What the server calls the message that it took, if it says so in a way that is known; redacted."""
        match = _QUEUE_ID.search(b" ".join(_without_code(text) for text in self.texts))
        found = next(filter(None, match.groups()), None) if match is not None else None
        return None if found is None else self.redactor.show(found.rstrip(b".,;>)"), 100)

    @property
    def words(self) -> str:
        """The whole reply as one line, redacted, for a person: codes once, whatever the number of lines."""
        first, *others = self.texts
        text = b" ".join(filter(None, (b"%d" % self.code, first, *map(_without_code, others))))
        return self.redactor.show(text, 300)

    def rejected(self, type: FailureType, advice: str = "") -> CheckFailure:
        """The failure that this reply is."""
        return CheckFailure(type, f"the server answered {self.words}{advice}", response_code=self.enhanced)


def _without_code(text: bytes) -> bytes:
    match = _ENHANCED.match(text)
    return text if match is None else text[match.end() :].lstrip(b" ")


def not_smtp(line: bytes, redactor: Redactor, where: str = "") -> CheckFailure:
    """The failure of a line that something else says; `where` is what is odd besides."""
    shown = redactor.show(line.rstrip(b"\r\n"), 120)
    return CheckFailure(FailureType.NOT_SMTP, f"{name_protocol(line, 'SMTP')}{where}: {shown}")


def is_reply(line: bytes) -> bool:
    """Whether a line, with or without its end, has the form of a reply's."""
    return _LINE.fullmatch(line.rstrip(b"\r\n")) is not None


class ReplyReader:
    """Reads replies off a `Wire` into the transcript.

    While `login` is set, challenges and lines that cannot be read are masked: they may repeat what was sent.
    """

    def __init__(self, wire: Wire, redactor: Redactor, transcript: Transcript) -> None:
        self._wire = wire
        self._redactor = redactor
        self._transcript = transcript
        self.login = False

    def line(self) -> bytes:
        """The next line with its line end."""
        self._wire.check_time()
        try:
            line = self._wire.read_line(_MOST_OF_A_LINE)
        except CheckFailure:
            if unread := self._wire.unread():
                self._transcript.server(b"{%d octets of an unfinished line}" % unread)
            raise
        if line is None:
            self._transcript.server(b"{more than %d octets without a line end}" % _MOST_OF_A_LINE)
            raise broken(f"a line of more than {_MOST_OF_A_LINE} bytes")
        return line

    def reply(self, first: bytes | None = None) -> Reply:
        """The next reply; `first` is its first line, where that was read already.

        Raises `CheckFailure`: `protocol_error`, `timeout` or `connection_lost`.
        """
        line, texts = self.line() if first is None else first, list[bytes]()
        code, more, text = self._parsed(line)
        while True:
            texts.append(text)
            if not more:
                return Reply(code, tuple(texts), self._redactor)
            if len(texts) == _MOST_LINES:
                raise broken(f"a reply of more than {_MOST_LINES} lines")
            another, more, text = self._parsed(self.line())
            if another != code:
                raise broken(f"a reply that begins with {code} and goes on with {another}")

    def _parsed(self, line: bytes) -> tuple[int, bool, bytes]:
        """(code, whether more lines follow, text) of one line."""
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        match = _LINE.fullmatch(content)
        self.show(content, match)
        if match is None:
            raise broken("a line that is no SMTP reply")
        if not line.endswith(b"\r\n") or b"\r" in content:
            raise broken("a bare line end in a reply")
        return int(match[1]), match[2] == b"-", match[3] or b""

    def show(self, line: bytes, match: re.Match[bytes] | None = None) -> None:
        """Put a line into the transcript."""
        if not self.login:
            self._transcript.server(line)
        elif match is None:
            self._transcript.server(b"{%d octets that are not a reply}" % len(line))
        elif int(match[1]) == _CHALLENGE and match[3]:
            self._transcript.server(match[1] + (match[2] or b" ") + MASK.encode())
        else:
            self._transcript.server(line)
