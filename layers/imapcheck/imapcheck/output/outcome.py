"""What came of one check: its result, or why there is none, and what its definition asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from imapcheck.asked import Asked
from imapcheck.failures import Category
from imapcheck.result import CheckResult, Failure
from imapcheck.wording import length, over_limit

type State = Literal["available", "slow", "partial", "unavailable", "not_run", "crashed"]
WORST_FIRST: tuple[State, ...] = ("unavailable", "crashed", "not_run", "partial", "slow", "available")


@dataclass(frozen=True)
class Outcome:
    """A result, or else `error`: our own fault in words (a definition, credentials); `crashed` marks a bug of ours.

    `check` is the check's name; the host or the file where the definition has none.
    """

    check: str
    result: CheckResult | None = None
    error: str | None = None
    crashed: bool = False
    asked: Asked = field(default_factory=Asked)

    @property
    def state(self) -> State:
        """The verdict in one word."""
        if self.result is None:
            return "crashed" if self.crashed else "not_run"
        if self.result.verdict != "up":
            return "partial" if self.result.verdict == "partial" else "unavailable"
        return "slow" if self.result.slow else "available"

    @property
    def warned(self) -> bool:
        """The result has warnings."""
        return self.result is not None and bool(self.result.warnings)

    @property
    def rank(self) -> tuple[int, bool]:
        """Where it stands in a list that begins with what somebody must look at."""
        return WORST_FIRST.index(self.state), not self.warned

    @property
    def first_line(self) -> str:
        """The first line of `error`."""
        return (self.error or "").partition("\n")[0]


def worst_first(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What somebody must look at, at the top; the order of the call within each state."""
    return sorted(outcomes, key=lambda outcome: outcome.rank)


NOT_WORSE = (len(WORST_FIRST) - 1, True)
"""The rank of what is available without a warning."""


def words_of(result: CheckResult, failure: Failure) -> str:
    """A failure's detail; of a time-out with how long was waited: `no complete answer in time (waited 6 s)`."""
    waited = result.step_ms.get(failure.step) if failure.category is Category.TIMEOUT else None
    return failure.detail if waited is None else f"{failure.detail} (waited {length(waited)})"


def passed_limits(result: CheckResult) -> list[str]:
    """`total took 6 ms (limit 1 ms)`, for people: none of a run that failed, as slow means available."""
    exceeded = result.exceeded if result.available else ()
    return [over_limit(item.name, item.duration_ms, item.limit_ms) for item in exceeded]
