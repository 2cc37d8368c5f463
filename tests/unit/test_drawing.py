"""The drawings say what the layout says: every bar, line and label where it belongs, and nothing outside the frame."""

import re

import pytest

from imapcheck.output.waterfall import Tick, Waterfall, layout
from imapcheck.report.drawing import COLOURS, axis_drawing, days_drawing, row_drawing, strip_drawing, total_drawing
from imapcheck.result import StepResult

STEPS = [
    StepResult("dns", "passed", 100.0, None),
    StepResult("connect", "skipped", None, None),
    StepResult("tls", "failed", 300.0, None),
    StepResult("logout", "passed", 0.0, None),
]


@pytest.fixture
def waterfall() -> Waterfall:
    return layout(STEPS, {"dns": 80.0, "tls": 350.0, "total": 400.0})


def shapes(markup: str, name: str, *attributes: str) -> list[tuple[str, ...]]:
    """The values of the attributes of every such element."""
    found = re.findall(rf"<{name}\b[^>]*>", markup)
    return [tuple(re.search(rf'\s{key}="([^"]*)"', tag)[1] for key in attributes) for tag in found]  # type: ignore[index]


def test_strip_is_filled_to_its_end(waterfall: Waterfall) -> None:
    """Each step over the one before, in its colour, from where it began to the right edge; its time is told."""
    strip = str(strip_drawing(waterfall, "400 ms"))
    assert shapes(strip, "rect", "x", "width", "fill") == [
        ("0.00%", "100.00%", COLOURS["dns"]),
        ("25.00%", "75.00%", COLOURS["failed"]),
        ("100.00%", "0.00%", COLOURS["wait"]),
    ]
    assert re.findall(r"<title>([^<]*)</title>", strip) == ["400 ms", "dns 100 ms", "tls 300 ms", "logout 0 ms"]


def test_row_has_its_bar_the_grid_and_its_threshold(waterfall: Waterfall) -> None:
    """The bar, and a sliver of two pixels that shows the shortest one within the frame."""
    dns, connect, tls, logout = (str(row_drawing(row, waterfall.ticks)) for row in waterfall.rows)
    assert shapes(dns, "rect", "x", "width") == [("0.00%", "25.00%"), ("0.00%", "2")]
    assert shapes(connect, "rect", "x") == []
    assert shapes(tls, "rect", "x", "width") == [("25.00%", "75.00%"), ("25.00%", "2")]
    assert shapes(logout, "rect", "x", "width") == [("100.00%", "0.00%"), ("99.50%", "2")]
    grid = [(f"{tick.at * 100:.2f}%", "tick") for tick in waterfall.ticks]
    assert shapes(dns, "line", "x1", "class") == [*grid, ("20.00%", "mark")]
    assert shapes(tls, "line", "x1", "class") == grid  # 350 ms lie beyond the frame
    assert shapes(str(total_drawing(waterfall)), "line", "x2", "class") == [*grid, ("99.80%", "mark")]


def test_labels_stay_inside_and_every_other_one_may_go() -> None:
    """At the edges they are set against them; a narrow screen drops the spare ones."""
    ticks = [Tick(0.0, "0 ms"), Tick(0.03, "a"), Tick(0.04, "b"), Tick(0.94, "c"), Tick(0.97, "d")]
    assert shapes(str(axis_drawing(ticks)), "text", "x", "text-anchor", "class") == [
        ("0.00%", "start", "needed"),
        ("3.00%", "start", "spare"),
        ("4.00%", "middle", "needed"),
        ("94.00%", "middle", "spare"),
        ("97.00%", "end", "needed"),
    ]


@pytest.mark.parametrize(("days", "width"), [(-3, "0.00%"), (9, "10.00%"), (90, "100.00%"), (398, "100.00%")])
def test_days_of_a_certificate_on_a_scale_of_ninety(days: float, width: str) -> None:
    """On a track of the full width."""
    assert shapes(str(days_drawing(days, "wait")), "rect", "width", "height") == [("100%", "8"), (width, "8")]
