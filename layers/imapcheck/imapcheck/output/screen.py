"""What every screen of a call is asked; those of the terminal stand in `terminal`, which needs rich."""

from imapcheck.output.outcome import Outcome
from imapcheck.trace import Hook


class Screen:
    """What a call shows while it runs and at its end; problems of ours go to standard error."""

    transcripts = False
    """Whether the transcript of an available run is wanted, by the screen or a report."""

    def hooks(self, check: str) -> tuple[Hook, ...]:
        """Listeners for the steps of one check."""
        return ()

    def started(self, check: str) -> None:
        """A check has begun."""

    def ended(self, outcome: Outcome) -> None:
        """A check has ended, in whatever order."""

    def result(self, outcome: Outcome) -> None:
        """An outcome, in the order of the arguments."""

    def finish(self, outcomes: list[Outcome]) -> int | None:
        """Nothing more will come. Returns the exit status where the format has its own."""
        return None

    def close(self) -> None:
        """Give the terminal back, in whatever state the call is."""

    def interrupted(self) -> None:
        """Ctrl-C: show how far it came."""


def is_fine(outcome: Outcome) -> bool:
    """Available, within its thresholds, without a warning."""
    return outcome.state == "available" and not outcome.warned
