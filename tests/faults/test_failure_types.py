"""The table of faults/matrix.py, cell by cell, against servers of ours."""

import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from faults.matrix import FAULTS, Expected, document, expectations

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.failures import FailureType
from imapcheck.steps import STEPS
from support.depth import deep
from support.wire_server import (
    Action,
    Exchange,
    WireServer,
    bad,
    bye,
    close,
    drip,
    echo,
    endless_line,
    endless_lines,
    garbage,
    hang,
    huge_literal,
    no,
    raw,
    reset,
    wrong_tag,
)

ROOT = Path(__file__).parents[2]
BUDGET = 1.0
ACTIONS: dict[str, Action] = {
    "hang": hang, "drip": drip, "close": close, "reset": reset, "BYE": bye, "NO": no, "BAD": bad, "garbage": garbage,
    "wrong-tag": wrong_tag, "endless-line": endless_line, "endless-lines": endless_lines, "huge-literal": huge_literal,
    "echo": echo, "stops-midway": raw(b"* OK half a li", then=hang),
}  # fmt: skip
STARTS = {"tls": "TLS", "greeting": "GREETING", "list": "LIST#1", "locate_sent": "LIST#5"}
"""Where the server's fault begins, if not with the step's first command."""
FLOODS = {"endless-line", "endless-lines"}
CASES = expectations()


def tls_garbage(exchange: Exchange) -> None:
    """A record that is no handshake."""
    exchange.send(b"\x16\x03\x03\x00\x04\xde\xad\xbe\xef")
    hang(exchange)


def tls_reset(exchange: Exchange) -> None:
    """Reset once the ClientHello is there: before, it could hit the connect."""
    exchange.connection.sock.recv(1)
    reset(exchange)


TLS_ACTIONS: dict[str, Action] = {"garbage": tls_garbage, "reset": tls_reset}


@pytest.fixture(scope="module")
def outcome() -> Callable[[Expected, Callable[[Expected], CheckResult]], CheckResult]:
    """Every case run once; those that wait run side by side, floods one at a time."""
    done: dict[Expected, Future[CheckResult]] = {}
    quiet = ThreadPoolExecutor(12)

    def get(case: Expected, run: Callable[[Expected], CheckResult]) -> CheckResult:
        if not done:
            for each in CASES:
                if each.fault not in FLOODS:
                    done[each] = quiet.submit(run, each)
            for future in done.values():
                future.exception()
        return done[case].result() if case in done else run(case)

    return get


@pytest.fixture
def run_case(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext
) -> Callable[[Expected], CheckResult]:
    """Run the full check with the case's fault at the case's step."""

    def run(case: Expected) -> CheckResult:
        action = ACTIONS[case.fault]
        if case.step == "tls":
            action = TLS_ACTIONS.get(case.fault, action)
        contexts: dict[str, Any] = {"tls": server_context}
        if case.step == "starttls":
            contexts = {"starttls": server_context}
        fields: dict[str, Any] = {
            "identify": True,
            "search": "IMAP testing",
            "new_message": NEW_MESSAGE | {"keep_for": "1d"},
            "timeout": BUDGET,
        }
        script = {STARTS.get(case.step) or STEPS[case.step].commands[0]: action}
        if case.step == "locate_sent":
            script["LIST#6"] = action  # in its plain form, too
        with WireServer(script=script, **contexts) as server:
            return run_check(define(server, **fields), credentials)

    return run


# A flood takes all of its time and a processor; one reader meets it, whatever the step.
FLOODED = {"greeting", "capability", "authenticate", "fetch", "append", "logout"}


@pytest.mark.parametrize(
    "case",
    deep(CASES, lambda case: case.fault != "endless-lines" or case.step in FLOODED),
    ids=lambda case: f"{case.step}-{case.fault}",
)
def test_fault_is_told_right(
    case: Expected,
    outcome: Callable[[Expected, Callable[[Expected], CheckResult]], CheckResult],
    run_case: Callable[[Expected], CheckResult],
) -> None:
    """The step, the type, within the budget, nothing leaked."""
    result = outcome(case, run_case)
    if case.status is not None:
        assert result.available, result.failure
        step = next(step for step in result.steps if step.name == case.step)
        assert step.status == case.status
    else:
        assert result.failure is not None
        assert (result.failure.step, result.failure.type.value in case.types) == (case.step, True), result.failure
        assert not result.available
        assert "\n" not in result.failure.detail
    assert result.duration_ms < 10 * BUDGET * 1000
    shown = "\n".join([str(result.to_dict())])
    assert "canary" not in shown
    names = [step.name for step in result.steps]
    assert names[-1] == "logout"
    assert len(names) == len(set(names))


def test_table_has_every_combination() -> None:
    """Every step that speaks IMAP, every fault; `-` only where the fault cannot be. Sending: `test_round_trip`."""
    sending = {step.name for step in STEPS.values() if "send" in step.needs}
    assert {case.step for case in CASES} == set(STEPS) - {"dns", "connect", "quota"} - sending
    assert {case.fault for case in CASES} == set(FAULTS)
    assert len(CASES) >= 190
    for type in FailureType:
        assert type.meaning.endswith(".")
        assert type.advice.count(".") >= 1
        assert len(type.advice) <= 140


def test_documentation_is_generated_from_the_table() -> None:
    """docs/failures.md is what `make docs` writes."""
    assert (ROOT / "docs/failures.md").read_text(encoding="utf-8") == document()


def lost(type: str, detail: str, result: CheckResult) -> None:
    assert result.failure is not None
    assert result.failure.type == type, result.failure
    assert detail in result.failure.detail


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"220 mx.example ESMTP Postfix\r\n", "SMTP"),
        (b"220 ftp.example FTP server\r\n", "FTP"),
        (b"+OK POP3 ready\r\n", "POP3"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"hello\r\n", "does not speak IMAP"),
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_other_protocols_are_named(
    define: Define, server_context: ssl.SSLContext, first: bytes, words: str, secure: bool
) -> None:
    """Not IMAP at all, inside TLS and in clear text."""
    contexts: dict[str, Any] = {"tls": server_context} if secure else {}
    with WireServer(script={"GREETING": raw(first, then=close)}, **contexts) as server:
        result = run_check(define(server, authentication="none"))
    lost("not_imap", words, result)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"* OK IMAP4rev1 ready\r\n", "clear text"),
        (b"HTTP/1.0 400 Bad request\r\n", "HTTP"),
        (b"220 x ESMTP\r\n", "SMTP"),
    ],
)
def test_clear_text_on_a_tls_port_is_named(
    define: Define, server_context: ssl.SSLContext, first: bytes, words: str
) -> None:
    """OpenSSL would only say 'wrong version number'."""
    with WireServer(script={"TLS": raw(first, then=hang)}, tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    lost("not_imap", words, result)
    assert result.failure is not None
    assert result.failure.step == "tls"


def test_tls_on_a_clear_port_is_hinted_at(define: Define, server_context: ssl.SSLContext) -> None:
    """A server that waits for a ClientHello is silent: the detail says what that may mean."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, authentication="none", timeout=1, tls={"mode": "none"}))
    lost("timeout", "imaps://", result)


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"NO [AUTHENTICATIONFAILED] x", "authentication_failed"),
        (b"NO [AUTHORIZATIONFAILED] x", "authentication_failed"),
        (b"NO [EXPIRED] x", "authentication_failed"),
        (b"NO [ALERT] x", "authentication_failed"),
        (b"NO x", "authentication_failed"),
        (b"NO", "authentication_failed"),
        (b"NO [UNAVAILABLE] x", "authentication_unavailable"),
        (b"NO [SERVERBUG] x", "authentication_unavailable"),
        (b"NO [INUSE] x", "authentication_unavailable"),
        (b"NO [LIMIT] x", "authentication_unavailable"),
        (b"NO [PRIVACYREQUIRED] x", "mechanism_not_offered"),
        (b"BAD x", "command_rejected"),
    ],
)
def test_refused_logins_are_told_apart(
    define: Define, credentials: Credentials, server_context: ssl.SSLContext, answer: bytes, type: str
) -> None:
    """By RFC 5530's codes; a NO without one is a refused password."""
    with WireServer(script={"AUTHENTICATE": raw(b"%t " + answer + b"\r\n")}, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", type)
    assert server.commands[-1] == "LOGOUT"


def test_blackholed_resolver_ends_in_time_and_leaves_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that never returns: a time-out each run, one pending look-up for all of them."""
    import socket
    import threading

    from imapcheck import CheckDefinition

    release = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        release.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "gave up")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    definition = CheckDefinition.model_validate({"server": "mail.example.com", "authentication": "none", "timeout": 1})
    before = threading.active_count()
    for _ in range(3):
        started = time.monotonic()
        result = run_check(definition, deadline=started + 0.2)
        assert time.monotonic() - started < 5  # of its 0.2 s; getaddrinfo itself never ends
        lost("timeout", "resolver", result)
    assert threading.active_count() - before == 1
    release.set()
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("code", "type"),
    [("EAI_NONAME", "name_not_resolved"), ("EAI_AGAIN", "resolver_failed"), ("EAI_FAIL", "resolver_failed")],
)
def test_missing_name_and_failed_resolver_are_told_apart(monkeypatch: pytest.MonkeyPatch, code: str, type: str) -> None:
    """By getaddrinfo's own codes."""
    import socket

    from imapcheck import CheckDefinition

    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(getattr(socket, code), "said so")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    definition = CheckDefinition.model_validate(
        {"server": f"{code.lower().replace('_', '-')}.example", "authentication": "none"}
    )
    lost(type, "said so", run_check(definition))
