"""A mailbox in use is not a broken server: a newest match that vanishes is searched for again, five times at most."""

from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from support.wire_server import Action, Dialect, Exchange, WireServer, raw, reply


def failed(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type


def searches(server: WireServer) -> int:
    return sum(command.startswith("UID SEARCH") for command in server.commands)


SIGNS = {
    "expunge before OK": b"* 2 EXPUNGE\r\n%t OK done\r\n",
    "vanished": b"* VANISHED 4\r\n%t OK done\r\n",
    "tagged code": b"%t NO [EXPUNGEISSUED] some messages are gone\r\n",
    "tagged code with OK": b"%t OK [EXPUNGEISSUED] done\r\n",
    "untagged code": b"* OK [EXPUNGEISSUED] gone\r\n%t OK done\r\n",
    "no and expunge": b"* 2 EXPUNGE\r\n%t NO some messages could not be fetched\r\n",
    "nil and expunge": b"* 2 FETCH (UID 4 BODY[] NIL)\r\n* 2 EXPUNGE\r\n%t OK done\r\n",
    "nil and code": b"* 2 FETCH (UID 4 BODY[] NIL)\r\n%t OK [EXPUNGEISSUED] done\r\n",
    "flags and expunge": b"* 2 FETCH (UID 4 FLAGS (\\Deleted))\r\n* 2 EXPUNGE\r\n%t OK done\r\n",
}


@pytest.mark.parametrize("sign", SIGNS)
def test_newest_match_that_vanishes_is_searched_for_again(
    define: Define, credentials: Credentials, server_context: Any, sign: str
) -> None:
    """Once more, in the same session, and the then newest is fetched."""

    def search(exchange: Exchange) -> None:
        exchange.send(b'* ESEARCH (TAG "' + exchange.tag + b'") UID ALL 2\r\n' + exchange.tag + b" OK done\r\n")

    script: dict[str, Action] = {"UID FETCH#1": raw(SIGNS[sign]), "UID SEARCH#2": search}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(
            define(server, search={"subject": "x", "max_age": "9999w"}, new_message=NEW_MESSAGE), credentials
        )
    assert result.available, result.failure
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (1, 2)
    assert result.search.size_bytes == len(server.dialect.message)
    assert searches(server) == 2
    assert server.connections == 1
    assert [command for command in server.commands if "FETCH" in command] == [
        "UID FETCH 4 (INTERNALDATE BODY.PEEK[])", "UID FETCH 2 (INTERNALDATE BODY.PEEK[])",
    ]  # fmt: skip
    step = result.step("fetch")
    assert step is not None
    assert "vanished" in (step.detail or "")


def test_expunge_that_came_with_the_search_is_a_sign_too(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The search still counted what was gone when it ended."""
    gone = b'* ESEARCH (TAG "%t") UID ALL 2,4\r\n* 2 EXPUNGE\r\n%t OK done\r\n'
    script: dict[str, Action] = {"UID SEARCH#1": raw(gone), "UID FETCH#1": raw(b"%t OK done\r\n")}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert searches(server) == 2


@pytest.mark.parametrize("min_matches", [0, 1])
def test_only_match_that_vanishes_is_no_match(
    define: Define, credentials: Credentials, server_context: Any, min_matches: int
) -> None:
    """By the second search; where none is needed the server is fine."""
    script: dict[str, Action] = {
        "UID FETCH": raw(b"* 2 EXPUNGE\r\n%t OK done\r\n"),
        "UID SEARCH#2": raw(b'* ESEARCH (TAG "%t") UID\r\n%t OK done\r\n'),
    }
    with WireServer(script=script, tls=server_context) as server:
        asked = {"subject": "x", "min_matches": min_matches}
        result = run_check(define(server, search=asked, new_message=NEW_MESSAGE), credentials)
    step = result.step("fetch")
    assert step is not None
    assert step.status == "skipped"
    assert searches(server) == 2
    if min_matches:
        assert failed(result) == ("search", "no_match")
        assert result.new_message is not None
    else:
        assert result.available, result.failure


@pytest.mark.parametrize(
    ("script", "type", "count"),
    [
        ({"UID FETCH": raw(b"%t OK done\r\n")}, "protocol_error", 1),
        ({"UID FETCH": raw(b"* 2 FETCH (UID 4 BODY[] NIL)\r\n%t OK done\r\n")}, "protocol_error", 1),
        ({"UID FETCH": raw(b"%t NO no\r\n")}, "command_rejected", 1),
        ({"UID FETCH": raw(b"* 2 EXPUNGE\r\n%t NO [SERVERBUG] broken\r\n")}, "command_rejected", 1),
    ],
)
def test_message_that_does_not_come_without_a_sign_is_a_failure(
    define: Define, credentials: Credentials, server_context: Any, script: dict[str, Action], type: str, count: int
) -> None:
    """No more searches."""
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert failed(result) == ("fetch", type)
    assert searches(server) == count


@pytest.mark.parametrize("sign", SIGNS)
def test_every_newest_match_vanishes(define: Define, credentials: Credentials, server_context: Any, sign: str) -> None:
    """Nothing was read, which is said; the server has done all that it was asked."""
    with WireServer(script={"UID FETCH": raw(SIGNS[sign])}, tls=server_context) as server:
        result = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    step = result.step("fetch")
    assert step is not None
    assert (step.status, step.duration_ms) == ("skipped", None)
    assert "vanished 6 times" in (step.detail or "")
    assert [warning.type for warning in result.warnings] == ["mailbox_in_use"]
    assert searches(server) == 6
    assert result.search is not None
    assert result.search.size_bytes is None


@pytest.mark.parametrize("times", [2, 3, 4, 5])
def test_match_that_stays_at_last_is_fetched(
    define: Define, credentials: Credentials, server_context: Any, times: int
) -> None:
    """No warning: it was read."""
    gone = raw(b"* 2 EXPUNGE\r\n%t OK done\r\n")
    script: dict[str, Action] = {f"UID FETCH#{number}": gone for number in range(1, times + 1)}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    assert result.warnings == ()
    assert searches(server) == times + 1
    assert result.search is not None
    assert result.search.size_bytes == len(server.dialect.message)


def test_min_matches_zero_needs_a_search_and_no_match(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The search must work; a match need not be there, and is fetched where it is."""
    asked = {"subject": "x", "min_matches": 0, "max_age": "1d"}
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        result = run_check(define(server, search=asked), credentials)
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.matches == 0
    with WireServer(script={"UID SEARCH": reply(b"%t NO no")}, tls=server_context) as server:
        assert failed(run_check(define(server, search=asked), credentials)) == ("search", "command_rejected")
    with WireServer(tls=server_context) as server:
        found = run_check(define(server, search={"subject": "x", "min_matches": 0}), credentials)
    assert found.search is not None
    assert (found.search.matches, found.search.uid) == (2, 4)
    assert found.search.size_bytes
