"""The steps of a run as HTML: a table with a bar in each row, and what its colours mean."""

from collections.abc import Collection

from htpy import Element, Node, bdi, caption, div, fragment, li, span, table, tbody, td, tfoot, th, thead, tr, ul

from imapcheck.output.waterfall import Mark, StepRow, Waterfall
from imapcheck.report.drawing import axis_drawing, row_drawing, swatch, total_drawing
from imapcheck.text import one_line
from imapcheck.trace import NOT_REACHED
from imapcheck.wording import length

_STEP_SIGNS = {"passed": "✓", "failed": "✗", "refused": "!", "skipped": "–"}
LEGEND = {
    "dns": "DNS", "connect": "connect", "tls": "TLS", "wait": "waiting", "transfer": "transfer", "failed": "failed",
}  # fmt: skip


def words(value: object, limit: int = 1000) -> str:
    """Words that a server or a file had a part in, as one line without anything that cannot be seen."""
    return one_line(str(value), limit)


def steps_table(waterfall: Waterfall) -> Element:
    """Steps with their bars: a table, so that it reads without the picture too."""
    return table(".steps")[
        caption(".hidden")["Steps in their order, each with its part of the run"],
        thead[tr[th(scope="col")["Step"], th(".frame", scope="col")[_axis(waterfall)], th(scope="col")["Time"]]],
        tbody[
            (_step_row(row, waterfall) for row in waterfall.rows if row.detail != NOT_REACHED), _not_reached(waterfall)
        ],
        tfoot[_total_row(waterfall)],
    ]


def _axis(waterfall: Waterfall) -> Node:
    return fragment[span(".hidden")["What happened"], axis_drawing(waterfall.ticks)]


def _step_row(row: StepRow, waterfall: Waterfall) -> Element:
    over = row.mark is not None and row.mark.exceeded and row.status != "failed"
    return tr(class_=[row.status, "over" if over else ""])[
        th(scope="row")[
            span(".sign", aria_hidden="true")[_STEP_SIGNS[row.status]], row.name, span(".hidden")[f" {row.status}"]
        ],
        td(".frame")[row_drawing(row, waterfall.ticks), _notes(row)],
        td["" if row.duration_ms is None else length(row.duration_ms)],
    ]


def _not_reached(waterfall: Waterfall) -> Node:
    """The steps that the failure kept from running: one row for all."""
    names = [row.name for row in waterfall.rows if row.detail == NOT_REACHED]
    if not names:
        return None
    return tr(".skipped")[
        th(scope="row")[span(".sign", aria_hidden="true")[_STEP_SIGNS["skipped"]], NOT_REACHED],
        td(".frame")[div(".detail")[", ".join(names)]],
        td,
    ]


def _notes(row: StepRow) -> Node:
    notes = [bdi[words(row.detail)]] if row.detail else []
    limit = _limit_note(row.mark)
    if limit is not None:
        notes.append(span[limit])
    if not notes:
        return None
    return div(".detail")[notes[0], ((" · ", note) for note in notes[1:])]


def _limit_note(mark: Mark | None) -> str | None:
    if mark is None:
        return None
    limit = length(mark.limit_ms)
    return f"over the threshold of {limit}" if mark.exceeded else f"threshold {limit}"


def _total_row(waterfall: Waterfall) -> Element:
    mark = waterfall.total_mark
    note = _limit_note(mark)
    return tr(class_="over" if mark is not None and mark.exceeded else "total")[
        th(scope="row")[span(".sign"), "total"],
        td(".frame")[total_drawing(waterfall), None if note is None else div(".detail")[note]],
        td[length(waterfall.total_ms)],
    ]


def legend_of(waterfall: Waterfall) -> Element:
    """The colours that the table shows."""
    marked = waterfall.total_mark is not None or any(row.mark is not None for row in waterfall.rows)
    return legend({row.colour for row in waterfall.rows if row.bars}, marked=marked)


def legend(colours: Collection[str], *, marked: bool = False) -> Element:
    """What the colours mean; `marked` explains the dashed line too."""
    return ul(".legend")[
        (li[swatch(colour), name] for colour, name in LEGEND.items() if colour in colours),
        li["┊ threshold"] if marked else None,
    ]
