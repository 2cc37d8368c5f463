"""What a story is made of besides runs: the change of an alarm, what lies around it, which runs are behind it.

All of it is plain data: where it comes from (CloudWatch, a log group, files) is nobody's business here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Literal

from imapcheck.failures import FailureType
from imapcheck.result import CheckResult
from imapcheck.text import one_line

type State = Literal["ALARM", "OK"]
_BOUND = 10**12
_UNSEEN = timedelta(minutes=2)
"""What began so shortly before a change may have reached CloudWatch after it."""


class Kind(StrEnum):
    """The kinds of alarm that a check has, worst first."""

    UNAVAILABLE = "unavailable"
    NOT_RUNNING = "not-running"
    SLOW = "slow"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class Change:
    """An alarm that rang, or that ended; `needed` of `periods` periods is what makes it ring."""

    alarm: str
    check: str
    kind: Kind
    state: State
    at: datetime
    reason: str
    threshold: float | None
    needed: int
    periods: int
    period: timedelta


@dataclass(frozen=True)
class Others:
    """The other checks of the stack: how many there are, which have an alarm that rings, and how many more of which
    the readers of this story need not know the names."""

    total: int
    ringing: tuple[str, ...] = ()
    unnamed: int = 0


@dataclass(frozen=True)
class Links:
    """Addresses that the story ends with."""

    dashboard: str | None = None
    runs: str | None = None


@dataclass(frozen=True)
class MonitorError:
    """An error of the monitor's own: the check did not look."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Evidence:
    """What the log gave: runs and errors newest first, as far back as `looked_from`; or why it gave nothing."""

    runs: tuple[CheckResult, ...] = ()
    errors: tuple[MonitorError, ...] = ()
    looked_from: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Spell:
    """The bad runs behind an alarm, newest first, and what lies around them.

    `complete` says that enough good runs came before for the alarm to have been quiet: `since` is its beginning.
    `unbroken` says that no run since then was good.
    """

    bad: tuple[CheckResult, ...]
    bad_in_window: int
    window: int
    after: CheckResult | None
    last_good: CheckResult | None
    complete: bool
    unbroken: bool

    @property
    def since(self) -> datetime:
        return self.bad[-1].started_at

    @property
    def told(self) -> CheckResult:
        """The newest of the bad runs; while a login is withheld, the newest in which the server refused it."""
        newest = self.bad[0]
        if type_of(newest) is not FailureType.AUTHENTICATION_PAUSED:
            return newest
        return next((run for run in self.bad if type_of(run) is FailureType.AUTHENTICATION_FAILED), newest)


def judge(change: Change) -> Callable[[CheckResult], bool | None]:
    """Whether a run is bad in the eyes of this alarm; None where the alarm does not see it."""
    match change.kind:
        case Kind.SLOW:
            return lambda run: run.slow if run.available else None
        case Kind.CERTIFICATE:
            limit = change.threshold or 0.0
            return lambda run: None if (left := certificate_days(run)) is None else left < limit
        case _:
            return lambda run: not run.available


type _Seen = Sequence[tuple[CheckResult, bool]]


def _seen(change: Change, runs: Sequence[CheckResult]) -> _Seen:
    """The runs that this alarm sees, and whether each is bad."""
    is_bad = judge(change)
    return [(run, bad) for run in runs if (bad := is_bad(run)) is not None]


def good_since(change: Change, runs: Sequence[CheckResult]) -> datetime | None:
    """When the oldest good run after the newest bad one began; None where none was bad, or the newest was."""
    seen = _seen(change, runs)
    good = list(takewhile(lambda item: not item[1], seen))
    return good[-1][0].started_at if 0 < len(good) < len(seen) else None


def silence(change: Change, runs: Sequence[CheckResult]) -> tuple[CheckResult, CheckResult] | None:
    """The newest two neighbouring runs, the older first, between which at least one is missing; `runs` newest first."""
    longest = change.period * 1.9
    gaps = ((older, newer) for newer, older in pairwise(runs) if newer.started_at - older.started_at > longest)
    return next(gaps, None)


def find_spell(change: Change, runs: Sequence[CheckResult]) -> Spell | None:
    """The bad runs that made the alarm ring, or that it rang for until now; None where there are none.

    `runs` are newest first. The spell is the newest stretch of runs at each of which `needed` of the last `periods`
    were bad, as CloudWatch counts, where it lies at the change and is not an old one; where the log shows no such
    stretch, the bad runs of the newest window.
    """
    seen = _seen(change, runs)
    ringing = _ringing(change, seen)
    first, last = (ringing[0], ringing[-1]) if ringing else (0, 0)
    end = last + change.periods
    bad_at = [at for at, (_, bad) in enumerate(seen[:end]) if bad and at >= first]
    return _spell(change, seen, bad_at, complete=bool(ringing) and len(seen) > end) if bad_at else None


def _ringing(change: Change, seen: _Seen) -> range:
    """Where in `seen` the alarm rang: the newest stretch, empty where none lies at the change."""
    near = range(min(len(seen), _latest(change, seen) + 1))
    newest = next((at for at in near if _rings(change, seen, at)), None)
    if newest is None:
        return range(0)
    older = takewhile(lambda at: _rings(change, seen, at), range(newest, len(seen)))
    return range(newest, newest + sum(1 for _ in older))


def _rings(change: Change, seen: _Seen, at: int) -> bool:
    """Whether enough of the runs were bad, as CloudWatch counted at this one."""
    return sum(bad for _, bad in seen[at : at + change.periods]) >= change.needed


def _latest(change: Change, seen: _Seen) -> int:
    """At which run a stretch begins at the latest that belongs to the change."""
    unseen = sum(run.started_at > change.at - _UNSEEN for run, _ in seen)
    return max(1, unseen) if change.state == "ALARM" else change.periods + unseen


def _spell(change: Change, seen: _Seen, bad_at: Sequence[int], *, complete: bool) -> Spell:
    """The spell whose bad runs stand at these places."""
    newest, window = bad_at[0], [bad for _, bad in seen[: change.periods]]
    return Spell(
        bad=tuple(seen[at][0] for at in bad_at),
        bad_in_window=sum(window),
        window=len(window),
        after=seen[newest - 1][0] if change.state == "OK" and newest > 0 else None,
        last_good=next((run for run, bad in seen[newest:] if not bad), None),
        complete=complete,
        unbroken=list(bad_at) == list(range(len(bad_at))),
    )


def clean(text: str) -> str:
    """One printable line, bounded: whatever a server put there does nothing but stand there."""
    return one_line(text, 500)


def type_of(run: CheckResult) -> FailureType | None:
    """The type of the first failure; None of a run that was available."""
    return None if run.failure is None else run.failure.type


def certificate_days(run: CheckResult) -> float | None:
    """Days until the leaf certificate expires, where it was verified."""
    tls = run.server.tls
    return tls.certificate_days_remaining if tls is not None and tls.verified else None


def number(value: object) -> float | None:
    """A number that can be reckoned with: JSON's may be infinite, none at all, or of a thousand digits."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and -_BOUND < value < _BOUND
    return float(value) if known and isinstance(value, int | float) else None
