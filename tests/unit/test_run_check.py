"""`run_check` itself: hooks, deadlines, attempts, thresholds, results."""

import json
import threading
import time
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import CheckDefinition, Credentials, run_check
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.result import FIELDS
from imapcheck.trace import StepEvent, StepFinished, StepStarted
from imapcheck.transcript import Transcript
from support.wire_server import Dialect, WireServer, close, hang, reply


def test_result_has_every_field_always(define: Define, credentials: Credentials, server_context: Any) -> None:
    """All of docs/result.md, for a run that went well and for one that reached nothing."""
    with WireServer(tls=server_context) as server:
        good = run_check(define(server, search="x", new_message=NEW_MESSAGE), credentials).to_dict()
        definition = define(server)
    bad = run_check(definition, credentials).to_dict()
    for result in (good, bad):
        assert list(result) == list(FIELDS)
        json.dumps(result)
        assert result["started_at"].endswith("Z")
    assert "CN=localhost" in good["server"]["tls"]["certificate_subject"]
    assert 89 < good["server"]["tls"]["certificate_days_remaining"] <= 90
    assert good["search"] == {"matches": 2, "uid": 4, "age_seconds": None, "size_bytes": len(Dialect().message)}
    assert good["new_message"]["uid"] == 13
    assert good["steps"][0].keys() == {"name", "status", "duration_ms", "detail"}
    assert bad["failure"].keys() == {"step", "type", "category", "detail", "response_code", "advice", "place"}
    assert bad["failure"]["type"] == "connection_refused"
    assert bad["server"]["unreachable_addresses"]
    assert {step["detail"] for step in bad["steps"][2:]} == {"not reached"}


def test_result_is_frozen(define: Define, credentials: Credentials) -> None:
    """Nobody changes a result."""
    definition = CheckDefinition.model_validate({"server": "x.invalid", "authentication": "none"})
    result = run_check(definition)
    assert result.failure is not None
    assert result.failure.type == "name_not_resolved"
    with pytest.raises(FrozenInstanceError):
        result.available = True  # type: ignore[misc]


def test_hooks_receive_started_and_finished_and_cannot_change_the_verdict(
    define: Define, credentials: Credentials, server_context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Every step's two events, in order; a hook that raises is logged."""
    events: list[StepEvent] = []

    def broken(_: StepEvent) -> None:
        raise RuntimeError("boom")

    with WireServer(tls=server_context) as server:
        result = run_check(define(server), credentials, hooks=[broken, events.append])
    assert result.available
    assert "a hook raised" in caplog.text
    started = [event.step for event in events if isinstance(event, StepStarted)]
    finished = [event.result for event in events if isinstance(event, StepFinished)]
    assert started == [result.name for result in finished]
    assert tuple(finished) == result.steps


def test_slow_hook_is_not_counted(
    define: Define, credentials: Credentials, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A display that takes its time makes neither a step nor the run slower."""
    now = [1000.0]
    clock = SimpleNamespace(perf_counter=lambda: now[0], monotonic=time.monotonic)
    for module in ("imapcheck.trace", "imapcheck.network.resolver"):
        monkeypatch.setattr(f"{module}.time", clock)

    def slow(_: StepEvent) -> None:
        now[0] += 10

    with WireServer(tls=server_context) as server:
        result = run_check(define(server), credentials, hooks=[slow])
    assert len(result.steps) >= 9
    assert now[0] >= 1000 + 10 * 2 * len(result.steps)
    print({s.name: s.duration_ms for s in result.steps})
    assert (result.duration_ms, {step.duration_ms for step in result.steps} - {None}) == (0, {0})


def test_what_our_resolver_takes_besides_is_not_the_servers(
    define: Define, credentials: Credentials, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting a thread is our own work: of the lookup only the resolver's time counts."""
    now = [1000.0]
    clock = SimpleNamespace(perf_counter=lambda: now[0], monotonic=time.monotonic)
    for module in ("imapcheck.trace", "imapcheck.network.resolver"):
        monkeypatch.setattr(f"{module}.time", clock)
    start = threading.Thread.start

    def slow(thread: threading.Thread) -> None:
        now[0] += 10 if thread.name.startswith("resolve ") else 0
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slow)
    with WireServer(tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert now[0] == 1010
    assert {step.name: step.duration_ms for step in result.steps if step.duration_ms} == {}


def test_transcript_of_an_available_run_only_where_it_is_wanted(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """That of a run that failed is always there."""
    with WireServer(tls=server_context) as server:
        good = [run_check(define(server), credentials, keep_transcript=kept).transcript for kept in (True, False)]
    assert len(good[0]) > 10
    assert good[1] == ()
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        bad = run_check(define(server, search="x"), credentials, keep_transcript=False)
    assert not bad.available
    assert any("UID SEARCH" in line for line in bad.transcript)


def test_what_we_make_of_an_answer_is_not_counted(
    define: Define, credentials: Credentials, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step ends with the last octets of its answer: that we then take long over it makes no server slow."""
    now = [1000.0]
    clock = SimpleNamespace(perf_counter=lambda: now[0], monotonic=time.monotonic)
    for module in ("imapcheck.trace", "imapcheck.network.resolver"):
        monkeypatch.setattr(f"{module}.time", clock)
    keep = Transcript.server

    def slow(transcript: Transcript, line: bytes) -> None:
        now[0] += 10 if line.startswith(b"A0") else 0  # the last line of each answer
        keep(transcript, line)

    monkeypatch.setattr(Transcript, "server", slow)
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.available, result.failure
    # Of the four LISTs of one step the work on the first three lies between its answers.
    assert {step.name: step.duration_ms for step in result.steps if step.duration_ms} == {"list": 30_000}


def test_threshold_marks_an_available_run_slow(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Over one threshold is slow; a run that is not available is never slow."""
    with WireServer(tls=server_context) as server:
        assert run_check(define(server, thresholds={"tls": 0.001}), credentials).slow
        assert run_check(define(server, thresholds={"total": 0.001}), credentials).slow
        assert not run_check(define(server, thresholds={"total": 60_000, "append": 0.001}), credentials).slow
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        assert not run_check(define(server, thresholds={"total": 0.001}, search="x"), credentials).slow


def test_deadline_of_the_caller_wins(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A hanging server ends as a time-out by the caller's deadline."""
    with WireServer(script={"NAMESPACE": hang}, tls=server_context) as server:
        definition, started = define(server), time.monotonic()
        result = run_check(definition, credentials, deadline=started + 0.6)
        took = time.monotonic() - started
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("namespace", "timeout")
    assert 0.5 < took < 5  # not the ten seconds of the definition


def test_attempts_share_the_timeout_and_are_recorded(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """A connection that is lost once costs a second attempt, not an outage."""
    with WireServer(script={"GREETING": close}, tls=server_context) as server:
        result = run_check(define(server, retries=1, timeout=5), credentials)
        assert server.connections == 2
    assert result.failure is not None
    assert (result.attempts, [failure.type for failure in result.earlier_failures]) == (2, ["connection_lost"])


@pytest.mark.parametrize(
    ("script", "type"),
    [
        ({"AUTHENTICATE": reply(b"%t NO [AUTHENTICATIONFAILED] no")}, "authentication_failed"),
        ({"UID SEARCH": reply(b"%t OK none")}, "no_match"),
        ({"APPEND": close}, "connection_lost"),
    ],
)
def test_no_second_attempt_after_a_refusal_a_content_failure_or_an_append(
    define: Define, credentials: Credentials, server_context: Any, script: Any, type: str
) -> None:
    """Never after APPEND was sent, never after a refused login."""
    with WireServer(script=script, tls=server_context) as server:
        result = run_check(define(server, retries=2, search="x", new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert (result.failure.type, result.attempts) == (type, 1)


def test_attempt_that_succeeds_after_a_glitch_is_available(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """A login service that is down for a moment."""
    tries: list[int] = []

    def down_once(exchange: Any) -> bool:
        tries.append(1)
        if len(tries) == 1:
            exchange.send(exchange.tag + b" NO [UNAVAILABLE] later\r\n")
            return False
        return True

    with WireServer(script={"AUTHENTICATE": down_once}, tls=server_context) as server:
        result = run_check(define(server, retries=1), credentials)
    assert result.available
    assert result.attempts == 2
    assert [failure.type for failure in result.earlier_failures] == ["authentication_unavailable"]


def test_what_we_do_wrong_is_raised(define: Define, credentials: Credentials, server_context: Any) -> None:
    """No credentials, credentials for another host, a CA file that is none: never a result."""
    with WireServer(tls=server_context) as server:
        definition = define(server)
        with pytest.raises(CredentialsError, match="needs credentials"):
            run_check(definition)
        with pytest.raises(CredentialsError, match="made for host"):
            run_check(definition, credentials.model_copy(update={"host": "other.example"}))
        with pytest.raises(DefinitionError, match="ca_file"):
            run_check(define(server, tls={"ca_file": __file__}), credentials)
        with pytest.raises(DefinitionError, match="loopback"):
            run_check(definition, credentials, refuse_local_addresses=True)
    assert server.connections == 0


def test_credentials_never_show_a_secret(credentials: Credentials) -> None:
    """Neither repr nor str nor dump-by-accident."""
    assert "canary" not in repr(credentials) + str(credentials) + f"{credentials.model_dump()}"
