"""What came of one file of a call, and what its definition holds the figures against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from imapcheck.result import CheckResult
from imapcheck.wording import over_limit

type State = Literal["available", "slow", "unavailable", "not_run", "crashed"]
_WORST_FIRST: tuple[State, ...] = ("unavailable", "crashed", "not_run", "slow", "available")


@dataclass(frozen=True)
class Limits:
    """What a definition asks of a run's figures; a limit that it does not set is None."""

    thresholds_ms: Mapping[str, float] = field(default_factory=dict)
    timeout_seconds: float | None = None
    certificate_days: float = 14
    min_matches: int | None = None
    max_age_seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """One file of a call: a result, or else why there is none.

    `error` is our own fault told in words (a definition, credentials); `crashed` marks a bug of ours.
    `server` is where the check goes, as a URL; None where the definition could not be read.
    """

    check: str
    result: CheckResult | None = None
    error: str | None = None
    crashed: bool = False
    server: str | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def state(self) -> State:
        """The verdict in one word."""
        if self.result is None:
            return "crashed" if self.crashed else "not_run"
        if not self.result.available:
            return "unavailable"
        return "slow" if self.result.slow else "available"

    @property
    def warned(self) -> bool:
        """The result has warnings."""
        return self.result is not None and bool(self.result.warnings)

    @property
    def first_line(self) -> str:
        """The first line of `error`."""
        return (self.error or "").partition("\n")[0]


def worst_first(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What somebody must look at, at the top; the order of the call within each state."""
    return sorted(outcomes, key=lambda outcome: (_WORST_FIRST.index(outcome.state), not outcome.warned))


def passed_limits(result: CheckResult) -> list[str]:
    """`total took 6 ms (limit 1 ms)`, for people: none of a run that failed, as slow means available."""
    exceeded = result.exceeded if result.available else ()
    return [over_limit(item.name, item.duration_ms, item.limit_ms) for item in exceeded]
