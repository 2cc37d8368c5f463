"""The runs that an alarm speaks of, read from the function's log: newest first, within a time limit.

The log is asked in windows that begin where the runs must lie and grow backwards, until the story's beginning is found.
Nothing later than the alarm is ever taken for its reason.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from imapcheck.alarms.kind import OTHERS_WINDOW, Beginning, Change, Evidence, MonitorError
from imapcheck.aws.log_reader import LoggedFailure, LoggedRun, LogReader, OutOfBounds
from imapcheck.result import CheckResult

_LOG = logging.getLogger("imapcheck")

_LATEST = timedelta(seconds=1)
_FIRST_WINDOW, _LONGEST_WINDOW = timedelta(minutes=20), timedelta(days=1)
_SPARSE, _NEAR = timedelta(minutes=30), timedelta(minutes=5)
_NOW = timedelta(minutes=1)
_MOST_PAGES = 20
_MOST_OCTETS = 64 << 20
"""Of memory for runs, of all changes: ten hours in which 99 checks that run every minute fail."""
_WAIT_SECONDS = 2.0
_WAITS = 3
_QUICK_SECONDS = 0.5


@dataclass
class _Read:
    """What was read so far for one change, in any order.

    `errors` are the check's own, `faults` the function's, which may have struck another check. `machine` is the one
    outside that wrote the newest line, and when.
    """

    change: Change
    runs: dict[str, CheckResult] = field(default_factory=dict)
    beginning: Beginning | None = None
    errors: dict[datetime, MonitorError] = field(default_factory=dict)
    faults: dict[datetime, MonitorError] = field(default_factory=dict)
    machine: tuple[datetime, str] | None = None
    _newest: dict[str | None, CheckResult] = field(default_factory=dict)

    def take_run(self, run: CheckResult, at: datetime, machine: str | None) -> None:
        """Nothing that came after: a later run is none of the reasons.

        A story tells the newest run of a failure type at most, so that of others only the verdict is kept.
        """
        if run.check != self.change.check or max(run.started_at, at - _LATEST) > self.change.at:
            return
        self._take_machine(run.started_at, machine)
        type = None if run.reason is None else run.reason.type
        newest = self._newest.get(type)
        if newest is not None and newest.started_at > run.started_at:
            run = _verdict_of(run, newest)
        else:
            if newest is not None:
                self.runs[newest.run_id] = _verdict_of(newest, run)
            self._newest[type] = run
        self.runs[run.run_id] = run

    def take_failure(self, found: LoggedFailure) -> None:
        """Of this check, or of the function whichever check it ran."""
        at = found.logged_at
        if at - _LATEST <= self.change.at:
            (self.faults if found.failed.check is None else self.errors)[at] = MonitorError(at, found.failed.error)
            self._take_machine(at, found.machine)

    def _take_machine(self, at: datetime, machine: str | None) -> None:
        """The newest line tells which one runs the check."""
        if machine is not None and (self.machine is None or at >= self.machine[0]):
            self.machine = at, machine

    def merge(self, window: "_Read") -> None:
        """Take what a window gave that was read to its end."""
        for run in window.runs.values():
            self.take_run(run, run.started_at, None)
        self.errors |= window.errors
        self.faults |= window.faults
        if window.machine is not None:
            self._take_machine(*window.machine)

    def newest_runs(self) -> tuple[CheckResult, ...]:
        return tuple(sorted(self.runs.values(), key=lambda run: run.started_at, reverse=True))

    def evidence(self, looked_from: datetime | None, problem: str | None) -> Evidence:
        told = (self.errors or self.faults).values()
        errors = tuple(sorted(told, key=lambda error: error.at, reverse=True))
        machine = self.machine[1] if self.machine is not None else None
        return Evidence(self.newest_runs(), errors, looked_from, problem, machine, self.beginning)


def _verdict_of(run: CheckResult, newest: CheckResult) -> CheckResult:
    """What is kept of a run that no story tells by itself, some 1 kB; `newest` is the newest of its failure type.

    Of an available run the times and the certificate stay, for what a story compares.
    """
    if run.available:
        return replace(run, transcript=())
    failure = newest.reason if run.reason == newest.reason else run.reason
    return replace(
        run, transcript=(), steps=(), failure=failure, failures=(), warnings=(), server=newest.server, search=None
    )


def _octets_of(run: LoggedRun) -> int:
    """About what such a run takes of memory, without its transcript: a line's objects take four times its length."""
    failure = run.result.reason
    return 4 * run.length if failure is None else 1000 + len(failure.detail)


type Beginnings = Callable[[Sequence[Change], float], Sequence[Beginning | None]]
"""The beginnings of outages that have ended, in the order of the changes, asked within so many seconds."""


class RunLog:
    """The log group of the function that runs the checks.

    `outside` names those that are run from outside, `every` tells how often a check runs where that is known.
    """

    def __init__(
        self,
        logs: Any,
        group: str,
        outside: Callable[[], Collection[str]],
        every: Callable[[str], timedelta | None],
        beginnings: Beginnings | None = None,
    ) -> None:
        self._logs = logs
        self._group = group
        self._outside = outside
        self._every = every
        self._beginnings = beginnings

    def gather(self, changes: Sequence[Change], seconds: float, *, fresh: bool = True) -> list[Evidence]:
        """The evidence for each change, in their order, read together within `seconds`.

        What is `fresh` is waited for: its line may still be under way to the log.

        Raises whatever the API raises at first. Where it fails later, or time runs out, the evidence is what there is.
        """
        log = LogReader(self._logs, self._group, self._outside(), seconds)
        search = _Search(log, changes, self._every(changes[0].check) or changes[0].period)
        if not search.read_newest(_WAITS if fresh else 0):
            return [item.evidence(None, "the log could not be read in time") for item in search.found]
        if self._beginnings is not None:
            search.take_beginnings(self._beginnings)
        try:
            search.look_back()
        except Exception:  # noqa: BLE001 - what was read so far is told
            _LOG.exception("the log could not be read further back")
        return [item.evidence(search.edge, None) for item in search.found]

    def newest_verdicts(self, at: datetime, seconds: float) -> dict[str, bool]:
        """Whether the newest run of each check was good, of those that ran in the 20 minutes before `at`.

        Raises `OutOfBounds` where that takes longer than `seconds`, and what the API raises.
        """
        newest: dict[str, CheckResult] = {}
        log = LogReader(self._logs, self._group, self._outside(), seconds, _MOST_PAGES)
        for run, *_ in log.runs((), at - OTHERS_WINDOW, at + _NOW):
            if run.check is not None:
                newest[run.check] = max(run, newest.get(run.check, run), key=lambda item: item.started_at)
        return {check: run.verdict == "up" for check, run in newest.items()}


class _Search:
    """One search for the evidence of some changes; everything from `edge` on has been read as far as it is needed.

    `every` is how often the check of the first one runs.
    """

    def __init__(self, log: LogReader, changes: Sequence[Change], every: timedelta) -> None:
        self.found = [_Read(change) for change in changes]
        self.edge = max(change.at for change in changes) + _LATEST
        self._log = log
        self._every = every
        self._length = min(_FIRST_WINDOW, max(change.period * (change.periods + 1) for change in changes))
        self._slow = self._looks_back = False
        self._held = 0

    def read_newest(self, waits: int) -> bool:
        """Read the newest window, again while a line is still under way; False where there is no time for that."""
        start, end = self.edge - self._length, self.edge
        done = self._read(start, end)
        for _ in range(waits):
            shown = all(item.change.kind.is_shown(item.change, item.newest_runs(), start) for item in self.found)
            if not done or shown or self._log.seconds_left < _WAIT_SECONDS:
                break
            time.sleep(_WAIT_SECONDS)
            self._read(start, end)
        self.edge = start
        return done

    def take_beginnings(self, beginnings: Beginnings) -> None:
        """Ask when those outages began that the newest window does not hold whole."""
        asked = [item for item in self.found if item.change.state == "OK" and not self._is_whole(item)]
        if asked:
            found = beginnings([item.change for item in asked], self._log.seconds_left)
            for item, beginning in zip(asked, found, strict=True):
                item.beginning = beginning

    def look_back(self) -> None:
        """Read window after window backwards until each change's beginning is found, or time or memory is up."""
        self._looks_back = True
        oldest = min(item.change.kind.oldest_of_use(item.change) for item in self.found)
        while self.edge > oldest and not all(self._is_whole(item) for item in self.found):
            if not self._step(oldest):
                break

    def _is_whole(self, item: _Read) -> bool:
        """Of many that end at once, a beginning that the metric shows is enough; one by itself is told run by run."""
        if item.beginning is not None and len(self.found) > 1:
            return True
        return item.change.kind.is_whole(item.change, item.newest_runs())

    def _step(self, oldest: datetime) -> bool:
        """Read on: where the next older run must lie, and all that was passed over where it does not lie there."""
        near = self._expected()
        start, end = (self.edge - self._length, self.edge) if near is None else near
        start, known = max(start, oldest), len(self.found[0].runs)
        if not self._read(start, end):
            return False
        if near is not None and len(self.found[0].runs) == known and not self._read(start, self.edge):
            return False
        self.edge = start
        return True

    def _expected(self) -> tuple[datetime, datetime] | None:
        """Where the next older run must lie; None where reading all of the log is quick, or runs lie close together."""
        runs = self.found[0].newest_runs() if len(self.found) == 1 else ()
        if not runs or not self._slow or self._every < _SPARSE:
            return None
        oldest = runs[-1].started_at
        expected = oldest - self._every * ((oldest - self.edge) // self._every + 1)
        return expected - _NEAR, min(expected + _NEAR, self.edge)

    def _read(self, start: datetime, end: datetime) -> bool:
        """Take in what one window holds; False, and nothing taken, where the time limit passed before its end."""
        window = [_Read(item.change) for item in self.found]
        began = time.monotonic()
        try:
            self._fill(window, start, end)
        except OutOfBounds:
            return False
        for item, more in zip(self.found, window, strict=True):
            item.merge(more)
        # What is not read to its end counts for nothing: where reading is slow, windows stay short.
        if time.monotonic() - began < _QUICK_SECONDS:
            self._length = min(2 * self._length, _LONGEST_WINDOW)
        else:
            self._slow = True
        return True

    def _fill(self, window: Sequence[_Read], start: datetime, end: datetime) -> None:
        """Take the lines of a window in.

        Raises `OutOfBounds` where time is up, or more runs would be held than memory has room for.
        """
        wanting, held = self._wanting(window), self._held
        for run in self._log.runs({item.change.check for item in window}, start, end):
            for item in wanting.get(run.result.check, ()):
                item.take_run(run.result, run.logged_at, run.machine)
                held += _octets_of(run)
            if held > _MOST_OCTETS:
                raise OutOfBounds
        self._held = held
        if not any(item.change.kind.reads_errors for item in window):
            return
        for failure in self._log.failures(start, end):
            for item in window:
                if self._log.concerns(failure, item.change.check):
                    item.take_failure(failure)

    def _wanting(self, window: Sequence[_Read]) -> Mapping[str | None, Sequence[_Read]]:
        """Those of a window by their check; a change whose beginning was found needs no older runs."""
        found = defaultdict[str | None, list[_Read]](list)
        for item, more in zip(self.found, window, strict=True):
            if not (self._looks_back and self._is_whole(item)):
                found[item.change.check].append(more)
        return found
