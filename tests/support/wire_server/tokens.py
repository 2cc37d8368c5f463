"""Commands as words, however they were spelt."""

import re

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^()]*(?:\([^()]*\)[^()]*)*\))|([^ "]+)|(?<= )(?= |$)')


def split(line: bytes) -> list[bytes]:
    """IMAP tokens: quoted strings without their quotes, parenthesised lists whole."""
    found = []
    for match in _TOKEN.finditer(line):
        if match[1] is not None:
            found.append(re.sub(rb"\\(.)", rb"\1", match[1]))
        elif match[0]:
            found.append(match[0])
    return found


def tokens(line: bytes) -> str:
    return " ".join(token.decode("utf-8", "replace") or '""' for token in split(line))


def quoted(content: bytes) -> bytes:
    return b'"' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
