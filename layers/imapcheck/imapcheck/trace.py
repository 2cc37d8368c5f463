"""Times: the one deadline of a run, and the clock readings around each step."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from imapcheck.errors import CheckFailure
from imapcheck.result import StepResult, StepStatus
from imapcheck.steps import STEPS, StepName

_LOG = logging.getLogger("imapcheck")

NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Deadline:
    """A point on the `time.monotonic()` clock that no wait may pass."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and `seconds` from now."""
        return Deadline(min(self.at, time.monotonic() + seconds))


@dataclass(frozen=True)
class StepStarted:
    """A step began (or, for `capability`, went on) `offset_ms` after the attempt's start."""

    step: StepName
    offset_ms: float


@dataclass(frozen=True)
class StepFinished:
    """A step ended; `offset_ms` is where its (last) stretch began, `result` what the report will say."""

    step: StepName
    offset_ms: float
    result: StepResult


type StepEvent = StepStarted | StepFinished
type Hook = Callable[[StepEvent], None]


class StepRecord:
    """What a step says about itself while it runs; the `Tracer` reads it when the step ends."""

    def __init__(self, name: StepName) -> None:
        self.name: StepName = name
        self.status: StepStatus = "passed"
        self.detail: str | None = None
        self.failure: CheckFailure | None = None
        self.seconds = 0.0
        self._remarks: list[str] = []
        self.asides: list[tuple[float, float]] = []

    def note(self, detail: str) -> None:
        """Add to the detail of a step that passed."""
        self.detail = f"{self.detail}; {detail}" if self.detail else detail

    def remark(self, detail: str) -> None:
        """Add to the detail, however the step ends; said again it stands there once."""
        if detail not in self._remarks:
            self._remarks.append(detail)

    def skip(self, detail: str) -> None:
        """The step had nothing to do, for the reason given."""
        self.status, self.detail = "skipped", detail

    def refuse(self, detail: str) -> None:
        """Something optional did not work; the run goes on."""
        self.status, self.detail = "refused", detail

    def fail(self, failure: CheckFailure) -> None:
        """The step made the run unavailable."""
        self.status, self.detail, self.failure = "failed", failure.detail, failure

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Work of our own within the step that is not counted."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.asides.append((began, time.perf_counter() - began))

    def leave_out(self, seconds: float) -> None:
        """So much of the step's time was not the server's or the network's."""
        self.seconds -= seconds

    def result(self, redact: Callable[[str], str]) -> StepResult:
        """The step as it is reported: `redact` cleans the detail, which may quote the server."""
        duration = None if self.status == "skipped" else milliseconds(self.seconds)
        told = [*([self.detail] if self.detail else ()), *self._remarks]
        detail = redact("; ".join(told)) if told else None
        return StepResult(self.name, self.status, duration, detail)


class Tracer:
    """Collects one attempt's steps in the order they ran and tells the hooks.

    The clock runs within steps only, and in a step that passes until the last octets of the answer have come in
    (`moved`): what we make of an answer, and do between steps, is neither the server's time nor the network's.
    A name has one entry: a step that goes on later (CAPABILITY is asked again after STARTTLS and after
    the login) adds to its own time, so that no step contains another's work. `redact` cleans every
    detail before anyone sees it, which is after the clock has stopped.
    A hook that raises is logged and changes nothing.
    """

    def __init__(self, hooks: Sequence[Hook], redact: Callable[[str], str]) -> None:
        self._hooks = hooks
        self._redact = redact
        self.moved_at: float | None = None
        self._records: dict[StepName, StepRecord] = {}

    def step(self, name: StepName) -> "_Timed":
        """Time the body as step `name`; a `CheckFailure` marks the step failed and passes through."""
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = StepRecord(name)
        return _Timed(self, record)

    def moved(self) -> None:
        """A wait of the step under way has just ended, with octets or without: the step lasts at least until here."""
        self.moved_at = time.perf_counter()

    def skip(self, name: StepName, detail: str) -> None:
        """Record a step that did not run."""
        with self.step(name) as record:
            record.skip(detail)

    def results(self) -> tuple[StepResult, ...]:
        return tuple(record.result(self._redact) for record in self._records.values())

    def step_of(self, failure: CheckFailure) -> StepName | None:
        """The step that `failure` ended, if it ended one."""
        return next((record.name for record in self._records.values() if record.failure is failure), None)

    def started(self, record: StepRecord) -> float:
        """Tell the hooks, if there are any; returns the step's offset."""
        if not self._hooks:
            return 0.0
        offset = milliseconds(sum(earlier.seconds for earlier in self._records.values()))
        self._tell(StepStarted(record.name, offset))
        return offset

    def finished(self, record: StepRecord, offset: float) -> None:
        if self._hooks:
            self._tell(StepFinished(record.name, offset, record.result(self._redact)))

    def _tell(self, event: StepEvent) -> None:
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:  # noqa: BLE001 - whatever a listener does, the verdict stands
                _LOG.exception("a hook raised; the check goes on")


class _Timed:
    """One stretch of a step; a class, as a generator would cost a tenth of a quick answer."""

    __slots__ = ("_began", "_offset", "_record", "_tracer")

    def __init__(self, tracer: Tracer, record: StepRecord) -> None:
        self._tracer = tracer
        self._record = record

    def __enter__(self) -> StepRecord:
        self._offset = self._tracer.started(self._record)
        self._tracer.moved_at = None
        self._began = time.perf_counter()
        return self._record

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        moved_at = self._tracer.moved_at if error is None else None
        ended = time.perf_counter() if moved_at is None else moved_at
        self._record.seconds += ended - self._began
        if self._record.asides:
            self._record.seconds -= sum(took for began, took in self._record.asides if began < ended)
            self._record.asides.clear()
        if isinstance(error, CheckFailure):
            self._record.fail(error)
        self._tracer.finished(self._record, self._offset)


def total_ms(steps: Iterable[StepResult]) -> float:
    """The steps that count; rounded up, as no sum of them may exceed it."""
    total = sum(step.duration_ms or 0.0 for step in steps if STEPS[step.name].counted)
    rounded = round(total, 3)
    return rounded if rounded >= total else round(rounded + 0.001, 3)


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)
