"""The kinds of alarm that go by bad runs: so many of the last ones, as CloudWatch counts them."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from imapcheck.alarms.bare import bare, unfounded
from imapcheck.alarms.kind import AlarmKind, Change, Evidence, Plot
from imapcheck.alarms.spell import Spell, bad_or_not, find_spell, spell_of
from imapcheck.asked import Asked
from imapcheck.result import CheckResult

_CLOUDWATCHS_OWN = "Threshold Crossed"
"""How the reason of an alarm begins that changes for its metric; who sets one by hand gives another."""
_UNSEEN_RUNS = 3


class ByRuns(AlarmKind):
    """Its story is that of the spell of bad runs; where the log has none, what the alarm itself says."""

    reads_errors = False

    @abstractmethod
    def start_of(self, change: Change, asked: Asked, spell: Spell) -> Plot:
        """What the bad runs tell, at the start."""

    def start(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        spell = spell_of(change, evidence)
        if spell is not None:
            return self.start_of(change, asked, spell)
        read = evidence.problem is None and evidence.looked_from is not None
        by_hand = evidence.runs or not change.reason.startswith(_CLOUDWATCHS_OWN)
        return (unfounded if read and by_hand else bare)(change, asked, evidence)

    def is_shown(self, change: Change, runs: Sequence[CheckResult], since: datetime) -> bool:
        seen = [bad for _, bad in bad_or_not(change, runs)]
        if change.state == "OK":
            return bool(seen) and not seen[0]
        whole = since <= change.at - change.period * change.periods
        return sum(seen[: change.periods]) >= (change.needed if whole else 1)

    def is_whole(self, change: Change, runs: Sequence[CheckResult]) -> bool:
        spell = find_spell(change, runs)
        if spell is not None:
            return spell.complete
        # No older run can make it one: an alarm that was set by hand has no beginning.
        return len(bad_or_not(change, runs)) > 2 * change.periods + _UNSEEN_RUNS


class SpellFields(TypedDict):
    """The parts of a plot that a spell gives."""

    since: datetime
    bad_runs: int
    run: CheckResult


def fields_of(spell: Spell) -> SpellFields:
    return {"since": spell.since, "bad_runs": spell.bad_runs, "run": spell.told}
