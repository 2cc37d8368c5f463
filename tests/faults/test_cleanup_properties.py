"""Whatever a hostile server answers to the clean-up, only what a FETCH on this connection confirmed is removed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.wire_server import Exchange, WireServer, reply

NOW = datetime.now(UTC)
UID = st.integers(0, 12) | st.sampled_from([4294967295, 4294967296, 99999999999])
SET = st.lists(
    st.builds(str, UID) | st.builds(lambda low, high: f"{low}:{high}", UID, UID) | st.just("1:*"), max_size=6
).map(",".join)
SEARCH = st.one_of(
    st.builds(lambda uids: f'* ESEARCH (TAG "%t") UID ALL {uids}', SET),
    st.builds(lambda uids: f"* ESEARCH UID ALL {uids}", SET),
    st.builds(lambda uids: "* SEARCH " + " ".join(map(str, uids)), st.lists(UID, max_size=8)),
)
HEADER = st.sampled_from(
    [
        *("X-Imapcheck: wire", "x-imapcheck: wire ", "X-Imapcheck: other", "X-Imapcheck: wire2"),
        *("X-Imapcheck: wire\r\n more", "X-Imapcheck: wire\r\nX-Imapcheck: wire", "Subject: X-Imapcheck: wire", ""),
    ]
)
AGE = st.integers(-2, 100)
# Half of the examples have something to remove, among what looks alike.
OLD_AND_OURS = st.lists(
    st.tuples(st.integers(1, 4), st.just("X-Imapcheck: wire") | HEADER, st.integers(25, 100)), min_size=1, max_size=6
)


def fetch_line(uid: int, header: str, hours: int | None) -> bytes:
    octets = header.encode() + b"\r\n\r\n"
    date = "" if hours is None else (NOW - timedelta(hours=hours)).strftime(' INTERNALDATE "%d-%b-%Y %H:%M:%S +0000"')
    head = f"* 1 FETCH (UID {uid}{date} BODY[HEADER.FIELDS (X-IMAPCHECK)] {{{len(octets)}}}\r\n".encode()
    return head + octets + b")"


def uids_of(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition(":")
        found |= set(range(int(low), int(high or low) + 1))
    return found


@pytest.mark.parametrize("gmail", [False, True])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    search=st.lists(SEARCH, max_size=3),
    fetched=st.lists(st.tuples(st.integers(0, 14), HEADER, st.none() | AGE), max_size=12) | OLD_AND_OURS,
)
def test_only_what_was_confirmed_is_removed(
    define: Define,
    credentials: Credentials,
    server_context: Any,
    gmail: bool,
    search: list[str],
    fetched: list[tuple[int, str, int | None]],
) -> None:
    """UIDs never listed, huge sets, overlapping ranges, other checks' headers, dates that prove nothing."""
    touched: set[int] = set()
    asked: set[int] = set()

    def note_fetch(exchange: Exchange) -> None:
        match = re.match(rb"UID FETCH (\S+) ", exchange.line)
        assert match is not None
        asked.update(uids_of(match[1].decode()))
        for entry in fetched:
            exchange.send(fetch_line(*entry) + b"\r\n")
        exchange.send(exchange.tag + b" OK done\r\n")

    def note_removal(exchange: Exchange) -> None:
        match = re.match(rb"UID (?:STORE|EXPUNGE|MOVE) (\S+)", exchange.line)
        assert match is not None
        touched.update(uids_of(match[1].decode()))
        exchange.send(exchange.tag + b" OK done\r\n")

    script = {
        "SELECT": reply(b"%t OK [READ-WRITE] go"),
        "UID SEARCH": reply(*(line.encode() for line in search), b"%t OK done"),
        "UID FETCH": note_fetch,
        "UID STORE": note_removal,
        "UID EXPUNGE": note_removal,
        "UID MOVE": note_removal,
    }
    with WireServer(script=script, tls=server_context) as server:
        if gmail:
            server.dialect.capabilities += " X-GM-EXT-1 MOVE"
        result = run_check(define(server, new_message=NEW_MESSAGE | {"keep_for": "1d"}, timeout=5), credentials)
    assert result.available, result.failure
    own = re.compile(r"x-imapcheck:\s*wire\s*", re.IGNORECASE)
    confirmed = {uid for uid, header, hours in fetched if own.fullmatch(header) and hours is not None and hours >= 24}
    assert touched <= confirmed & asked
    assert not any(command == "EXPUNGE" or command.startswith("CLOSE") for command in server.commands)
