"""What a file of results says: availability, times per step, incidents with their length and cause, slow hours.

Takes the objects of `json_lines` in the order they were written; keeps a few numbers of each run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imapcheck.wording import date, failure_line

_SLOWEST_HOURS = 3


@dataclass(frozen=True)
class Incident:
    """Runs in a row that were not available; `ended` is when the next good run began, None while there was none."""

    began: datetime
    ended: datetime | None
    runs: int
    causes: tuple[str, ...]


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
    """One check over all its runs."""

    check: str
    runs: int = 0
    available: int = 0
    slow: int = 0
    not_run: int = 0
    first: datetime | None = None
    last: datetime | None = None
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    hours: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    incidents: list[Incident] = field(default_factory=list)
    _began: datetime | None = None
    _causes: Counter[str] = field(default_factory=Counter)

    @property
    def availability(self) -> float | None:
        """Percent of the runs that looked; None where none did."""
        return 100 * self.available / self.runs if self.runs else None

    def percentiles(self) -> list[Percentiles]:
        """`total` first, then the steps in the order of a run."""
        return [
            Percentiles(name, len(values), *(percentile(sorted(values), share) for share in (0.5, 0.95, 0.99)))
            for name, values in self.times.items()
        ]

    def slowest_hours(self) -> list[tuple[str, float, int]]:
        """(hour, median of the runs' times in ms, runs): the highest medians first."""
        medians = [(hour, percentile(sorted(times), 0.5), len(times)) for hour, times in self.hours.items()]
        return sorted(medians, key=lambda item: -item[1])[:_SLOWEST_HOURS]

    def take(self, run: Mapping[str, Any]) -> None:
        """Count one object. Raises `KeyError`, `TypeError` or `ValueError` where it is not a result."""
        if "error" in run:
            self.not_run += 1
            return
        moment, duration = datetime.fromisoformat(run["started_at"]), float(run["duration_ms"])
        steps = [
            (str(step["name"]), float(step["duration_ms"])) for step in run["steps"] if step["duration_ms"] is not None
        ]
        failure = run["failure"]
        cause = None if failure is None else failure_line(failure["step"], failure["type"])
        self.first, self.last, self.runs = self.first or moment, moment, self.runs + 1
        if run["available"]:
            self._good(moment, duration, steps, slow=bool(run["slow"]))
        else:
            self._began = self._began or moment
            self._causes[cause or "unknown"] += 1

    def finish(self) -> None:
        """No more runs: an incident under way is told as one that has not ended."""
        self._close(None)

    def _good(self, moment: datetime, duration: float, steps: list[tuple[str, float]], *, slow: bool) -> None:
        self._close(moment)
        self.available, self.slow = self.available + 1, self.slow + slow
        for name, time in (("total", duration), *steps):
            self.times[name].append(time)
        self.hours[date(moment.replace(minute=0))].append(duration)

    def _close(self, ended: datetime | None) -> None:
        if self._began is not None:
            causes = tuple(cause for cause, _ in self._causes.most_common())
            self.incidents.append(Incident(self._began, ended, self._causes.total(), causes))
        self._began, self._causes = None, Counter()


@dataclass(frozen=True)
class Summary:
    """All checks of a file by name, and how many lines held no result."""

    checks: tuple[CheckSummary, ...]
    unreadable: int


def summarise(objects: Iterable[Mapping[str, Any] | None]) -> Summary:
    """Read the objects once; None and what is not a result count as unreadable."""
    checks: dict[str, CheckSummary] = {}
    unreadable = 0
    for run in objects:
        try:
            if run is None:
                raise TypeError
            name = str(run["check"])
            checks.setdefault(name, CheckSummary(name)).take(run)
        except (KeyError, TypeError, ValueError):
            unreadable += 1
    for check in checks.values():
        check.finish()
    return Summary(tuple(checks[name] for name in sorted(checks)), unreadable)


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all do not exceed."""
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]
