"""`imapcheck summary RESULTS.jsonl`: what `--append` has gathered, read back."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imapcheck.cli.help import WrongUsage
from imapcheck.cli.status import WRONG_USAGE
from imapcheck.month.calendar import Month
from imapcheck.month.figures import exact
from imapcheck.output.json_lines import read_lines
from imapcheck.output.outcome import Outcome
from imapcheck.output.summary import CheckSummary, Gap, Incident, Percentiles, summarise
from imapcheck.output.terminal.live import Trimmed
from imapcheck.output.terminal.screens import console_for, say
from imapcheck.text import one_line
from imapcheck.wording import between, count, date, elapsed, length, number, percent

HELP = """\b
Example:
  imapcheck run events/*.json --every 60s --append results.jsonl
  imapcheck summary results.jsonl
  imapcheck summary results.jsonl --month 2026-11 --slo 99.9
"""
_MOST_INCIDENTS = 10


def summary(
    files: Annotated[list[Path], typer.Argument(metavar="RESULTS.jsonl...", help="What run --append has written.")],
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Only the runs of this month (UTC).", show_default=False)
    ] = None,
    slo: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="A goal for the availability.", show_default=False)
    ] = None,
) -> None:
    """Availability, times, incidents and slowest hours of results that were kept."""
    within, goal = _asked(month, slo)
    lost: list[str] = []
    lines = (line for file in files for line in _lines(file, lost))
    found = summarise(line for line in lines if within is None or _lies_in(within, line))
    console = console_for()
    names = Counter(check.check for check in found.checks)
    for check in found.checks:
        _show(console, check, goal, with_server=names[check.check] > 1)
    if found.unreadable:
        say(console, [Text(f"lines without a result, left out: {found.unreadable}", "yellow")])
    for problem in lost:
        print(problem, file=sys.stderr)
    if not found.checks:
        print("no results", file=sys.stderr)
    if lost or not found.checks:
        raise typer.Exit(WRONG_USAGE)


def _asked(month: str | None, slo: float | None) -> tuple[Month | None, Fraction | None]:
    """The options as they are worked with; ends the call where one makes no sense."""
    try:
        within = None if month is None else Month.parse(month)
    except ValueError as error:
        raise WrongUsage(f"--month {one_line(month or '', 40)}: {error}") from None
    if slo is not None and not 0 < slo <= 100:
        raise WrongUsage(f"--slo {slo}: expected percent, above 0 and at most 100")
    return within, None if slo is None else exact(slo)


def _lies_in(month: Month, line: Outcome | None) -> bool:
    """Of what holds no run, nobody knows when it was."""
    if line is None or line.result is None:
        return True
    return month.start <= line.result.started_at < month.end


def _lines(file: Path, lost: list[str]) -> Iterator[Outcome | None]:
    """A file's lines; one that cannot be read costs no other file, and is told at the end."""
    try:
        yield from read_lines(file)
    except OSError as error:
        lost.append(f"{one_line(str(file), 200)}: {(error.strerror or 'cannot be read').lower()}")


def _show(console: Console, check: CheckSummary, goal: Fraction | None, *, with_server: bool) -> None:
    say(console, _head(check, with_server=with_server))
    if goal is not None and check.runs:
        say(console, [_judged(check, goal)])
    if times := check.percentiles():
        console.print(Trimmed(_times(times)))
    # The first line names the year of the newest run; a time below names its own where it is another.
    newest = check.last or datetime.now(UTC)
    say(console, _incidents(check.incidents, newest))
    say(console, _gaps(check.gaps, newest))
    hours = [f"{date(hour, newest)} ({length(median)})" for hour, median, _ in check.slowest_hours()]
    if len(hours) > 1:
        say(console, [Text(f"slowest hours by median: {', '.join(hours)}")])
    console.print()


def _head(check: CheckSummary, *, with_server: bool) -> Iterator[Text]:
    rate = "no run looked" if check.availability is None else f"{percent(check.availability)} available"
    extra = [f"{check.slow} slow"] if check.slow else []
    extra += [f"{check.not_run} could not run"] if check.not_run else []
    extra += [f"{count(check.repeated, 'line')} there twice"] if check.repeated else []
    runs = count(check.runs, "run")
    runs += f" from {between(check.first, check.last)}" if check.first and check.last else ""
    server = f" on {check.server}" if with_server and check.server else ""
    yield Text.assemble((check.check, "bold"), f"{server}: {', '.join([rate, runs, *extra])}")


def _judged(check: CheckSummary, goal: Fraction) -> Text:
    """Decided on the exact share, whatever is displayed."""
    kept = 100 * check.available >= goal * check.runs
    allowed, failed = (100 - goal) / 100 * check.runs, check.runs - check.available
    said = f"goal {number(float(goal), 6)} %: {'kept' if kept else 'missed'}"
    return Text(f"{said}; {count(failed, 'run')} failed, it allows {number(float(allowed), 2)}", "" if kept else "red")


def _times(times: list[Percentiles]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    grid.add_column("time")
    for column in ("p50", "p95", "p99", "runs"):
        grid.add_column(column, justify="right")
    for item in times:
        grid.add_row(Text(item.name), *map(length, (item.p50, item.p95, item.p99)), str(item.count))
    return grid


def _incidents(incidents: list[Incident], now: datetime) -> Iterator[Text]:
    shown = incidents[-_MOST_INCIDENTS:]
    if len(shown) < len(incidents):
        yield Text(f"{len(incidents)} incidents; the last {len(shown)}:")
    for incident in shown:
        ended = "not over" if incident.ended is None else elapsed(incident.ended - incident.began)
        runs = f"{count(incident.runs, 'run')} failed"
        if incident.unseen:
            runs += f" (no run for {elapsed(incident.unseen)} of it)"
        yield Text(f"incident {date(incident.began, now)}: {ended}, {runs}: {', '.join(incident.causes)}", "red")


def _gaps(gaps: list[Gap], now: datetime) -> Iterator[Text]:
    shown = gaps[-_MOST_INCIDENTS:]
    if len(shown) < len(gaps):
        yield Text(f"{len(gaps)} gaps; the last {len(shown)}:")
    for gap in shown:
        missed = elapsed(gap.ended - gap.began)
        yield Text(f"gap: no run from {between(gap.began, gap.ended, now)}, {missed}", "yellow")
