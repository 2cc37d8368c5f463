"""When `run --every` begins which check, by a clock that stands still unless it is waited for; and what it shows."""

import io
import sys
from collections.abc import Collection
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console, RenderableType

from imapcheck import CheckDefinition
from imapcheck.cli import watch
from imapcheck.cli.orders import Order
from imapcheck.cli.watch import WatchLoop
from imapcheck.output.outcome import Outcome
from support.results import STARTED_AT, failure, not_run, outcome, result, slow_result
from support.wire_server import WireServer


class Day:
    """A clock, a pool and a `wait` of their own: a run takes the time that `lengths` says, and nothing else any."""

    def __init__(self, lengths: dict[str, float], verdicts: dict[str, list[Outcome]] | None = None) -> None:
        self.now, self.lengths, self.verdicts = 0.0, lengths, verdicts or {}
        self.begun: list[tuple[str, float]] = []
        self._ends: dict[Future[Outcome], float] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= 0.5
        self.now += seconds

    def submit(self, run: object, order: Order) -> Future[Outcome]:
        self.begun.append((order.check, self.now))
        future: Future[Outcome] = Future()
        told = self.verdicts.get(order.check)
        future.set_result(told.pop(0) if told else outcome(result(order.check)))
        self._ends[future] = self.now + self.lengths[order.check]
        return future

    def wait(
        self, running: Collection[Future[Outcome]], seconds: float, when: object
    ) -> tuple[set[Future[Outcome]], set[Future[Outcome]]]:
        assert 0 <= seconds <= 0.5
        first = min((self._ends[future] for future in running), default=self.now)
        self.now = max(self.now, min(first, self.now + seconds))
        done = {future for future in running if self._ends[future] <= self.now}
        return done, set(running) - done

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        """Nothing is under way."""


def watching(
    monkeypatch: pytest.MonkeyPatch,
    day: Day,
    interval: float,
    runs: int,
    *,
    terminal: bool = False,
    quiet: bool = False,
) -> str:
    """Watch for so many runs; returns what was shown."""
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=day.monotonic, sleep=day.sleep))
    monkeypatch.setattr(watch, "wait", day.wait)
    monkeypatch.setattr(watch, "ThreadPoolExecutor", lambda most, thread_name_prefix: day)
    shown = io.StringIO()
    console = Console(file=shown, width=100, force_terminal=terminal, color_system=None)
    orders = [Order(Path(f"{name}.json")) for name in day.lengths]
    WatchLoop(orders, interval, 10, lambda _: None, console=console, quiet=quiet).run(runs)
    return shown.getvalue()


@pytest.mark.parametrize(
    ("length", "interval", "begun"),
    [
        (0.25, 1.25, [0, 1.25, 2.5, 3.75]),
        (0, 0.25, [0, 0.25, 0.5, 0.75]),
        (1.25, 1.25, [0, 1.25, 2.5, 3.75]),
        (1.5, 1.25, [0, 2.5, 5, 7.5]),
        (3, 1.25, [0, 3.75, 7.5, 11.25]),
        (0.25, 60, [0, 60, 120, 180]),
    ],
)
def test_check_begins_on_its_turns_and_misses_those_it_slept_through(
    monkeypatch: pytest.MonkeyPatch, length: float, interval: float, begun: list[float]
) -> None:
    """Never late by a nap, never twice to make up for a turn that was missed."""
    day = Day({"mail": length})
    watching(monkeypatch, day, interval, 4)
    assert [moment for _, moment in day.begun] == begun


def test_slow_check_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has turns of its own, to the moment."""
    day = Day({"slow": 2.75, "quick": 0.125})
    watching(monkeypatch, day, 1.25, 8)
    assert [(check, round(begun, 3)) for check, begun in day.begun] == [
        ("slow", 0), ("quick", 0.1), ("quick", 1.35), ("quick", 2.6), ("slow", 3.75), ("quick", 3.85), ("quick", 5.1),
        ("quick", 6.35), ("slow", 7.5), ("quick", 7.6),
    ][: len(day.begun)]  # fmt: skip
    assert len(day.begun) >= 8


@pytest.mark.parametrize(
    ("count", "interval", "apart"), [(3, 60, 0.1), (100, 60, 0.1), (600, 60, 0.1), (1000, 60, 0.06), (4, 0.2, 0.05)]
)
def test_checks_begin_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, count: int, interval: float, apart: float
) -> None:
    """At the start and in each round; closer where they would not fit into the interval."""
    day = Day({f"check{number}": 0.01 for number in range(count)})
    watching(monkeypatch, day, interval, 2 * count)
    moments = [moment for _, moment in day.begun[: 2 * count]]
    expected = [turn * interval + number * apart for turn in (0, 1) for number in range(count)]
    assert moments == pytest.approx(expected)


def test_no_more_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten places and slow checks: who has to wait begins when a place is free, in the order of the turns."""
    day = Day({f"check{number}": 5.0 for number in range(25)})
    watching(monkeypatch, day, 60, 25)
    assert [name for name, _ in day.begun[:25]] == [f"check{number}" for number in range(25)]
    moments = [moment for _, moment in day.begun]
    assert all(later - earlier > 4.9 for earlier, later in zip(moments, moments[10:], strict=False))


def test_table_is_drawn_now_and_then_and_not_for_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many checks there are: what is drawn is worked out while other checks are being timed."""
    drawings = 0
    draw = WatchLoop.__rich__

    def counted(watch: WatchLoop) -> RenderableType:
        nonlocal drawings
        drawings += 1
        return draw(watch)

    monkeypatch.setattr(WatchLoop, "__rich__", counted)
    day = Day({f"check{number}": 0.01 for number in range(500)})
    shown = watching(monkeypatch, day, 10, 1500, terminal=True)
    assert day.now == pytest.approx(30, abs=1)
    assert 10 < drawings <= 2 * 30 + 2
    assert shown.count("  available in 812 ms") == 500


def test_live_table_has_what_the_terminal_holds_the_worst_first() -> None:
    """A line for each; of the rest it says how many there are, and how many of them are not well."""
    console = Console(file=io.StringIO(), width=70, height=9, color_system=None)
    table = WatchLoop([Order(Path(f"c{number}.json")) for number in range(12)], 1, 1, lambda _: None, console=console)
    for number, taken in (
        (3, outcome(result("c3", failure()))),
        (5, outcome(slow_result("c5"))),
        (7, not_run("c7")),
        (9, outcome(result("c9"))),
    ):
        table.watched[number].take(taken, STARTED_AT)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert [line[0] for line in lines] == ["check", "c3", "c7", "c5", "c0", "c1", "c2", "and"]
    assert lines[-1] == ["and", "6", "more"]
    for number in (0, 1, 2, 4, 6):
        table.watched[number].take(outcome(result(f"c{number}", failure())), STARTED_AT)
    console.file.truncate(0)
    console.print(table)
    lines = [line.split() for line in console.file.getvalue().strip("\0").splitlines()]
    assert [line[0] for line in lines] == ["check", "c0", "c1", "c2", "c3", "c4", "c6", "and"]
    assert " ".join(lines[-1]) == "and 6 more, 2 of them not well"


def test_table_at_the_end_has_each_checks_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was, since when, how long it took, how often, how often not, and why; a change is a line above it."""
    down = outcome(result("down", failure(), duration_ms=31.0))
    day = Day(
        {"down": 0.25, "fine": 0.25, "slow": 0.25, "wrong": 0.25, "late": 9},
        {"down": [down, down], "slow": [outcome(slow_result("slow"))] * 2, "wrong": [not_run("wrong")] * 2},
    )
    shown = watching(monkeypatch, day, 1, 8, terminal=True).splitlines()
    heads = [number for number, line in enumerate(shown) if line.split()[:2] == ["check", "verdict"]]
    table = [line.split() for line in shown[heads[-1] :]]
    cells = {row[0]: row[1:] for row in table if row}
    assert cells["check"] == ["verdict", "since", "time", "runs", "failed", "why"]
    assert cells["late"] == ["running", "0", "0"]
    assert (cells["down"][:2], cells["down"][4:8]) == (["NOT", "AVAILABLE"], ["31", "ms", "2", "2"])
    assert "command_rejected" in " ".join(cells["down"])
    assert (cells["fine"][0], cells["fine"][3:]) == ("available", ["812", "ms", "2", "0"])
    assert (cells["slow"][0], cells["slow"][3:7]) == ("slow", ["812", "ms", "2", "0"])
    assert (cells["wrong"][:3], cells["wrong"][5:7]) == (["could", "not", "run"], ["2", "0"])
    changes = [line for line in shown if "  down  NOT AVAILABLE: examine: command_rejected" in line]
    assert len(changes) == 1


def test_narrow_table_has_the_first_four_columns() -> None:
    """The check, its verdict, since when, and how long it took."""
    columns = {
        width: len(
            WatchLoop([], 1, 1, lambda _: None, console=Console(file=io.StringIO(), width=width)).table().columns
        )
        for width in (40, 59, 60, 100)
    }
    assert columns == {40: 4, 59: 4, 60: 7, 100: 7}


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_watch_tells_no_first_success(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    """But a failure, what it changes into, and a first run that is no success."""
    down, fine = outcome(result("mail", failure())), outcome(result("mail"))
    day = Day({"mail": 0.25, "bad": 0.25}, {"mail": [fine, fine, down, fine], "bad": [not_run("bad")] * 4})
    told = [
        line.split("  ", 1)[1]
        for line in watching(monkeypatch, day, 1, 8, quiet=quiet).splitlines()
        if "  mail" in line
    ]
    first = [] if quiet else ["mail  available in 812 ms"]
    assert told[: len(first)] == first
    assert told[len(first)].startswith("mail  NOT AVAILABLE: examine: command_rejected")
    assert told[len(first) + 1].startswith("mail  available in 812 ms, after 0 s; 1 run failed")


def test_drawing_hands_over_to_a_check_at_once() -> None:
    """Python's own 5 ms would be part of a step's time; afterwards they are as they were."""
    seen: list[float] = []
    before = sys.getswitchinterval()
    with WireServer() as server:
        definition = {"server": f"localhost:{server.port}", "authentication": "none", "tls": {"mode": "none"}}
        order = Order(Path("c.json"), CheckDefinition.model_validate(definition))
        console = Console(file=io.StringIO(), force_terminal=True)
        WatchLoop([order], 1, 1, lambda _: seen.append(sys.getswitchinterval()), console=console).run(1)
    assert seen[0] <= before / 10
    assert sys.getswitchinterval() == before
