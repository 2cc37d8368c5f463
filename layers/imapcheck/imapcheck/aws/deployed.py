"""What the deployed definitions say of a check: whom to report to, and what the story names."""

import logging
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from imapcheck.asked import Asked
from imapcheck.definition.files import load_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import check_files, is_part
from imapcheck.definition.plain import plain
from imapcheck.errors import DefinitionError

_LOG = logging.getLogger("imapcheck")


class _Known(NamedTuple):
    asked: Asked = Asked()
    contacts: frozenset[str] = frozenset()
    is_scheduled: bool = False
    interval: timedelta | None = None


def interval_of(definition: CheckDefinition) -> timedelta | None:
    """How often the check runs; None where no schedule says so."""
    schedule = definition.schedule
    return None if schedule is None else timedelta(seconds=schedule.seconds)


class Definitions:
    """The definitions' folder; each file is read once, and one that cannot be read tells of nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = cache(self._load)

    def asked(self, check: str) -> Asked:
        """What its definition asks for."""
        return self._read(check).asked

    def contacts(self, check: str) -> frozenset[str]:
        """The addresses that are told of this check, besides the stack's own; lower case."""
        return self._read(check).contacts

    def knows(self, check: str) -> bool:
        """There is such a definition here: an alarm of another name tells nothing of whom it may be shown to."""
        file = self._folder / f"{check}.json"
        return file.is_file() and not is_part(file)

    def interval(self, check: str) -> timedelta | None:
        """How often it runs, as far as a definition says so."""
        return self._read(check).interval

    def scheduled(self) -> frozenset[str]:
        """The names of the checks that run."""
        return frozenset(path.stem for path in check_files(self._folder) if self._read(path.stem).is_scheduled)

    def outside(self) -> frozenset[str]:
        """The checks that are run from outside."""
        names = [path.stem for path in check_files(self._folder)]
        return frozenset(name for name in names if self.asked(name).runs_outside)

    def _load(self, check: str) -> _Known:
        try:
            definition = load_definition(self._folder / f"{check}.json")
        except DefinitionError as error:
            _LOG.warning("the alarm of check %s is reported without its definition: %s", check, error)
            return _Known()
        contacts = frozenset(map(str.lower, definition.alarms.notify))
        asked, is_scheduled = plain(definition, f"events/{check}.json"), definition.deployed_schedule is not None
        return _Known(asked, contacts, is_scheduled, interval_of(definition))
