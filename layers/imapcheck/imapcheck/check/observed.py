"""What a server said of itself, whole: the transcript shows only the beginning of a long line."""

from collections.abc import Iterable
from dataclasses import dataclass

from imapcheck.check.state import Attempt
from imapcheck.imap.data import Mailbox


@dataclass
class Observed:
    """Filled by `run_check` from the run's last attempt; nothing of it is in the result.

    `capabilities` are in upper case, as the server told them last; `mailboxes` are those that LIST showed.
    """

    capabilities: frozenset[str] = frozenset()
    mailboxes: tuple[Mailbox, ...] = ()

    def take(self, attempt: Attempt) -> None:
        """What the attempt has seen."""
        if attempt.opened is not None:
            self.capabilities = attempt.opened.capabilities()
        self.mailboxes = _distinct(attempt.learnt.listed)


def _distinct(mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    return tuple(dict.fromkeys(mailboxes))
