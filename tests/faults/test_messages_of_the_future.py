"""A newest match that is dated ahead of our clock would be young for ever: imports and APPEND set any date."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import Define
from imapcheck import Credentials, run_check
from support.wire_server import Dialect, WireServer

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def internal_date(moment: datetime) -> bytes:
    return f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S %z}".encode()


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=-5), None),
        (timedelta(minutes=2), None),
        (timedelta(minutes=4), None),
        (timedelta(minutes=10), "10 min"),
        (timedelta(days=1, minutes=1), "1 d"),
        (timedelta(days=70 * 365), " d ahead"),
    ],
)
def test_message_ahead_of_our_clock_is_told(
    define: Define, credentials: Credentials, server_context: Any, ahead: timedelta, words: str | None
) -> None:
    """Beyond some minutes, which is what clocks differ by; the run stays available, as nothing is broken."""
    dialect = Dialect(internal_date=internal_date(datetime.now(UTC) + ahead))
    with WireServer(dialect, tls=server_context) as server:
        result = run_check(define(server, search={"subject": "x", "max_age": "1h"}), credentials)
    assert result.available, result.failure
    told = {warning.type: warning.detail for warning in result.warnings}
    assert told.keys() == ({"future_message"} if words else set())
    assert words is None or words in told["future_message"]
