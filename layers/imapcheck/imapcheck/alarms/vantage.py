"""What a story says of places: from where the server was reached, and from where it was not."""

from collections.abc import Sequence
from dataclasses import replace

from imapcheck.alarms.causes import headline_of
from imapcheck.alarms.kind import clean
from imapcheck.alarms.layout import timed_steps
from imapcheck.asked import Asked
from imapcheck.regions import city
from imapcheck.result import CheckResult, Failure, PlaceFacts
from imapcheck.wording import count, failure_line

_MOST_NAMED = 2


def listed(places: Sequence[PlaceFacts]) -> str:
    """`Frankfurt, Ohio and Tokyo`; `nowhere` where there is none."""
    if not places:
        return "nowhere"
    *most, last = [clean(city(place.place)) for place in places]
    return f"{', '.join(most)} and {last}" if most else last


def not_from(run: CheckResult) -> str:
    """`NOT FROM TOKYO`; of many places their number."""
    unreached = run.unreached
    if not 0 < len(unreached) <= _MOST_NAMED:
        return f"NOT FROM {count(len(unreached), 'PLACE').upper()}"
    return f"NOT FROM {listed(unreached).upper()}"


def fine_from(run: CheckResult) -> str:
    """`fine from Frankfurt and Ohio`."""
    return f"fine from {listed([place for place in run.places or () if place.reached])}"


def check_the_way(run: CheckResult) -> str:
    """What to look at where the server is reached from some places and not from others."""
    return (
        f"Check the network path from {listed(run.unreached)}: the provider's network, anycast, a firewall that filters"
        " by country, AWS Health there."
    )


def way_first(run: CheckResult) -> str:
    """What comes before all other advice where the places decided, and one of them still reaches the server."""
    reaching = [place for place in run.places or () if place.reached]
    if not voted_down(run) or not reaching:
        return ""
    verb = "reaches" if len(reaching) == 1 else "reach"
    login = f", and the login from {listed(reaching[:1])} works" if run.login_tested else ""
    return f"{check_the_way(run)} {listed(reaching)} still {verb} the server{login}."


def voted_down(run: CheckResult) -> bool:
    """The places decided that it is down, and not what home's own session met behind the login."""
    return run.verdict == "down" and run.places is not None and bool(run.unreached) and not _session_failed(run)


def _session_failed(run: CheckResult) -> bool:
    home = next(iter(run.places or ()))
    return bool(home.reached) and not run.available


def from_how_many(run: CheckResult) -> str:
    """` from 3 of 3 places`, of those that looked; empty where places had no say."""
    if not voted_down(run):
        return ""
    return f" from {len(run.unreached)} of {count(sum(place.looked for place in run.places or ()), 'place')}"


def place_lines(run: CheckResult) -> tuple[str, ...]:
    """A line a place: its step times, and what failed there."""
    return tuple(map(_line, run.places or ()))


def _line(place: PlaceFacts) -> str:
    name = clean(city(place.place))
    if place.reached is None:
        return f"{name}: did not look"
    failed = place.failure if not place.reached else None
    steps = " ".join(timed_steps(place.step_ms, {} if failed is None else {failed.step: "failed"}))
    words = "" if failed is None else f"; {clean(failure_line(failed.step, failed.type, failed.detail))}"
    return f"{name}: {'reached' if place.reached else 'not reached'}; {steps}{words}"


def headline_there(run: CheckResult, asked: Asked) -> str:
    """`connect timed out`: what the first place that failed met."""
    first = next((place.failure for place in run.unreached if place.failure is not None), None)
    return headline_of(replace(run, failure=first, failures=() if first is None else (first,)), asked)


def accuser(run: CheckResult) -> CheckResult:
    """`run` with the step times of the place whose failure it tells."""
    place = run.reason.place if run.reason is not None else None
    there = next((seen for seen in run.places or () if seen.place == place), None)
    return run if there is None else replace(run, steps=there.steps)


def failures_there(run: CheckResult) -> list[Failure]:
    """The failures of the place whose failure `run` tells."""
    return [failure for failure in run.failures if run.reason is not None and failure.place == run.reason.place]
