"""The layout: bars within the frame, in order, as long as their steps; ticks that a person would have chosen."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck.output.waterfall import (
    Waterfall,
    layout,
    nice_ticks,
    waterfall_of,
)
from imapcheck.result import StepResult, StepStatus
from imapcheck.steps import STEP_NAMES, STEPS
from support.full_results import available, slow

TIME = st.floats(0, 120_000, allow_nan=False).map(lambda ms: round(ms, 3))


@st.composite
def runs(draw: st.DrawFn) -> list[StepResult]:
    """Any steps, in the order in which a run has them."""
    chosen = [name for name in STEP_NAMES if draw(st.booleans())]
    statuses: st.SearchStrategy[StepStatus] = st.sampled_from(get_args(StepStatus.__value__))
    found = []
    for name in chosen:
        status = draw(statuses)
        found.append(StepResult(name, status, None if status == "skipped" else draw(TIME), draw(st.none() | st.text())))
    return found


@settings(deadline=None)
@given(runs(), st.dictionaries(st.sampled_from(("total", *STEP_NAMES)), st.floats(1, 200_000)))
def test_bars_lie_in_the_frame_in_order_and_add_up(steps: list[StepResult], thresholds: dict[str, float]) -> None:
    """Whatever took how long, nothing is drawn outside, nothing overlaps, nothing is longer than it was."""
    drawn = layout(steps, thresholds)
    assert [row.name for row in drawn.rows] == [step.name for step in steps]
    end, frame = 0.0, sum(step.duration_ms or 0.0 for step in steps) or 1.0
    for row, step in zip(drawn.rows, steps, strict=True):
        assert len(row.bars) == (0 if step.duration_ms is None else 1)
        for bar in row.bars:
            assert bar.start == pytest.approx(end, abs=1e-9)
            assert 0 <= bar.start <= bar.start + bar.length <= 1 + 1e-12
            assert bar.length * frame == pytest.approx(step.duration_ms, abs=1e-6)
            end = bar.start + bar.length
    counted = sum(step.duration_ms or 0 for step in steps if STEPS[step.name].counted)
    assert drawn.total_ms == pytest.approx(counted)


@settings(deadline=None)
@given(runs(), st.dictionaries(st.sampled_from(("total", *STEP_NAMES)), st.floats(1, 200_000)))
def test_a_mark_says_what_the_bar_shows(steps: list[StepResult], thresholds: dict[str, float]) -> None:
    """A bar goes past its mark exactly where the threshold was exceeded; a mark is never outside."""
    for row in layout(steps, thresholds).rows:
        if row.mark is None:
            assert row.name not in thresholds
            continue
        assert row.mark.exceeded == ((row.duration_ms or 0.0) > thresholds[row.name])
        if row.mark.exceeded:
            assert row.mark.at is not None
            assert row.bars[-1].start <= row.mark.at <= row.bars[-1].start + row.bars[-1].length + 1e-9
        assert row.mark.at is None or 0 <= row.mark.at <= 1


@settings(deadline=None)
@given(st.floats(0.001, 10_000_000))
def test_ticks_are_round_numbers_across_the_whole_frame(end_ms: float) -> None:
    """Two to nine of them, evenly apart, a multiple of 1, 2 or 5, the last one less than a step before the end."""
    ticks = nice_ticks(end_ms)
    assert 2 <= len(ticks) <= 9
    assert ticks[0].at == 0
    apart = ticks[1].at
    assert [tick.at for tick in ticks] == pytest.approx([i * apart for i in range(len(ticks))])
    assert 1 - apart - 1e-9 <= ticks[-1].at <= 1
    assert f"{apart * end_ms:e}"[0] in "125" or f"{apart * end_ms:.1e}"[0] in "125"


def test_a_step_that_went_on_later_has_a_bar_for_each_stretch() -> None:
    """CAPABILITY is asked again after the login: the mark stands where its own time reached the limit."""
    steps = [StepResult("capability", "passed", 30.0, None), StepResult("authenticate", "passed", 50.0, None)]
    spans = {"capability": [(0.0, 10.0), (60.0, 20.0)], "authenticate": [(10.0, 50.0)]}
    row = layout(steps, {"capability": 20.0}, spans).rows[0]
    assert [(bar.start, bar.length) for bar in row.bars] == [(0.0, 0.125), (0.75, 0.25)]
    assert row.mark is not None
    assert row.mark.at == pytest.approx(70 / 80)


def test_clean_up_is_drawn_and_not_counted() -> None:
    """The threshold of the whole moves to the right by what does not count."""
    steps = [
        StepResult("append", "passed", 60.0, None),
        StepResult("cleanup", "passed", 100.0, None),
        StepResult("logout", "passed", 40.0, None),
    ]
    drawn = layout(steps, {"total": 80.0})
    assert drawn.total_ms == 100.0
    assert drawn.total_mark is not None
    assert drawn.total_mark.exceeded
    assert drawn.total_mark.at == pytest.approx(180 / 200)


def test_what_was_exceeded_is_marked_without_the_definition() -> None:
    """The result says what the limits were."""
    drawn = waterfall_of(slow())
    marked = {row.name for row in drawn.rows if row.mark is not None}
    assert marked == {"search"}
    assert drawn.total_mark is not None
    assert drawn.total_ms == pytest.approx(slow().duration_ms, abs=0.001)


def test_colours_are_those_of_the_field() -> None:
    """And a step that failed is red whatever it did."""
    colours = {row.name: row.colour for row in waterfall_of(available()).rows}
    assert [colours[name] for name in ("dns", "connect", "tls", "search", "fetch")] == [
        "dns", "connect", "tls", "wait", "transfer",
    ]  # fmt: skip
    assert layout([StepResult("dns", "failed", 1.0, None)], {}).rows[0].colour == "failed"


def test_no_steps_are_no_error() -> None:
    """A frame with nothing in it."""
    empty: Waterfall = layout([], {"total": 10.0})
    assert (empty.rows, empty.total_ms) == ((), 0.0)
