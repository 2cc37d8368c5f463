"""How the state of a check is shown on a page: a sign, words and a colour."""

from typing import NamedTuple

from htpy import Element, span

from imapcheck.output.outcome import State


class Badge(NamedTuple):
    """How a state is shown: a sign, words, and the colour's name in report.css."""

    sign: str
    words: str
    colour: str


BADGES: dict[State, Badge] = {
    "unavailable": Badge("✗", "not available", "failed"),
    "crashed": Badge("?", "internal error", "unknown"),
    "not_run": Badge("?", "could not be run", "unknown"),
    "partial": Badge("!", "available, but not from everywhere", "slow"),
    "slow": Badge("!", "available, but slow", "slow"),
    "available": Badge("✓", "available", "good"),
}
_WARNED = Badge("!", "available, with a warning", "slow")


def badge_of(state: State, *, warned: bool) -> Badge:
    """How a run is shown; `warned` makes a difference where all is well besides."""
    return _WARNED if warned and state == "available" else BADGES[state]


def state_mark(state: State, *, warned: bool, loud: bool = False) -> Element:
    """The verdict in a sign, words and a colour."""
    badge = badge_of(state, warned=warned)
    return span(class_=["state", badge.colour])[f"{badge.sign} {badge.words.upper() if loud else badge.words}"]
