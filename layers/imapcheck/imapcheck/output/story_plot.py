"""The parts of a story, and what is left of it without evidence.

A plot keeps our own words apart from the server's, as each way out must fence the latter in.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from imapcheck.output.story_facts import Change, Evidence, Kind, clean, good_since
from imapcheck.output.story_words import clock, stamp
from imapcheck.result import Asked, CheckResult
from imapcheck.text import count, duration

_DATAPOINT = re.compile(r"(\d+(?:\.\d+)?) \((\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\)")


@dataclass(frozen=True)
class Plot:
    """The parts of a story; `quoted` and `transcript` hold words that are not ours."""

    word: str
    subject: tuple[str, ...]
    when: str
    why: str
    quoted: tuple[str, ...] = ()
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


UNTOLD = Evidence(problem="the story could not be made")
"""Stands in for evidence that could not be told of: a bug must not make it say that the log has nothing."""


def bare(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    """What is left to say without evidence: that the alarm changed, and what CloudWatch says of it."""
    silence, words = _silence(change, evidence), (f"CloudWatch: {clean(change.reason)}",)
    if change.state == "OK":
        at = stamp(change.at)
        return Plot(
            WORDS[change.kind][1],
            (f": the alarm {change.kind.value} ended, {at}",),
            f"since {at}: the alarm {change.kind.value} is quiet again",
            f"how long it rang is not known: {silence}",
            words,
        )
    since = _first_datapoint(change)
    began = f"since {stamp(change.at)} or earlier" if since is None else f"since {stamp(since)}"
    return Plot(
        WORDS[change.kind][0],
        (": reason unknown", f", {began}", f": {silence.partition(' (')[0]}"),
        f"{began}: {_rule(change)}; the alarm rang at {clock(change.at, change.at)} UTC",
        f"reason unknown: {silence}",
        words,
        advice=_look_yourself(asked, evidence),
        since=since,
    )


def unfounded(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    """The alarm rings, set by hand for instance, and no run is bad, or none is there."""
    silence = _silence(change, evidence)
    return Plot(
        "ALARM",
        (f": {change.kind.value} rings, but {silence}",),
        f"since {stamp(change.at)}: the alarm {change.kind.value} rings",
        f"reason not known: {silence}; was the alarm set by hand?",
        (f"CloudWatch: {clean(change.reason)}",),
        advice=_look_yourself(asked, evidence),
    )


def _look_yourself(asked: Asked, evidence: Evidence) -> str:
    by_hand = "Run the check by hand (line Run again): it shows whether and why it fails."
    if asked.file is None:
        by_hand = "Run the check by hand: it shows whether and why it fails."
    if evidence.problem is None:
        return f"{by_hand} Then look into the log (line Runs)."
    return f"{by_hand} Then look into the log of the function explain_alarm, or the next mail knows no more."


def _rule(change: Change) -> str:
    """What made the alarm ring, by its numbers."""
    share = f"{change.needed} of the last {count(change.periods, 'run')}"
    match change.kind:
        case Kind.UNAVAILABLE:
            return f"{share} failed"
        case Kind.SLOW:
            return f"{share} over a limit"
        case Kind.CERTIFICATE:
            return "the certificate has few days left"
        case Kind.NOT_RUNNING:
            return f"no result for {count(change.periods, 'interval')} of {duration(change.period)}"


def _first_datapoint(change: Change) -> datetime | None:
    """When the first of the failed runs began that CloudWatch's reason names; null where it names none."""
    if change.kind is not Kind.UNAVAILABLE or change.threshold is None:
        return None
    found = [(float(value), at) for value, at in _DATAPOINT.findall(clean(change.reason))]
    try:
        times = [datetime.strptime(at, "%d/%m/%y %H:%M:%S").replace(tzinfo=UTC) for _, at in found]
    except ValueError:
        return None
    bad = [at for at, (value, _) in zip(times, found, strict=True) if value < change.threshold and at <= change.at]
    return min(bad, default=None)


def _silence(change: Change, evidence: Evidence) -> str:
    if evidence.problem is not None:
        return evidence.problem
    if evidence.looked_from is None:
        return "the log was not read"
    since = good_since(change, evidence.runs) or evidence.looked_from
    return f"the log has no {_LOOKED_FOR[change.kind]} since {clock(since, change.at)} UTC"


_LOOKED_FOR = {
    Kind.UNAVAILABLE: "failed run",
    Kind.NOT_RUNNING: "run",
    Kind.SLOW: "slow run",
    Kind.CERTIFICATE: "run that saw so few days left",
}
WORDS = {
    Kind.UNAVAILABLE: ("DOWN", "UP"),
    Kind.NOT_RUNNING: ("NO RESULT", "RUNNING"),
    Kind.SLOW: ("SLOW", "NOT SLOW"),
    Kind.CERTIFICATE: ("CERTIFICATE", "CERTIFICATE OK"),
}
