"""The sentences that the plots are made of: since when, how long, which step, whose words, what grew."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from imapcheck.errors import FailureType
from imapcheck.output.story_facts import Change, Run, Spell, Watched, clean
from imapcheck.output.story_words import clock, count, cut, day, days, ms, names, span

TRANSCRIPT_LINES = 12
TRANSCRIPT_COLUMNS = 300
_WORTH_TELLING_MS = 10


def reason_of(run: Run) -> str:
    """`authenticate: authentication_failed`."""
    return f"{run.step or 'run'}: {run.type or 'failed'}"


def since_when(change: Change, spell: Spell) -> str:
    earlier = "" if spell.complete or spell.last_good is not None else " or earlier"
    return f"since {clock(spell.since, change.at)} UTC{earlier}"


def since_in_subject(change: Change, spell: Spell) -> tuple[str, str]:
    return f", {since_when(change, spell)}", f" ({spell.bad_in_window} of {count(spell.window, 'run')})"


def share_of(spell: Spell) -> str:
    return f"{spell.bad_in_window} of the last {count(spell.window, 'run')}"


def last_good(change: Change, spell: Spell) -> str:
    if spell.last_good is None:
        return "no good run found"
    return f"last good {clock(spell.last_good.started_at, change.at)}"


def end_of(change: Change, spell: Spell) -> datetime:
    """When the first good run after it began, or, unseen, when the alarm ended."""
    return spell.after.started_at if spell.after is not None else change.at


def how_long(change: Change, spell: Spell) -> tuple[str, str]:
    """(how long it was, from when to when)."""
    end = end_of(change, spell)
    more = "" if spell.complete or spell.last_good is not None else "more than "
    return (
        f"{more}{span(end - spell.since)}",
        f"{clock(spell.since, change.at)} to {clock(end, change.at)} UTC",
    )


def advice_of(run: Run, watched: Watched) -> str | None:
    """The failure's own advice, else the table's; a secret that it speaks of is called by its name."""
    known = _known(run)
    advice = run.advice or (known.advice if known is not None else None)
    if advice is None or watched.secret is None:
        return advice
    return advice.replace("the secret", f"the secret {watched.secret}", 1)


def meaning_of(run: Run) -> str:
    """What the failure's type means, as ` - the server refused ..`; nothing for a type that is not known."""
    known = _known(run)
    return "" if known is None else f" - {known.meaning[0].lower()}{known.meaning[1:].rstrip('.')}"


def _known(run: Run) -> FailureType | None:
    return next((type for type in FailureType if type.value == run.type), None)


def words_of(run: Run) -> tuple[str, ...]:
    """What the failure says, and the failures and warnings that came with it."""
    more = (f"also {item.get('step')}: {item.get('type')}: {item.get('detail')}" for item in run.later_failures)
    warned = (f"warning {item.get('type')}: {item.get('detail')}" for item in run.warnings)
    named = certificate_names(run.certificate, besides=run.detail or "") if _is_about_certificate(run) else ()
    return (*((run.detail,) if run.detail else ()), *map(clean, (*more, *warned)), *named)


def _is_about_certificate(run: Run) -> bool:
    return run.type is not None and run.type.startswith("certificate_")


def certificate_names(facts: Mapping[str, object], *, besides: str = "") -> tuple[str, ...]:
    """Whose certificate it is and who issued it, as far as `besides` does not say so already."""
    listed = facts.get("certificate_names")
    found = [clean(str(name)) for name in listed] if isinstance(listed, list | tuple) else []
    lines = (
        ("certificate for", names(found) if found else facts.get("certificate_subject")),
        ("issued by", facts.get("certificate_issuer")),
    )
    return tuple(f"{label} {told}" for label, value in lines if value and (told := clean(str(value))) not in besides)


def _day_of(moment: object) -> str | None:
    try:
        return day(datetime.fromisoformat(moment)) if isinstance(moment, str) else None
    except ValueError:
        return None


def expiry_of(run: Run) -> str:
    """`8 Dec 2026 10:05 UTC`."""
    return _day_of(run.certificate.get("certificate_expires_at")) or "a date that the log does not tell"


def last_lines(run: Run) -> tuple[str, ...]:
    """The end of the conversation; LOGOUT and what follows it tell nothing of the failure."""
    lines = [cut(line, TRANSCRIPT_COLUMNS) for line in run.transcript]
    shown = lines[-TRANSCRIPT_LINES:]
    left_out = len(lines) - len(shown)
    return ((f"({count(left_out, 'line')} before)",) if left_out else ()) + tuple(shown)


def other_reasons(spell: Spell) -> tuple[str, ...]:
    """Where not all runs failed alike: how often each way."""
    reasons = Counter(reason_of(run) for run in spell.bad)
    if len(reasons) < 2:
        return ()
    return (f"Failures: {names([f'{number} x {reason}' for reason, number in reasons.most_common()])}.",)


def step_before(run: Run, spell: Spell) -> tuple[str, ...]:
    """How long the failed step took when all was well, where that is another order of things."""
    took, before = (
        found.step_ms.get(run.step or "") if found is not None else None for found in (run, spell.last_good)
    )
    if took is None or before is None or abs(took - before) < _WORTH_TELLING_MS or 0.5 < took / (before or 1) < 2:
        return ()
    return (f"Before: {run.step} took {ms(before)}.",)


def certificate_left(spell: Spell) -> tuple[str, ...]:
    """The days that are left, as the newest run that saw a verified certificate knows them.

    Nothing where that very certificate is refused now: what a run before saw is no longer so.
    """
    if spell.after is None and _is_about_certificate(spell.bad[0]):
        return ()
    runs = filter(None, (spell.after, *spell.bad, spell.last_good))
    left = next((run.certificate_days for run in runs if run.certificate_days is not None), None)
    return () if left is None else (f"Certificate: {days(left)}.",)


def attempts_of(run: Run) -> tuple[str, ...]:
    attempts = run.result.get("attempts")
    return (f"Attempts: {attempts}.",) if isinstance(attempts, int) and attempts > 1 else ()


def grown_most(run: Run, before: Run | None) -> tuple[str, float, float] | None:
    """(step, now, before) of the step that grew most since the last good run."""
    if before is None:
        return None
    both = [(name, took, before.step_ms[name]) for name, took in run.step_ms.items() if name in before.step_ms]
    most = max(both, key=lambda item: item[1] - item[2], default=None)
    return most if most is not None and most[1] > most[2] else None


def growth_of(grown: tuple[str, float, float] | None, spell: Spell) -> tuple[str, ...]:
    if grown is None:
        return ()
    step, now, before = grown
    return (f"Grew most: {step}, {ms(now)}; it took {ms(before)} in the last good run.",)
