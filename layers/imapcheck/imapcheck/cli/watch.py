"""`imapcheck run --every`: checks again and again, a line per change, on a terminal a table that stays.

A check's runs never overlap: one that takes longer than its interval misses the turns it slept through.
Nothing grows with the number of runs: of each check only its last outcome and a few counts are kept.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imapcheck.cli.login_file import CallGuard
from imapcheck.cli.orders import Order
from imapcheck.cli.runner import run_order
from imapcheck.output.json_lines import json_line
from imapcheck.output.outcome import Outcome
from imapcheck.output.table import why
from imapcheck.output.terminal import LiveDisplay, Screen, console_for, is_fine, say
from imapcheck.output.verdict import STYLES, WORDS
from imapcheck.text import count, duration

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LEAST_SECONDS = 1
_NAP = 0.5
_NARROW = 60


def seconds_of(text: str) -> float:
    """`60s`, `5m`, `1h` or plain seconds. Raises `typer.BadParameter`."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh]?)", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time such as 60s, 5m or 1h", param_hint="--every")
    return int(match[1]) * _UNITS[match[2] or "s"]


@dataclass
class Watched:
    """One check: when it is due, and what is known of it. `down_since` is when the first of `failed_now` runs ended."""

    order: Order
    due: float
    runs: int = 0
    failed: int = 0
    failed_now: int = 0
    down_since: datetime | None = None
    since: datetime | None = None
    last: Outcome | None = field(default=None, repr=False)

    def take(self, outcome: Outcome, now: datetime) -> str | None:
        """Count the outcome; returns the line of a change, or None where nothing changed."""
        before = self.last
        self.runs, self.last = self.runs + 1, outcome
        if before is None or before.state != outcome.state:
            self.since = now
        recovery = ""
        if outcome.state == "unavailable":
            self.failed, self.failed_now = self.failed + 1, self.failed_now + 1
            self.down_since = self.down_since or now
        elif outcome.result is not None and self.down_since is not None:
            recovery = f", after {duration(now - self.down_since)}; {count(self.failed_now, 'run')} failed"
            self.failed_now, self.down_since = 0, None
        if before is not None and _kind(before) == _kind(outcome):
            return None
        return _change(outcome) + recovery


class Watch:
    """Runs the orders every `interval` seconds until it is interrupted.

    `renewed` reads the credentials of an order again, before each run.
    """

    def __init__(
        self,
        orders: Sequence[Order],
        interval: float,
        concurrency: int,
        keep: Callable[[Outcome], None],
        *,
        renewed: Callable[[Order], Order] = lambda order: order,
        guard: CallGuard | None = None,
        as_json: bool = False,
        quiet: bool = False,
        console: Console | None = None,
    ) -> None:
        now = time.monotonic()
        self.watched = [Watched(order, now) for order in orders]
        self._renewed, self._guard = renewed, guard or CallGuard()
        self._interval, self._concurrency, self._keep = interval, concurrency, keep
        self._as_json, self._quiet = as_json, quiet
        self._console = console or console_for()
        table = self._console.is_terminal and not as_json and not quiet
        self._live = LiveDisplay(self._console, self.table) if table else None

    def run(self, most_runs: int | None = None) -> None:
        """Until a KeyboardInterrupt, which it lets through; `most_runs` ends it earlier, for tests."""
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="check")
        running: dict[Future[Outcome], Watched] = {}
        runs = 0
        try:
            while most_runs is None or runs < most_runs:
                self._begin_those_due(pool, running)
                done, _ = wait(running, self._pause(running), FIRST_COMPLETED)
                for future in done:
                    self._ended(running.pop(future), future.result())
                    runs += 1
                if not running:
                    time.sleep(min(_NAP, max(0.0, self._next_due(running) - time.monotonic())))
        finally:
            if self._live is not None:
                self._live.stop()
                self._console.print(self.table())
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin_those_due(self, pool: ThreadPoolExecutor, running: dict[Future[Outcome], Watched]) -> None:
        busy = {id(watched) for watched in running.values()}
        for watched in self.watched:
            if id(watched) not in busy and watched.due <= time.monotonic():
                running[pool.submit(self._run_one, watched.order)] = watched

    def _run_one(self, order: Order) -> Outcome:
        """A run with the credentials as they are now; a login that was refused is withheld, as in the function."""
        return run_order(order, Screen(), renewed=self._renewed, guard=self._guard)

    def _pause(self, running: dict[Future[Outcome], Watched]) -> float:
        """How long a wait may last: until some other check is due."""
        return max(0.0, min(_NAP, self._next_due(running) - time.monotonic()))

    def _next_due(self, running: dict[Future[Outcome], Watched]) -> float:
        busy = {id(watched) for watched in running.values()}
        return min(
            (watched.due for watched in self.watched if id(watched) not in busy), default=time.monotonic() + _NAP
        )

    def _ended(self, watched: Watched, outcome: Outcome) -> None:
        now = time.monotonic()
        missed = max(1, -(-(now - watched.due) // self._interval))
        watched.due += missed * self._interval
        self._keep(outcome)
        change = watched.take(outcome, datetime.now(UTC))
        if self._as_json:
            if not (self._quiet and is_fine(outcome)):
                print(json_line(outcome, transcript=False), flush=True)
        elif change is not None and not (self._quiet and watched.runs == 1 and is_fine(outcome)):
            self._say(outcome, change)
        if self._live is not None:
            self._live.show()

    def _say(self, outcome: Outcome, change: str) -> None:
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        line = Text.assemble(f"{now}  ", (outcome.check, "bold"), "  ", (change, STYLES[outcome.state]))
        say(self._console, [line], 2)

    def table(self) -> Table:
        """The state of every check, as it is now."""
        grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
        columns = 4 if self._console.width < _NARROW else 7
        for column in ("check", "verdict", "since", "ms", "runs", "failed", "why")[:columns]:
            right = column in ("runs", "failed", "ms")
            folds = column in ("check", "why")
            grid.add_column(column, overflow="fold", justify="right" if right else "left", no_wrap=not folds)
        for watched in self.watched:
            grid.add_row(*_cells(watched)[:columns])
        return grid


def _cells(watched: Watched) -> list[str | Text]:
    outcome = watched.last
    if outcome is None or watched.since is None:
        return [watched.order.check, "running", "", "", "0", "0", ""]
    took = f"{outcome.result.duration_ms:.0f}" if outcome.result is not None else ""
    return [
        Text(watched.order.check),
        Text(WORDS[outcome.state], STYLES[outcome.state]),
        watched.since.astimezone().strftime("%H:%M:%S"),
        took,
        str(watched.runs),
        str(watched.failed),
        Text(why(outcome)),
    ]


def _change(outcome: Outcome) -> str:
    result = outcome.result
    if result is None:
        return f"{WORDS[outcome.state]}: {outcome.first_line}"
    if result.failure is not None:
        return f"{WORDS[outcome.state]}: {result.failure.step}: {result.failure.type}: {result.failure.detail}"
    reason = why(outcome)
    return f"{WORDS[outcome.state]} in {result.duration_ms:.0f} ms{f': {reason}' if reason else ''}"


def _kind(outcome: Outcome) -> tuple[object, ...]:
    """What must differ for two outcomes to be a change: state, failing step and type, thresholds, warnings."""
    result = outcome.result
    if result is None:
        return outcome.state, outcome.error
    if result.failure is not None:
        return outcome.state, result.failure.step, result.failure.type
    return outcome.state, *(item.name for item in result.exceeded), *(warning.type for warning in result.warnings)
