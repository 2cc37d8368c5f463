"""A server that says OK before it could know: nothing was tested, so nothing is available."""

from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.wire_server import REFERENCE, Dialect, WireServer, endless_lines, reply

WITHOUT_IR = REFERENCE.replace("SASL-IR ", "")


@pytest.mark.parametrize(
    ("authentication", "type"),
    [
        ("plain", "protocol_error"),
        ("login", "protocol_error"),
        ("cram-md5", "protocol_error"),
        ("scram-sha-256", "protocol_error"),
    ],
)
def test_ok_before_any_credentials_is_a_protocol_error(
    define: Define, credentials: Credentials, server_context: Any, authentication: str, type: str
) -> None:
    """A login that was never asked for a password was not tested."""
    script = {"AUTHENTICATE": reply(b"%t OK come in")}
    with WireServer(Dialect(capabilities=WITHOUT_IR), script, tls=server_context) as server:
        result = run_check(define(server, authentication=authentication), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", type)


def test_ok_to_scrams_first_message_proves_nothing(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The server has not shown that it knows the password."""
    with WireServer(script={"AUTHENTICATE": reply(b"%t OK come in")}, tls=server_context) as server:
        result = run_check(define(server, authentication="scram-sha-256"), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")


def test_append_that_is_ok_before_the_message_is_a_protocol_error(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Nothing was filed."""
    with WireServer(script={"APPEND LITERAL": reply(b"%t OK done")}, tls=server_context) as server:
        server.script["APPEND LITERAL"] = lambda exchange: exchange.send(exchange.tag + b" OK done\r\n")
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("append", "protocol_error")
    assert server.appended == []


def test_flood_of_lines_ends_in_time(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A server that never pauses leaves no wait to bound, and is bounded all the same."""
    with WireServer(script={"NAMESPACE": endless_lines}, tls=server_context) as server:
        result = run_check(define(server, timeout=1), credentials)
    assert result.failure is not None
    assert result.failure.step == "namespace"
    assert result.failure.type in ("timeout", "protocol_error")
    assert result.duration_ms < 10_000


def test_short_timeout_with_retries_is_not_divided_to_nothing(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Less than half a second an attempt is none: the first one gets it all."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, timeout=1, retries=2), credentials)
    assert result.available
