"""The waterfall's layout as SVG. Widths are percentages, so that a drawing fits a phone and a wall alike.

Colours are classes of report.css; each shape names its colour as an attribute too, for a viewer that drops styles.
"""

from collections.abc import Iterable, Iterator

from htpy import Element, Node, line, rect, svg, text
from htpy import title as tooltip

from imapcheck.output.waterfall import Bar, Mark, StepRow, Tick, Waterfall
from imapcheck.wording import length

COLOURS = {
    "dns": "#159588",
    "connect": "#fd9727",
    "tls": "#c141cd",
    "wait": "#1ba74b",
    "transfer": "#1e8fe1",
    "failed": "#d1242f",
}
"""The field's colours (browsers' network panels, PerfCascade, hurl), and red for what failed."""

_BAR_HEIGHT, _BAR_TOP = 14, 4
_FIRST, _LAST = 0.04, 0.94  # beyond these a label is set against the edge


def row_drawing(row: StepRow, ticks: Iterable[Tick]) -> Element:
    """One row: grid, bars and threshold; what it shows stands beside it as text, so it is hidden from readers."""
    return svg(".row", width="100%", height="100%", aria_hidden="true", focusable="false")[
        _grid(ticks), _bars(row.bars, row.colour), _mark(row.mark)
    ]


def total_drawing(waterfall: Waterfall) -> Element:
    """The last row: the grid and the threshold of the whole."""
    return svg(".row", width="100%", height="100%", aria_hidden="true", focusable="false")[
        _grid(waterfall.ticks), _mark(waterfall.total_mark)
    ]


def axis_drawing(ticks: Iterable[Tick]) -> Element:
    """The labels of the time axis; a narrow screen drops every other one."""
    return svg(".axis", width="100%", height="16", aria_hidden="true", focusable="false")[
        (
            text(
                x=percent(tick.at), y="12", text_anchor=_anchor(tick.at), fill="currentColor",
                class_="spare" if number % 2 else "needed",
            )[tick.label]
            for number, tick in enumerate(ticks)
        )
    ]  # fmt: skip


def strip_drawing(waterfall: Waterfall, label: str) -> Element:
    """The whole run in one line, for a table; `label` says in words what it shows.

    Each step is drawn to the end and the next over it, as rounding would leave gaps between them.
    """
    return svg(".strip", width="100%", height="14", role="img", aria_label=label, shape_rendering="crispEdges")[
        tooltip[label],
        (
            rect(x=percent(bar.start), y="0", width=percent(1 - bar.start), height="14", **_fill(row.colour))[
                tooltip[f"{row.name} {length(row.duration_ms or 0.0)}"]
            ]
            for row in waterfall.rows
            for bar in row.bars
        ),
    ]


def days_drawing(days: float, colour: str) -> Element:
    """Days left of a certificate on a scale of 90, a public certificate's usual life."""
    return svg(".days", width="100%", height="8", aria_hidden="true", focusable="false")[
        rect(".track", x="0", y="0", width="100%", height="8", rx="4", fill="#8884"),
        rect(x="0", y="0", width=percent(min(max(days / 90, 0.0), 1.0)), height="8", rx="4", **_fill(colour)),
    ]


def swatch(colour: str) -> Element:
    """A square of a colour, for the legend."""
    return svg(".swatch", width="10", height="10", aria_hidden="true", focusable="false")[
        rect(x="0", y="0", width="10", height="10", **_fill(colour))
    ]


def percent(fraction: float) -> str:
    return f"{fraction * 100:.2f}%"


def _fill(colour: str) -> dict[str, str]:
    return {"class": f"bar {colour}", "fill": COLOURS[colour]}


def _grid(ticks: Iterable[Tick]) -> Node:
    return (
        line(".tick", x1=percent(tick.at), x2=percent(tick.at), y1="0", y2="100%", stroke="#8883", stroke_width="1")
        for tick in ticks
    )


def _bars(bars: Iterable[Bar], colour: str) -> Iterator[Element]:
    """A bar too short to be seen is drawn two pixels wide, within the frame."""
    for bar in bars:
        place = {"y": str(_BAR_TOP), "height": str(_BAR_HEIGHT), "rx": "1"}
        yield rect(x=percent(bar.start), width=percent(bar.length), **place, **_fill(colour))
        yield rect(
            x=percent(min(bar.start, 0.995)), width="2", y=str(_BAR_TOP), height=str(_BAR_HEIGHT), **_fill(colour)
        )


def _mark(mark: Mark | None) -> Node:
    if mark is None or mark.at is None:
        return None
    at = percent(min(mark.at, 0.998))
    return line(".mark", x1=at, x2=at, y1="0", y2="100%", stroke="#d1242f", stroke_width="2", stroke_dasharray="3 2")


def _anchor(at: float) -> str:
    if at < _FIRST:
        return "start"
    return "end" if at > _LAST else "middle"
