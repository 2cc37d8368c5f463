"""One small change of one file."""

from collections.abc import Callable
from typing import NamedTuple


class Mutant(NamedTuple):
    """`content()` is the whole of `path` (relative to the project) with the change in line `line`."""

    path: str
    line: int
    change: str
    content: Callable[[], str]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {self.change}"
