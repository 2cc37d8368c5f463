"""Attempts and deadlines: what is tried again, in whose time, and how long anything is waited for."""

import socket
import time
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.check import run
from imapcheck.failures import FailureType
from imapcheck.trace import Deadline
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import Action, Dialect, Exchange, WireServer, close, hang, once, reply


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here needs the whole second between two attempts."""
    monkeypatch.setattr(run, "_PAUSE_BETWEEN_ATTEMPTS", 0.05)


def failures(result: CheckResult) -> list[tuple[str, str]]:
    return [(failure.step, failure.type.value) for failure in result.earlier_failures]


@pytest.mark.parametrize(
    ("fault", "type"),
    [(hang, "timeout"), (close, "connection_lost"), (reply(b"* BYE busy", then=close), "connection_lost")],
)
def test_a_glitch_and_then_success_is_available(
    define: Define, credentials: Credentials, server_context: Any, fault: Action, type: str
) -> None:
    """Attempts share the time: one that hangs leaves its part to the next."""
    with WireServer(script={"EXAMINE": once(fault)}, tls=server_context) as server:
        result = run_check(define(server, retries=1, timeout=2), credentials)
        assert server.connections == 2
    assert result.available, result.failure
    assert (result.attempts, failures(result)) == (2, [("examine", type)])


def test_a_resolvers_glitch_and_then_success_is_available(
    define: Define, credentials: Credentials, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that is busy for a moment is no outage."""
    asked: list[Any] = []
    genuine = socket.getaddrinfo

    def busy_once(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return genuine(*arguments, **options)

    monkeypatch.setattr("imapcheck.network.resolver.socket.getaddrinfo", busy_once)
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, retries=1), credentials)
    assert result.available, result.failure
    assert failures(result) == [("dns", "resolver_failed")]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_no_more_attempts_than_asked_for(
    define: Define, credentials: Credentials, server_context: Any, retries: int
) -> None:
    """And all but the last are in `earlier_failures`."""
    with WireServer(script={"GREETING": close}, tls=server_context) as server:
        result = run_check(define(server, retries=retries), credentials)
        assert server.connections == retries + 1
    assert result.attempts == retries + 1
    assert failures(result) == [("greeting", "connection_lost")] * retries


@pytest.mark.parametrize(("timeout", "caller"), [(1, 60), (60, 1)])
def test_the_earlier_of_timeout_and_the_callers_deadline_ends_the_run(
    define: Define, credentials: Credentials, server_context: Any, timeout: float, caller: float
) -> None:
    """Inside Lambda the function's time is left may be long: the definition's own time-out holds all the same."""
    with WireServer(script={"NAMESPACE": hang}, tls=server_context) as server:
        result = run_check(define(server, timeout=timeout), credentials, deadline=time.monotonic() + caller)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("namespace", "timeout")
    assert result.duration_ms < 30_000


@pytest.mark.parametrize("volunteer", [True, False])
def test_time_of_a_step_that_is_tried_again_is_the_last_attempts(
    define: Define, credentials: Credentials, server_context: Any, volunteer: bool
) -> None:
    """`duration_ms` is the sum of the steps of the attempt that counts."""
    dialect = Dialect(volunteer=volunteer)
    with WireServer(dialect, {"AUTHENTICATE": once(reply(b"%t NO [UNAVAILABLE] later"))}, tls=server_context) as server:
        result = run_check(define(server, retries=1), credentials)
    assert result.available
    total = sum(step.duration_ms or 0 for step in result.steps)
    assert result.duration_ms == pytest.approx(total, abs=0.002)
    assert result.steps[-1].name == "logout"


def test_failed_second_capability_is_told_as_its_own_step(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """CAPABILITY after the login or after STARTTLS: neither the login nor TLS is to blame."""
    script = {"CAPABILITY#2": reply(b"%t NO not now")}
    with WireServer(Dialect(volunteer=False), script, tls=server_context) as server:
        after_login = run_check(define(server), credentials)
    with WireServer(script=script, starttls=server_context) as server:
        after_starttls = run_check(define(server), credentials)
    for result in (after_login, after_starttls):
        assert result.failure is not None
        assert (result.failure.step, result.failure.type) == ("capability", "command_rejected")
        steps = {step.name: step.status for step in result.steps}
        assert (steps["tls"], steps["capability"]) == ("passed", "failed")
    assert {step.name: step.status for step in after_login.steps}["authenticate"] == "passed"


def test_a_run_is_stamped_with_its_beginning(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A run that waits must not fall into the next period of its alarm."""
    seen: list[float] = []

    def slow(exchange: Exchange) -> bool:
        time.sleep(0.3)
        seen.append(time.time())
        return True

    before = time.time()
    with WireServer(script={"GREETING": slow}, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert before <= result.started_at.timestamp() < seen[0]


def test_each_run_has_an_id_of_its_own(define: Define, server_context: Any) -> None:
    """Logs and messages are told apart by it."""
    with WireServer(tls=server_context) as server:
        definition = define(server, authentication="none")
        assert len({run_check(definition).run_id for _ in range(3)}) == 3


class Waits:
    """Every bound that was put on a wait besides the run's own, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: set[float] = set()
        genuine = Deadline.within

        def within(deadline: Deadline, seconds: float) -> Deadline:
            self.seconds.add(seconds)
            return genuine(deadline, seconds)

        monkeypatch.setattr(Deadline, "within", within)


def test_bounds_of_what_is_done_aside(
    define: Define, credentials: Credentials, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOGOUT within 5 s, after a failure within 1 s; the clean-up within 10 s; after BYE a second (docs/session.md)."""
    waits = Waits(monkeypatch)
    with WireServer(tls=server_context) as server:
        assert run_check(define(server), credentials).available
    assert waits.seconds == {5.0, 1.0}  # the server says BYE before it answers LOGOUT
    waits.seconds.clear()
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        assert not run_check(define(server, search="x"), credentials).available
    assert waits.seconds == {1.0}
    waits.seconds.clear()
    with MailServer(MailStore({"INBOX": Box(), "Sent": Box()}), tls=server_context) as mail:
        message = NEW_MESSAGE | {"keep_for": "1d"}
        assert run_check(define(mail, new_message=message), credentials).available
    assert 10.0 in waits.seconds


@pytest.mark.parametrize("then", [hang, close])
def test_bye_and_silence_is_told_in_the_servers_words(
    define: Define, credentials: Credentials, server_context: Any, then: Action
) -> None:
    """A server that has said BYE is not waited for until the time-out."""
    script = {"EXAMINE": reply(b"* BYE maintenance at noon", then=then)}
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, timeout=30), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("examine", "connection_lost")
    assert "the server ended the session: BYE maintenance at noon" in result.failure.detail
    assert result.duration_ms < 15_000


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    """Never what a person has to fix, and never a refused login, which could lock the account."""
    passing = {type.category for type in FailureType if type.passes}
    assert passing == {"dns", "connection", "timeout", "authentication"}
    assert not FailureType.AUTHENTICATION_FAILED.passes
    assert not FailureType.AUTHENTICATION_PAUSED.passes
