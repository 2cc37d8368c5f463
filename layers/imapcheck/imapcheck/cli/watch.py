"""`imapcheck run --every`: checks again and again, a line per change, on a terminal a table that stays.

A check's runs never overlap: one that takes longer than its interval misses the turns it slept through. Checks begin
one after the other: begun in the same instant they would slow each other down, and every time would be too long.
Nothing grows with the number of runs: of each check only its last outcome and a few counts are kept.
"""

import heapq
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import typer
from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.table import Table
from rich.text import Text

from imapcheck.cli.login_file import CallGuard
from imapcheck.cli.orders import Order
from imapcheck.cli.runner import run_order
from imapcheck.output.json_lines import json_line
from imapcheck.output.outcome import NOT_WORSE, Outcome, words_of
from imapcheck.output.screen import Screen, is_fine
from imapcheck.output.terminal.live import LiveDisplay, Trimmed, whole
from imapcheck.output.terminal.screens import console_for, say
from imapcheck.output.terminal.table import why
from imapcheck.output.terminal.verdict import STYLES, WORDS
from imapcheck.wording import clock, count, date, elapsed, failure_line, length

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LEAST_SECONDS = 1
_NAP = 0.5
_APART = 0.1
"""Seconds between two checks' turns, less where the interval is too short for all of them."""
_BETWEEN_DRAWINGS, _PATIENCE = 0.5, 1.5
"""Seconds from one drawing to the next, and how much longer it waits for a moment in which no check is under way."""
_SWITCH = 0.0002
"""Seconds for which a drawing keeps a check waiting that has heard from its server; Python itself takes 5 ms."""
_AROUND = 3
"""Lines of a terminal that the live table leaves free: for its head, for how many more there are, for the cursor."""
_NARROW = 60


def seconds_of(text: str) -> float:
    """`60s`, `5m`, `1h` or plain seconds. Raises `typer.BadParameter`."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh]?)", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time such as 60s, 5m or 1h", param_hint="--every")
    return int(match[1]) * _UNITS[match[2] or "s"]


@dataclass
class Watched:
    """One check: when it is due, and what is known of it.

    `due_at` is when the run under way was due, by the clock; `down_since` is when the first of `failed_now` runs ended.
    """

    order: Order
    due: float
    interval: float
    due_at: datetime | None = None
    runs: int = 0
    failed: int = 0
    failed_now: int = 0
    down_since: datetime | None = None
    since: datetime | None = None
    seen: datetime | None = None
    last: Outcome | None = field(default=None, repr=False)

    def take(self, outcome: Outcome, now: datetime) -> str | None:
        """Count the outcome; returns the line of a change, or None where nothing changed."""
        before = self.last
        self.runs, self.last, self.seen = self.runs + 1, outcome, now
        if before is None or before.state != outcome.state:
            self.since = now
        recovery = ""
        if outcome.state == "unavailable":
            self.failed, self.failed_now = self.failed + 1, self.failed_now + 1
            self.down_since = self.down_since or now
        elif outcome.result is not None and self.down_since is not None:
            recovery = f", after {elapsed(now - self.down_since)}; {count(self.failed_now, 'run')} failed"
            self.failed_now, self.down_since = 0, None
        if before is not None and _kind(before) == _kind(outcome):
            return None
        return _change(outcome) + recovery


class WatchLoop:
    """Runs the orders every `interval` seconds, or each at its own of `intervals`, until it is interrupted.

    `renewed` reads the credentials of an order again, before each run; `ended` takes each outcome and when it was due.
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
        intervals: Sequence[float] | None = None,
        ended: Callable[[Order, Outcome, datetime], None] = lambda order, outcome, due: None,
    ) -> None:
        now, apart = time.monotonic(), min(_APART, interval / max(1, len(orders)))
        self.watched = [
            Watched(order, now + number * apart, own)
            for number, (order, own) in enumerate(zip(orders, intervals or [interval] * len(orders), strict=True))
        ]
        self._report = ended
        self._turns = [(watched.due, number) for number, watched in enumerate(self.watched)]  # a heap
        self._renewed, self._guard = renewed, guard or CallGuard()
        self._concurrency, self._keep = concurrency, keep
        self._as_json, self._quiet = as_json, quiet
        self._console = console or console_for()
        table = self._console.is_terminal and not as_json and not quiet
        self._live = LiveDisplay(self._console, lambda: self, clock=False) if table else None
        self._news: list[Text] = []
        self._stale, self._next_drawing = True, now

    def run(self, most_runs: int | None = None) -> None:
        """Until a KeyboardInterrupt, which it lets through; `most_runs` ends it earlier, for tests."""
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="check")
        running: dict[Future[Outcome], int] = {}
        runs = 0
        switched = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        self._draw(0.0)
        try:
            while most_runs is None or runs < most_runs:
                self._begin_those_due(pool, running)
                self._draw(_PATIENCE if running else 0.0)
                done, _ = wait(running, self._pause(running), FIRST_COMPLETED)
                for future in done:
                    self._ended(running.pop(future), future.result())
                    runs += 1
                if not running:
                    time.sleep(min(_NAP, self._until_next_turn()))
        finally:
            sys.setswitchinterval(switched)
            if self._live is not None:
                self._live.stop()
                say(self._console, self._news, 2)
                self._console.print(Trimmed(self.table()))
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin_those_due(self, pool: ThreadPoolExecutor, running: dict[Future[Outcome], int]) -> None:
        """No more at once than `concurrency`; who waits for a place keeps the turn."""
        while len(running) < self._concurrency and self._turns and self._turns[0][0] <= time.monotonic():
            _, number = heapq.heappop(self._turns)
            watched = self.watched[number]
            watched.due_at = datetime.now(UTC) - timedelta(seconds=time.monotonic() - watched.due)
            running[pool.submit(self._run_one, self.watched[number].order)] = number

    def _run_one(self, order: Order) -> Outcome:
        """A run with the credentials as they are now; a login that was refused is withheld, as in the function."""
        return run_order(order, Screen(), renewed=self._renewed, guard=self._guard)

    def _pause(self, running: Sized) -> float:
        """How long a wait for those under way may last: until another one may begin."""
        return _NAP if len(running) == self._concurrency else min(_NAP, self._until_next_turn())

    def _until_next_turn(self) -> float:
        """Seconds until the next check is due, or a nap where all are under way."""
        return max(0.0, self._turns[0][0] - time.monotonic()) if self._turns else _NAP

    def _ended(self, number: int, outcome: Outcome) -> None:
        watched, now = self.watched[number], time.monotonic()
        missed = max(1, -(-(now - watched.due) // watched.interval))
        watched.due += missed * watched.interval
        heapq.heappush(self._turns, (watched.due, number))
        self._keep(outcome)
        if watched.due_at is not None:
            self._report(watched.order, outcome, watched.due_at)
        change, self._stale = watched.take(outcome, datetime.now(UTC)), True
        if self._as_json:
            if not (self._quiet and is_fine(outcome)):
                print(json_line(outcome, transcript=False), flush=True)
        elif change is not None and not (self._quiet and watched.runs == 1 and is_fine(outcome)):
            self._say(outcome, change)

    def _say(self, outcome: Outcome, change: str) -> None:
        now = date(datetime.now(UTC), datetime.now(UTC), seconds=True)
        line = Text.assemble(f"{now}  ", (outcome.check, "bold"), "  ", (change, STYLES[outcome.state]))
        if self._live is not None:
            self._news.append(line)
        else:
            say(self._console, [line], 2)

    def _draw(self, patience: float) -> None:
        """The lines of what changed and the table, together and now and then: drawing holds up the checks under way."""
        now = time.monotonic()
        if self._live is None or not self._stale or now < self._next_drawing + patience:
            return
        self._stale, self._next_drawing = False, now + _BETWEEN_DRAWINGS
        with whole():
            if self._news:
                say(self._console, self._news, 2)  # which draws the table anew below them
                self._news = []
            else:
                self._live.show()

    def __rich__(self) -> RenderableType:
        """What the live display draws: a line for each check, as many as the terminal holds, the worst first."""
        room = max(1, self._console.height - _AROUND)
        rows = self._worst_first()
        left = rows[room:]
        grid = self._grid(rows[:room], folded=False)
        if not left:
            return grid
        bad = sum(watched.last is not None and not is_fine(watched.last) for watched in left)
        more = f"and {len(left)} more{f', {bad} of them not well' if bad else ''}"
        return Group(grid, Text(more, "dim", no_wrap=True, overflow="ellipsis"))

    def table(self) -> Table:
        """The state of every check, as it is now, the worst first."""
        return self._grid(self._worst_first(), folded=True)

    def _worst_first(self) -> list[Watched]:
        return sorted(self.watched, key=lambda watched: NOT_WORSE if watched.last is None else watched.last.rank)

    def _grid(self, rows: Iterable[Watched], *, folded: bool) -> Table:
        grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
        columns = 4 if self._console.width < _NARROW else 7
        for column in ("check", "verdict", "since", "time", "runs", "failed", "why")[:columns]:
            right = column in ("runs", "failed", "time")
            shrinks = column in ("check", "why")
            overflow: OverflowMethod = "fold" if folded else "ellipsis"
            grid.add_column(column, overflow=overflow, justify="right" if right else "left", no_wrap=not shrinks)
        for watched in rows:
            cells = _cells(watched)[:columns]
            for cell in cells:
                cell.no_wrap = not folded
            grid.add_row(*cells)
        return grid


def _cells(watched: Watched) -> list[Text]:
    outcome = watched.last
    if outcome is None or watched.since is None:
        return [Text(cell) for cell in (watched.order.check, "running", "", "", "0", "0", "")]
    took = length(outcome.result.duration_ms) if outcome.result is not None else ""
    return [
        Text(watched.order.check),
        Text(WORDS[outcome.state], STYLES[outcome.state]),
        Text(clock(watched.since, watched.seen or watched.since)),
        Text(took),
        Text(str(watched.runs)),
        Text(str(watched.failed)),
        Text(why(outcome)),
    ]


def _change(outcome: Outcome) -> str:
    result = outcome.result
    if result is None:
        return f"{WORDS[outcome.state]}: {outcome.first_line}"
    if (failure := result.reason) is not None:
        return f"{WORDS[outcome.state]}: {failure_line(failure.step, failure.type, words_of(result, failure))}"
    reason = why(outcome)
    return f"{WORDS[outcome.state]} in {length(result.duration_ms)}{f': {reason}' if reason else ''}"


def _kind(outcome: Outcome) -> tuple[object, ...]:
    """What must differ for two outcomes to be a change: state, failing step and type, thresholds, warnings."""
    result = outcome.result
    if result is None:
        return outcome.state, outcome.error
    if result.reason is not None:
        return outcome.state, result.reason.step, result.reason.type
    return outcome.state, *(item.name for item in result.exceeded), *(warning.type for warning in result.warnings)
