"""The sentences that the plots are made of: since when, how long, which step, whose words, what grew."""

import re
from collections import Counter
from datetime import datetime, timedelta

from imapcheck.advice import OAUTH
from imapcheck.alarms.kind import Change, clean
from imapcheck.alarms.layout import cut, names
from imapcheck.alarms.spell import Spell, certificate_days, type_of
from imapcheck.alarms.times import between_beside, since_beside
from imapcheck.asked import Asked
from imapcheck.failures import FailureType
from imapcheck.output.excerpt import end_of_part
from imapcheck.result import CheckResult, Exceeded, TlsFacts
from imapcheck.wording import clock, clocks, count, date, days, elapsed, failure_line, length, warning_line

TRANSCRIPT_LINES = 12
TRANSCRIPT_COLUMNS = 300
_WORTH_TELLING_MS = 10
_NOT_TRIED_MS = 1
_AGE = 10**9  # seconds
_NO_DATE = "a date that is not in the log"
_CUT = "(… lines left out in the log)"
_RUNS_SHOWN = 5
_TIMED_OUT = re.compile(r"no complete answer in time(?: \(waited [^)]*\))?")
"""Says no more than the type, beside which a story says how long was waited."""


def reason_of(run: CheckResult) -> str:
    """`authenticate: authentication_failed`."""
    return "run: failed" if run.reason is None else failure_line(run.reason.step, run.reason.type)


def since_when(change: Change, spell: Spell) -> str:
    """For a subject: `since 24 Nov 10:12 UTC`, after `on and off` where good runs lie between."""
    often = "" if spell.unbroken else "on and off "
    return f"{often}since {date(spell.since, change.at)}{_or_earlier(spell)}"


def since_and_how_long(change: Change, asked: Asked, spell: Spell) -> str:
    """As `since_when`, with the readers' own clock, and how long that is."""
    often = "" if spell.unbroken else "on and off "
    return f"{often}{since_beside(change, asked, spell.since, _or_earlier(spell))}"


def _or_earlier(spell: Spell) -> str:
    return "" if spell.complete or spell.last_good is not None else " or earlier"


def runs_in_a_line(change: Change, spell: Spell) -> str:
    """`Runs (UTC): 10:07 failed, 10:12 good, 10:17 failed`: the newest runs, the oldest of them first."""
    shown = spell.runs[:_RUNS_SHOWN]
    left_out = "… " if len(shown) < len(spell.runs) else ""
    told = (f"{at(run, change).removesuffix(' UTC')} {'failed' if bad else 'good'}" for run, bad in reversed(shown))
    return f"Runs (UTC): {left_out}{', '.join(told)}"


def share_of(spell: Spell) -> str:
    """`the last 2 runs`, or `2 of the last 3 runs` where good ones lie between."""
    if spell.unbroken:
        return "the last run" if len(spell.bad) == 1 else f"the last {len(spell.bad)} runs"
    return f"{spell.bad_in_window} of the last {count(spell.window, 'run')}"


def last_good(change: Change, spell: Spell, good: str = "good") -> str:
    if spell.last_good is None:
        return f"no {good} run found"
    return f"last {good} {at(spell.last_good, change)}"


def at(run: CheckResult, change: Change) -> str:
    """`10:07 UTC`, with the day where it is another than the change's."""
    return clock(run.started_at, change.at)


def what_changed(change: Change, before: CheckResult | None, was: str = "still worked") -> str:
    """What a good run before it asks for; it goes before an advice."""
    return "" if before is None else f"Find out what changed after {at(before, change)}, when it {was}. "


def end_of(change: Change, spell: Spell) -> datetime:
    """When the first good run after it began, or, unseen, when the alarm ended."""
    return spell.after.started_at if spell.after is not None else change.at


def how_long(change: Change, asked: Asked, spell: Spell) -> tuple[str, str]:
    """(how long it was, from when to when)."""
    end = end_of(change, spell)
    more = "" if spell.complete or spell.last_good is not None else "more than "
    return f"{more}{elapsed(end - spell.since)}", between_beside(change, asked, spell.since, end)


def words_of(run: CheckResult) -> tuple[str, ...]:
    """What the failure says, and the failures and warnings that came with it."""
    first = () if not detail_of(run) or _TIMED_OUT.fullmatch(detail_of(run)) else (clean(detail_of(run)),)
    others = (failure for failure in run.failures if failure is not run.reason)
    more = (clean(f"also {failure_line(failure.step, failure.type, failure.detail)}") for failure in others)
    warned = (clean(warning_line(warning.type, warning.detail)) for warning in run.warnings)
    about = _is_about_certificate(run) and run.server.tls is not None
    named = certificate_names(run.server.tls, besides=detail_of(run)) if about else ()
    return (*first, *more, *warned, *named)


def detail_of(run: CheckResult) -> str:
    """What the failure says; empty where there is none."""
    return "" if run.reason is None else run.reason.detail


def pause_of(spell: Spell) -> tuple[str, ...]:
    """Where the newest run withheld the login that an earlier one saw refused: until when."""
    newest = spell.bad[0]
    if type_of(newest) is not FailureType.AUTHENTICATION_PAUSED or spell.told is newest:
        return ()
    return (f"now the check does not log in, as more tries could lock the account: {clean(detail_of(newest))}",)


def refusal_elsewhere(run: CheckResult) -> tuple[str, ...]:
    """A refusal that no run of this check saw: checks of one mailbox share the pause."""
    if type_of(run) is not FailureType.AUTHENTICATION_PAUSED:
        return ()
    return ("The refusal itself is not among these runs: an earlier run or another check of this mailbox got it.",)


def _is_about_certificate(run: CheckResult) -> bool:
    type = type_of(run)
    return type is not None and type.startswith("certificate_")


def certificate_names(tls: TlsFacts | None, *, besides: str = "") -> tuple[str, ...]:
    """Whose certificate it is and who issued it, as far as `besides` does not say so already."""
    if tls is None:
        return ()
    lines = (
        ("certificate for", names(tls.certificate_names) or tls.certificate_subject),
        ("issued by", tls.certificate_issuer),
    )
    return tuple(f"{label} {told}" for label, value in lines if value and (told := clean(value)) not in besides)


def expiry_of(run: CheckResult) -> str:
    """`8 Dec 2026 10:05 UTC`."""
    moment = None if run.server.tls is None else run.server.tls.certificate_expires_at
    try:
        return _NO_DATE if moment is None else date(datetime.fromisoformat(moment), run.started_at)
    except ValueError:
        return _NO_DATE


def last_lines(run: CheckResult) -> tuple[str, ...]:
    """The conversation up to the end of the failed step, its last lines; how many were left out stands in between."""
    end = end_of_part("" if run.reason is None else run.reason.step, run.transcript)
    before, after = max(0, end - TRANSCRIPT_LINES), len(run.transcript) - end
    shown = (_CUT if line == "[...]" else cut(line, TRANSCRIPT_COLUMNS) for line in run.transcript[before:end])
    return (
        *((f"(… {count(before, 'line')} before)",) if before else ()),
        *shown,
        *((f"(… {count(after, 'line')} after)",) if after else ()),
    )


def causes_of(change: Change, spell: Spell) -> tuple[str, ...]:
    """Each reason, the first to appear first: how often, and from when to when."""
    oldest_first = spell.bad[::-1]
    reasons = Counter(reason_of(run) for run in oldest_first)
    unread = (f"{count(spell.unread, 'earlier run')} whose reasons are in the log",) if spell.unread else ()
    return (
        *(
            f"{number} × {reason} ({_from_to(change, [run for run in oldest_first if reason_of(run) == reason])})"
            for reason, number in reasons.items()
        ),
        *unread,
    )


def _from_to(change: Change, runs: list[CheckResult]) -> str:
    if len(runs) == 1:
        return at(runs[0], change)
    return clocks(runs[0].started_at, runs[-1].started_at, change.at)


def other_reasons(change: Change, spell: Spell) -> tuple[str, ...]:
    """Where not all runs failed alike: how often each way, and when."""
    causes = causes_of(change, spell)
    return (f"Failures: {names(causes)}.",) if len(causes) > 1 else ()


def step_before(change: Change, run: CheckResult, before: CheckResult | None) -> tuple[str, ...]:
    """How long the failed step took when all was well, where that is another order of things."""
    if before is None or run.reason is None:
        return ()
    step = run.reason.step
    took, took_before = (found.step_ms.get(step) for found in (run, before))
    if took is None or took_before is None or took < _NOT_TRIED_MS:
        return ()
    if abs(took - took_before) < _WORTH_TELLING_MS or 0.5 < took / (took_before or 1) < 2:
        return ()
    return (f"At {at(before, change)} {step} took {length(took_before)}.",)


def matches_before(change: Change, run: CheckResult, before: CheckResult | None) -> tuple[str, ...]:
    """What the same search found when all was well; of a match that is too old, its time."""
    newest = _newest_match(run)
    if type_of(run) is FailureType.TOO_OLD and newest is not None:
        return (f"The newest match is dated {date(newest, change.at)}.",)
    if type_of(run) is not FailureType.NO_MATCH or before is None or before.search is None:
        return ()
    newest = _newest_match(before)
    of = "" if newest is None else f", the newest of {date(newest, change.at)}"
    return (f"At {at(before, change)} {count(before.search.matches, 'message')} matched{of}.",)


def _newest_match(run: CheckResult) -> datetime | None:
    """When the newest match arrived, where the run looked at its age."""
    age = None if run.search is None else run.search.age_seconds
    return run.started_at - timedelta(seconds=age) if age is not None and 0 <= age < _AGE else None


def address_of(run: CheckResult) -> tuple[str, ...]:
    """Where the failed run was connected to, unless the detail says it."""
    address = run.server.address
    return (f"Address: {clean(address)}.",) if address is not None and address not in detail_of(run) else ()


def skipped(run: CheckResult, before: CheckResult | None) -> tuple[str, ...]:
    """The steps that a run left out which went on after its failure."""
    if before is None or run.reason is None or [*run.step_ms][-1:] == [run.reason.step]:
        return ()
    missing = [name for name in before.step_ms if name not in run.step_ms]
    return (f"Skipped: {names(missing)}.",) if missing else ()


def certificate_left(run: CheckResult | None) -> tuple[str, ...]:
    """The days that are left, where this very run verified the certificate."""
    left = certificate_days(run) if run is not None else None
    return () if left is None else (f"Certificate: {days(left)} left.",)


def token_of(run: CheckResult, asked: Asked) -> tuple[str, ...]:
    """Of a refused token: that the secret was not what was wrong."""
    refused = type_of(run) is FailureType.AUTHENTICATION_FAILED and asked.authentication in OAUTH
    return (
        ("The token endpoint accepted the secret and issued the token.",)
        if refused and run.token_ms is not None
        else ()
    )


def attempts_of(run: CheckResult) -> tuple[str, ...]:
    return (f"Attempts: {run.attempts}.",) if run.attempts > 1 else ()


def exceeded(run: CheckResult) -> list[Exceeded]:
    """The thresholds that made a run slow, worst first."""
    over = [item for item in run.exceeded if item.duration_ms > item.limit_ms > 0]
    return sorted(over, key=lambda item: item.duration_ms / item.limit_ms, reverse=True)


def grown_most(run: CheckResult, before: CheckResult | None) -> tuple[str, float, float] | None:
    """(step, now, before) of the step that grew most since the last good run."""
    if before is None:
        return None
    both = [(name, took, before.step_ms[name]) for name, took in run.step_ms.items() if name in before.step_ms]
    most = max(both, key=lambda item: item[1] - item[2], default=None)
    return most if most is not None and most[1] > most[2] else None


def growth_of(change: Change, grown: tuple[str, float, float] | None, before: CheckResult | None) -> tuple[str, ...]:
    if grown is None or before is None:
        return ()
    step, now, then = grown
    return (f"Grew most: {step}, {length(now)}; at {at(before, change)} it took {length(then)}.",)
