"""No message is no message: empty bodies, other messages, answers that are none; and answers that are very long."""

import re
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.wire_server import Exchange, WireServer, raw


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type


@pytest.mark.parametrize(
    "empty", [b'BODY[] ""', b"BODY[] {0}\r\n", b'RFC822.SIZE 0 BODY[] ""', b'BODY[] "" RFC822.TEXT ""']
)
def test_empty_message_is_a_warning(
    define: Define, credentials: Credentials, server_context: Any, empty: bytes
) -> None:
    """It matched by its text, so that it cannot be empty; but nothing else proves the server wrong."""
    script = {"UID FETCH": raw(b"* 2 FETCH (UID 4 " + empty + b")\r\n%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert [warning.type for warning in result.warnings] == ["empty_message"]


@pytest.mark.parametrize(
    "items",
    [
        b'UID 4 RFC822.SIZE 4711 BODY[] ""',
        b'BODY[] "" UID 4 RFC822.SIZE 1',
        b'UID 4 BODY[] "" BODY[HEADER] "Subject: x"',
        b'UID 4 BODY[] "" RFC822.TEXT "x"',
        b'UID 4 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 4 BODY[] ""',
    ],
)
def test_empty_message_that_the_server_contradicts_is_an_error(
    define: Define, credentials: Credentials, server_context: Any, items: bytes
) -> None:
    """RFC822.SIZE, another part, or the same message with content."""
    script = {"UID FETCH": raw(b"* 2 FETCH (" + items + b")\r\n%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert failed(result) == ("fetch", "protocol_error")


OURS = b"* 2 FETCH (UID 4 BODY[] {3}\r\nabc)\r\n"
OTHERS = [
    b"* 1 FETCH (UID 9 BODY[] {3}\r\nxyz)\r\n",
    b"* 1 FETCH (UID 9 BODY[] NIL)\r\n",
    b"* 1 FETCH (UID 9 what is this %)\r\n",
    b'* 1 FETCH (UID 9 BODY[] "unclosed)\r\n',
    b"* 1 FETCH (((((\r\n",
    b"* 1 FETCH\r\n",
    b"* 1 FETCH (UID 44 RFC822.SIZE)\r\n",
    b"* 1 FETCH (UID 9 BODY[] {40000000}\r\n" + b"x" * 40_000_000 + b")\r\n",
    b"* 1 FETCH (UID 9 BODY[] {5000}\r\n" + b"x" * 5000 + b")\r\n",
    b"* 1 FETCH (BODY[] {5000}\r\n" + b"x" * 5000 + b" UID 9)\r\n",
    b"* 1 FETCH (FLAGS (\\Seen))\r\n",
]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_fetch_of_another_message_never_counts_and_never_fails(
    define: Define, credentials: Credentials, server_context: Any, other: bytes, order: str
) -> None:
    """Readable or not, however large."""
    answer = other + OURS if order == "before" else OURS + other
    with WireServer(script={"UID FETCH": raw(answer + b"%t OK done\r\n")}, tls=server_context) as server:
        result = run_check(define(server, search={"subject": "x", "max_size": 1000}), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.size_bytes == 3
    with WireServer(script={"UID FETCH": raw(other + b"%t OK done\r\n")}, tls=server_context) as server:
        alone = run_check(define(server, search={"subject": "x", "max_size": 1000}), credentials)
    assert failed(alone) == ("fetch", "protocol_error")


def test_own_message_that_cannot_be_read_is_an_error(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    for broken in (b'* 2 FETCH (UID 4 BODY[] "unclosed)\r\n', b"* 2 FETCH (UID 4 what is this %)\r\n"):
        with WireServer(script={"UID FETCH": raw(broken + b"%t OK done\r\n")}, tls=server_context) as server:
            assert failed(run_check(define(server, search="x"), credentials)) == ("fetch", "protocol_error")


def test_two_answers_to_one_search_are_one_result(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """SEARCH and ESEARCH, and a UID told twice."""
    answer = b'* SEARCH 2 4 4\r\n* ESEARCH (TAG "%t") UID ALL 2:4,4\r\n* SEARCH 4 2\r\n%t OK done\r\n'
    with WireServer(script={"UID SEARCH": raw(answer)}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (3, 4)


@pytest.mark.parametrize("items", [b"COUNT 2", b"MIN 2 MAX 4", b"MIN 2 MAX 4 COUNT 2"])
def test_esearch_without_all_is_no_answer(
    define: Define, credentials: Credentials, server_context: Any, items: bytes
) -> None:
    answer = b'* ESEARCH (TAG "%t") UID ' + items + b"\r\n%t OK done\r\n"
    with WireServer(script={"UID SEARCH": raw(answer)}, tls=server_context) as server:
        assert failed(run_check(define(server, search="x"), credentials)) == ("search", "protocol_error")


@pytest.mark.parametrize("extended", [True, False])
def test_search_result_of_megabytes_is_read(
    define: Define, credentials: Credentials, server_context: Any, extended: bool
) -> None:
    """Longer than any line that is held; the session goes on after it."""
    uids = range(1, 600_000, 2)

    def search(exchange: Exchange) -> None:
        separator = b"," if extended else b" "
        head = b'* ESEARCH (TAG "' + exchange.tag + b'") UID ALL ' if extended else b"* SEARCH "
        exchange.send(head + separator.join(b"%d" % uid for uid in uids) + b"\r\n" + exchange.tag + b" OK done\r\n")

    with WireServer(script={"UID SEARCH": search}, tls=server_context) as server:
        result = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (len(uids), uids[-1])
    assert any(re.search(r"\* E?SEARCH \{\d+ octets\}", line) for line in result.transcript)


def test_list_is_bounded_by_all_its_octets(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Names in literals count as those on the line do."""

    def endless(exchange: Exchange) -> None:
        for number in range(4000):
            name = b"%06d" % number + b"x" * 60_000
            exchange.send(b'* LIST () "/" {%d}\r\n%s\r\n' % (len(name), name))
        exchange.send(exchange.tag + b" OK done\r\n")

    with WireServer(script={"LIST#1": endless}, tls=server_context) as server:
        result = run_check(define(server, timeout=20), credentials)
    assert failed(result) == ("list", "protocol_error")
    assert result.failure is not None
    assert "more untagged responses" in result.failure.detail
