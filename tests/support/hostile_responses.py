"""Responses as servers write them, and as no server should: random, but with IMAP's structure, so that they go deep.

responses = Responses(random.Random(7))
responses.some(b"A0003", 5)          # five untagged ones, perhaps broken, for the command of that tag
"""

import base64
import random
from collections.abc import Callable

_ODD = [
    b"", b" ", b"\x00", b"\xff\xfe", b"\x1b[2J", "ü✓\u202e".encode(),
    b"{3}", b"{3+}", b"~{3}", b'"', b"\\", b"(", b")", b"[", b"]", b"%",
    b"NIL", b"nil", b"-1", b"0", b"4294967295", b"4294967296", b"9" * 30,
    b"9" * 5000, b"1:*", b"*", b"2,4", b"4:2", b",", b"a" * 300,
    b"INBOX", b"inbox", b"Sent", b"&V4NXPpCuTvY-", b"&",
    b"&&&", b"&AA-", b"\\Sent", b"\\Noselect", b"\r", b"\t", b"OK", b"A0001",
]  # fmt: skip
_CODES = [
    b"ALERT", b"UNAVAILABLE", b"AUTHENTICATIONFAILED", b"CAPABILITY IMAP4rev1 AUTH=PLAIN", b"READ-ONLY",
    b"READ-WRITE", b"UIDNEXT 5",
    b"UIDVALIDITY 7", b"APPENDUID 1 2", b"APPENDUID", b"EXPUNGEISSUED", b"NONEXISTENT", b"TRYCREATE",
    b"OVERQUOTA", b"BADCHARSET (A)",
    b"X-\xff", b"", b"A" * 90, b"ALERT unclosed", b"PERMANENTFLAGS (\\*)", b'Error="x y"',
]  # fmt: skip
_STATUSES = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH", b"ok", b"Bye"]
_ITEMS = [
    b"UID", b"FLAGS", b"BODY[]", b"BODY[]<0>", b"BODY[HEADER]", b"BODY[HEADER.FIELDS (X-IMAPCHECK)]", b"RFC822.SIZE",
    b"INTERNALDATE",
    b"MODSEQ", b"ENVELOPE", b"X",
]  # fmt: skip
_DATES = [
    b'"23-Nov-2026 09:00:01 +0000"',
    b'" 1-Jan-1970 0:0:0 +9999"',
    b'"31-Feb-2020 25:61:61 -0000"',
    b'"x"',
    b"NIL",
]


class Responses:
    """What one source of randomness makes."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self._kinds: list[Callable[[bytes], bytes]] = [
            self._list, self._search, self._esearch, self._fetch, self._namespace, self._quota, self._capability,
            self._status, self._number, self._vanished, self._id, self._continuation, self._nonsense,
        ]  # fmt: skip

    def some(self, tag: bytes, count: int) -> bytes:
        """So many responses with their line ends; about one in five is broken on purpose."""
        return b"".join(self._perhaps_broken(self.random.choice(self._kinds)(tag)) + b"\r\n" for _ in range(count))

    def of_kind(self, tag: bytes, kind: str, count: int) -> bytes:
        """As `some`, mostly of one kind, such as `fetch`."""
        wanted = getattr(self, f"_{kind}")
        chosen = [wanted if self.random.random() < 0.7 else self.random.choice(self._kinds) for _ in range(count)]
        return b"".join(self._perhaps_broken(make(tag)) + b"\r\n" for make in chosen)

    def tagged(self, tag: bytes) -> bytes:
        """How a command ends: mostly well."""
        roll = self.random.random()
        if roll < 0.75:
            return tag + b" OK " + self._text() + b"\r\n"
        return tag + b" " + self.random.choice(_STATUSES) + b" " + self._text() + b"\r\n" if roll < 0.95 else b""

    def _perhaps_broken(self, line: bytes) -> bytes:
        if not line or self.random.random() > 0.2:
            return line
        position = self.random.randrange(len(line))
        match self.random.randrange(5):
            case 0:
                return line[:position]
            case 1:
                return line[:position] + self.random.choice(_ODD) + line[position:]
            case 2:
                return line[:position] + bytes([self.random.randrange(256)]) + line[position + 1 :]
            case 3:
                return line[:position] + line[position:] * 2
        return line.swapcase()

    def _odd(self) -> bytes:
        return self.random.choice(_ODD)

    def _number_text(self) -> bytes:
        return b"%d" % self.random.randrange(1, 12) if self.random.random() < 0.8 else self._odd()

    def _string(self) -> bytes:
        """A quoted string, a literal of the right or another size, an atom, or something odd."""
        content = self.random.choice([b"Sent", b"INBOX", b"a/b", self._odd(), self._odd() * 3])
        match self.random.randrange(6):
            case 0 | 1:
                return b'"' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
            case 2 | 3:
                return b"{%d}\r\n" % (len(content) + self.random.choice([0, 0, 0, 0, 1, -1, 70_000])) + content
            case 4:
                return content
        return b"NIL"

    def _text(self) -> bytes:
        code = b"[" + self.random.choice(_CODES) + b"] " if self.random.random() < 0.4 else b""
        return code + self.random.choice([b"done", b"not today", b"server busy", b"invalid credentials", self._odd()])

    def _parens(self, depth: int = 0) -> bytes:
        if depth > self.random.choice([1, 2, 3, 40]):
            return self._string()
        if self.random.random() < 0.005:
            return b"(" * 20_000 + b")" * self.random.choice([0, 20_000])
        inner = b" ".join(
            self._parens(depth + 1) if self.random.random() < 0.3 else self._string()
            for _ in range(self.random.randrange(4))
        )
        return b"(" + inner + b")"

    def _status(self, tag: bytes) -> bytes:
        return b"* " + self.random.choice(_STATUSES[:3] * 4 + _STATUSES) + b" " + self._text()

    def _list(self, tag: bytes) -> bytes:
        flags = b" ".join(
            self.random.choice([b"\\Sent", b"\\HasNoChildren", b"\\Noselect", b"\\Trash", self._odd()])
            for _ in range(2)
        )
        delimiter = self.random.choice([b'"/"', b'"."', b"NIL", b'"\\\\"', self._string()])
        return b"* LIST (" + flags + b") " + delimiter + b" " + self._string()

    def _search(self, tag: bytes) -> bytes:
        numbers = b" ".join(self._number_text() for _ in range(self.random.randrange(8)))
        return b"* SEARCH " + numbers + self.random.choice([b"", b"", b" (MODSEQ 5)", b" (", b" MODSEQ"])

    def _esearch(self, tag: bytes) -> bytes:
        def one() -> bytes:
            low = self._number_text()
            return low + b":" + self._number_text() if self.random.random() < 0.3 else low

        uids = b",".join(one() for _ in range(self.random.randrange(1, 6)))
        named = self.random.choice([tag, tag, tag, b"A9999", b""])
        items = self.random.choice(
            [b" ALL " + uids, b" ALL " + uids, b"", b" COUNT 3", b" MIN 1 ALL " + uids, b" X " + self._parens()]
        )
        return b'* ESEARCH (TAG "' + named + b'") UID' + items

    def _fetch(self, tag: bytes) -> bytes:
        def value(item: bytes) -> bytes:
            if item in (b"UID", b"RFC822.SIZE"):
                return self._number_text()
            if item == b"INTERNALDATE":
                return self.random.choice(_DATES)
            return self.random.choice([self._string, self._string, self._parens])()

        items = [b"UID", *self.random.choices(_ITEMS, k=self.random.randrange(4))]
        pairs = b" ".join(item + b" " + value(item) for item in items)
        return b"* " + self._number_text() + b" FETCH (" + pairs + b")"

    def _namespace(self, tag: bytes) -> bytes:
        return b"* NAMESPACE " + b" ".join(
            self.random.choice([b"NIL", b'(("" "/"))', self._parens()]) for _ in range(3)
        )

    def _quota(self, tag: bytes) -> bytes:
        triplets = b" ".join(
            self.random.choice([b"STORAGE", b"MESSAGE", self._odd()])
            + b" "
            + self._number_text()
            + b" "
            + self._number_text()
            for _ in range(self.random.randrange(3))
        )
        return b"* QUOTA " + self._string() + b" (" + triplets + b")"

    def _capability(self, tag: bytes) -> bytes:
        names = [
            b"IMAP4rev1",
            b"IMAP4rev2",
            b"NAMESPACE",
            b"ESEARCH",
            b"UIDPLUS",
            b"QUOTA",
            b"AUTH=CRAM-MD5",
            b"WITHIN",
            self._odd(),
        ]
        return b"* CAPABILITY " + b" ".join(self.random.choices(names, k=5))

    def _number(self, tag: bytes) -> bytes:
        return b"* " + self._number_text() + b" " + self.random.choice([b"EXISTS", b"EXPUNGE", b"RECENT", self._odd()])

    def _vanished(self, tag: bytes) -> bytes:
        return (
            b"* VANISHED "
            + self.random.choice([b"", b"(EARLIER) "])
            + self.random.choice([b"1:3,5", b"4", self._odd()])
        )

    def _id(self, tag: bytes) -> bytes:
        return b"* ID " + self._parens()

    def _continuation(self, tag: bytes) -> bytes:
        content = self.random.choice([b"", b"go on", base64.b64encode(b"<1@x>"), self._odd()])
        return b"+ " + content

    def _nonsense(self, tag: bytes) -> bytes:
        return self.random.choice(
            [b"* ", b"*", b"", tag, tag + b" MAYBE", b"* X-THING " + self._parens(), self.random.randbytes(20)]
        )
