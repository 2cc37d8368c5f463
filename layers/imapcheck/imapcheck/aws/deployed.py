"""What the deployed definitions say of a check: whom to report to, and what the story names."""

import logging
from functools import cache
from pathlib import Path

from imapcheck.asked import Asked
from imapcheck.definition.files import load_definition
from imapcheck.definition.parts import check_files, is_part
from imapcheck.definition.plain import plain
from imapcheck.errors import DefinitionError

_LOG = logging.getLogger("imapcheck")


class Definitions:
    """The definitions' folder; each file is read once, and one that cannot be read tells of nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = cache(self._load)

    def asked(self, check: str) -> Asked:
        """What its definition asks for."""
        return self._read(check)[0]

    def contacts(self, check: str) -> frozenset[str]:
        """The addresses that are told of this check, besides the stack's own; lower case."""
        return self._read(check)[1]

    def knows(self, check: str) -> bool:
        """There is such a definition here: an alarm of another name tells nothing of whom it may be shown to."""
        file = self._folder / f"{check}.json"
        return file.is_file() and not is_part(file)

    def scheduled(self) -> frozenset[str]:
        """The names of the checks that run."""
        return frozenset(path.stem for path in check_files(self._folder) if self._read(path.stem)[2])

    def outside(self) -> frozenset[str]:
        """The checks that are run from outside."""
        names = [path.stem for path in check_files(self._folder)]
        return frozenset(name for name in names if self.asked(name).runs_outside)

    def _load(self, check: str) -> tuple[Asked, frozenset[str], bool]:
        try:
            definition = load_definition(self._folder / f"{check}.json")
        except DefinitionError as error:
            _LOG.warning("the alarm of check %s is reported without its definition: %s", check, error)
            return Asked(), frozenset(), False
        contacts = frozenset(map(str.lower, definition.alarms.notify))
        return plain(definition, f"events/{check}.json"), contacts, definition.deployed_schedule is not None
