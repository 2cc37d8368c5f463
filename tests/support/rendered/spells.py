"""Which runs an alarm rang for: patterns of good (g) and bad (b) runs, newest first."""

from datetime import timedelta

from imapcheck.alarms.kinds import UNAVAILABLE
from imapcheck.alarms.spell import Spell, find_spell, good_since
from imapcheck.failures import FailureType
from imapcheck.result import CheckResult
from support.story_scenes import FAULTS, RANG, change, log_line, runs_of

PATTERNS = (
    "", "g", "b", "bb", "bbg", "bbgg", "bgbgg", "gbbg", "gbbgg", "ggbbgg", "ggggbbgg", "bbgggbb", "gbgbg", "bbbbggg",
    "gggbbbggg", "gggbb",
)  # fmt: skip
REFUSED = FailureType.CONNECTION_REFUSED


def runs(pattern: str, newest: timedelta, apart: timedelta) -> tuple[CheckResult, ...]:
    """The newest so long before the alarm's change."""
    found = []
    for number, kind in enumerate(pattern):
        at = RANG - newest - apart * number
        bad = {"type": REFUSED, "fault": FAULTS[REFUSED]} if kind == "b" else {}
        found.append(log_line(at, **bad))
    return runs_of(found)


def spells() -> str:
    """A line for each: which are its bad runs, and what lies around them."""
    lines = []
    for state in ("ALARM", "OK"):
        for needed, periods in ((1, 1), (2, 3), (3, 3)):
            for newest, apart in ((119, 300), (120, 300), (0, 60)):
                title = f"{state}, {needed} of {periods}, the newest {newest} s before, {apart} s apart"
                lines.append(f"=== {title}")
                for pattern in PATTERNS:
                    seen = runs(pattern, timedelta(seconds=newest), timedelta(seconds=apart))
                    told = change(UNAVAILABLE, state, needed=needed, periods=periods)
                    spell, since = find_spell(told, seen), good_since(told, seen)
                    good = "" if since is None else f"; good since run {_index(seen, since)}"
                    lines.append(f"{pattern:<10}{'no spell' if spell is None else _told(spell, seen)}{good}")
    return "\n".join(lines) + "\n"


def _index(seen: tuple[CheckResult, ...], since: object) -> int:
    return [run.started_at for run in seen].index(since)  # type: ignore[arg-type]


def _told(spell: Spell, seen: tuple[CheckResult, ...]) -> str:
    words = [f"runs {', '.join(str(seen.index(run)) for run in spell.bad)}", f"{spell.bad_in_window} of {spell.window}"]
    words += [f"after it {seen.index(spell.after)}"] if spell.after is not None else []
    words += [f"last good {seen.index(spell.last_good)}"] if spell.last_good is not None else []
    words += ["from its beginning"] if spell.complete else []
    words += ["unbroken"] if spell.unbroken else []
    return "; ".join(words)
