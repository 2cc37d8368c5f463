"""The alarm `slow`: the mail server works, and M of the last N runs were over a threshold."""

from collections.abc import Iterator

from imapcheck.alarms.alarm import Alarm, Signal, of_the_last
from imapcheck.alarms.bare import bare
from imapcheck.alarms.by_runs import ByRuns, fields_of
from imapcheck.alarms.causes import behind
from imapcheck.alarms.kind import BadValues, Change, Evidence, Plot
from imapcheck.alarms.layout import timed_steps
from imapcheck.alarms.sentences import (
    address_of,
    certificate_left,
    end_of,
    exceeded,
    grown_most,
    growth_of,
    how_long,
    last_good,
    share_of,
    since_and_how_long,
    since_when,
    what_changed,
)
from imapcheck.alarms.spell import Spell, spell_of
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.result import CheckResult
from imapcheck.wording import count, length, over_limit


class Slow(ByRuns):
    """A run over a threshold is bad; one that was not available says nothing of speed."""

    name = "slow"
    signal = Signal("Slow", "Maximum")
    signals = (signal, Signal("Duration", "Maximum"))
    in_short = "M of the last N runs were over a threshold"
    word, word_at_end = "SLOW", "NOT SLOW"
    looks_for = "slow run"
    urgent = True
    reminds = False
    never = "there are no thresholds, so no run is slow"

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm | None:
        if not definition.thresholds:
            return None
        runs = definition.alarms.slow
        says = (
            f"The mail server {definition.host} works, but {of_the_last(runs)} of the check {definition.label} were"
            " over a threshold of its definition. The dashboard shows which step grew."
        )
        by_verdict, by_duration = self.signals
        # A metric less: where `total` is all that counts, the duration, of available runs alone as well, says the same.
        if definition.total_alone is not None:
            limit = definition.total_alone
            return Alarm(
                self.name, says, by_duration, "GreaterThanThreshold", limit, schedule.seconds, runs, missing="ignore"
            )
        return Alarm(
            self.name, says, by_verdict, "GreaterThanOrEqualToThreshold", 1, schedule.seconds, runs, missing="ignore"
        )

    def is_bad(self, run: CheckResult, change: Change) -> bool | None:
        return run.slow if run.available else None

    def bad_values(self, change: Change) -> BadValues:
        """Of the metric that this alarm watches: a limit above 1 is one of milliseconds."""
        by_verdict, by_duration = self.signals
        limit = change.threshold or 1
        return BadValues(by_duration, lambda value: value > limit) if limit > 1 else BadValues(by_verdict, bool)

    def rule(self, change: Change) -> str:
        return f"{change.needed} of the last {count(change.periods, 'run')} over a limit"

    def start_of(self, change: Change, asked: Asked, spell: Spell) -> Plot:
        run, before = spell.bad[0], spell.last_good
        passed = exceeded(run)
        over = [over_limit(item.name, item.duration_ms, item.limit_ms) for item in passed]
        grown = grown_most(run, before)
        step = grown[0] if grown else next((item.name for item in passed if item.name != "total"), "")
        limits = f"thresholds.{passed[0].name}" if passed else "its limit"
        return Plot(
            "SLOW",
            (f": {over[0] if over else 'over a limit'}", f", {since_when(change, spell)}", f" ({share_of(spell)})"),
            f"{since_and_how_long(change, asked, spell)}: {_were_slow(spell)}; {last_good(change, spell, 'quick')}",
            f"slow: works, but {over[0] if over else f'the whole took {length(run.duration_ms)}'} in the last run",
            advice=f"Wait for working hours unless users complain: everything works, only slower."
            f" {what_changed(change, before, 'was still quick')}Check the load, disk and network behind {step or 'it'}:"
            f" {behind(step)}. If this is normal, raise {limits} in {asked.file or 'the definition'}.",
            steps=timed_steps(run.step_ms, {item.name: "over its limit" for item in passed if item.name != "total"}),
            facts=(
                *growth_of(change, grown, before),
                *(f"Also over: {item}." for item in over[1:]),
                *_longest_hop(run),
                *address_of(run),
                *certificate_left(run),
            ),
            **fields_of(spell),
        )

    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """The worst that was seen, and how long it takes now."""
        spell = spell_of(change, evidence)
        if spell is None:
            return bare(change, asked, evidence)
        long, when = how_long(change, asked, spell)
        runs = count(spell.bad_runs, "run")
        over = [item for run in spell.bad for item in exceeded(run)]
        worst = max(over, key=lambda item: item.duration_ms / item.limit_ms, default=None)
        name, took = ("total", spell.bad[0].duration_ms) if worst is None else (worst.name, worst.duration_ms)
        limited = "" if worst is None else f", limit {length(worst.limit_ms)}"
        return Plot(
            "NOT SLOW",
            (f": fast enough again after {long}", f"; {runs} over a limit"),
            f"after {long}: {when}; {runs} over a limit",
            f"worst{_of_those_read(spell)}: {name} {length(took)}{limited}",
            advice="Do nothing now.",
            facts=_took_now(name, spell.after),
            until=end_of(change, spell),
            **fields_of(spell),
        )


def _longest_hop(run: CheckResult) -> Iterator[str]:
    """Where a late message spent its time, by the clocks of the servers it passed."""
    if run.delivery is None or all(item.name != "arrival" for item in run.exceeded):
        return
    timed = [(hop.seconds, hop.by) for hop in run.delivery.hops if hop.seconds is not None and hop.by is not None]
    if timed:
        seconds, by = max(timed)
        yield f"Longest on its way: {length(seconds * 1000)} until {by} had it."


def _of_those_read(spell: Spell) -> str:
    """Which of the slow runs were looked at, where some are known by the metric alone."""
    if not spell.unread:
        return ""
    return " of the newest run" if len(spell.bad) == 1 else f" of the newest {count(len(spell.bad), 'run')}"


def _were_slow(spell: Spell) -> str:
    share = share_of(spell)
    return f"{share} {'was' if share == 'the last run' else 'were'} slow"


def _took_now(name: str, after: CheckResult | None) -> tuple[str, ...]:
    if after is None:
        return ()
    took = next((took for step, took in after.step_ms.items() if step == name), None)
    step = f"{name} {length(took)}, " if took is not None else ""
    return (f"Now: {step}total {length(after.duration_ms)}.",)
