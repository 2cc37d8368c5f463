"""The protocol transcript: both directions, bounded in size, never a secret.

Masking is by position first (everything a login sends, every message body) and by value on top: a
server may echo what it was sent, in clear, quoted, in base64 or inside an error text. Only whole lines
are taken in, so that a secret cannot slip through in two halves.
"""

import base64
import binascii
import bisect
import contextlib
import functools
import html
import itertools
import json
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, unquote_to_bytes

from imapcheck.text import one_line, show_bytes

MASK = "********"
_MASK_BYTES = MASK.encode()
_MINIMUM_SECRET = 4
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=%")
"""And what stands for three of them in a URL: `%2B`, `%2F` and `%3D`."""
_UNQUOTED = ("", "/", "!'()*~", ";,/?:@&=+$-_.!~*'()#")
"""What percent-encoders leave as it is: all nothing, URL libraries, `encodeURIComponent`, `encodeURI`."""
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_MARKERS = b"%\0&\\+=_"
_SPACE = frozenset(b" \t\r\n\v\f")
_HEAD_LINES, _TAIL_LINES = 60, 140
_HEAD_OCTETS, _TAIL_OCTETS = 40_000, 80_000
_LINE_LIMIT = 397
_HELD_OCTETS = 8192
_MOST_SEARCHED = 1 << 14
_SHORT = 200

type _Words = Mapping[int | None, tuple[bytes, ...]]
type _Line = tuple[str, bytes | str | Callable[[], bytes]]


class Redactor:
    """Replaces known secrets, in every form a server is likely to echo them in, by a constant mask.

    Secrets of fewer than 4 octets are masked by position only: by value they would eat the text.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets: set[bytes] = set()
        self._longest = 0
        self._known: tuple[_Words, _Words] | None = None
        for secret in secrets:
            self.add(secret.encode("utf-8"))

    def add(self, secret: bytes) -> None:
        """Mask `secret` from now on: a password, a token or a SASL response as it went over the wire."""
        if len(secret) >= _MINIMUM_SECRET:
            self._secrets.add(secret)
            self._known = None

    def clean(self, data: bytes) -> bytes:
        """`data`, a whole line, with every known secret masked."""
        if not self._secrets:
            return data
        spelled, cores = self._forms()
        cleaned = _masked(data, [*_found(spelled, data), *_runs(cores, data)])
        if cleaned.find(b"%") < 0:
            return cleaned
        return _masked(cleaned, _half_encoded((spelled, cores), cleaned))

    def clean_text(self, text: str) -> str:
        """`text` with every known secret masked."""
        if not self._secrets:
            return text
        return self.clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def clean_line(self, text: str, limit: int = 400) -> str:
        """`text`, which a server may have had a part in, as one clean line of at most `limit` characters, redacted."""
        if self._secrets:
            text = self._beginning(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        return one_line(text, limit)

    def show(self, data: bytes, limit: int = 400) -> str:
        """Octets of a whole line as one clean, redacted line of text, for details."""
        return show_bytes(self._beginning(data), limit)

    def _beginning(self, data: bytes) -> bytes:
        """`data` redacted, of a very long one only the beginning: a server decides how long its lines are."""
        if len(data) <= _MOST_SEARCHED:
            return self.clean(data)
        cleaned = self.clean(data[:_MOST_SEARCHED])
        return cleaned[: max(0, len(cleaned) - self._longest)] + b"..."

    def _forms(self) -> tuple[_Words, _Words]:
        """(spellings, base64 cores) by marker, all in lower case; made when first needed: not within a timed login."""
        if self._known is None:
            forms = [_short(secret) if len(secret) <= _SHORT else _long(secret) for secret in self._secrets]
            spelled = frozenset[bytes]().union(*(spelled for spelled, _ in forms))
            cores = frozenset[bytes]().union(*(cores for _, cores in forms))
            self._longest = max(map(len, spelled | cores), default=0)
            self._known = _by_marker(spelled), _by_marker(cores)
        return self._known


class Transcript:
    """The first 60 and the last 140 lines of a run, each of at most 400 characters, together at most 120 kB of JSON.

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
        head, tail = [self._shown(line) for line in self._head], [self._shown(line) for line in self._tail]
        kept_head = _within(head, _HEAD_OCTETS)
        kept_tail = _within(tail[::-1], _TAIL_OCTETS)[::-1]
        left_out = self._left_out + len(head) - len(kept_head) + len(tail) - len(kept_tail)
        gap = (f"… {left_out} lines left out",) if left_out else ()
        return (*kept_head, *gap, *kept_tail)

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


def _within(lines: list[str], octets: int) -> list[str]:
    """As many of the first `lines` as take at most so many octets in JSON, where one character may take twelve."""
    ends = list(itertools.accumulate(len(json.dumps(line)) for line in lines))
    return lines[: bisect.bisect_right(ends, octets)]


def _forms_of(secret: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Its (spellings, base64 cores), all in lower case: some 170 octets for each of the secret's."""
    values = _values(secret)
    spelled = frozenset(form.lower() for value in values for form in _spellings(value))
    return spelled, frozenset(core.lower() for value in values for core in _base64_cores(value))


_short, _long = functools.lru_cache(256)(_forms_of), functools.lru_cache(8)(_forms_of)
"""The same passwords and tokens are used run after run; both caches together hold at most some 10 MB."""


def _values(secret: bytes) -> set[bytes]:
    """What stands for the secret: the whole, each line of it, without the space around, in capitals or in none."""
    found = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    for value in tuple(found):
        if (text := _text(value)) is not None:
            composed = {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
            found |= {form.encode("utf-8") for form in composed}
            found |= {
                changed.encode("utf-8") for changed in (text.upper(), text.lower(), text.casefold(), text.strip())
            }
    return {value for value in found if len(value) >= _MINIMUM_SECRET}


def _spellings(value: bytes) -> set[bytes]:
    """Raw, as an IMAP quoted string, percent-encoded, in hexadecimal, and as text in JSON, HTML and other charsets."""
    forms = {value, value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')}
    percent = {quote(value, safe=safe).encode() for safe in _UNQUOTED}
    forms |= percent | {form.replace(b"%20", b"+") for form in percent}
    forms.add(quote(value, safe="").replace("%", "=").encode())
    forms |= {b"".join(template % octet for octet in value) for template in (b"%%%02x", b"\\x%02x", b"\\%03o")}
    forms |= {repr(value)[2:-1].encode(), binascii.b2a_qp(value, quotetabs=True)}
    forms |= {binascii.hexlify(value, *separator) for separator in ((), (" ",), (":",), ("-",))}
    if (text := _text(value)) is not None:
        for in_json in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
            forms |= {in_json.encode(), in_json.replace("/", "\\/").encode()}
        forms |= {text.encode("unicode_escape"), *_in_html(text)}
        forms |= {text.encode("utf-7"), text.encode("utf-7").replace(b"+", b"&")}
        forms |= _in_other_charsets(text)
    return forms


def _in_html(text: str) -> set[bytes]:
    """What has to be escaped, and every character, in each way to write it."""
    escaped = html.escape(text)
    forms = {html.escape(text, quote=False), escaped}
    forms |= {escaped.replace("&#x27;", apostrophe) for apostrophe in ("&#39;", "&#039;", "&apos;")}
    forms |= {"".join(template % ord(char) for char in text) for template in ("&#%d;", "&#x%x;")}
    return {form.encode(*charset) for form in forms for charset in (("utf-8",), ("ascii", "xmlcharrefreplace"))}


def _text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _in_other_charsets(text: str) -> set[bytes]:
    forms = {text.encode("utf-16-le"), text.encode("utf-16-be")}
    with contextlib.suppress(UnicodeEncodeError):
        forms.add(text.encode("latin-1"))
    return forms


def _base64_cores(value: bytes) -> set[bytes]:
    """What base64 of *any* octets around the value must contain, for each of its three alignments."""
    text = _text(value)
    cores = set[bytes]()
    for octets in {value} if text is None else {value, *_in_other_charsets(text)}:
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + octets)
            first = (before * 8 + 5) // 6  # characters that the octets before reach into
            last = (before + len(octets)) * 8 // 6  # characters that the value alone decides
            core = encoded[first:last]
            if len(core) >= _MINIMUM_SECRET:
                cores |= {core, core.replace(b"+", b"-").replace(b"/", b"_"), core.replace(b"/", b",")}
    return cores


def _by_marker(words: Iterable[bytes]) -> _Words:
    """`words` by the octet without which a line needs no search for them: few lines have a `%`, a `&` or a NUL."""
    grouped: dict[int | None, list[bytes]] = {}
    for word in words:
        grouped.setdefault(next((marker for marker in _MARKERS if marker in word), None), []).append(word)
    return {marker: tuple(group) for marker, group in grouped.items()}


def _found(words: _Words, data: bytes) -> Iterator[tuple[int, int]]:
    """Where any of `words`, all in lower case, stands in `data`.

    Searching for one after the other takes a tenth of what a pattern of all takes, and nothing to compile.
    """
    lower = data.lower()
    for marker, group in words.items():
        if marker is not None and marker not in lower:
            continue
        for word in group:
            start = lower.find(word)
            while start >= 0:
                yield start, start + len(word)
                start = lower.find(word, start + 1)


def _runs(cores: _Words, data: bytes) -> Iterator[tuple[int, int]]:
    """The runs of base64 around the cores that stand in `data`, each once."""
    done = 0
    for start, end in sorted(_found(cores, data)):
        if start >= done:
            first, done = _whole_run(data, start, end)
            yield first, done


def _whole_run(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The run of base64 around a core: its neighbours hold the secret's first and last bits."""
    while start and data[start - 1] in _BASE64:
        start -= 1
    while end < len(data) and data[end] in _BASE64:
        end += 1
    return start, end


def _half_encoded(known: Iterable[_Words], data: bytes) -> Iterator[tuple[int, int]]:
    """The words of `data` that hold something known once their percent-encoding, of whichever octets, is undone."""
    decoded, origin = _percent_decoded(data)
    spaced = decoded.replace(b"+", b" ")
    texts = (decoded,) if spaced == decoded else (decoded, spaced)
    done = 0
    for start, end in sorted({span for text in texts for words in known for span in _found(words, text)}):
        first, last = origin[start], origin[end]
        if last - first == end - start or last <= done:
            continue  # not encoded here, so searched for before; or masked
        while first > done and data[first - 1] not in _SPACE:
            first -= 1
        while last < len(data) and data[last] not in _SPACE:
            last += 1
        yield first, last
        done = last


def _percent_decoded(data: bytes) -> tuple[bytes, list[int]]:
    """`data` without percent-encoding, and for each octet of that, and for its end, where in `data` it began."""
    origin, done = list[int](), 0
    for match in _PERCENT.finditer(data):
        origin += range(done, match.start() + 1)
        done = match.end()
    origin += range(done, len(data) + 1)
    return unquote_to_bytes(data), origin


def _masked(data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """`data` with each span, and spans that touch as one, replaced by the mask."""
    out, done, covered = bytearray(), 0, -1
    for start, end in sorted(spans):
        if start > covered:
            out += data[done:start] + _MASK_BYTES
        covered = max(covered, end)
        done = covered
    return bytes(out + data[done:])
