"""What the end of each kind of alarm has to say: facts in, a plot out."""

from collections import Counter
from datetime import datetime

from imapcheck.output.story_causes import DOWN, meaning_of, word_of
from imapcheck.output.story_facts import Change, Evidence, Spell, certificate_days, clean, silence, type_of
from imapcheck.output.story_plot import Plot, bare
from imapcheck.output.story_sentences import (
    causes_of,
    certificate_left,
    certificate_names,
    end_of,
    exceeded,
    expiry_of,
    how_long,
    reason_of,
    words_of,
)
from imapcheck.output.story_words import between, ms, names, stamp
from imapcheck.result import Asked, CheckResult
from imapcheck.text import count, days, duration

_CAUSES_QUOTED = 3


def up(change: Change, asked: Asked, spell: Spell) -> Plot:
    """Each cause with its count and its time; the words of each."""
    length, when = how_long(change, spell)
    runs = count(len(spell.bad), "run")
    was_down = any(word_of(run) == DOWN for run in spell.bad)
    return Plot(
        "UP" if was_down else "OK",
        (f" after {length}", f"; {runs} failed", f": {_counts(spell)}"),
        f"after {length}: {when}; {runs} failed",
        _what_it_was(change, asked, spell),
        _words_of_each(spell),
        advice=f"Nothing now. Did nobody repair it? Then look for the reason in the server's log"
        f" from {stamp(spell.since)}.",
        facts=certificate_left(spell.after),
        since=spell.since,
        until=end_of(change, spell),
        bad_runs=len(spell.bad),
        run=spell.told,
    )


def _counts(spell: Spell) -> str:
    """`1 x connection_lost, 6 x connection_refused`, the first to appear first."""
    types = Counter(str(type_of(run) or "failed") for run in reversed(spell.bad))
    return next(iter(types)) if len(types) == 1 else names([f"{number} x {name}" for name, number in types.items()])


def _what_it_was(change: Change, asked: Asked, spell: Spell) -> str:
    causes = causes_of(change, spell)
    if len(causes) == 1:
        return f"it was {reason_of(spell.told)}{meaning_of(spell.told, asked)}"
    return f"it was {names(causes)} UTC"


def _words_of_each(spell: Spell) -> tuple[str, ...]:
    newest: dict[str, CheckResult] = {}
    for run in spell.bad:
        newest.setdefault(reason_of(run), run)
    if len(newest) == 1:
        return words_of(spell.told)
    told = list(reversed(newest.values()))[:_CAUSES_QUOTED]
    return tuple(clean(f"{run.failure.step}: {run.failure.detail}") for run in told if run.failure is not None)


def no_longer_slow(change: Change, asked: Asked, spell: Spell) -> Plot:
    """The worst that was seen, and how long it takes now."""
    length, when = how_long(change, spell)
    runs = count(len(spell.bad), "run")
    over = [item for run in spell.bad for item in exceeded(run)]
    worst = max(over, key=lambda item: item.duration_ms / item.limit_ms, default=None)
    name, took = ("total", spell.bad[0].duration_ms) if worst is None else (worst.name, worst.duration_ms)
    limited = "" if worst is None else f", limit {ms(worst.limit_ms)}"
    return Plot(
        "NOT SLOW",
        (f": fast enough again after {length}", f"; {runs} over a limit"),
        f"after {length}: {when}; {runs} over a limit",
        f"it was {name}: {ms(took)} at worst{limited}",
        advice="Nothing now.",
        facts=_took_now(name, spell.after),
        since=spell.since,
        until=end_of(change, spell),
        bad_runs=len(spell.bad),
        run=spell.told,
    )


def _took_now(name: str, after: CheckResult | None) -> tuple[str, ...]:
    if after is None:
        return ()
    took = next((took for step, took in after.step_ms.items() if step == name), None)
    step = f"{name} {ms(took)}, " if took is not None else ""
    return (f"Now: {step}total {ms(after.duration_ms)}.",)


def certificate_renewed(change: Change, evidence: Evidence) -> Plot:
    """The new date."""
    known = ((run, left) for run in evidence.runs if (left := certificate_days(run)) is not None)
    run, left = next(known, (None, 0.0))
    if run is None or left < (change.threshold or 0):
        return bare(change, Asked(), evidence)
    return Plot(
        "CERTIFICATE OK",
        (f": {days(left)} left", f", until {expiry_of(run)}"),
        f"since {stamp(change.at)}: {days(change.threshold or 0)} or more are left again",
        f"certificate: expires in {days(left)}, on {expiry_of(run)}",
        certificate_names(run.server.tls),
        advice="Nothing now.",
        until=run.started_at,
        run=run,
    )


def running_again(change: Change, evidence: Evidence) -> Plot:
    """How long there was no result, and what the newest says."""
    runs = evidence.runs
    if not runs:
        return bare(change, Asked(), evidence)
    silent = silence(change, runs)
    error = tuple(f"the monitor's last error: {clean(item.text)}" for item in evidence.errors[:1])
    since, until = (silent[0].started_at, silent[1].started_at) if silent else (None, runs[-1].started_at)
    after = f" after {duration(until - since)} without a result" if since is not None else f" since {stamp(until)}"
    return Plot(
        "RUNNING",
        (f" again{after}",),
        _when_silent(since, until),
        f"the newest run says: {'good' if runs[0].available else f'failed, {reason_of(runs[0])}'}",
        error,
        advice="Nothing now."
        if runs[0].available
        else "See why the newest run failed: the alarm unavailable tells it.",
        since=since,
        until=until,
        run=runs[0],
    )


def _when_silent(since: datetime | None, until: datetime) -> str:
    if since is None:
        return f"since {stamp(until)}: results come in again"
    return f"after {duration(until - since)} without a result: {between(since, until)}"
