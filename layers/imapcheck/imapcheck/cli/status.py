"""Exit statuses of the command line (docs/command-line.md)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--version` and `validate` have no outcome
    from imapcheck.output.outcome import Outcome, State

AVAILABLE, UNAVAILABLE, WRONG_USAGE, INTERNAL_ERROR, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
_OF_STATE: "dict[State, int]" = {
    "available": AVAILABLE,
    "slow": AVAILABLE,
    "partial": UNAVAILABLE,
    "unavailable": UNAVAILABLE,
    "not_run": WRONG_USAGE,
    "crashed": INTERNAL_ERROR,
}


def exit_status(outcomes: "Iterable[Outcome]") -> int:
    """The highest of all."""
    return max((_OF_STATE[outcome.state] for outcome in outcomes), default=AVAILABLE)
