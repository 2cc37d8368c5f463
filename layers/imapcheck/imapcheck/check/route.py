"""The way that a message took, by its header: hops (RFC 5321 section 4.4) and Authentication-Results (RFC 8601).

Whoever handled the message wrote this, so nothing here raises, and what cannot be read is left out.
"""

import email.parser
import email.utils
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from imapcheck.delivery import DeliveryAuthentication, Hop
from imapcheck.transcript import Redactor

METHODS = ("spf", "dkim", "dmarc")
_MOST_HOPS = 20
_MOST_OF_A_FIELD = 4096
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_RESULT = re.compile(r"\s*([A-Za-z0-9-]+)(?:\s*/\s*[0-9]+)?\s*=\s*([A-Za-z]{1,20})\b")
"""`dkim=pass`, or with the method's version `dkim/1=pass` (RFC 8601 section 2.2)."""
_UNREADABLE = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError)


def hops_of(header: bytes, sent_at: datetime, redactor: Redactor) -> tuple[Hop, ...]:
    """Who took the message, the first first, and how long after the one before; clocks that run backwards count 0."""
    received = email.parser.BytesHeaderParser().parsebytes(header).get_all("Received", [])
    hops, before = list[Hop](), sent_at
    for field in [str(value) for value in received[:_MOST_HOPS]][::-1]:
        words, moment = _parts(field)
        seconds = None if moment is None else max(0.0, round((moment - before).total_seconds(), 3))
        before = moment or before
        hops.append(Hop(_clause("by", words, redactor), _clause("with", words, redactor), seconds))
    return tuple(hops)


def _parts(field: str) -> tuple[str, datetime | None]:
    """(the clauses without comments, the time) of a Received field."""
    words, _, date = field[:_MOST_OF_A_FIELD].rpartition(";")
    words = _without_comments(words)
    try:
        moment = email.utils.parsedate_to_datetime(date.strip())
    except _UNREADABLE:
        return words, None
    return words, moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _without_comments(words: str) -> str:
    while (without := _COMMENT.sub(" ", words)) != words:
        words = without
    return words


def _clause(name: str, words: str, redactor: Redactor) -> str | None:
    match = re.search(rf"(?:^|\s){name}\s+(\S+)", words, re.IGNORECASE)
    return None if match is None else redactor.clean_line(match[1], 100)


def authentication_of(header: bytes) -> DeliveryAuthentication | None:
    """What the receiving server found: the topmost header alone, as those below it may be the sender's (section 5)."""
    fields = email.parser.BytesHeaderParser().parsebytes(header).get_all("Authentication-Results", [])
    words = _without_comments(_QUOTED.sub(" ", str(fields[0])[:_MOST_OF_A_FIELD])) if fields else ""
    # The name of the server that looked comes first; Exchange Online leaves it out.
    found = [(match[1].lower(), match[2].lower()) for part in words.split(";") if (match := _RESULT.match(part))]
    return DeliveryAuthentication(*(_verdict(method, found) for method in METHODS)) if found else None


def _verdict(method: str, found: Iterable[tuple[str, str]]) -> str | None:
    """Of several signatures one that passes suffices (RFC 6376 section 6.1)."""
    results = [result for name, result in found if name == method]
    return "pass" if "pass" in results else next(iter(results), None)
