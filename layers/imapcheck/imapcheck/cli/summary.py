"""`imapcheck summary RESULTS.jsonl`: what `--append` has gathered, read back."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imapcheck.cli.status import WRONG_USAGE
from imapcheck.output.json_lines import read_lines
from imapcheck.output.summary import CheckSummary, Incident, summarise
from imapcheck.output.terminal import console_for, say
from imapcheck.wording import between, count, date, elapsed, length, percent

HELP = """\b
Example:
  imapcheck run events/*.json --every 60s --append results.jsonl
  imapcheck summary results.jsonl
"""
_MOST_INCIDENTS = 10


def summary(
    files: Annotated[list[Path], typer.Argument(metavar="RESULTS.jsonl...", help="What run --append has written.")],
) -> None:
    """Availability, times, incidents and slowest hours of results that were kept."""
    try:
        found = summarise(line for file in files for line in read_lines(file))
    except OSError as error:
        print(f"{error.filename}: {(error.strerror or 'cannot be read').lower()}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    console = console_for()
    for check in found.checks:
        _show(console, check)
    if found.unreadable:
        say(console, [Text(f"lines without a result, left out: {found.unreadable}", "yellow")])
    if not found.checks:
        print("no results", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)


def _show(console: Console, check: CheckSummary) -> None:
    say(console, _head(check))
    if check.times:
        console.print(_times(check))
    say(console, _incidents(check.incidents))
    hours = [f"{hour} ({length(median)})" for hour, median, _ in check.slowest_hours()]
    if len(hours) > 1:
        say(console, [Text(f"slowest hours by median: {', '.join(hours)}")])
    console.print()


def _head(check: CheckSummary) -> Iterator[Text]:
    rate = "no run looked" if check.availability is None else f"{percent(check.availability)} available"
    extra = [f"{check.slow} slow"] if check.slow else []
    extra += [f"{check.not_run} could not run"] if check.not_run else []
    when = f" from {between(check.first, check.last)}" if check.first and check.last else ""
    yield Text.assemble((check.check, "bold"), f": {', '.join([rate, count(check.runs, 'run') + when, *extra])}")


def _times(check: CheckSummary) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    grid.add_column("time")
    for column in ("p50", "p95", "p99", "runs"):
        grid.add_column(column, justify="right")
    for item in check.percentiles():
        grid.add_row(Text(item.name), *map(length, (item.p50, item.p95, item.p99)), str(item.count))
    return grid


def _incidents(incidents: list[Incident]) -> Iterator[Text]:
    shown = incidents[-_MOST_INCIDENTS:]
    if len(shown) < len(incidents):
        yield Text(f"{len(incidents)} incidents; the last {len(shown)}:")
    for incident in shown:
        ended = "not over" if incident.ended is None else elapsed(incident.ended - incident.began)
        runs = f"{count(incident.runs, 'run')} failed"
        yield Text(f"incident {date(incident.began)}: {ended}, {runs}: {', '.join(incident.causes)}", "red")
