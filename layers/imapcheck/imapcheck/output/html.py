"""The report: one self-contained HTML file for one check or many, and the fragment that a widget shows.

No script, no reference to anything outside, and a content security policy that holds a browser to that: its
only source is the hash of our own style sheet (CSP level 3, section 2.3.1).
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from htpy import (
    Element,
    Node,
    a,
    article,
    bdi,
    body,
    div,
    footer,
    fragment,
    h1,
    head,
    header,
    html,
    main,
    meta,
    p,
    span,
    style,
    table,
    tbody,
    td,
    th,
    thead,
    title,
    tr,
)  # fmt: skip
from markupsafe import Markup

from imapcheck.output.drawing import strip_drawing
from imapcheck.output.entry import ORDER, SIGNS, WORDS, Entry, State, words
from imapcheck.output.html_run import Place, moment, run_body, state_mark
from imapcheck.output.html_steps import LEGEND, legend
from imapcheck.output.waterfall import waterfall_of
from imapcheck.result import isoformat
from imapcheck.version import VERSION
from imapcheck.wording import days_left, failure_line, length, warning_line

STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
_DARK = "@media screen and (prefers-color-scheme: dark)"


def page(entries: Sequence[Entry], made_at: datetime) -> str:
    """The report as a file's content; several checks get a table of all, worst first, and a section each."""
    return _text(
        html(lang="en")[
            head[
                meta(charset="utf-8"),
                meta(http_equiv="Content-Security-Policy", content=_policy()),
                meta(name="viewport", content="width=device-width, initial-scale=1"),
                meta(name="color-scheme", content="light dark"),
                meta(name="referrer", content="no-referrer"),
                title[_title(entries)],
                style[Markup(STYLE)],  # noqa: S704 - our own file; `<style>` holds raw text
            ],
            body(".imapcheck")[div(".paper")[_content(entries), _end(made_at)]],
        ]
    )


def widget(*content: Node, dark: bool) -> str:
    """Content for a CloudWatch dashboard, which has a theme of its own and no place for links within the page."""
    sheet = STYLE.replace(_DARK, "@media screen" if dark else "@media not all")
    return _text(div(".imapcheck.cwdb-no-default-styles")[style[Markup(sheet)], fragment[content]])  # noqa: S704 - our own file


def run_fragment(entry: Entry, *, dark: bool) -> str:
    """One run's report as a widget's content."""
    return widget(run_body(entry, Place(level=2, links=False)), dark=dark)


def _text(element: Element) -> str:
    """As plain text: what is added to a `Markup` would be escaped."""
    return "".join(element.iter_chunks())


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _title(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        state = entries[0].state
        return f"{SIGNS[state]} {entries[0].label}: {WORDS[state].lower()}"
    return f"imapcheck: {_tally(entries)}"


def _content(entries: Sequence[Entry]) -> Node:
    return main[run_body(entries[0], Place())] if len(entries) == 1 else _many(entries)


def _many(entries: Sequence[Entry]) -> Node:
    ordered = sorted(entries, key=lambda entry: (ORDER.index(entry.state), not entry.warnings, entry.label))
    prefixes = _prefixes(ordered)
    worst = ordered[0].state
    return fragment[
        header[
            div(class_=["verdict", worst])[
                h1[f"{len(entries)} IMAP checks"], p(class_=["tally", worst])[_tally(entries)]
            ]
        ],
        main[
            _fleet_table(list(zip(ordered, prefixes, strict=True))),
            legend(LEGEND),
            (
                article(id=prefix.removesuffix("-"))[run_body(entry, Place(level=2, prefix=prefix))]
                for entry, prefix in zip(ordered, prefixes, strict=True)
            ),
        ],
    ]


def _tally(entries: Sequence[Entry]) -> str:
    counts: dict[State, int] = dict.fromkeys(ORDER, 0)
    for entry in entries:
        counts[entry.state] += 1
    told = [f"{counts[state]} {WORDS[state].lower()}" for state in ORDER if counts[state]]
    return "; ".join(told)


def _prefixes(entries: Sequence[Entry]) -> list[str]:
    """An id for each: the check's name, made unique where two are alike."""
    found: list[str] = []
    for entry in entries:
        base = name = f"check-{re.sub(r'[^A-Za-z0-9-]+', '-', entry.label)}-"
        number = 1
        while name in found:
            number += 1
            name = f"{base}{number}-"
        found.append(name)
    return found


def _fleet_table(rows: Sequence[tuple[Entry, str]]) -> Element:
    return table(".checks")[
        thead[
            tr[
                th(scope="col")["Check"], th(scope="col")["State"], th(".why", scope="col")["Why"],
                th(".spare.strips", scope="col")["Steps"], th(".spare.number", scope="col")["Time"],
                th(".spare.number", scope="col")["Certificate"],
            ]
        ],
        tbody[(_fleet_row(entry, prefix) for entry, prefix in rows)],
    ]  # fmt: skip


def _fleet_row(entry: Entry, prefix: str) -> Element:
    link = a(href=f"#{prefix.removesuffix('-')}")[bdi[entry.label]]
    if entry.error is not None:
        said = td(".words.why")[bdi[words(entry.error)]]
        return tr[th(scope="row")[link], td[state_mark(entry.state)], said, td(".spare"), td(".spare"), td(".spare")]
    return tr[
        th(scope="row")[link],
        td[state_mark(entry.state)],
        td(".words.why")[why(entry)],
        td(".spare")[strip(entry)],
        td(".spare.number")[length(entry.content["duration_ms"])],
        td(".spare.number")[certificate(entry)],
    ]


def why(entry: Entry) -> Node:
    """The failing step and the words for it, else the thresholds that were exceeded, else warnings; else the server."""
    if (failure := entry.failure) is not None:
        return fragment[
            f"{failure_line(failure['step'], failure['type'])} ", span(".quiet")[bdi[words(failure["detail"], 200)]]
        ]
    over = [f"{item['name']} {length(item['duration_ms'])}" for item in entry.content["exceeded"]]
    if over:
        return f"over its threshold: {', '.join(over)}"
    warned = "; ".join(warning_line(item["type"], item["detail"]) for item in entry.warnings)
    return bdi[words(warned, 200)] if warned else span(".quiet")[bdi[entry.server]]


def strip(entry: Entry) -> Element:
    """The run's waterfall in one line."""
    waterfall = waterfall_of(entry.content)
    longest = max(waterfall.rows, key=lambda row: row.duration_ms or 0.0)
    label = f"{length(waterfall.total_ms)}; longest: {longest.name} {length(longest.duration_ms or 0.0)}"
    return strip_drawing(waterfall, label)


def certificate(entry: Entry) -> str:
    """Days left, where a certificate was seen."""
    days = (entry.content["server"]["tls"] or {}).get("certificate_days_remaining")
    return "" if days is None else days_left(days)


def _end(made_at: datetime) -> Element:
    made = moment(isoformat(made_at))
    return footer[p[f"Made by imapcheck {VERSION} at ", made, ". This file loads nothing and runs no script."]]
