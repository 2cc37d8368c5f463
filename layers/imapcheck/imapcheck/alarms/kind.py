"""What a kind of alarm is, and what its story is made of: an alarm's change, what lies around it, the story's parts.

All of it is plain data: where it comes from (CloudWatch, a log group, files) is nobody's business here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from imapcheck.alarms.alarm import Alarm, Signal
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.result import CheckResult
from imapcheck.text import one_line

type AlarmState = Literal["ALARM", "OK"]
OTHERS_WINDOW = timedelta(minutes=20)
"""How far back the newest runs of the other checks are looked for."""
_OLDEST_END = timedelta(days=7)


@dataclass(frozen=True)
class Change:
    """An alarm that went into ALARM, or that ended; `needed` of `periods` periods is what it takes."""

    alarm: str
    check: str
    kind: "AlarmKind"
    state: AlarmState
    at: datetime
    reason: str
    threshold: float | None
    needed: int
    periods: int
    period: timedelta


@dataclass(frozen=True)
class Others:
    """The other checks of the stack: how many there are, which are in alarm, and how many more of which the readers of
    this story need not know the names.

    Of those that are not in alarm, `good` ended their last run well and `failed` did not, as the log has it; None where
    the log was not asked.
    """

    total: int
    named: tuple[str, ...] = ()
    unnamed: int = 0
    good: int | None = None
    failed: int = 0

    @property
    def in_alarm(self) -> int:
        return len(self.named) + self.unnamed


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
class Beginning:
    """When an outage began, to the minute, and how many runs were bad since: as the alarm's own metric has it."""

    since: datetime
    bad_runs: int


class BadValues(NamedTuple):
    """What a metric tells of bad runs: its `signal` has a value of each run that the alarm sees."""

    signal: Signal
    is_bad: Callable[[float], bool]


@dataclass(frozen=True)
class Evidence:
    """What the log gave: runs and errors newest first, as far back as `looked_from`; or why it gave nothing.

    `machine` is the one outside that reported last, of a check that is run from there. `beginning` is known where the
    metric was asked for it.
    """

    runs: tuple[CheckResult, ...] = ()
    errors: tuple[MonitorError, ...] = ()
    looked_from: datetime | None = None
    problem: str | None = None
    machine: str | None = None
    beginning: Beginning | None = None


UNTOLD = Evidence(problem="the story could not be made")
"""Stands in for evidence that could not be told of: a bug must not make it say that the log has nothing."""


@dataclass(frozen=True)
class Plot:
    """The parts of a story. `runs` is the line of good and bad runs where they alternate.

    Words that are not ours stand apart, in `quoted` and `transcript`: outputs fence them.
    """

    word: str
    subject: tuple[str, ...]
    when: str
    why: str
    quoted: tuple[str, ...] = ()
    runs: str | None = None
    worked: str = ""
    advice: str | None = None
    steps: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    bad_runs: int | None = None
    run: CheckResult | None = None

    @property
    def do(self) -> str | None:
        """What to do first: `worked` asks what has changed since, `advice` says where to look."""
        return None if self.advice is None else f"{self.worked}{self.advice}"


class AlarmKind(ABC):
    """A kind of alarm that a check has; `imapcheck.alarms.kinds` lists them. What is abstract must be said of each."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What ends the alarm's name and heads its chapter in docs/operations.md: `not-running`."""

    @property
    def key(self) -> str:
        """Its key in the definition's `alarms`."""
        return self.name.replace("-", "_")

    @property
    @abstractmethod
    def signal(self) -> Signal:
        """What its alarm looks at; no two kinds look at the same."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All that its alarms look at, of different checks."""
        return (self.signal,)

    @property
    @abstractmethod
    def in_short(self) -> str:
        """When it is in alarm, in a few words: its row in the documentation's table."""

    @property
    @abstractmethod
    def word(self) -> str:
        """The first word of its story: `DOWN`."""

    @property
    @abstractmethod
    def word_at_end(self) -> str:
        """The first word of its end: `UP`."""

    @property
    @abstractmethod
    def looks_for(self) -> str:
        """What the log is searched for: `failed run`."""

    @property
    @abstractmethod
    def urgent(self) -> bool:
        """Something is wrong already: other checks' stories count it, and running the check again shows it."""

    @property
    @abstractmethod
    def reminds(self) -> bool:
        """While it goes on, reminders are sent (`alarms.remind`)."""

    @property
    @abstractmethod
    def reads_errors(self) -> bool:
        """Its story needs the monitor's own errors too."""

    @abstractmethod
    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm | None:
        """Its alarm of a scheduled check; None where that could never be in alarm, as `never` says."""

    @property
    def never(self) -> str:
        """Why a check has no such alarm: what `validate` says to whoever set its `key` all the same."""
        return "nothing that this check does can set it off"

    @abstractmethod
    def is_bad(self, run: CheckResult, change: Change) -> bool | None:
        """Whether a run is bad in the eyes of this alarm; None where the alarm does not see it."""

    def bad_values(self, change: Change) -> "BadValues | None":
        """The signal whose values alone tell which runs were bad, and which they are; None where only the log does."""
        return None

    @abstractmethod
    def rule(self, change: Change) -> str:
        """What made the alarm change, by its numbers: `2 of the last 3 runs failed`."""

    @abstractmethod
    def start(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """What the story says when the alarm goes into ALARM."""

    @abstractmethod
    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """What the story says when the alarm has ended."""

    @abstractmethod
    def is_shown(self, change: Change, runs: Sequence[CheckResult], since: datetime) -> bool:
        """Whether `runs`, newest first, show what made the alarm change, as far as that can lie after `since`.

        False while a line is still under way to the log.
        """

    @abstractmethod
    def is_whole(self, change: Change, runs: Sequence[CheckResult]) -> bool:
        """Whether `runs`, newest first, reach back to where the story begins: nothing older need be read."""

    def oldest_of_use(self, change: Change) -> datetime:
        """Where looking back ends: an outage may have been long, what makes an alarm change lies near."""
        if change.state == "OK":
            return change.at - _OLDEST_END
        return change.at - change.period * (2 * change.periods + 2) - timedelta(minutes=5)

    def began(self, change: Change) -> datetime | None:
        """When the trouble began, as far as CloudWatch's own words tell; None where they do not."""
        return None

    def __str__(self) -> str:
        return self.name


def clean(text: str) -> str:
    """One printable line, bounded: whatever a server put there does nothing but stand there."""
    return one_line(text, 500)
