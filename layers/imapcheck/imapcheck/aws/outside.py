"""Runs from outside: the lines that the function would write, put into its log group by PutLogEvents alone.

What CloudWatch has not taken waits in memory and in a file, for an hour and 10 MB at most, and keeps its times:
CloudWatch takes events of the last 14 days, and metrics of the last two weeks. Limits of a batch: PutLogEvents, API
reference.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from imapcheck.aws.metrics import error_lines, metric_lines, metrics_of
from imapcheck.aws.run_log import COULD_NOT_RUN, FINISHED, OUTSIDE_STREAMS, error_line_fields, run_fields
from imapcheck.aws.session import session
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import CheckResult, isoformat
from imapcheck.wording import count

RETRY_SECONDS = 10.0
MOST_SECONDS, MOST_OCTETS = 3600.0, 10_000_000
_BATCH_OCTETS, _BATCH_EVENTS, _EVENT_OVERHEAD = 1_000_000, 10_000, 26
_LATE_OVERHEAD = 24
_REFUSED_FOR_GOOD = ("InvalidParameterException", "InvalidSequenceTokenException", "DataAlreadyAcceptedException")


class Event(NamedTuple):
    """A line and when it was written, in milliseconds since 1970; `waited` once CloudWatch has not taken it."""

    at: int
    message: str
    waited: bool = False

    @property
    def octets(self) -> int:
        return len(self.message.encode()) + _EVENT_OVERHEAD + _LATE_OVERHEAD


class Target(NamedTuple):
    """Where runs go: the stack's name, its Region and log group, and the place that they come from."""

    stack: str
    region: str
    group: str
    place: str

    @property
    def namespace(self) -> str:
        return f"ImapCheck/{self.stack}"

    @property
    def stream(self) -> str:
        return f"{OUTSIDE_STREAMS}{self.place}"


def run_events(
    target: Target, definition: CheckDefinition, result: CheckResult, stamp: datetime, at: datetime
) -> list[Event]:
    """The lines of a run that was due at `stamp` and written `at`: its metrics, then the run."""
    lines = metric_lines(target.namespace, metrics_of(result, definition, stamp), stamp)
    fields = run_fields(result, instant_test=False, cold_start=False)
    return _events([*lines, _line(target, "INFO", FINISHED, fields, at)], at)


def error_events(target: Target, check: str, error: str, stamp: datetime, at: datetime) -> list[Event]:
    """The lines of a check that could not run, for a reason of ours."""
    line = _line(target, "ERROR", COULD_NOT_RUN, error_line_fields(check, error, instant_test=False), at)
    return _events([line, *error_lines(target.namespace, stamp)], at)


def _line(target: Target, level: str, message: str, fields: dict[str, Any], at: datetime) -> str:
    head = {"level": level, "message": message, "timestamp": isoformat(at), "service": "imapcheck"}
    return json.dumps({**head, "place": target.place, **fields}, default=str)


def _events(lines: Iterable[str], at: datetime) -> list[Event]:
    return [Event(int(at.timestamp() * 1000), line) for line in lines]


class Outbox:
    """Sends events in their order, one batch a flush; `keep` stores what waits, `warn` gets what people must know.

    Threads may share it. `clock` is the time in seconds since 1970.
    """

    def __init__(
        self,
        target: Target,
        waiting: Sequence[Event],
        keep: Callable[[Sequence[Event]], None],
        warn: Callable[[str], None],
        *,
        logs: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._target, self._keep, self._warn, self._clock = target, keep, warn, clock
        self._logs = logs or _client(target.region)
        self._waiting = list(waiting)
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._problem: str | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Take events; they are stored before anything is sent, so that no end of this process loses them."""
        with self._lock:
            self._waiting = sorted([*self._waiting, *events], key=lambda event: event.at)
            self._drop_what_is_too_much()
            self._keep(self._waiting)
        self._news.set()

    def run(self) -> None:
        """Flush when there is something new, and every 10 s while something waits; without end."""
        while True:
            waiting = bool(self._waiting)
            self._news.wait(RETRY_SECONDS if waiting else None)
            self._news.clear()
            while self.flush() and self._waiting:
                pass

    def flush(self) -> bool:
        """Send one batch. False where nothing was taken, and why is reported once until it works again."""
        with self._lock:
            batch = _batch(self._waiting)
        if not batch:
            return True
        try:
            self._report_rejected(batch, self._put(batch))
        except (ClientError, BotoCoreError) as error:
            code = _code(error)
            if code not in _REFUSED_FOR_GOOD:
                self._failed(code)
                return False
            self._warn(f"CloudWatch refused {count(len(batch), 'line')} ({code}): dropped")
        with self._lock:
            sent = set(map(id, batch))
            self._waiting = [event for event in self._waiting if id(event) not in sent]
            self._keep(self._waiting)
        self._works()
        return True

    def _put(self, batch: Sequence[Event]) -> dict[str, Any]:
        """PutLogEvents; the stream is made where it is not there yet."""
        now = self._clock()
        where = {"logGroupName": self._target.group, "logStreamName": self._target.stream}
        events = [{"timestamp": event.at, "message": _message_of(event, now)} for event in batch]
        try:
            answer: dict[str, Any] = self._logs.put_log_events(**where, logEvents=events)
        except self._logs.exceptions.ResourceNotFoundException:
            with suppress(self._logs.exceptions.ResourceAlreadyExistsException):  # another process was faster
                self._logs.create_log_stream(**where)
            answer = self._logs.put_log_events(**where, logEvents=events)
        return answer

    def _report_rejected(self, batch: Sequence[Event], answer: dict[str, Any]) -> None:
        """CloudWatch answers 200 and takes neither what is too old nor what is of the future."""
        found = answer.get("rejectedLogEventsInfo") or {}
        first = max(found.get("tooOldLogEventEndIndex", 0), found.get("expiredLogEventEndIndex", 0))
        late = len(batch) - found.get("tooNewLogEventStartIndex", len(batch))
        for number, why in ((first, "too old"), (late, "of the future: is this machine's clock right?")):
            if number:
                self._warn(f"CloudWatch rejected {count(number, 'line')} as {why}: dropped")

    def _failed(self, code: str) -> None:
        with self._lock:
            self._waiting = [event._replace(waited=True) for event in self._waiting]
            self._drop_what_is_too_much()
            number = len(self._waiting)
        if code != self._problem:
            self._problem = code
            self._warn(
                f"{self._target.group} was not reached ({code}): {count(number, 'line')} wait, and are tried again"
            )

    def _works(self) -> None:
        if self._problem is not None:
            self._warn(f"{self._target.group} is reached again")
        self._problem = None

    def _drop_what_is_too_much(self) -> None:
        """The oldest first, beyond an hour or 10 MB."""
        before, since, room = len(self._waiting), (self._clock() - MOST_SECONDS) * 1000, MOST_OCTETS
        kept: list[Event] = []
        for event in reversed(self._waiting):
            room -= event.octets
            if event.at < since or room < 0:
                break
            kept.append(event)
        self._waiting = kept[::-1]
        if dropped := before - len(self._waiting):
            self._warn(f"{count(dropped, 'line')} dropped, as more than an hour or 10 MB of them wait")


def _batch(waiting: Sequence[Event]) -> list[Event]:
    """The oldest events, as many as one call takes."""
    batch: list[Event] = []
    room = _BATCH_OCTETS
    for event in waiting[:_BATCH_EVENTS]:
        room -= event.octets
        if room < 0 and batch:
            break
        batch.append(event)
    return batch


def _message_of(event: Event, now: float) -> str:
    """Its line; one that has waited says for how many seconds."""
    if not event.waited:
        return event.message
    return json.dumps(json.loads(event.message) | {"late_s": max(0, round(now - event.at / 1000))})


def _client(region: str) -> Any:
    """One try a flush: the next is due soon, and has more to send."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    return session().client("logs", region_name=region, config=config)


def _code(error: Exception) -> str:
    """AWS's code, or the class of the error: a text could hold anything."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
