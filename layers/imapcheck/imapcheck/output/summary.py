"""What a file of results says: availability, times per step, incidents with their length and cause, slow hours.

Takes the outcomes of `json_lines` in the order they were written; keeps a few numbers of each run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from imapcheck.output.outcome import Outcome
from imapcheck.result import CheckResult

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
        """(hour in UTC, median of the runs' times in ms, runs): the highest medians first."""
        medians = [(hour, percentile(sorted(times), 0.5), len(times)) for hour, times in self.hours.items()]
        return sorted(medians, key=lambda item: -item[1])[:_SLOWEST_HOURS]

    def take(self, run: CheckResult | None) -> None:
        """Count one run, or one that there was not."""
        if run is None:
            self.not_run += 1
            return
        self.first, self.last, self.runs = self.first or run.started_at, run.started_at, self.runs + 1
        if run.failure is None:
            self._good(run)
        else:
            self._began = self._began or run.started_at
            self._causes[f"{run.failure.step}: {run.failure.type}"] += 1

    def finish(self) -> None:
        """No more runs: an incident under way is told as one that has not ended."""
        self._close(None)

    def _good(self, run: CheckResult) -> None:
        self._close(run.started_at)
        self.available, self.slow = self.available + 1, self.slow + run.slow
        for name, time in {"total": run.duration_ms, **run.step_ms}.items():
            self.times[name].append(time)
        self.hours[f"{run.started_at:%Y-%m-%d %H}:00"].append(run.duration_ms)

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


def summarise(outcomes: Iterable[Outcome | None]) -> Summary:
    """Read the outcomes once; None counts as unreadable."""
    checks: dict[str, CheckSummary] = {}
    unreadable = 0
    for outcome in outcomes:
        if outcome is None:
            unreadable += 1
        else:
            checks.setdefault(outcome.check, CheckSummary(outcome.check)).take(outcome.result)
    for check in checks.values():
        check.finish()
    return Summary(tuple(checks[name] for name in sorted(checks)), unreadable)


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all do not exceed."""
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]
