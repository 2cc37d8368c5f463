"""When a message arrived, and how long it was under way. Clocks differ, so no time is ever negative."""

import email.parser
import email.utils
from datetime import UTC, datetime

CHECK_HEADER, RUN_HEADER = "X-Imapcheck", "X-Imapcheck-Run"
"""Whose message it is: the check's name, and the run's."""
_CLOCKS_DIFFER = 300.0


def age_seconds(arrived: datetime) -> float:
    """How old the message is now, by its INTERNALDATE."""
    return max(0.0, round((datetime.now(UTC) - arrived).total_seconds(), 3))


def seconds_ahead(arrived: datetime) -> float | None:
    """By how much INTERNALDATE is ahead of our clock, where that is more than clocks differ; imports set any date."""
    ahead = (arrived - datetime.now(UTC)).total_seconds()
    return round(ahead, 3) if ahead > _CLOCKS_DIFFER else None


def delivery_seconds(beginning: bytes, arrived: datetime, check: str) -> float | None:
    """From the Date of a message that `check` sent to its arrival; None for anyone else's."""
    headers = email.parser.BytesHeaderParser().parsebytes(beginning)
    if str(headers.get(CHECK_HEADER, "")).strip() != check:
        return None
    try:
        # Anybody may have written this: str() as octets outside ASCII come as a Header object.
        sent = email.utils.parsedate_to_datetime(str(headers.get("Date", "")))
    except (ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=UTC)
    return max(0.0, round((arrived - sent).total_seconds(), 3))
