"""Which runs an alarm is about: the bad ones that it counted, and what lies around them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

from imapcheck.alarms.kind import Beginning, Change, Evidence
from imapcheck.failures import FailureType
from imapcheck.result import CheckResult

_UNSEEN = timedelta(minutes=2)
"""What began so shortly before a change may have reached CloudWatch after it."""


@dataclass(frozen=True)
class Spell:
    """The bad runs behind an alarm, newest first, and what lies around them.

    `complete` says that enough good runs came before for the alarm to have been quiet: `since` is its beginning.
    `unbroken` says that no run since then was good; `runs` are those since then, each with whether it was bad. Where
    the log was not read back to it, the metric's `beginning` stands for what is older than the runs of `bad`.
    """

    bad: tuple[CheckResult, ...]
    bad_in_window: int
    window: int
    after: CheckResult | None
    last_good: CheckResult | None
    complete: bool
    unbroken: bool
    runs: tuple[tuple[CheckResult, bool], ...]
    beginning: Beginning | None = None

    @property
    def since(self) -> datetime:
        return self.bad[-1].started_at if self.beginning is None else self.beginning.since

    @property
    def bad_runs(self) -> int:
        return len(self.bad) + self.unread

    @property
    def unread(self) -> int:
        """How many of the bad runs are known by the metric alone."""
        return 0 if self.beginning is None else max(0, self.beginning.bad_runs - len(self.bad))

    @property
    def told(self) -> CheckResult:
        """The newest of the bad runs; while a login is withheld, the newest in which the server refused it."""
        newest = self.bad[0]
        if type_of(newest) is not FailureType.AUTHENTICATION_PAUSED:
            return newest
        return next((run for run in self.bad if type_of(run) is FailureType.AUTHENTICATION_FAILED), newest)


type _Seen = Sequence[tuple[CheckResult, bool]]
type Points = Sequence[tuple[datetime, bool]]
"""When runs began, newest first, and whether each was bad."""


def bad_or_not(change: Change, runs: Sequence[CheckResult]) -> _Seen:
    """The runs that this alarm sees, and whether each is bad."""
    return [(run, bad) for run in runs if (bad := change.kind.is_bad(run, change)) is not None]


def good_since(change: Change, runs: Sequence[CheckResult]) -> datetime | None:
    """When the oldest good run after the newest bad one began; None where none was bad, or the newest was."""
    seen = bad_or_not(change, runs)
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
    seen = bad_or_not(change, runs)
    ringing = _ringing(change, [(run.started_at, bad) for run, bad in seen])
    first, last = (ringing[0], ringing[-1]) if ringing else (0, 0)
    end = last + change.periods
    bad_at = [at for at, (_, bad) in enumerate(seen[:end]) if bad and at >= first]
    return _spell(change, seen, bad_at, complete=bool(ringing) and len(seen) > end) if bad_at else None


def spell_of(change: Change, evidence: Evidence) -> Spell | None:
    """The spell that the log shows, from the beginning that the metric shows where the log was not read back to it."""
    spell, beginning = find_spell(change, evidence.runs), evidence.beginning
    if spell is None or spell.complete or beginning is None or beginning.since > spell.since:
        return spell
    return replace(spell, beginning=beginning, complete=True)


def find_beginning(change: Change, points: Points) -> Beginning | None:
    """The beginning of the spell that `find_spell` would find; None where `points` do not reach back to it."""
    ringing = _ringing(change, points)
    if not ringing or len(points) <= (end := ringing[-1] + change.periods):
        return None
    bad = [at for at, is_bad in points[ringing[0] : end] if is_bad]
    return Beginning(bad[-1], len(bad))


def _ringing(change: Change, seen: Points) -> range:
    """Where in `seen` the alarm rang: the newest stretch, empty where none lies at the change."""
    near = range(min(len(seen), _latest(change, seen) + 1))
    newest = next((at for at in near if _rings(change, seen, at)), None)
    if newest is None:
        return range(0)
    older = takewhile(lambda at: _rings(change, seen, at), range(newest, len(seen)))
    return range(newest, newest + sum(1 for _ in older))


def _rings(change: Change, seen: Points, at: int) -> bool:
    """Whether enough of the runs were bad, as CloudWatch counted at this one."""
    return sum(bad for _, bad in seen[at : at + change.periods]) >= change.needed


def _latest(change: Change, seen: Points) -> int:
    """At which run a stretch begins at the latest that belongs to the change."""
    unseen = sum(at > change.at - _UNSEEN for at, _ in seen)
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
        runs=tuple(seen[: bad_at[-1] + 1]),
    )


def type_of(run: CheckResult) -> FailureType | None:
    """The type of the failure that explains the others; None of a run that was available."""
    return None if run.reason is None else run.reason.type


def may_lock(runs: Sequence[CheckResult]) -> bool:
    """Whether a login was refused in these runs: then nobody should try it once more before it was repaired."""
    return any(failure.type.may_lock for run in runs for failure in (*run.failures, run.reason) if failure is not None)


def certificate_days(run: CheckResult) -> float | None:
    """Days until the first certificate of the verified chain expires."""
    tls = run.server.tls
    return tls.certificate_days_remaining if tls is not None and tls.verified else None
