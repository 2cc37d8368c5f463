"""The report of one check and of several, and the dashboard's widget, as HTML with a tag on each line."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from imapcheck.asked import Asked
from imapcheck.output.outcome import Outcome
from imapcheck.report.page import page, run_fragment
from imapcheck.report.widget import CheckRow, Choice, Problem, checks_widget, sentence_widget
from imapcheck.version import VERSION
from support.full_results import available, refused, sent, slow
from support.more_results import (
    RUNS,
    URL,
    certificate_refused,
    crashed,
    not_run,
    outcome_of,
    over_quota,
    unreachable,
    warned,
)

MADE = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
ASKED = Asked(
    URL,
    "events/my mail.json",
    "imapcheck/mail",
    "https://wiki.example/imap?a=1&b=2",
    thresholds={"total": 1500.0, "search": 500.0, "dns": 5.0, "authenticate": 400.0},
)
ENDPOINT = "arn:aws:lambda:eu-central-1:123456789012:function:show-checks"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_HASH = re.compile(r"sha256-[A-Za-z0-9+/=]+")
_GRID = re.compile(r'(?:<line class="tick"[^>]*></line>)+')
_JSON = re.compile(r'(<pre tabindex="0">)(.*?)(</pre>)', re.DOTALL)


def laid_out(markup: str, *, whole_json: bool = False) -> str:
    """A tag on each line, without the style sheet and the grid's attributes; of the raw JSON its beginning and end."""
    sheets = _STYLE.findall(markup)
    markup = _HASH.sub("sha256-HASH", markup).replace(VERSION, "VERSION")
    text = _GRID.sub(_ticks, _STYLE.sub("<style>", markup))
    if not whole_json:
        text = _JSON.sub(lambda match: f"{match[1]}{match[2][:20]} … {match[2][-4:]}{match[3]}", text)
    dark = "".join(
        f"\n({sheet.count('@media screen {')} dark, {sheet.count('@media not all')} never)" for sheet in sheets
    )
    return re.sub(r"\s*\n\s*(?=<)", "\n", re.sub(r"(<[^/])", r"\n\1", text)).lstrip("\n") + dark + "\n"


def _ticks(match: re.Match[str]) -> str:
    """The grid of a row in one line."""
    return f"<grid {' '.join(re.findall(r' x1=.([0-9.]+%)', match[0]))}>"


def asking(outcome: Outcome, asked: Asked | None = None) -> Outcome:
    """The outcome of a definition that asks for this, or that could not be read."""
    return replace(outcome, asked=asked or Asked())


def report(outcome: Outcome, asked: Asked | None = None, *, whole_json: bool = False) -> str:
    """The page of one check."""
    return laid_out(page([asking(outcome, asked)], MADE), whole_json=whole_json)


def report_of_many() -> str:
    """One of every state; two of one name, and one whose name has no letter that an anchor may hold."""
    runs = [
        RUNS["plain"]("office"),
        slow("slow"),
        refused("mail"),
        RUNS["plain"]("office"),
        unreachable("Büro & Söhne"),
    ]
    outcomes = [*map(outcome_of, runs), not_run(), crashed(), outcome_of(certificate_refused("mail"))]
    text = laid_out(page([asking(outcome, ASKED) for outcome in outcomes], MADE))
    return re.sub(r'^<article id="(.*)">$', r"=== \1\n\g<0>", text, flags=re.MULTILINE)


def _ago(**length: float) -> datetime:
    return MADE - timedelta(**length)


def rows() -> list[CheckRow]:
    """Every state, and every age."""
    last, failed = {"show": "run", "id": "4923f237"}, {"show": "run", "id": "00000000"}
    entries = {name: asking(outcome_of(make(name))) for name, make in RUNS.items()}
    good = entries["plain"]
    return [
        CheckRow("good", "available", good, _ago(seconds=59), None, 100.0, None, last),
        CheckRow("good-after-a-failure", "available", good, _ago(minutes=1), None, 99.999, _ago(hours=2), last, failed),
        CheckRow("slow", "slow", entries["slow"], _ago(minutes=119), None, 99.5, _ago(days=1), last, failed),
        CheckRow(
            "failed",
            "unavailable",
            entries["refused"],
            _ago(minutes=120),
            _ago(hours=3),
            12.345,
            _ago(minutes=120),
            last,
            failed,
        ),
        CheckRow(
            "also-failed",
            "unavailable",
            entries["over-quota"],
            _ago(hours=47),
            _ago(hours=48),
            0.0,
            _ago(hours=47),
            last,
        ),
        CheckRow("failed-by-its-metric", "unavailable", None, _ago(minutes=3), _ago(days=30), 0.0, _ago(minutes=3)),
        CheckRow(
            "certificate",
            "unavailable",
            entries["certificate-refused"],
            _ago(minutes=4),
            _ago(minutes=4),
            50.0,
            _ago(minutes=4),
            last,
        ),
        CheckRow("quick", "available", entries["available"], _ago(minutes=5), None, 100.0, None, last),
        CheckRow("never", "not_run", None),
        CheckRow(
            "wrong-file",
            "not_run",
            None,
            problem=Problem("definition broken", "wrong-file.json: server: missing (required)"),
        ),
        CheckRow("from-the-future", "available", good, MADE + timedelta(minutes=5), None, None, None, last),
    ]


def widget(choice: Choice, *, dark: bool = False) -> str:
    """The table of the choice."""
    notes = ("Only 100 of 120 checks were read.", "One log line could not be read.")
    return laid_out(checks_widget(rows(), notes, choice, endpoint=ENDPOINT, now=MADE, dark=dark))


def fragments() -> str:
    """A run in a pop-up: light, dark."""
    parts = []
    for dark in (False, True):
        shown = laid_out(run_fragment(asking(outcome_of(refused()), ASKED), dark=dark))
        parts.append(shown if not dark else shown.partition("\n<span")[0] + "\n…\n" + shown.splitlines()[-1] + "\n")
    return "\n".join(parts)


def refusals() -> str:
    """Which lines of a transcript are refusals: the server's NO, BAD and BYE, but not the BYE that LOGOUT asks for."""
    words = (
        "S: * OK ready", "s: lower", "C: A1 LOGIN ********", "S: a1 no way", "S: A1 NO", "S: A2 BAD what", "S: A3 NOT",
        "S: * BYE gone", "S: * byebye", "… 3 lines left out", "C: A4 LOGOUT now", "S: A4 NO", "C: A5 LOGOUT",
        "S: * BYE Logging out", "S: A5 NO never",
    )  # fmt: skip
    run = replace(refused(), transcript=words)
    found = report(outcome_of(run)).partition("Transcript")
    link = [line for line in found[0].splitlines() if "of the transcript" in line]
    return "\n".join([*link, found[2].partition("<section>")[0]])


SCENES: dict[str, Callable[[], str]] = {
    "report-available.html": partial(report, outcome_of(available())),
    "report-available-watched.html": partial(report, outcome_of(available()), ASKED),
    "report-refused.html": partial(report, outcome_of(refused()), whole_json=True),
    "report-refused-watched.html": partial(report, outcome_of(refused()), replace(ASKED, runbook="page 7 of the book")),
    "report-slow.html": partial(report, outcome_of(slow())),
    "report-slow-watched.html": partial(report, outcome_of(slow()), replace(ASKED, file=None)),
    "report-over-quota.html": partial(report, outcome_of(over_quota()), replace(ASKED, runbook=None)),
    "report-certificate-refused.html": partial(report, outcome_of(certificate_refused())),
    "report-unreachable.html": partial(report, outcome_of(unreachable())),
    "report-sent.html": partial(report, outcome_of(sent(junk=True))),
    "report-warned.html": partial(report, outcome_of(warned())),
    "report-plain.html": partial(report, outcome_of(RUNS["plain"](None))),
    "report-not-run.html": partial(report, not_run()),
    "report-not-run-watched.html": partial(report, crashed(), ASKED),
    "report-many.html": report_of_many,
    "report-refusals.txt": refusals,
    "widget.html": partial(widget, Choice()),
    "widget-problems-dark.html": partial(widget, Choice(only_problems=True), dark=True),
    "widget-named.html": partial(widget, Choice("FAILED")),
    "widget-none.html": partial(widget, Choice("nothing", only_problems=True)),
    "widget-run.html": fragments,
    "widget-sentence.html": lambda: laid_out(sentence_widget("The log could not be read: <no> access", dark=False)),
}
BASES = {
    "report-many.html": (
        *(
            "report-refused-watched.html",
            "report-unreachable.html",
            "report-certificate-refused.html",
            "report-sent.html",
        ),
        *("report-not-run-watched.html", "report-slow-watched.html", "report-plain.html"),
    ),
    "report-available-watched.html": ("report-available.html",),
    "report-refused.html": ("report-available.html",),
    "report-refused-watched.html": ("report-refused.html",),
    "report-slow.html": ("report-available.html",),
    "report-slow-watched.html": ("report-slow.html",),
    "report-over-quota.html": ("report-available.html", "report-refused.html"),
    "report-certificate-refused.html": ("report-refused.html",),
    "report-unreachable.html": ("report-refused.html",),
    "report-sent.html": ("report-refused.html",),
    "report-warned.html": ("report-available.html",),
    "report-plain.html": ("report-available.html",),
    "report-not-run-watched.html": ("report-not-run.html",),
    "widget-problems-dark.html": ("widget.html",),
    "widget-named.html": ("widget.html",),
    "widget-none.html": ("widget.html",),
    "widget-run.html": ("report-refused-watched.html",),
}
"""Which files a page may be stored as its differences from (`support.golden`)."""
