"""What a report is made of: the JSON object of a run, and what its definition said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from imapcheck.output.story_facts import Watched
from imapcheck.text import one_line

type State = Literal["failed", "unknown", "slow", "good"]
ORDER: tuple[State, ...] = ("failed", "unknown", "slow", "good")
"""Worst first."""

SIGNS: dict[State, str] = {"failed": "✗", "unknown": "?", "slow": "!", "good": "✓"}
WORDS: dict[State, str] = {
    "failed": "NOT AVAILABLE",
    "unknown": "COULD NOT BE RUN",
    "slow": "AVAILABLE, BUT SLOW",
    "good": "AVAILABLE",
}


@dataclass(frozen=True)
class Entry:
    """`content` is a result's JSON object, or `{"check", "error"}` of a check that could not be run."""

    content: Mapping[str, Any]
    watched: Watched = field(default_factory=Watched)

    @property
    def state(self) -> State:
        if "error" in self.content:
            return "unknown"
        if not self.content["available"]:
            return "failed"
        return "slow" if self.content["slow"] else "good"

    @property
    def error(self) -> str | None:
        """Why the check could not be run."""
        error = self.content.get("error")
        return None if error is None else str(error)

    @property
    def label(self) -> str:
        """The check's name, else its host."""
        return words(self.content.get("check") or (self.content.get("server") or {}).get("host") or "check", 100)

    @property
    def server(self) -> str:
        """The server as the definition has it, else host and port."""
        if self.watched.server is not None:
            return words(self.watched.server)
        server = self.content.get("server")
        return "" if server is None else words(f"{server['host']}:{server['port']}")

    @property
    def warnings(self) -> Sequence[Mapping[str, Any]]:
        """What will need a person, though the server is available."""
        return tuple(self.content.get("warnings") or ())

    @property
    def failure(self) -> Mapping[str, Any] | None:
        return self.content.get("failure")


def words(value: object, limit: int = 1000) -> str:
    """Words that a server or a file had a part in, as one line without anything that cannot be seen."""
    return one_line(str(value), limit)
