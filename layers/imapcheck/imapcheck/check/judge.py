"""One verdict from several places: reaching the server is voted on, what is behind the login is home's alone.

Home is the Region that the stack is in and that runs the whole check. Pure: who was asked, and how, is nobody's
business here.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from imapcheck.definition.asked import reaches
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import CheckResult, Failure, PlaceFacts, ResultWarning, StepResult, Verdict
from imapcheck.text import one_line


class Seen(NamedTuple):
    """What a place answered: its look; or `silent`, why it did not look."""

    place: str
    look: CheckResult | None
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
    places = (_home(definition, home, run), *map(_place, others))
    verdict = verdict_of([place.reached for place in places], session_good=run.available, quorum=quorum)
    silent = (
        ResultWarning("place_silent", one_line(f"{seen.place}: {seen.silent}", 400)) for seen in others if seen.silent
    )
    found = replace(
        run,
        verdict=verdict,
        places=places,
        login_tested=places[0].reached if definition.logs_in else None,
        warnings=(*run.warnings, *silent),
    )
    if verdict != "down" or found.failure is not None:
        return found
    accuser = next(seen.look for seen in others if seen.look is not None and not seen.look.available)
    failures = tuple(place.failure for place in places if place.failure is not None)
    return replace(found, failure=failures[0], failures=failures, transcript=accuser.transcript)


def _home(definition: CheckDefinition, home: str, run: CheckResult) -> PlaceFacts:
    reached = run.failure is None or not reaches(run.failure.step) or _logged_in(run)
    return PlaceFacts(home, looked=True, reached=reached, failure=run.failure, steps=_reaching(run))


def _logged_in(run: CheckResult) -> bool:
    """It came as far as the login: CAPABILITY, which is asked again after it, then says nothing of reaching."""
    step = run.step("authenticate")
    return step is not None and step.status != "skipped"


def _place(seen: Seen) -> PlaceFacts:
    if seen.look is None:
        return PlaceFacts(seen.place, looked=False, reached=None)
    return PlaceFacts(
        seen.place, True, seen.look.available, _there(seen.look.failure, seen.place), _reaching(seen.look)
    )


def _there(failure: Failure | None, place: str) -> Failure | None:
    return None if failure is None else replace(failure, place=place)


def _reaching(run: CheckResult) -> tuple[StepResult, ...]:
    return tuple(step for step in run.steps if reaches(step.name))
