"""The screen that a call's outcomes go to, by `--format`."""

import sys

from imapcheck.cli import streams
from imapcheck.output.formats import Format
from imapcheck.output.json_lines import json_line
from imapcheck.output.outcome import Outcome
from imapcheck.output.screen import Screen, is_fine


def screen_for(
    format: Format, count: int, *, transcript: bool, quiet: bool = False, timeout: float | None = None
) -> Screen:
    """The screen of a call with `count` files; `timeout` is a single check's, in seconds, for its clock."""
    if format.module is not None:
        return DocumentScreen(format)
    if format.name == "json":
        return JsonScreen(transcript=transcript, quiet=quiet)
    from imapcheck.output.terminal.screens import ManyChecksScreen, OneCheckScreen  # rich is loaded for people only

    if count == 1:
        return OneCheckScreen(transcript=transcript, quiet=quiet, timeout=timeout)
    return ManyChecksScreen(count, transcript=transcript, quiet=quiet)


class JsonScreen(Screen):
    """One object a line on standard output, each as soon as its turn has come, and nothing else."""

    def __init__(self, *, transcript: bool, quiet: bool) -> None:
        self._transcript, self._quiet = transcript, quiet

    def result(self, outcome: Outcome) -> None:
        if not (self._quiet and is_fine(outcome)):
            print(json_line(outcome, transcript=self._transcript), flush=True)


class DocumentScreen(Screen):
    """A format's whole text, when all is known."""

    def __init__(self, format: Format) -> None:
        self._format = format

    def finish(self, outcomes: list[Outcome]) -> int | None:
        text, status = self._format.document(outcomes)
        sys.stdout.write(text)
        return self._format.trouble if status is not None and streams.output_lost() else status
