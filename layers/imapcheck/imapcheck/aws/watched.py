"""What the deployed definitions say of a check, as plain values: whom to tell, and what the story names."""

import logging
from functools import cache
from pathlib import Path

from imapcheck.definition.files import load_definition
from imapcheck.errors import DefinitionError
from imapcheck.output.story_facts import Watched

_LOG = logging.getLogger("imapcheck")


class Definitions:
    """The definitions' folder; each file is read once, and one that cannot be read tells of nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = cache(self._load)

    def watched(self, check: str) -> Watched:
        """Server, secret, runbook, file and thresholds of the check."""
        return self._read(check)[0]

    def contacts(self, check: str) -> frozenset[str]:
        """The addresses that are told of this check, besides the stack's own; lower case."""
        return self._read(check)[1]

    def knows(self, check: str) -> bool:
        """There is such a definition here: an alarm of another name tells nothing of whom it may be shown to."""
        return (self._folder / f"{check}.json").is_file()

    def scheduled(self) -> int:
        """How many checks run."""
        return sum(self._read(path.stem)[2] for path in self._folder.glob("*.json"))

    def _load(self, check: str) -> tuple[Watched, frozenset[str], bool]:
        try:
            definition = load_definition(self._folder / f"{check}.json")
        except DefinitionError as error:
            _LOG.warning("the alarm of check %s is told without its definition: %s", check, error)
            return Watched(), frozenset(), False
        alarms = definition.alarms
        watched = Watched(
            server=definition.server,
            secret=definition.secret,
            runbook=alarms.runbook,
            file=f"events/{check}.json",
            thresholds=definition.thresholds,
            timeout=definition.timeout,
            mailbox=definition.search.mailbox if definition.search is not None else None,
        )
        return watched, frozenset(map(str.lower, alarms.notify)), definition.deployed_schedule is not None
