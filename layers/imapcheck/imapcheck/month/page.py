"""The month's report as a page: for each check a bar a day, what the figures say, and its outages."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from htpy import (
    Element,
    Node,
    a,
    bdi,
    dd,
    div,
    dl,
    dt,
    fragment,
    h1,
    h2,
    header,
    main,
    p,
    rect,
    section,
    span,
    svg,
    table,
    tbody,
    td,
    text,
    th,
    thead,
    tr,
)
from htpy import title as tooltip

from imapcheck.alarms.times import clock_beside, date_beside
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Day, Figures, longest_first
from imapcheck.month.text import counts_of, goal_of, head_of, times_of_month
from imapcheck.report.page import document
from imapcheck.wording import count, elapsed, percent
from imapcheck.wording import day as name_of_day

_HEIGHT, _LEAST = 56, 18
_WORST = 90.0
"""Percent: a day that is no better has the lowest bar."""
_LABELS = (0, 9, 19)


def month_page(
    month: Month, found: Sequence[Figures], notes: Sequence[str], made_at: datetime, zone: tzinfo | None = None
) -> str:
    """The file's content; checks in the order of `found`. Times are UTC, and that of `zone` beside."""
    missed = [item for item in found if item.kept is False]
    verdict = "failed" if missed else "unknown" if not any(item.runs for item in found) else "good"
    said = f"{count(len(found), 'check')}; {len(missed)} missed the goal" if missed else count(len(found), "check")
    content = fragment[
        header[
            div(class_=["verdict", verdict])[
                h1[f"Availability in {month.name}"],
                p(".tally")[said],
                (p[note] for note in notes),
            ]
        ],
        main[_table(found) if len(found) > 1 else None, (_check(item, zone) for item in found)],
    ]
    return document(f"imapcheck: {month.name}", content, made_at)


def _table(found: Sequence[Figures]) -> Element:
    return table(".checks")[
        thead[tr[(th(scope="col")[word] for word in ("Check", "Available", "Goal", "Outages", "Longest"))]],
        tbody[
            (
                tr[
                    th(scope="row")[a(href=f"#check-{item.plan.check}")[bdi[item.plan.check]]],
                    td[_share(item.available)],
                    td[_goal(item)],
                    td[str(len(item.outages))],
                    td[elapsed(longest_first(item.outages)[0].length) if item.outages else ""],
                ]
                for item in found
            )
        ],
    ]


def _share(available: float | None) -> str:
    return "no run" if available is None else percent(available)


def _goal(item: Figures) -> Node:
    mark = {True: "", False: "failed", None: "unknown"}[item.kept]
    goal, _, said = goal_of(item).removeprefix(", goal ").partition(" %: ")
    return bdi(class_=["state", mark])[span(".whole")[f"{goal} %:"], f" {said}"] if said else ""


def _check(item: Figures, zone: tzinfo | None) -> Element:
    facts = [*counts_of(item, zone), *times_of_month(item)]
    return section(id=f"check-{item.plan.check}")[
        h2[bdi[head_of(item)]],
        _days(item),
        (p[line] for line in facts),
        _places(item) if item.places else None,
        _outages(item, zone) if item.outages else None,
    ]


def _days(item: Figures) -> Element:
    """A bar a day: its height is the day's availability, so that no colour is needed to read it."""
    width = 100 / len(item.days or (0,))
    return svg(
        ".month", width="100%", height=str(_HEIGHT + 16), role="img", aria_label=_in_words(item.days)
    )[
        (
            fragment[
                rect(
                    class_=_class(day), x=f"{number * width + width * 0.1:.2f}%", width=f"{width * 0.8:.2f}%",
                    y=str(_HEIGHT - _height(day)), height=str(_height(day)), rx="2",
                )[tooltip[_said(day)]],
                _label(number, width, day) if number in _LABELS or number == len(item.days) - 1 else None,
            ]
            for number, day in enumerate(item.days)
        )
    ]  # fmt: skip


def _label(number: int, width: float, day: Day) -> Element:
    return text(x=f"{(number + 0.5) * width:.2f}%", y=str(_HEIGHT + 13), text_anchor="middle", fill="currentColor")[
        f"{day.at.day}"
    ]


def _class(day: Day) -> str:
    if day.available is None:
        return "none"
    return "down" if day.down else "good" if day.available >= 100 else "some"


def _height(day: Day) -> int:
    if day.available is None:
        return 6
    above = max(0.0, day.available - _WORST) / (100 - _WORST)
    return round(_LEAST + (_HEIGHT - _LEAST) * above)


def _said(day: Day) -> str:
    said = "no run counts" if day.available is None else percent(day.available)
    return f"{name_of_day(day.at)}: {said}"


def _in_words(days: Sequence[Day]) -> str:
    bad = [_said(day) for day in days if day.available is not None and day.available < 100]
    return f"Availability by day. Days below 100 %: {'; '.join(bad) or 'none'}."


def _places(item: Figures) -> Element:
    return dl[
        (fragment[dt[place], dd[f"reached in {percent(share)} of the runs"]] for place, share in item.places.items())
    ]


def _outages(item: Figures, zone: tzinfo | None) -> Element:
    return table[
        thead[tr[(th(scope="col")[word] for word in ("Outage began", "Good again", "Length", "Cause"))]],
        tbody[(tr[(td[cell] for cell in row)] for row in _rows(item, zone))],
    ]


def _rows(item: Figures, zone: tzinfo | None) -> Iterator[tuple[Node, ...]]:
    for outage in longest_first(item.outages):
        ended = "not over" if outage.ended is None else clock_beside(outage.ended, outage.began, zone)
        unseen = f" (no run for {elapsed(outage.unseen)} of it)" if outage.unseen else ""
        began = date_beside(outage.began, item.month.start, zone)
        yield began, ended, f"{elapsed(outage.length)}{unseen}", bdi[outage.cause or "not known"]
