"""What files of results say: availability, times per step, incidents with their length and cause, gaps, slow hours.

Takes the outcomes of `json_lines` in any order, a run as often as it is there. Of each run it keeps some numbers in
arrays: a gigabyte of results is a few tens of megabytes.
"""

import hashlib
import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby, pairwise

from imapcheck.output.outcome import Outcome
from imapcheck.result import CheckResult
from imapcheck.wording import failure_line

_SLOWEST_HOURS = 3
_FAILED, _FINE, _SLOW = 0, 1, 2
_MOST_CHECKS = 10_000
_MOST_MILLISECONDS = 1e9
_LATEST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()
_GAP_INTERVALS, _LEAST_GAP = 4, timedelta(minutes=10)
"""A gap is so many of the usual intervals without a run, and at least so long."""


@dataclass(frozen=True)
class Incident:
    """Runs in a row that were not available; `ended` is when the next good run began, None while there was none.

    `unseen` is how much of it lies in gaps, when nobody looked.
    """

    began: datetime
    ended: datetime | None
    runs: int
    causes: tuple[str, ...]
    unseen: timedelta = timedelta()


@dataclass(frozen=True)
class Gap:
    """A time without runs, from one run to the next."""

    began: datetime
    ended: datetime


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds of a step's (or with `total` the run's) times, in available runs."""

    name: str
    count: int
    p50: float
    p95: float
    p99: float


@dataclass
class CheckSummary:
    """One check of one server over all its runs."""

    check: str
    server: str | None = None
    runs: int = 0
    available: int = 0
    slow: int = 0
    not_run: int = 0
    repeated: int = 0
    first: datetime | None = None
    last: datetime | None = None
    incidents: list[Incident] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    _began: array[float] = field(default_factory=lambda: array("d"))
    _ids: array[int] = field(default_factory=lambda: array("Q"))
    _states: array[int] = field(default_factory=lambda: array("B"))
    _cause: array[int] = field(default_factory=lambda: array("H"))
    _causes: list[str] = field(default_factory=list)
    _times: dict[str, array[float]] = field(default_factory=dict)
    _order: array[int] = field(default_factory=lambda: array("L"))

    @property
    def availability(self) -> float | None:
        """Percent of the runs that looked; None where none did."""
        return 100 * self.available / self.runs if self.runs else None

    def percentiles(self) -> list[Percentiles]:
        """`total` first, then the steps in the order of a run."""
        found = []
        for name, times in self._times.items():
            values = (times[index] for index in self._good())
            counts = Counter(round(value, 1) for value in values if not math.isnan(value))
            if counts:
                found.append(Percentiles(name, counts.total(), *_percentiles(counts, (0.5, 0.95, 0.99))))
        return found

    def _good(self) -> Iterator[int]:
        return (index for index in self._order if self._states[index])

    def slowest_hours(self) -> list[tuple[datetime, float, int]]:
        """(beginning of the hour, median of the runs' times in ms, runs): the highest medians first."""
        total = self._times.get("total", array("f"))
        hours = (
            (hour, sorted(total[index] for index in indexes))
            for hour, indexes in groupby(self._good(), lambda index: self._began[index] // 3600)
        )
        medians = [(hour, percentile(times, 0.5), len(times)) for hour, times in hours]
        slowest = sorted(medians, key=lambda item: -item[1])[:_SLOWEST_HOURS]
        return [(_moment(hour * 3600), median, runs) for hour, median, runs in slowest]

    def take(self, run: CheckResult | None) -> None:
        """Count one run, or one that there was not. Raises `ValueError` for times that no run can have had."""
        if run is None:
            self.not_run += 1
            return
        times = {"total": run.duration_ms, **run.step_ms}
        began = run.started_at.timestamp()
        if not all(0 <= time <= _MOST_MILLISECONDS for time in times.values()) or not 0 <= began < _LATEST:
            raise ValueError("not the time of a run")
        self._ids.append(int.from_bytes(hashlib.blake2b(run.run_id.encode(), digest_size=8).digest()))
        self._began.append(began)
        self._states.append(_FAILED if run.failure is not None else _SLOW if run.slow else _FINE)
        cause = "" if run.reason is None else failure_line(run.reason.step, run.reason.type)
        if cause not in self._causes:
            self._causes.append(cause)
        self._cause.append(self._causes.index(cause))
        for name, time in times.items():
            column = self._times.setdefault(name, array("f"))
            column.extend([math.nan] * (len(self._began) - 1 - len(column)))
            column.append(time)
        for column in self._times.values():
            column.extend([math.nan] * (len(self._began) - len(column)))

    def finish(self) -> None:
        """No more runs: put them in the order of time, each once, and find incidents and gaps."""
        order: Iterable[int] = range(len(self._began))
        if any(later < earlier for earlier, later in pairwise(self._began)):
            order = sorted(order, key=self._began.__getitem__)
        self._order = array("L", self._each_once(order))
        self.repeated = len(self._began) - len(self._order)
        self.runs, self.available = len(self._order), sum(1 for _ in self._good())
        self.slow = sum(self._states[index] == _SLOW for index in self._order)
        if self._order:
            self.first, self.last = (_moment(self._began[self._order[end]]) for end in (0, -1))
        self.gaps = list(self._gaps())
        self.incidents = list(self._incidents())

    def _each_once(self, order: Iterable[int]) -> Iterator[int]:
        """A run that is there twice began at the same time."""
        for _, same in groupby(order, self._began.__getitem__):
            known: set[int] = set()
            for index in same:
                if self._ids[index] not in known:
                    known.add(self._ids[index])
                    yield index

    def _gaps(self) -> Iterator[Gap]:
        if len(self._order) < 3:
            return
        steps = pairwise(self._began[index] for index in self._order)
        lengths = Counter(float(round(after - before)) for before, after in steps)
        usual = _percentiles(lengths, (0.5,))[0]
        least = max(_GAP_INTERVALS * usual, _LEAST_GAP.total_seconds())
        for before, after in pairwise(self._order):
            if self._began[after] - self._began[before] > least:
                yield Gap(_moment(self._began[before]), _moment(self._began[after]))

    def _incidents(self) -> Iterator[Incident]:
        gaps = {gap.began: gap.ended - gap.began for gap in self.gaps}
        began: datetime | None = None
        causes, unseen = Counter[str](), timedelta()
        for index in self._order:
            moment = _moment(self._began[index])
            if self._states[index] == _FAILED:
                began = began or moment
                causes[self._causes[self._cause[index]]] += 1
                unseen += gaps.get(moment, timedelta())
            elif began is not None:
                yield Incident(began, moment, causes.total(), tuple(cause for cause, _ in causes.most_common()), unseen)
                began, causes, unseen = None, Counter(), timedelta()
        if began is not None:
            yield Incident(began, None, causes.total(), tuple(cause for cause, _ in causes.most_common()), unseen)


@dataclass(frozen=True)
class Summary:
    """All checks by name and server, and how many lines held no result."""

    checks: tuple[CheckSummary, ...]
    unreadable: int


def summarise(outcomes: Iterable[Outcome | None]) -> Summary:
    """Read the outcomes once; None counts as unreadable. A name on two servers is two checks."""
    checks: dict[tuple[str, str], CheckSummary] = {}
    unreadable = 0
    for outcome in outcomes:
        try:
            if outcome is None or len(checks) > _MOST_CHECKS:
                raise ValueError("no result")
            result = outcome.result
            server = "" if result is None else f"{result.server.host}:{result.server.port}"
            key = (outcome.check, server)
            checks.setdefault(key, CheckSummary(outcome.check, server or None)).take(result)
        except (ValueError, OverflowError):
            unreadable += 1
    found = [checks[key] for key in sorted(checks)]
    _give_to_the_only_server(found)
    found = [check for check in found if check.not_run or check._began]  # noqa: SLF001 - of this module
    for check in found:
        check.finish()
    return Summary(tuple(found), unreadable)


def _give_to_the_only_server(checks: list[CheckSummary]) -> None:
    """A line about a check that could not run does not say for which server."""
    for _, same in groupby(checks, lambda check: check.check):
        named = list(same)
        if len(named) == 2 and named[0].server is None:
            named[1].not_run += named[0].not_run
            named[0].not_run = 0


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all do not exceed."""
    return _percentiles(Counter(ordered), (share,))[0]


def _percentiles(counts: Mapping[float, int], shares: Sequence[float]) -> list[float]:
    """Of values with how often each is there: there are far fewer different ones than values."""
    values = sorted(counts)
    ranks = list(accumulate(counts[value] for value in values))
    return [values[bisect_left(ranks, max(1, -int(-share * ranks[-1] // 1)))] for share in shares]
