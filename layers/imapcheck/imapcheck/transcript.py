"""The protocol transcript: both directions, bounded in size, never a secret.

Masking is by position first (everything a login sends, every message body) and by value on top: a
server may echo what it was sent, in clear, quoted, in base64 or inside an error text. Only whole lines
are taken in, so that a secret cannot slip through in two halves.
"""

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

from imapcheck.text import show_bytes

MASK = "********"
_MASK_BYTES = MASK.encode()
_MINIMUM_SECRET = 4
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=")
_HEAD_LINES, _TAIL_LINES = 60, 140
_LINE_LIMIT = 500
_HELD_OCTETS = 8192

type _Line = tuple[str, bytes | str | Callable[[], bytes]]


class Redactor:
    """Replaces known secrets, in every form a server is likely to echo them in, by a constant mask.

    Secrets of fewer than 4 octets are masked by position only: by value they would eat the text.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets: set[bytes] = set()
        self._patterns: tuple[re.Pattern[bytes] | None, re.Pattern[bytes] | None] | None = None
        for secret in secrets:
            self.add(secret.encode("utf-8"))

    def add(self, secret: bytes) -> None:
        """Mask `secret` from now on: a password, a token or a SASL response as it went over the wire."""
        if len(secret) >= _MINIMUM_SECRET:
            self._secrets.add(secret)
            self._patterns = None

    def clean(self, data: bytes) -> bytes:
        """`data`, a whole line, with every known secret masked."""
        spelled, cores = self._compiled()
        if cores is not None:
            data = _mask_runs(data, cores)
        return data if spelled is None else spelled.sub(_MASK_BYTES, data)

    def clean_text(self, text: str) -> str:
        """`text` with every known secret masked."""
        if not self._secrets:
            return text
        return self.clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def show(self, data: bytes, limit: int = 400) -> str:
        """Octets of a whole line as one clean, redacted line of text, for details."""
        return show_bytes(self.clean(data), limit)

    def _compiled(self) -> tuple[re.Pattern[bytes] | None, re.Pattern[bytes] | None]:
        """(spellings, base64 cores), compiled when first needed: not within a timed login."""
        if self._patterns is None:
            spelled = set[bytes]().union(*map(_spellings, self._secrets))
            cores = set[bytes]().union(*map(_base64_cores, self._secrets))
            self._patterns = _any_of(spelled, re.IGNORECASE), _any_of(cores)
        return self._patterns


class Transcript:
    """The first 60 and the last 140 lines of a run, each of at most 500 characters.

    Lines are redacted and laid out when they are asked for, not while a step's clock is running; only long
    ones are at once, so that what is held stays small.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._head: list[_Line] = []
        self._tail: deque[_Line] = deque(maxlen=_TAIL_LINES)
        self._left_out = 0

    def client(self, line: bytes) -> None:
        """A whole line we sent, secrets already masked by position."""
        self._add("C: ", line)

    def server(self, line: bytes) -> None:
        """A whole line the server sent, message bodies already replaced by `{n octets}`."""
        self._add("S: ", line)

    def server_later(self, octets: int, line: Callable[[], bytes]) -> None:
        """As `server`, for a line that is yet to be laid out from `octets` that it holds on to."""
        self._keep(("S: ", line) if octets <= _HELD_OCTETS else ("S: ", self._redactor.show(line(), _LINE_LIMIT)))

    def lines(self) -> tuple[str, ...]:
        gap = (f"… {self._left_out} lines left out",) if self._left_out else ()
        head, tail = map(self._shown, self._head), map(self._shown, self._tail)
        return (*head, *gap, *tail)

    def _add(self, prefix: str, line: bytes) -> None:
        self._keep((prefix, line if len(line) <= _HELD_OCTETS else self._redactor.show(line, _LINE_LIMIT)))

    def _keep(self, line: "_Line") -> None:
        if len(self._head) < _HEAD_LINES:
            self._head.append(line)
            return
        if len(self._tail) == _TAIL_LINES:
            self._left_out += 1
        self._tail.append(line)

    def _shown(self, line: "_Line") -> str:
        prefix, content = line
        if isinstance(content, str):
            return prefix + content
        return prefix + self._redactor.show(content if isinstance(content, bytes) else content(), _LINE_LIMIT)


def _spellings(secret: bytes) -> set[bytes]:
    """The secret raw, as an IMAP quoted string, in JSON, percent-encoded and in hexadecimal."""
    quoted = secret.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    forms = {secret, quoted, quote(secret, safe="").encode(), binascii.hexlify(secret)}
    text = secret.decode("utf-8", "replace")
    if "\ufffd" not in text:
        forms |= {text.encode("unicode_escape"), _latin1(text) or secret}
    return forms


def _latin1(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _base64_cores(secret: bytes) -> set[bytes]:
    """What base64 of *any* octets around the secret must contain, for each of its three alignments."""
    cores = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret)
        first = (before * 8 + 5) // 6  # characters that the octets before reach into
        last = (before + len(secret)) * 8 // 6  # characters that the secret alone decides
        core = encoded[first:last]
        if len(core) >= _MINIMUM_SECRET:
            cores |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return cores


def _any_of(words: set[bytes], flags: int = 0) -> re.Pattern[bytes] | None:
    """A pattern for any of `words`, longest first."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(b"|".join(map(re.escape, ordered)), flags) if ordered else None


def _mask_runs(data: bytes, cores: re.Pattern[bytes]) -> bytes:
    """Mask the whole run of base64 around each core: its neighbours hold the secret's first and last bits.

    The run is found by stepping outwards and not by a pattern: a pattern would take quadratic time on
    a long line, and the server decides how long its lines are.
    """
    out, done = bytearray(), 0
    for match in cores.finditer(data):
        if match.start() < done:
            continue
        start, end = match.span()
        while start > done and data[start - 1] in _BASE64:
            start -= 1
        while end < len(data) and data[end] in _BASE64:
            end += 1
        out += data[done:start] + _MASK_BYTES
        done = end
    return bytes(out + data[done:])
