"""What is left of a story without evidence: what the alarm itself says."""

import re
from datetime import UTC, datetime

from imapcheck.alarms.kind import Change, Evidence, Plot, clean
from imapcheck.alarms.spell import good_since, may_lock
from imapcheck.alarms.times import since_beside
from imapcheck.asked import Asked
from imapcheck.wording import clock, date

_DATAPOINT = re.compile(r"(\d+(?:\.\d+)?) \((\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\)")


def bare(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    """What is left to say without evidence: that the alarm changed, and what CloudWatch says of it."""
    silence, words = _silence(change, evidence), (f"CloudWatch: {clean(change.reason)}",)
    if change.state == "OK":
        at = date(change.at, change.at)
        return Plot(
            change.kind.word_at_end,
            (f": the alarm {change.kind} ended, {at}",),
            f"since {at}: the alarm {change.kind} is OK again",
            f"its length is not known: {silence}",
            words,
        )
    since = change.kind.began(change)
    began = f"since {date(change.at, change.at)} or earlier" if since is None else f"since {date(since, change.at)}"
    beside = since_beside(change, asked, since or change.at, " or earlier" if since is None else "")
    return Plot(
        change.kind.word,
        (": reason unknown", f", {began}", f": {silence.partition(' (')[0]}"),
        f"{beside}: {change.kind.rule(change)}; alarm at {clock(change.at, change.at)}",
        f"reason unknown: {silence}",
        words,
        advice=_look_yourself(asked, evidence),
        since=since,
    )


def unfounded(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    """The alarm was set by hand, for instance, and no run is bad, or none is there."""
    silence = _silence(change, evidence)
    return Plot(
        "ALARM",
        (f": {change.kind} is in alarm, but {silence}",),
        f"since {date(change.at, change.at)}: the alarm {change.kind} is in alarm",
        f"reason unknown: {silence}; the alarm may have been set by hand (a rehearsal)",
        (f"CloudWatch: {clean(change.reason)}",),
        advice=_look_yourself(asked, evidence),
    )


def _look_yourself(asked: Asked, evidence: Evidence) -> str:
    if may_lock(evidence.runs):
        return "Look into the log (line Log). Do not run the check by hand: another refused login may lock the account."
    line = "" if asked.file is None else " (line Run again)"
    by_hand = f"Run the check once by hand{line}: it shows whether and why it fails."
    if evidence.problem is None:
        return f"{by_hand} Then look into the log (line Log)."
    return f"{by_hand} Then look into the log of the function explain_alarm: it says why this message says no more."


def first_datapoint(change: Change) -> datetime | None:
    """When the first of the runs below the threshold began that CloudWatch's reason names; None where it names none."""
    if change.threshold is None:
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
    return f"the log has no {change.kind.looks_for} since {clock(since, change.at)}"
