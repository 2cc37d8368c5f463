"""The alarm `partial`: in M of the last N runs some place, but no quorum, could not reach the server."""

from imapcheck.alarms.alarm import Alarm, Signal, of_the_last
from imapcheck.alarms.bare import bare
from imapcheck.alarms.by_runs import ByRuns, fields_of
from imapcheck.alarms.kind import BadValues, Change, Evidence, Plot
from imapcheck.alarms.sentences import (
    at,
    end_of,
    how_long,
    last_good,
    last_lines,
    reason_of,
    share_of,
    since_and_how_long,
    since_when,
)
from imapcheck.alarms.spell import Spell, spell_of
from imapcheck.alarms.vantage import check_the_way, fine_from, headline_there, listed, not_from, place_lines
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.result import CheckResult
from imapcheck.wording import count

_LOGIN_NOT_TESTED = "LOGIN NOT TESTED"
_EVERYWHERE = 99.99
"""Of `Availability`, in percent."""


class Partial(ByRuns):
    """A run is bad in which some place, but no quorum, could not reach the server.

    Metric math over the metric of `unavailable`, so that it changes by itself when an outage ends in a partial one.
    """

    name = "partial"
    signal = Signal("Availability", "Minimum", f"IF(m > 1 AND m < {_EVERYWHERE}, 1, 0)")
    in_short = "in M of the last N runs some place, but no quorum, could not reach the server"
    word, word_at_end = "NOT FROM EVERYWHERE", "FROM EVERYWHERE"
    looks_for = "partial run"
    urgent = True
    reminds = True
    never = "no run is partial without places, or if schedule.quorum is 1"

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm | None:
        if not schedule.places or schedule.votes_for_down(1 + len(schedule.places)) == 1:
            return None
        runs = definition.alarms.partial
        says = (
            f"The mail server {definition.host} is up, but not from everywhere: in {of_the_last(runs)} of the check"
            f" {definition.label} some place could not reach it. The log and the dashboard name the place."
        )
        return Alarm(
            self.name, says, self.signal, "GreaterThanOrEqualToThreshold", 1, schedule.seconds, runs, missing="ignore"
        )

    def is_bad(self, run: CheckResult, change: Change) -> bool:
        return run.verdict == "partial"

    def bad_values(self, change: Change) -> BadValues:
        return BadValues(self.signal, lambda value: 1 < value < _EVERYWHERE)

    def rule(self, change: Change) -> str:
        return f"{change.needed} of the last {count(change.periods, 'run')} partial"

    def start_of(self, change: Change, asked: Asked, spell: Spell) -> Plot:
        run = spell.told
        untested = run.login_tested is False
        return Plot(
            not_from(run),
            (
                f": {headline_there(run, asked)} there",
                f"; {_LOGIN_NOT_TESTED}" if untested else "",
                f", {fine_from(run)}",
                f", {since_when(change, spell)}",
                f" ({share_of(spell)})",
            ),
            f"{since_and_how_long(change, asked, spell)}: in {share_of(spell)}; {_before(change, spell)}",
            f"not from everywhere: {listed(run.unreached)} cannot reach it, {fine_from(run)}; {_session(run)}",
            place_lines(run),
            advice=_advice(run),
            transcript=last_lines(run) if run.reason is not None else (),
            **fields_of(spell),
        )

    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        spell = spell_of(change, evidence)
        if spell is None:
            return bare(change, asked, evidence)
        long, when = how_long(change, asked, spell)
        runs = count(spell.bad_runs, "run")
        newest = evidence.runs[0]
        down, unreached = newest.verdict == "down", listed(spell.told.unreached)
        return Plot(
            "NOT PARTIAL" if down else self.word_at_end,
            (f": down now, {reason_of(newest)}" if down else f" again after {long}", f"; {runs} partial"),
            f"after {long}: {when}; {runs} partial",
            f"it was not from everywhere: {unreached} could not reach it{'; now it is down' if down else ''}",
            place_lines(newest),
            advice="Read the message of the alarm unavailable: it reports the outage." if down else "Do nothing now.",
            until=end_of(change, spell),
            **fields_of(spell),
        )


def outage_ended_partial(newest: CheckResult) -> str:
    """How the end of an outage says that it is no recovery: what comes after the first word."""
    untested = f"; {_LOGIN_NOT_TESTED}" if newest.login_tested is False else ""
    return f"not reached from {listed(newest.unreached)}; {fine_from(newest)}{untested}"


def _before(change: Change, spell: Spell) -> str:
    """What was before may have been worse."""
    last = spell.last_good
    return last_good(change, spell) if last is None or last.verdict == "up" else f"down until {at(last, change)}"


def _session(run: CheckResult) -> str:
    if run.login_tested is False:
        return f"{_LOGIN_NOT_TESTED}: only the stack's own Region logs in, and it could not connect"
    return "the login and what follows it work" if run.login_tested else "the check does not log in"


def _advice(run: CheckResult) -> str:
    way = check_the_way(run)
    if run.login_tested is False:
        return (
            f"{way} Meanwhile, log in by hand: nothing tests the login until {listed(run.unreached)} can connect again."
        )
    return f"{way} Users elsewhere reach it."
