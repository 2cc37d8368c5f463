"""What a story is made of: the change of an alarm, the runs behind it, the definition's plain values.

All of it is plain data: where it comes from (CloudWatch, a log group, files) is nobody's business here. Every text
that a server had a part in becomes one clean line on the way in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Any, Literal

from imapcheck.failures import FailureType
from imapcheck.text import one_line

type State = Literal["ALARM", "OK"]
_BOUND = 10**12
_UNSEEN = timedelta(minutes=2)
"""What began so shortly before a change may have reached CloudWatch after it."""
_AGE = 10**9  # seconds


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
class Watched:
    """The plain values of a check's definition; null is what it does not say, or what could not be read.

    `timeout` is in seconds; `mailbox` is the one that is searched.
    """

    server: str | None = None
    secret: str | None = None
    runbook: str | None = None
    file: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    timeout: float | None = None
    mailbox: str | None = None


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
class Run:
    """One run as its log line tells it; `result` is the whole result, and every field of it may be absent."""

    check: str
    started_at: datetime
    available: bool
    slow: bool
    step: str | None
    type: str | None
    detail: str | None
    duration_ms: float
    step_ms: Mapping[str, float]
    transcript: tuple[str, ...]
    result: Mapping[str, Any]

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> "Run":
        """The run of a log line. Raises `ValueError` where the line is not a run's, or not in a shape that is known."""
        result = _mapping(line.get("result"))
        started, check = _text(result.get("started_at")), _text(line.get("check"))
        if started is None or check is None or line.get("available") not in (True, False):
            raise ValueError("not the log line of a run")
        transcript = line.get("transcript")
        return cls(
            check=check,
            started_at=_moment(started),
            available=line["available"] is True,
            slow=line.get("slow") is True,
            step=_word(line.get("step")),
            type=_word(line.get("type")),
            detail=_text(line.get("detail")),
            duration_ms=number(line.get("duration_ms")) or 0.0,
            step_ms=_numbers(line.get("step_ms")),
            transcript=tuple(map(clean, transcript.splitlines())) if isinstance(transcript, str) else (),
            result=result,
        )

    @property
    def advice(self) -> str | None:
        """What to do first, as the failure says it."""
        return _text(_mapping(self.result.get("failure")).get("advice"))

    @property
    def address(self) -> str | None:
        """The address that the run was connected to."""
        return _text(_mapping(self.result.get("server")).get("address"))

    @property
    def matches(self) -> int | None:
        """How many messages the search found."""
        found = number(_mapping(self.result.get("search")).get("matches"))
        return None if found is None else int(found)

    @property
    def newest_match(self) -> datetime | None:
        """When the newest match arrived, where the run looked at its age."""
        age = number(_mapping(self.result.get("search")).get("age_seconds"))
        return self.started_at - timedelta(seconds=age) if age is not None and 0 <= age < _AGE else None

    @property
    def later_failures(self) -> tuple[Mapping[str, Any], ...]:
        """The failures after the first one, which `step`, `type` and `detail` tell."""
        return _mappings(self.result.get("failures"))[1:]

    @property
    def warnings(self) -> tuple[Mapping[str, Any], ...]:
        return _mappings(self.result.get("warnings"))

    @property
    def certificate(self) -> Mapping[str, Any]:
        """The facts of TLS; empty where there was none."""
        return _mapping(_mapping(self.result.get("server")).get("tls"))

    @property
    def certificate_days(self) -> float | None:
        """Days until the leaf certificate expires, where it was verified."""
        certificate = self.certificate
        return number(certificate.get("certificate_days_remaining")) if certificate.get("verified") else None

    def exceeded(self, thresholds: Mapping[str, float]) -> list[tuple[str, float, float]]:
        """(name, limit, duration) of each threshold that made the run slow, worst first."""
        told = _mappings(self.result.get("exceeded"))
        found = [
            (_word(item.get("name")) or "threshold", number(item.get("limit_ms")), number(item.get("duration_ms")))
            for item in told
        ] or [(name, limit, self._took(name)) for name, limit in thresholds.items()]
        over = [(name, limit, took) for name, limit, took in found if limit and took and took > limit]
        return sorted(over, key=lambda item: item[2] / item[1], reverse=True)

    def _took(self, name: str) -> float | None:
        return self.duration_ms if name == "total" else self.step_ms.get(name)


@dataclass(frozen=True)
class MonitorError:
    """An error of the monitor's own: the check did not look."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Evidence:
    """What the log gave: runs and errors newest first, as far back as `looked_from`; or why it gave nothing."""

    runs: tuple[Run, ...] = ()
    errors: tuple[MonitorError, ...] = ()
    looked_from: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Spell:
    """The bad runs behind an alarm, newest first, and what lies around them.

    `complete` says that enough good runs came before for the alarm to have been quiet: `since` is its beginning.
    `unbroken` says that no run since then was good.
    """

    bad: tuple[Run, ...]
    bad_in_window: int
    window: int
    after: Run | None
    last_good: Run | None
    complete: bool
    unbroken: bool

    @property
    def since(self) -> datetime:
        return self.bad[-1].started_at

    @property
    def told(self) -> Run:
        """The newest of the bad runs; while a login is withheld, the newest in which the server refused it."""
        newest = self.bad[0]
        if newest.type != FailureType.AUTHENTICATION_PAUSED:
            return newest
        return next((run for run in self.bad if run.type == FailureType.AUTHENTICATION_FAILED), newest)


def judge(change: Change) -> Callable[[Run], bool | None]:
    """Whether a run is bad in the eyes of this alarm; None where the alarm does not see it."""
    match change.kind:
        case Kind.SLOW:
            return lambda run: run.slow if run.available else None
        case Kind.CERTIFICATE:
            limit = change.threshold or 0.0
            return lambda run: None if run.certificate_days is None else run.certificate_days < limit
        case _:
            return lambda run: not run.available


type _Seen = Sequence[tuple[Run, bool]]


def _seen(change: Change, runs: Sequence[Run]) -> _Seen:
    """The runs that this alarm sees, and whether each is bad."""
    is_bad = judge(change)
    return [(run, bad) for run in runs if (bad := is_bad(run)) is not None]


def good_since(change: Change, runs: Sequence[Run]) -> datetime | None:
    """When the oldest good run after the newest bad one began; None where none was bad, or the newest was."""
    seen = _seen(change, runs)
    good = list(takewhile(lambda item: not item[1], seen))
    return good[-1][0].started_at if 0 < len(good) < len(seen) else None


def silence(change: Change, runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """The newest two neighbouring runs, the older first, between which at least one is missing; `runs` newest first."""
    longest = change.period * 1.9
    gaps = ((older, newer) for newer, older in pairwise(runs) if newer.started_at - older.started_at > longest)
    return next(gaps, None)


def find_spell(change: Change, runs: Sequence[Run]) -> Spell | None:
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


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value else None


def _word(value: object) -> str | None:
    """A name of ours, such as a step's: whatever else stands there is not taken for one."""
    return value if isinstance(value, str) and re.fullmatch("[a-z0-9_]{1,40}", value) else None


def number(value: object) -> float | None:
    """A number that can be reckoned with: JSON's may be infinite, none at all, or of a thousand digits."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and -_BOUND < value < _BOUND
    return float(value) if known and isinstance(value, int | float) else None


def _numbers(value: object) -> dict[str, float]:
    found = {_word(key): number(item) for key, item in _mapping(value).items()}
    return {key: took for key, took in found.items() if key is not None and took is not None}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else ()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
