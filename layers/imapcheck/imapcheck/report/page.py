"""The report: one self-contained HTML file for one check or many, and the fragment that a widget shows.

No script, no reference to anything outside, and a content security policy that holds a browser to that: its
only source is the hash of our own style sheet (CSP level 3, section 2.3.1).
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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

from imapcheck.output.outcome import WORST_FIRST, Outcome, words_of, worst_first
from imapcheck.output.waterfall import waterfall_of
from imapcheck.report.badges import BADGES, badge_of, state_mark
from imapcheck.report.drawing import strip_drawing
from imapcheck.report.run import Embedding, moment, name_of, run_body, server_of
from imapcheck.report.steps import LEGEND, legend, words
from imapcheck.result import CheckResult, isoformat
from imapcheck.version import VERSION
from imapcheck.wording import days_left, failure_line, length, warning_line

STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
_DARK = "@media screen and (prefers-color-scheme: dark)"


def page(outcomes: Sequence[Outcome], made_at: datetime, again: Sequence[str] = ()) -> str:
    """The report as a file's content; several checks get a table of all, worst first, and a section each.

    `again` are the options to run such a check with once more.
    """
    return document(_title(outcomes), _content(outcomes, Embedding(again=tuple(again))), made_at)


def document(name: str, content: Node, made_at: datetime) -> str:
    """A self-contained page with our style sheet and nothing else."""
    return _text(
        html(lang="en")[
            head[
                meta(charset="utf-8"),
                meta(http_equiv="Content-Security-Policy", content=_policy()),
                meta(name="viewport", content="width=device-width, initial-scale=1"),
                meta(name="color-scheme", content="light dark"),
                meta(name="referrer", content="no-referrer"),
                title[name],
                style[Markup(STYLE)],  # noqa: S704 - our own file; `<style>` holds raw text
            ],
            body(".imapcheck")[div(".paper")[content, _end(made_at)]],
        ]
    )


def widget(*content: Node, dark: bool) -> str:
    """Content for a CloudWatch dashboard, which has a theme of its own and no place for links within the page."""
    sheet = STYLE.replace(_DARK, "@media screen" if dark else "@media not all")
    return _text(div(".imapcheck.cwdb-no-default-styles")[style[Markup(sheet)], fragment[content]])  # noqa: S704 - our own file


def run_fragment(outcome: Outcome, *, dark: bool) -> str:
    """One run's report as a widget's content."""
    return widget(run_body(outcome, Embedding(level=2, links=False)), dark=dark)


def _text(element: Element) -> str:
    """As plain text: what is added to a `Markup` would be escaped."""
    return "".join(element.iter_chunks())


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _title(outcomes: Sequence[Outcome]) -> str:
    if len(outcomes) == 1:
        badge = badge_of(outcomes[0].state, warned=outcomes[0].warned)
        return f"{badge.sign} {name_of(outcomes[0])}: {badge.words}"
    return f"imapcheck: {_tally(outcomes)}"


def _content(outcomes: Sequence[Outcome], place: Embedding) -> Node:
    return main[run_body(outcomes[0], place)] if len(outcomes) == 1 else _many(outcomes, place)


def _many(outcomes: Sequence[Outcome], place: Embedding) -> Node:
    ordered = worst_first(sorted(outcomes, key=name_of))
    prefixes = _prefixes(ordered)
    worst = badge_of(ordered[0].state, warned=ordered[0].warned).colour
    return fragment[
        header[
            div(class_=["verdict", worst])[
                h1[f"{len(outcomes)} IMAP checks"], p(class_=["tally", worst])[_tally(outcomes)]
            ]
        ],
        main[
            _fleet_table(list(zip(ordered, prefixes, strict=True))),
            legend(LEGEND),
            (
                article(id=prefix.removesuffix("-"))[run_body(outcome, replace(place, level=2, prefix=prefix))]
                for outcome, prefix in zip(ordered, prefixes, strict=True)
            ),
        ],
    ]


def _tally(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.state for outcome in outcomes)
    parts = [f"{counts[state]} {BADGES[state].words}" for state in WORST_FIRST if counts[state]]
    warned = sum(outcome.warned and outcome.state in ("available", "slow") for outcome in outcomes)
    return "; ".join([*parts, *([f"{warned} with a warning"] if warned else [])])


def _prefixes(outcomes: Sequence[Outcome]) -> list[str]:
    """An id for each: the check's name, made unique where two are alike."""
    found: list[str] = []
    for outcome in outcomes:
        base = name = f"check-{re.sub(r'[^A-Za-z0-9-]+', '-', name_of(outcome))}-"
        number = 1
        while name in found:
            number += 1
            name = f"{base}{number}-"
        found.append(name)
    return found


def _fleet_table(rows: Sequence[tuple[Outcome, str]]) -> Element:
    return table(".checks.told")[
        thead[
            tr[
                th(scope="col")["Check"], th(scope="col")["State"], th(".why", scope="col")["Why"],
                th(".spare.strips", scope="col")["Steps"], th(".spare.number", scope="col")["Time"],
                th(".spare.number", scope="col")["Certificate"],
            ]
        ],
        tbody[(_fleet_row(outcome, prefix) for outcome, prefix in rows)],
    ]  # fmt: skip


def _fleet_row(outcome: Outcome, prefix: str) -> Element:
    link = a(href=f"#{prefix.removesuffix('-')}")[bdi[name_of(outcome)]]
    result = outcome.result
    if result is None:
        said = td(".words.why")[bdi[words("; ".join((outcome.error or "").splitlines()))]]
        return tr[
            th(scope="row")[link],
            td[state_mark(outcome.state, warned=False)],
            said,
            td(".spare"),
            td(".spare"),
            td(".spare"),
        ]
    return tr[
        th(scope="row")[link],
        td[state_mark(outcome.state, warned=outcome.warned)],
        td(".words.why")[why(outcome)],
        td(".spare")[strip(result)],
        td(".spare.number")[length(result.duration_ms)],
        td(".spare.number")[certificate(outcome)],
    ]


def why(outcome: Outcome) -> Node:
    """The failing step and the words for it, else the thresholds that were exceeded, else warnings; else the server."""
    result = outcome.result
    if result is None:
        return None
    if (failure := result.reason) is not None:
        told = span(".quiet")[bdi[words(words_of(result, failure), 200)]]
        return fragment[f"{failure_line(failure.step, failure.type)} ", told]
    over = [f"{item.name} {length(item.duration_ms)}" for item in result.exceeded]
    if over:
        return f"over its threshold: {', '.join(over)}"
    warned = "; ".join(warning_line(item.type, item.detail) for item in result.warnings)
    return bdi[words(warned, 200)] if warned else span(".quiet")[bdi[server_of(outcome)]]


def strip(result: CheckResult) -> Element:
    """The run's waterfall in one line."""
    waterfall = waterfall_of(result)
    longest = max(waterfall.rows, key=lambda row: row.duration_ms or 0.0)
    label = f"{length(waterfall.total_ms)}; longest: {longest.name} {length(longest.duration_ms or 0.0)}"
    return strip_drawing(waterfall, label)


def certificate(outcome: Outcome) -> Node:
    """Days left, marked by the definition's own limit: few are a warning, none is a failure."""
    tls = None if outcome.result is None else outcome.result.server.tls
    left = None if tls is None else tls.certificate_days_remaining
    if left is None or left >= outcome.asked.certificate_days:
        return "" if left is None else days_left(left)
    return span(".state.failed" if left < 0 else ".state.slow")[days_left(left)]


def _end(made_at: datetime) -> Element:
    made = moment(isoformat(made_at))
    return footer[p[f"Made by imapcheck {VERSION} at ", made, ". This file loads nothing and runs no script."]]
