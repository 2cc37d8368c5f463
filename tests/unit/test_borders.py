"""Where one word gives way to another: values at the borders, of everything that is shown."""

import re
import time
from dataclasses import replace

import pytest

from imapcheck.alarms.causes import behind
from imapcheck.asked import Asked
from imapcheck.output.outcome import Outcome
from imapcheck.output.summary import percentile
from imapcheck.output.terminal.live import LiveDisplay
from imapcheck.output.terminal.verdict import certificate
from imapcheck.output.waterfall import layout, nice_ticks
from imapcheck.report.page import run_fragment
from imapcheck.result import StepResult
from support.full_results import TLS, available
from support.rendered.paper import Paper


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([7.0], 0.5, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([1.0, 2.0, 3.0], 0.0, 1.0),
        ([1.0, 2.0, 3.0], 1.0, 3.0),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: float, found: float) -> None:
    """A value that was measured, never one between two."""
    assert percentile(values, share) == found


def test_day_on_which_a_certificate_expires_is_still_to_come() -> None:
    """Zero days are left, none has passed."""
    seen = replace(TLS, certificate_days_remaining=0.0)
    assert [fact for fact in certificate(seen) if "expire" in fact] == ["expires in 0 days"]


@pytest.mark.parametrize(
    ("days", "few", "colour"), [(14.0, 14, "wait"), (13.99, 14, "failed"), (20.0, 30, "failed"), (8.0, 7, "wait")]
)
def test_few_days_of_a_certificate_are_red(days: float, few: int, colour: str) -> None:
    """Fewer than alarms.certificate_days: where the run warns and the alarm rings, no report calls it fine."""
    run = available()
    assert run.server.tls is not None
    server = replace(run.server, tls=replace(run.server.tls, certificate_days_remaining=days))
    asked = Asked(certificate_days=few)
    drawn = run_fragment(Outcome("mail", replace(run, server=server), asked=asked), dark=False)
    assert re.search(r'class="days".*?class="bar (\w+)"', drawn)[1] == colour  # type: ignore[index]


@pytest.mark.parametrize(
    ("end_ms", "labels"),
    [
        (1.0, ["0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms", "1 ms"]),
        (8.0, [f"{n} ms" for n in range(9)]),
        (1999.0, ["0 ms", "500 ms", "1000 ms", "1500 ms"]),
        (2000.0, ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]),
        (40_000.0, [f"{n} s" for n in range(0, 41, 5)]),
    ],
)
def test_ticks_at_the_borders(end_ms: float, labels: list[str]) -> None:
    """The last one at the end where it is a round number; seconds from two of them on."""
    assert [tick.label for tick in nice_ticks(end_ms)] == labels


def test_threshold_that_was_just_reached_was_not_exceeded() -> None:
    """Of a step and of the whole: the mark stands at the end of the bar."""
    drawn = layout([StepResult("dns", "passed", 10.0, None)], {"dns": 10.0, "total": 10.0})
    for mark in (drawn.rows[0].mark, drawn.total_mark):
        assert mark is not None
        assert (mark.at, mark.exceeded) == (1.0, False)


@pytest.mark.parametrize(("limit", "at"), [(9.0, 9 / 80), (10.0, 10 / 80), (11.0, 61 / 80), (30.0, 1.0), (31.0, None)])
def test_mark_stands_in_the_stretch_in_which_the_limit_is_reached(limit: float, at: float | None) -> None:
    """At the end of the first one, not at the beginning of the second; beyond the last one it is not drawn."""
    steps = [StepResult("capability", "passed", 30.0, None), StepResult("authenticate", "passed", 50.0, None)]
    spans = {"capability": [(0.0, 10.0), (60.0, 20.0)], "authenticate": [(10.0, 50.0)]}
    mark = layout(steps, {"capability": limit}, spans).rows[0].mark
    assert mark is not None
    assert mark.at == (None if at is None else pytest.approx(at))
    assert mark.exceeded == (limit < 30.0)


@pytest.mark.parametrize(("limit", "at"), [(59.0, 59 / 200), (60.0, 60 / 200), (61.0, 161 / 200), (101.0, None)])
def test_mark_of_the_whole_is_moved_by_what_lies_before_it(limit: float, at: float | None) -> None:
    """A clean-up that begins where the limit is reached moves nothing."""
    steps = [
        StepResult("append", "passed", 60.0, None),
        StepResult("cleanup", "passed", 100.0, None),
        StepResult("logout", "passed", 40.0, None),
    ]
    mark = layout(steps, {"total": limit}).total_mark
    assert mark is not None
    assert mark.at == (None if at is None else pytest.approx(at))


def test_step_of_a_session_that_never_began_has_no_mark_to_draw() -> None:
    """A frame of no width, and a limit that nothing reached."""
    drawn = layout([StepResult("dns", "skipped", None, None)], {"dns": 5.0, "total": 5.0})
    assert (drawn.rows[0].bars, drawn.total_mark and drawn.total_mark.at) == ((), None)
    assert drawn.rows[0].mark is not None
    assert drawn.rows[0].mark.at is None


def test_what_each_step_stands_or_falls_with() -> None:
    """What is no step is the server."""
    assert (behind("append"), behind("")) == ("the mail store", "the mail server")


def test_what_runs_is_drawn_again_without_an_event_until_it_is_stopped() -> None:
    """A clock goes on while nothing happens; afterwards the cursor is back and nothing is drawn."""
    paper, drawn = Paper(), []

    def content() -> str:
        drawn.append("drawn")
        return f"{len(drawn)} times"

    display = LiveDisplay(paper.console, content)
    display.show()
    at_once, give_up = len(drawn), time.monotonic() + 30
    while len(drawn) < at_once + 2 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(drawn) >= at_once + 2
    display.stop()
    after = len(drawn)
    display.show()
    time.sleep(0.7)
    assert len(drawn) == after
    assert paper.hidden_cursors == (1, 1)
