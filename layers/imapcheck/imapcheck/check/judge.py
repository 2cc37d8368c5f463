"""One verdict from several places: reaching the server is voted on, what is behind the login is home's alone.

Home is the Region that the stack is in and that runs the whole check. Pure: who was asked, and how, is nobody's
business here.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from imapcheck.definition.asked import reaches
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import CheckResult, PlaceFacts, ResultWarning, Verdict


class Seen(NamedTuple):
    """What a place answered; `silent` is why it did not look."""

    facts: PlaceFacts
    transcript: tuple[str, ...] = ()
    silent: str = ""


def verdict_of(reached: Sequence[bool | None], *, session_good: bool, quorum: int) -> Verdict:
    """The verdict of places of which each did (True) or did not (False) reach the server, or did not look (None).

    Home is the first, it always looked, and `session_good` is how its whole session went. Who did not look neither
    accuses nor acquits; where no other place looked, home decides alone.
    """
    home, *_ = reached
    if home and not session_good:
        return "down"
    looked = [one for one in reached if one is not None]
    failed = looked.count(False)
    if failed >= min(quorum, len(looked)):
        return "down"
    return "partial" if failed else "up"


def judged(
    definition: CheckDefinition, home: str, run: CheckResult, others: Sequence[Seen], quorum: int
) -> CheckResult:
    """`run`, which is what `home` found, with what the `others` saw and the verdict of all."""
    places = (_home(home, run), *(seen.facts for seen in others))
    verdict = verdict_of([place.reached for place in places], session_good=run.available, quorum=quorum)
    silent = [ResultWarning("place_silent", f"{seen.facts.place}: {seen.silent}") for seen in others if seen.silent]
    found = replace(
        run,
        verdict=verdict,
        places=places,
        login_tested=places[0].reached if definition.logs_in else None,
        warnings=(*run.warnings, *silent),
    )
    if verdict != "down" or found.failure is not None:
        return found
    failures = tuple(place.failure for place in places if place.failure is not None)
    first = next(seen for seen in others if seen.facts.reached is False)
    return replace(found, failure=failures[0], failures=failures, transcript=first.transcript)


def as_place(region: str, run: CheckResult) -> PlaceFacts:
    """What `run`, which did no more than reach for the server, says of its Region."""
    steps = tuple(step for step in run.steps if reaches(step.name))
    return PlaceFacts(region, looked=True, reached=run.available, failure=run.failure, steps=steps)


def _home(home: str, run: CheckResult) -> PlaceFacts:
    reached = run.failure is None or not reaches(run.failure.step) or _came_to_login(run)
    return replace(as_place(home, run), reached=reached)


def _came_to_login(run: CheckResult) -> bool:
    """CAPABILITY, which is asked again after the login, then says nothing of reaching."""
    step = run.step("authenticate")
    return step is not None and step.status != "skipped"
