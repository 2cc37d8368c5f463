"""A file's text, and the one JSON object in it; every problem in words that say where it is.

Files come from editors: a byte order mark and CRLF are read. What is not an ordinary file (a pipe, a device, a
folder) is refused before it is opened, as reading it might never end.
"""

import json
import re
import select
import stat
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from imapcheck.text import one_line

STANDARD_INPUT = Path("-")
_MOST_OCTETS = 16 << 20
_MOST_KEYS = 10_000
_EMPTY = "the file is empty, expected a JSON object"
_TRAILING_COMMA = "Illegal trailing comma"
_COMMENT = re.compile(r"\s*(//|/\*|#)")


class UnreadableError(Exception):
    """What is wrong with a file, as words that follow its name and a colon."""


def display_name(path: Path) -> str:
    """The file's name in messages."""
    return "standard input" if path == STANDARD_INPUT else one_line(str(path), 200)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, `-` being standard input. Raises `UnreadableError`, which quotes no value."""
    return parse_object(_read_text(path))


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object in `text`, each of its keys once. Raises `UnreadableError`, which quotes no value."""
    if not text.strip():
        raise UnreadableError(_EMPTY)
    try:
        content = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as found:
        error = _at_the_comma(found)
        raise UnreadableError(f"line {error.lineno}, column {error.colno}: {_problem(error)}") from None
    except RecursionError:
        raise UnreadableError("found nesting without end, expected objects a few levels deep") from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise UnreadableError("found a number of thousands of digits, expected one of a few") from None
    if not isinstance(content, dict):
        raise UnreadableError(f"found {_kind(content)}, expected a JSON object")
    return content


def _read_text(path: Path) -> str:
    try:
        octets = _read_input() if path == STANDARD_INPUT else _read_file(path)
    except OSError as error:
        raise UnreadableError((error.strerror or "cannot be read").lower()) from None
    if len(octets) > _MOST_OCTETS:
        raise UnreadableError(f"found more than {_MOST_OCTETS >> 20} MiB, expected a JSON object")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("found bytes that are not UTF-8, expected JSON text in UTF-8") from None


def _read_input() -> bytes:
    octets = bytearray()
    while len(octets) <= _MOST_OCTETS:
        part = sys.stdin.buffer.read(_MOST_OCTETS + 1 - len(octets))
        if part is None:  # a pipe that does not block, and has nothing yet
            select.select([sys.stdin], [], [])
        elif not part:
            break
        else:
            octets += part
    return bytes(octets)


def _read_file(path: Path) -> bytes:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device (give - to read standard input)"
        raise UnreadableError(f"found {kind}, expected a file")
    with path.open("rb") as file:
        return file.read(_MOST_OCTETS + 1)


def _at_the_comma(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Python 3.13 points at a comma after the last entry; before, it was at what follows."""
    before = error.doc[: error.pos].rstrip()
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
        return json.JSONDecodeError(_TRAILING_COMMA, error.doc, len(before) - 1)
    return error


def _problem(error: json.JSONDecodeError) -> str:
    """What a person did, where JSON's parser only says what it would have liked."""
    rest = error.doc[error.pos :]
    if _COMMENT.match(rest):
        return "found a comment, and JSON has none: take it out"
    if error.msg.startswith(_TRAILING_COMMA):
        return "found a comma after the last entry: take it out"
    if rest.startswith("'"):
        return "found a single quote; JSON wants double quotes"
    if not rest.strip():
        return "the text ends too early: a quote, bracket or brace is not closed"
    return f"not JSON ({error.msg[0].lower()}{error.msg[1:]}), expected a JSON object"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MOST_KEYS:
        raise UnreadableError(f"found an object of more than {_MOST_KEYS:,} keys, expected a few")
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise UnreadableError(f"{one_line(twice, 60)}: found the key more than once, expected it once")
    return content


def _no_constant(name: str) -> Any:
    raise UnreadableError(f"found {name}, expected JSON, which knows no such number")


def _kind(content: object) -> str:
    return {list: "a list", str: "text", bool: "true or false", type(None): "null"}.get(type(content), "a number")
