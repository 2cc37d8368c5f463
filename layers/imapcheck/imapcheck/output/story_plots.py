"""What each kind of alarm has to say, and what its end has: facts in, a plot out.

A plot keeps our own words apart from the server's, as each way out must fence the latter in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypedDict

from imapcheck.output.story_facts import Change, Evidence, Kind, Run, Spell, Watched, clean, find_spell
from imapcheck.output.story_sentences import (
    advice_of,
    attempts_of,
    certificate_left,
    certificate_names,
    end_of,
    expiry_of,
    grown_most,
    growth_of,
    how_long,
    last_good,
    last_lines,
    meaning_of,
    other_reasons,
    reason_of,
    share_of,
    since_in_subject,
    since_when,
    step_before,
    words_of,
)
from imapcheck.output.story_words import clock, count, days, ms, span, timed_steps


@dataclass(frozen=True)
class Plot:
    """The parts of a story; `quoted` and `transcript` hold words that are not ours."""

    word: str
    subject: tuple[str, ...]
    when: str
    why: str
    quoted: tuple[str, ...] = ()
    do: str | None = None
    steps: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    bad_runs: int | None = None
    run: Run | None = None


def plot(change: Change, watched: Watched, evidence: Evidence) -> Plot:
    """The plot of one change; where the log gave nothing to go by, what the alarm itself says."""
    if change.kind is Kind.NOT_RUNNING:
        return _not_running(change, watched, evidence) if change.state == "ALARM" else _running_again(change, evidence)
    spell = find_spell(change, evidence.runs)
    if change.kind is Kind.CERTIFICATE and change.state == "OK":
        return _certificate_renewed(change, evidence)
    if spell is None:
        return bare(change, watched, evidence)
    tell = _RINGS[change.kind] if change.state == "ALARM" else _ENDS[change.kind]
    return tell(change, watched, spell)


def bare(change: Change, watched: Watched, evidence: Evidence) -> Plot:
    """What is left to say without evidence: that the alarm changed, and what CloudWatch says of it."""
    at = f"{clock(change.at, change.at)} UTC"
    if change.state == "OK":
        return Plot(
            _WORDS[change.kind][1], (f": the alarm {change.kind.value} ended at {at}",),
            f"since {at}: the alarm {change.kind.value} is quiet again",
            f"how long it rang is not known: {_silence(change, evidence)}", (f"CloudWatch: {clean(change.reason)}",),
        )  # fmt: skip
    return Plot(
        _WORDS[change.kind][0], (f": alarm {change.kind.value} since {at}", "; the log does not say why"),
        f"since {at}, when the alarm rang: {change.needed} of {count(change.periods, 'run')}",
        f"why is not known: {_silence(change, evidence)}", (f"CloudWatch: {clean(change.reason)}",),
        "Run the check by hand (below), and look at the dashboard and the log.",
    )  # fmt: skip


def _silence(change: Change, evidence: Evidence) -> str:
    if evidence.problem is not None:
        return evidence.problem
    if evidence.looked_from is None:
        return "the log was not read"
    return f"the log has no {_LOOKED_FOR[change.kind]} since {clock(evidence.looked_from, change.at)} UTC"


class _SpellFields(TypedDict):
    since: datetime
    bad_runs: int
    run: Run


def _spell(spell: Spell) -> _SpellFields:
    return {"since": spell.since, "bad_runs": len(spell.bad), "run": spell.told}


def _unavailable(change: Change, watched: Watched, spell: Spell) -> Plot:
    run = spell.told
    reason = reason_of(run)
    return Plot(
        "DOWN",
        (f": {reason.replace(':', '')}", *since_in_subject(change, spell)),
        f"{since_when(change, spell)}: {share_of(spell)} failed; {last_good(change, spell)}",
        f"{reason}{meaning_of(run)}",
        words_of(run),
        advice_of(run, watched),
        timed_steps(run.step_ms, run.step),
        (*other_reasons(spell), *step_before(run, spell), *certificate_left(spell), *attempts_of(run)),
        last_lines(run),
        **_spell(spell),
    )


def _slow(change: Change, watched: Watched, spell: Spell) -> Plot:
    run = spell.bad[0]
    exceeded = run.exceeded(watched.thresholds)
    over = [f"{name} took {ms(took)}, limit {ms(limit)} ({ms(took - limit)} over)" for name, limit, took in exceeded]
    grown = grown_most(run, spell.last_good)
    step = grown[0] if grown else next((name for name, _, _ in exceeded if name != "total"), None)
    raise_it = f"raise its threshold in {watched.file}" if watched.file else "raise its threshold"
    return Plot(
        "SLOW",
        (f": {over[0].split(' (')[0] if over else 'over a threshold'}", *since_in_subject(change, spell)),
        f"{since_when(change, spell)}: {share_of(spell)} over a threshold; {last_good(change, spell)}",
        f"slow: {over[0] if over else f'the run took {ms(run.duration_ms)}'}",
        do=f"Look at load, disk and network behind {step or 'the steps below'}. Normal there? Then {raise_it}.",
        steps=timed_steps(run.step_ms, None),
        facts=(*(f"Also over: {item}." for item in over[1:]), *growth_of(grown, spell), *certificate_left(spell)),
        **_spell(spell),
    )


def _certificate(change: Change, watched: Watched, spell: Spell) -> Plot:
    run = spell.bad[0]
    left = run.certificate_days or 0.0
    limit = days(change.threshold or 0)
    return Plot(
        "CERTIFICATE",
        (f": expires in {days(left)}", f", on {expiry_of(run)}"),
        f"{since_when(change, spell)}: fewer than {limit} left",
        f"certificate: expires in {days(left)}, on {expiry_of(run)}",
        certificate_names(run.certificate),
        "Renew it and reload the server; the next run sees it. Once expired, no mail client connects.",
        **_spell(spell),
    )


def _not_running(change: Change, watched: Watched, evidence: Evidence) -> Plot:
    last = next(iter(evidence.runs), None)
    error = next(iter(evidence.errors), None)
    since = last.started_at if last is not None else change.at - change.period * change.periods
    told = f"since {clock(since, change.at)} UTC{'' if last is not None else ' or earlier'}"
    verdict = f"; last result {'available' if last.available else 'not available'}" if last is not None else ""
    return Plot(
        "NOT RUNNING",
        (f": no result {told}", "; nobody looked"),
        f"{told}: no result for {count(change.periods, 'interval')} of {span(change.period)}{verdict}",
        f"monitor: {_monitor_says(change, evidence)}",
        () if error is None else (clean(error.text),),
        "Is the schedule enabled? Do dead-letters, dropped events or throttles ring? See the function's log."
        if error is None
        else "Mend what the error names: the next run tries again.",
        facts=("The mail server may be fine or not: nobody looked.",),
        since=since,
        run=last,
    )


def _monitor_says(change: Change, evidence: Evidence) -> str:
    if evidence.errors:
        return f"its own error, last at {clock(evidence.errors[0].at, change.at)} UTC"
    if evidence.problem is not None:
        return f"why is not known: {evidence.problem}"
    return "no result; the log names no cause"


def _up(change: Change, watched: Watched, spell: Spell) -> Plot:
    length, when = how_long(change, spell)
    runs = count(len(spell.bad), "run")
    run = spell.told
    reason = reason_of(run)
    return Plot(
        "UP",
        (f" after {length}", f"; {runs} failed", f": {reason.replace(':', '')}"),
        f"after {length}: {when}; {runs} failed",
        f"it was {reason}{meaning_of(run)}",
        words_of(run),
        facts=(*other_reasons(spell), *certificate_left(spell)),
        until=end_of(change, spell),
        **_spell(spell),
    )


def _no_longer_slow(change: Change, watched: Watched, spell: Spell) -> Plot:
    length, when = how_long(change, spell)
    runs = count(len(spell.bad), "run")
    over = [item for run in spell.bad for item in run.exceeded(watched.thresholds)]
    name, limit, took = max(over, key=lambda item: item[2] / item[1], default=("total", 0.0, spell.bad[0].duration_ms))
    limited = f", limit {ms(limit)}" if limit else ""
    now = (f"Now: total {ms(spell.after.duration_ms)}.",) if spell.after is not None else ()
    return Plot(
        "NOT SLOW",
        (f": fast enough again after {length}", f"; {runs} over a threshold"),
        f"after {length}: {when}; {runs} over a threshold",
        f"it was {name}: {ms(took)} at worst{limited}",
        facts=now,
        until=end_of(change, spell),
        **_spell(spell),
    )


def _certificate_renewed(change: Change, evidence: Evidence) -> Plot:
    at = f"{clock(change.at, change.at)} UTC"
    run = next((run for run in evidence.runs if run.certificate_days is not None), None)
    if run is None or run.certificate_days is None or run.certificate_days < (change.threshold or 0):
        return bare(change, Watched(), evidence)
    return Plot(
        "CERTIFICATE OK", (f": {days(run.certificate_days)} left", f", until {expiry_of(run)}"),
        f"since {at}: {days(change.threshold or 0)} or more are left again",
        f"certificate: expires in {days(run.certificate_days)}, on {expiry_of(run)}",
        certificate_names(run.certificate), until=run.started_at, run=run,
    )  # fmt: skip


def _running_again(change: Change, evidence: Evidence) -> Plot:
    runs = evidence.runs
    if not runs:
        return bare(change, Watched(), evidence)
    gaps = [(newer.started_at - older.started_at, older, newer) for newer, older in pairwise(runs)]
    silent = next(((gap, older, newer) for gap, older, newer in gaps if gap > change.period * 1.9), None)
    verdict = "available" if runs[0].available else f"not available, {reason_of(runs[0])}"
    why = f"the newest run says: {verdict}"
    error = tuple(f"the monitor's last error: {clean(item.text)}" for item in evidence.errors[:1])
    if silent is None:
        at = clock(runs[-1].started_at, change.at)
        return Plot("RUNNING", (f" again since {at} UTC",), f"since {at} UTC: results come in again", why, error,
                    until=runs[-1].started_at, run=runs[0])  # fmt: skip
    gap, older, newer = silent
    return Plot(
        "RUNNING", (f" again after {span(gap)} without a result",),
        f"after {span(gap)} without a result: {clock(older.started_at, change.at)} to"
        f" {clock(newer.started_at, change.at)} UTC",
        why, error, since=older.started_at, until=newer.started_at, run=runs[0],
    )  # fmt: skip


_LOOKED_FOR = {
    Kind.UNAVAILABLE: "failed run",
    Kind.NOT_RUNNING: "run",
    Kind.SLOW: "slow run",
    Kind.CERTIFICATE: "run that saw so few days left",
}
_WORDS = {
    Kind.UNAVAILABLE: ("DOWN", "UP"),
    Kind.NOT_RUNNING: ("NOT RUNNING", "RUNNING"),
    Kind.SLOW: ("SLOW", "NOT SLOW"),
    Kind.CERTIFICATE: ("CERTIFICATE", "CERTIFICATE OK"),
}
type _Teller = Callable[[Change, Watched, Spell], Plot]
_RINGS: dict[Kind, _Teller] = {Kind.UNAVAILABLE: _unavailable, Kind.SLOW: _slow, Kind.CERTIFICATE: _certificate}
_ENDS: dict[Kind, _Teller] = {Kind.UNAVAILABLE: _up, Kind.SLOW: _no_longer_slow}
