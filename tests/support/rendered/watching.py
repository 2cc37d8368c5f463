"""What `imapcheck run --every` shows, and what `imapcheck summary` makes of the file that it wrote."""

import contextlib
import io
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from imapcheck.cli import summary as command
from imapcheck.cli.orders import Order
from imapcheck.cli.watch import Watched, WatchLoop
from imapcheck.output.json_lines import append_line, json_line
from imapcheck.output.outcome import Outcome
from imapcheck.result import CheckResult
from support.full_results import available, refused, slow
from support.more_results import crashed, fleet, not_run, outcome_of, over_quota, plain, warned
from support.rendered.paper import Paper, sheet

BEGAN = datetime(2026, 11, 24, 10, 12, 3, tzinfo=UTC)
_TIME = re.compile(r"(\d+ \w{3} )?\d\d:\d\d(:\d\d)? UTC")
COURSE = (
    available(), available(), slow(), slow(), warned("mail"), refused(), refused(), over_quota("mail"), available(),
)  # fmt: skip


@contextlib.contextmanager
def in_utc() -> Iterator[None]:
    """Times of a clock on the wall are those of the machine's place."""
    with mock.patch.dict(os.environ, {"TZ": "UTC"}):
        time.tzset()
        yield
    time.tzset()


def course() -> list[Outcome]:
    """A check's runs, with one that could not be run among them."""
    runs = [outcome_of(run) for run in COURSE]
    return [*runs[:5], not_run("mail"), crashed("mail"), *runs[5:], not_run("mail"), runs[0]]


def changes() -> str:
    """The line that each run is worth, a run a minute."""
    watched, lines = Watched(Order(Path("mail.json")), 0.0, 60.0), []
    for minutes, outcome in enumerate(course()):
        line = watched.take(outcome, BEGAN + timedelta(minutes=minutes))
        counts = f"{watched.runs} runs, {watched.failed} failed, {watched.failed_now} now"
        since = f"since {watched.since:%H:%M}" if watched.since else ""
        lines.append(f"{minutes:>2} {outcome.state:<12} {since}  {counts}: {line or '(nothing said)'}\n")
    return "".join(lines)


def table() -> str:
    """The table that stays: before the first runs, and after them; of every state, and of a few at other widths."""
    parts = []
    everyone = [*fleet(), outcome_of(available("the-archive-of-the-accounts-department"))]
    few = [outcome for outcome in everyone if outcome.check not in ("full", "warned", "expired", "bug")]
    for columns, outcomes in ((80, everyone), (40, few), (59, few), (60, few), (120, few)):
        paper = Paper(columns)
        watch = WatchLoop(
            [Order(Path(f"{outcome.check}.json")) for outcome in outcomes],
            60.0,
            1,
            lambda _: None,
            console=paper.console,
        )
        paper.console.print(watch.table())
        paper.console.print()
        for watched, outcome in zip(watch.watched[1:], outcomes[1:], strict=True):
            for minutes in (0, 1):
                watched.take(outcome, BEGAN + timedelta(minutes=minutes))
        with in_utc():
            paper.console.print(watch.table())
        parts.append(sheet(f"columns {columns}", paper.text))
    return "".join(parts)


def run_through(outcomes: Sequence[Outcome], paper: Paper, *, as_json: bool = False, quiet: bool = False) -> str:
    """A watch whose runs come to these outcomes, and what it wrote."""
    kept: list[Outcome] = []
    printed = io.StringIO()
    with (
        mock.patch("imapcheck.cli.watch.run_order", side_effect=list(outcomes)),
        contextlib.redirect_stdout(printed),
        in_utc(),
    ):
        order = [Order(Path("mail.json"))]
        WatchLoop(order, 0.01, 1, kept.append, as_json=as_json, quiet=quiet, console=paper.console).run(len(outcomes))
    assert kept == list(outcomes)
    objects = [json.loads(line) for line in printed.getvalue().splitlines()]
    told = [
        f"{item['check']}: {item.get('error') or item['duration_ms']}, {len(item.get('transcript', ()))} lines\n"
        for item in objects
    ]
    shown = re.sub(r"after \d+ s", "after N s", _TIME.sub("HH:MM UTC", paper.text.strip("\n")))
    return shown + "\n" + "".join(told)


def lines() -> str:
    """The lines of changes as they are written: in a pipe, narrow, quiet; as JSON a line each, on standard output."""
    shown = course()
    return "".join(
        (
            sheet("pipe", run_through(shown, Paper(pipe=True))),
            sheet("pipe, colours", run_through(shown, Paper(pipe=True, colours=True))),
            sheet("pipe, quiet", run_through(shown, Paper(pipe=True), quiet=True)),
            sheet("pipe, JSON", run_through(shown, Paper(pipe=True), as_json=True)),
            sheet("pipe, JSON, quiet", run_through(shown, Paper(pipe=True), as_json=True, quiet=True)),
            sheet("columns 60, quiet", run_through(shown, Paper(60), quiet=True)),
        )
    )


def kept_runs() -> list[Outcome]:
    """A day and a half of a check, with outages of one and of two kinds; one that never ran; one that is down."""
    found = []
    for number in range(48):
        at = BEGAN + timedelta(minutes=40 * number)
        run: CheckResult = slow() if number in (20, 21) else available()
        if number in (5, 6, 7, 30):
            run = over_quota("mail") if number == 6 else refused()
        found.append(outcome_of(replace(run, started_at=at, duration_ms=run.duration_ms + number)))
    found += [not_run("broken"), not_run("mail")]
    found += [outcome_of(replace(refused("down"), started_at=BEGAN + timedelta(minutes=m))) for m in (0, 5)]
    for number in range(24):
        run = refused("flapping") if number % 2 else plain("flapping")
        found.append(outcome_of(replace(run, started_at=BEGAN + timedelta(minutes=number))))
    return found


def summary() -> str:
    """On a terminal and in a pipe; lines that hold no result are counted."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.jsonl"
        for outcome in kept_runs():
            append_line(file, json_line(outcome, transcript=False))
        for line in ("not JSON", '{"check": "mail"}', "[]", ""):
            append_line(file, line)
        for title, paper in (
            ("columns 80", Paper()),
            ("columns 40", Paper(40)),
            ("pipe, colours", Paper(pipe=True, colours=True)),
        ):
            with mock.patch.object(command, "console_for", lambda paper=paper: paper.console):
                command.summary([file])
            parts.append(sheet(title, paper.text))
    return "".join(parts)


SCENES: dict[str, Callable[[], str]] = {
    "watch-changes.txt": changes,
    "watch-table.txt": table,
    "watch-lines.txt": lines,
    "summary.txt": summary,
}
