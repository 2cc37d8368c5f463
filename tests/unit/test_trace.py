"""Steps and their times: what is added up, what is left out, what a step says of itself."""

import time
from types import SimpleNamespace

import pytest

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.result import StepResult
from imapcheck.steps import StepName
from imapcheck.trace import Deadline, StepEvent, StepFinished, StepRecord, StepStarted, Tracer, milliseconds, total_ms


def passed(name: StepName, duration_ms: float | None) -> StepResult:
    return StepResult(name, "passed" if duration_ms is not None else "skipped", duration_ms, None)


@pytest.mark.parametrize("times", [[0.1] * 3, [0.1, 0.2], [0.001] * 10, [0.7, 0.1, 0.2], [1e6, 0.001], [33.333] * 3])
def test_total_is_never_less_than_its_steps(times: list[float]) -> None:
    """To the microsecond, rounded up: binary fractions make a sum a little longer or shorter than it looks."""
    found = total_ms([passed("connect", time) for time in times])
    exact = sum(times)
    assert exact <= found < exact + 0.0011
    assert found == round(found, 3)


def test_total_of_exact_times_is_their_sum() -> None:
    """And a step that did not run took none."""
    assert total_ms([]) == 0.0
    assert total_ms([passed("connect", 1.5), passed("tls", None), passed("greeting", 2.25)]) == 3.75


def test_clean_up_counts_for_nothing() -> None:
    """It is our housekeeping."""
    assert total_ms([passed("connect", 2.0), passed("cleanup", 900.0), passed("logout", 1.0)]) == 3.0


def test_milliseconds_to_the_microsecond() -> None:
    """Seconds go in."""
    assert [milliseconds(seconds) for seconds in (0, 1, 0.0123456, 2.5e-7)] == [0, 1000, 12.346, 0.0]


def test_deadline_is_a_point_in_time() -> None:
    """What is left of it is never below zero; the earlier of two counts."""
    now = time.monotonic()
    past, soon, late = Deadline(now - 5), Deadline(now + 100), Deadline.after(1000)
    assert past.remaining() == 0
    assert 90 < soon.remaining() <= 100
    assert 990 < late.remaining() <= 1000
    assert late.within(5000) == late
    assert past.within(50) == past
    assert now + 50 <= late.within(50).at <= time.monotonic() + 50


def test_notes_are_joined_and_a_verdict_replaces_them() -> None:
    """In the order they came."""
    record = StepRecord("list")
    record.note("one")
    record.note("two")
    assert (record.status, record.detail) == ("passed", "one; two")
    record.refuse("no")
    assert (record.status, record.detail) == ("refused", "no")
    record.skip("nothing to do")
    assert record.result(str.upper) == StepResult("list", "skipped", None, "NOTHING TO DO")


def test_step_that_goes_on_later_has_one_entry_and_both_times() -> None:
    """The hooks hear of each stretch, with what came before it as its offset; the failure is the step's own."""
    events: list[StepEvent] = []
    tracer = Tracer([events.append], str)
    with tracer.step("capability"):
        time.sleep(0.01)
    with tracer.step("authenticate") as step, step.aside():
        time.sleep(0.01)
    refused = CheckFailure(FailureType.COMMAND_REJECTED, "no")
    with pytest.raises(CheckFailure, match=r"^no$"), tracer.step("capability"):
        time.sleep(0.01)
        raise refused
    tracer.skip("logout", "not reached")
    capability, authenticate, logout = tracer.results()
    assert (capability.name, capability.status, capability.detail) == ("capability", "failed", "no")
    assert (logout.status, logout.duration_ms, logout.detail) == ("skipped", None, "not reached")
    assert (capability.duration_ms or 0) >= 20
    assert (authenticate.duration_ms or 0) < (capability.duration_ms or 0)
    assert tracer.step_of(refused) == "capability"
    assert tracer.step_of(CheckFailure(FailureType.COMMAND_REJECTED, "no")) is None
    offsets = [event.offset_ms for event in events if isinstance(event, StepStarted)]
    assert offsets[0] == 0
    assert offsets[1] >= 10
    assert offsets == sorted(offsets)
    assert offsets == [event.offset_ms for event in events if isinstance(event, StepFinished)]


class Clock:
    """A clock of the steps that goes on only where a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("imapcheck.trace.time", SimpleNamespace(perf_counter=lambda: self.now))


def test_step_ends_with_the_last_octets_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our work before them counts, but for what is put aside; our work after them does not, put aside or not."""
    clock, tracer = Clock(monkeypatch), Tracer([], str)
    with tracer.step("list") as step:
        clock.now += 1
        tracer.moved()
        clock.now += 2
        with step.aside():
            clock.now += 4
        clock.now += 8
        tracer.moved()
        clock.now += 16
        with step.aside():
            clock.now += 32
    with tracer.step("examine"):
        clock.now += 64  # nothing came in: a step of our own, timed to its end
    with tracer.step("list") as step:
        clock.now += 1
        tracer.moved()
        clock.now += 2
    assert [(step.name, step.duration_ms) for step in tracer.results()] == [("list", 12_000), ("examine", 64_000)]


def test_step_that_fails_lasts_until_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an answer and then nothing: the time-out is in it."""
    clock, tracer = Clock(monkeypatch), Tracer([], str)
    with pytest.raises(CheckFailure), tracer.step("search") as step:
        tracer.moved()
        with step.aside():
            clock.now += 5
        clock.now += 30
        raise CheckFailure(FailureType.TIMEOUT, "no complete answer in time")
    assert [step.duration_ms for step in tracer.results()] == [30_000]
