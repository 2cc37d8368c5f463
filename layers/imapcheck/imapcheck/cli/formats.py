"""What `--format` chooses: the screen that a call's outcomes go to."""

import sys
from typing import Literal, get_args

from imapcheck.cli import streams
from imapcheck.output.json_lines import json_line
from imapcheck.output.outcome import Outcome
from imapcheck.output.screen import Screen, is_fine

type Format = Literal["text", "json", "nagios", "prometheus", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format.__value__)


def screen_for(
    format: Format, count: int, *, transcript: bool, quiet: bool = False, timeout: float | None = None
) -> Screen:
    """The screen of a call with `count` files; `timeout` is a single check's, in seconds, for its clock."""
    match format:
        case "text":
            from imapcheck.output.terminal import ManyChecksScreen, OneCheckScreen  # rich is loaded for people only

            if count == 1:
                return OneCheckScreen(transcript=transcript, quiet=quiet, timeout=timeout)
            return ManyChecksScreen(count, transcript=transcript, quiet=quiet)
        case "json":
            return JsonScreen(transcript=transcript, quiet=quiet)
        case "nagios" | "prometheus" | "junit":
            return DocumentScreen(format)


class JsonScreen(Screen):
    """One object a line on standard output, each as soon as its turn has come, and nothing else."""

    def __init__(self, *, transcript: bool, quiet: bool) -> None:
        self._transcript, self._quiet = transcript, quiet

    def result(self, outcome: Outcome) -> None:
        if not (self._quiet and is_fine(outcome)):
            print(json_line(outcome, transcript=self._transcript), flush=True)


class DocumentScreen(Screen):
    """Nagios', Prometheus' or JUnit's text, when all is known."""

    def __init__(self, format: Literal["nagios", "prometheus", "junit"]) -> None:
        self._format = format

    def finish(self, outcomes: list[Outcome]) -> int | None:
        match self._format:
            case "nagios":
                from imapcheck.output import nagios

                text, status = nagios.render(outcomes)
                print(text)
                return nagios.EXIT["UNKNOWN"] if streams.output_lost() else status
            case "junit":
                from imapcheck.output import junit

                sys.stdout.write(junit.render(outcomes))
            case "prometheus":
                sys.stdout.write(_prometheus(outcomes))
        return None


def _prometheus(outcomes: list[Outcome]) -> str:
    from imapcheck.output import prometheus  # its library is loaded for this format only

    return prometheus.render(outcomes)
