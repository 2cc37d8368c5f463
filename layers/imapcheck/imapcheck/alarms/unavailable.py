"""The alarm `unavailable`: the mail server could not be used in M of the last N runs."""

from collections import Counter
from datetime import datetime

from imapcheck.alarms.alarm import Alarm, Signal, of_the_last
from imapcheck.alarms.bare import bare, first_datapoint
from imapcheck.alarms.by_runs import ByRuns, fields_of
from imapcheck.alarms.causes import (
    PROVIDER,
    advice_of,
    failed_sending,
    headline_of,
    may_have_changed,
    meaning_of,
    unstable_advice,
    word_of,
)
from imapcheck.alarms.kind import BadValues, Change, Evidence, Plot, clean
from imapcheck.alarms.layout import names, timed_steps
from imapcheck.alarms.partial import outage_ended_partial
from imapcheck.alarms.sentences import (
    address_of,
    at,
    attempts_of,
    causes_of,
    certificate_left,
    end_of,
    how_long,
    last_good,
    last_lines,
    matches_before,
    other_reasons,
    pause_of,
    reason_of,
    refusal_elsewhere,
    runs_in_a_line,
    share_of,
    since_and_how_long,
    since_when,
    skipped,
    step_before,
    token_of,
    what_changed,
    words_of,
)
from imapcheck.alarms.spell import Spell, spell_of, type_of
from imapcheck.alarms.vantage import (
    accuser,
    check_the_way,
    failures_there,
    from_how_many,
    listed,
    not_from,
    place_lines,
    voted_down,
    way_first,
)
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.failures import DOWN, Category, FailureType
from imapcheck.result import CheckResult
from imapcheck.wording import count, date, failure_line

_CAUSES_QUOTED = 3
_AVAILABLE = 1
"""Of `Availability`, in percent; with places the share that reached the server lies above."""


class Unavailable(ByRuns):
    """A run that was not available is bad."""

    name = "unavailable"
    signal = Signal("Availability", "Minimum")
    in_short = "M of the last N runs failed"
    word, word_at_end = "DOWN", "UP"
    looks_for = "failed run"
    urgent = True
    reminds = True

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm:
        """Silence is not a recovery: missing data changes nothing."""
        runs = definition.alarms.unavailable
        says = (
            f"The mail server {definition.host} is not available: a mail client could not log in, find, read or file"
            f" mail in {of_the_last(runs)} of the check {definition.label}. The step that failed and the server's words"
            f" are in the log and on the dashboard."
        )
        return Alarm(
            self.name, says, self.signal, "LessThanThreshold", _AVAILABLE, schedule.seconds, runs, missing="ignore"
        )

    def is_bad(self, run: CheckResult, change: Change) -> bool:
        return run.verdict == "down"

    def bad_values(self, change: Change) -> BadValues:
        return BadValues(self.signal, lambda value: value < _AVAILABLE)

    def rule(self, change: Change) -> str:
        return f"{change.needed} of the last {count(change.periods, 'run')} failed"

    def began(self, change: Change) -> datetime | None:
        return first_datapoint(change)

    def start_of(self, change: Change, asked: Asked, spell: Spell) -> Plot:
        run, before, since = spell.told, spell.last_good, since_when(change, spell)
        mark = "not tried" if type_of(run) is FailureType.AUTHENTICATION_PAUSED else "failed"
        when = f"{since_and_how_long(change, asked, spell)}: {share_of(spell)} failed"
        if spell.unbroken:
            when = f"{when}; {last_good(change, spell)}"
            asks = what_changed(change, before) if may_have_changed(run) else ""
            advice = advice_of(run, asked, worked_before=before is not None)
        else:
            asks, advice = "", unstable_advice(run, asked, at(run, change), _good_at(change, spell))
        if way := way_first(run):
            # Where one place gets through, the host works: what else there is to say of it would only distract.
            of_the_host = run.reason is None or run.reason.type.category in (Category.CONNECTION, Category.TIMEOUT)
            advice = f"{way}{PROVIDER}" if of_the_host else f"{way} {advice}"
        return Plot(
            word_of(run, unbroken=spell.unbroken),
            (f": {headline_of(run, asked)}{from_how_many(run)}", f", {since}", f" ({share_of(spell)})"),
            when,
            _reason(run, asked),
            (*_words(run), *refusal_elsewhere(run), *pause_of(spell)),
            None if spell.unbroken else runs_in_a_line(change, spell),
            asks,
            advice,
            timed_steps(accuser(run).step_ms, {failure.step: mark for failure in failures_there(run)}),
            (
                *other_reasons(change, spell),
                *matches_before(change, run, before),
                *step_before(change, run, before),
                *skipped(run, before),
                *(() if failed_sending(run) else address_of(run)),
                *token_of(run, asked),
                *(() if failed_sending(run) else certificate_left(run)),
                *attempts_of(run),
            ),
            last_lines(run),
            **fields_of(spell),
        )

    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """Each cause with its count and its time; the words of each."""
        spell = spell_of(change, evidence)
        if spell is None:
            return bare(change, asked, evidence)
        long, when = how_long(change, asked, spell)
        runs = count(spell.bad_runs, "run")
        # What caused it came before the first run that failed.
        before = spell.since if spell.last_good is None else spell.last_good.started_at
        was_down = any(word_of(run) == DOWN for run in spell.bad)
        newest = evidence.runs[0]
        partial = newest.verdict == "partial"
        return Plot(
            not_from(newest) if partial else "UP" if was_down else "OK",
            (": no longer down," if partial else "", f" after {long}", f"; {runs} failed", f": {_counts(spell)}"),
            f"after {long}: {when}; {runs} failed",
            _what_it_was(change, asked, spell),
            place_lines(newest) if partial else _words_of_each(spell),
            advice=f"{check_the_way(newest)} It is still {outage_ended_partial(newest)}."
            if partial
            else f"Do nothing now. If nobody fixed it, find the cause in the server's log from"
            f" {date(before, change.at)} on.",
            facts=certificate_left(spell.after),
            until=end_of(change, spell),
            **fields_of(spell),
        )


def _good_at(change: Change, spell: Spell) -> str:
    """The time of the newest good run among the bad ones."""
    return next((at(run, change) for run, bad in spell.runs if not bad), "another time")


def _words(run: CheckResult) -> tuple[str, ...]:
    return place_lines(run) if voted_down(run) else words_of(run)


def _reason(run: CheckResult, asked: Asked) -> str:
    """`step: type`, where that was, and what it means."""
    return f"{reason_of(run)}{_from_where(run)}{meaning_of(accuser(run), asked)}"


def _from_where(run: CheckResult) -> str:
    return f", from {listed(run.unreached)}" if voted_down(run) else ""


def _counts(spell: Spell) -> str:
    """`1 x connection_lost, 6 x connection_refused`, the first to appear first."""
    types = Counter(str(type_of(run) or "failed") for run in reversed(spell.bad))
    unread = [f"{spell.unread} earlier"] if spell.unread else []
    if len(types) == 1 and not unread:
        return next(iter(types))
    return names([*(f"{number} x {name}" for name, number in types.items()), *unread])


def _what_it_was(change: Change, asked: Asked, spell: Spell) -> str:
    causes = causes_of(change, spell)
    if len(causes) == 1:
        return f"failure: {_reason(spell.told, asked)}"
    return f"failures: {names(causes)}"


def _words_of_each(spell: Spell) -> tuple[str, ...]:
    newest: dict[str, CheckResult] = {}
    for run in spell.bad:
        newest.setdefault(reason_of(run), run)
    if len(newest) == 1:
        return _words(spell.told)
    told = list(reversed(newest.values()))[:_CAUSES_QUOTED]
    return tuple(clean(failure_line(run.reason.step, run.reason.detail)) for run in told if run.reason is not None)
