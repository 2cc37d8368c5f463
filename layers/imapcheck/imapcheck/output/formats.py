"""The formats of `--format`: one row each, and adding one begins with its row.

`--help`, the documentation's table, the check for namesakes and the tests for secrets run over the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from imapcheck.output.outcome import Outcome


@dataclass(frozen=True)
class Format:
    """`says` is its line in the documentation.

    `module` of this room has `document(outcomes)`: the whole text with its line end, and the exit status if the format
    has its own; None for what is written while the checks run. `repeats`: it goes with --quiet and --every.
    `unique_names`: it tells checks apart by name only. `trouble` is the exit status of wrong usage and of lost output,
    and `wrong_usage` what then stands on standard output, for a reader that sees nothing else.
    """

    name: str
    says: str
    module: str | None = None
    repeats: bool = False
    unique_names: bool = False
    trouble: int = 2
    wrong_usage: str = ""

    def document(self, outcomes: Sequence[Outcome]) -> tuple[str, int | None]:
        """The text of all outcomes and, if the format has its own, the exit status; loads what it needs now."""
        text, status = import_module(f"imapcheck.output.{self.module}").document(outcomes)
        return str(text), status


_ROWS = (
    Format("text", "for people: on a terminal live and in color, in a pipe plain text", repeats=True),
    Format(
        "json",
        "one object a line in the order of the files, each as soon as its turn has come: the result"
        " ([result.md](result.md)), or"
        ' `{"schema": 1, "check": "...", "error": "..."}` for a file that could not be run;'
        " always ASCII",
        repeats=True,
    ),
    Format(
        "nagios",
        "one status line with performance data, then details: for Nagios, Icinga, Checkmk",
        module="nagios",
        unique_names=True,
        trouble=3,
        wrong_usage="IMAP UNKNOWN - wrong usage, see standard error\n",
    ),
    Format(
        "prometheus",
        "Prometheus' text format: for node_exporter's textfile collector or a push gateway",
        module="prometheus",
        unique_names=True,
    ),
    Format("junit", "JUnit XML, a test case for each check: for CI systems", module="junit", unique_names=True),
)
FORMATS: dict[str, Format] = {row.name: row for row in _ROWS}
