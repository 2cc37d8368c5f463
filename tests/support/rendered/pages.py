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
from support.rendered.markup import in_short, laid_out
from support.rendered.paper import sheet

MADE = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
ASKED = Asked(
    URL,
    "events/my mail.json",
    "imapcheck/mail",
    "https://wiki.example/imap?a=1&b=2",
    thresholds={"total": 1500.0, "search": 500.0, "dns": 5.0, "authenticate": 400.0},
)
ENDPOINT = "arn:aws:lambda:eu-central-1:123456789012:function:show-checks"


def asking(outcome: Outcome, asked: Asked | None = None) -> Outcome:
    """The outcome of a definition that asks for this, or that could not be read."""
    return replace(outcome, asked=asked or Asked())


def report(outcome: Outcome, asked: Asked | None = None) -> str:
    """The page of one check."""
    return laid_out(page([asking(outcome, asked)], MADE))


def report_in_short(outcome: Outcome, asked: Asked | None = None) -> str:
    return in_short(report(outcome, asked))


def report_of_many() -> str:
    """One of every state; two of one name, and one whose name has no letter that an anchor may hold."""
    runs = [
        RUNS["plain"]("office"),
        replace(RUNS["plain"]("slow"), slow=True, exceeded=slow().exceeded),
        refused("mail"),
        RUNS["plain"]("office"),
        unreachable("Büro & Söhne"),
    ]
    outcomes = [*map(outcome_of, runs), not_run(), crashed(), outcome_of(certificate_refused("mail"))]
    text = in_short(laid_out(page([asking(outcome, ASKED) for outcome in outcomes], MADE)))
    return re.sub(r'^<article id="(.*)">$', r"=== \1\n\g<0>", text, flags=re.MULTILINE)


def _ago(**length: float) -> datetime:
    return MADE - timedelta(**length)


def rows() -> list[CheckRow]:
    """Every state, and every age."""
    last, failed = {"show": "run", "id": "4923f237"}, {"show": "run", "id": "00000000"}
    entries = {name: asking(outcome_of(make(name))) for name, make in RUNS.items()}
    good, quick = entries["plain"], replace(available(), steps=available().steps[:3])
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
        CheckRow("quick", "available", asking(outcome_of(quick)), _ago(minutes=5), None, 100.0, None, last),
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
    run = asking(outcome_of(refused()), ASKED)
    return "".join(
        sheet("dark" if dark else "light", in_short(laid_out(run_fragment(run, dark=dark)))) for dark in (False, True)
    )


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
    return in_short("\n".join([*link, found[2].partition("<section>")[0]]))


def widget_in_short(choice: Choice, *, dark: bool = False) -> str:
    return in_short(widget(choice, dark=dark))


SCENES: dict[str, Callable[[], str]] = {
    "report-refused.html": partial(report, outcome_of(refused())),
    "report-refused-watched.txt": partial(
        report_in_short, outcome_of(refused()), replace(ASKED, runbook="page 7 of the book")
    ),
    "report-available.txt": partial(report_in_short, outcome_of(available())),
    "report-available-watched.txt": partial(report_in_short, outcome_of(available()), ASKED),
    "report-slow.txt": partial(report_in_short, outcome_of(slow())),
    "report-slow-watched.txt": partial(report_in_short, outcome_of(slow()), replace(ASKED, file=None)),
    "report-over-quota.txt": partial(report_in_short, outcome_of(over_quota()), replace(ASKED, runbook=None)),
    "report-certificate-refused.txt": partial(report_in_short, outcome_of(certificate_refused())),
    "report-unreachable.txt": partial(report_in_short, outcome_of(unreachable())),
    "report-sent.txt": partial(report_in_short, outcome_of(sent(junk=True))),
    "report-warned.txt": partial(report_in_short, outcome_of(warned())),
    "report-plain.txt": partial(report_in_short, outcome_of(RUNS["plain"](None))),
    "report-not-run.txt": partial(report_in_short, not_run()),
    "report-not-run-watched.txt": partial(report_in_short, crashed(), ASKED),
    "report-many.txt": report_of_many,
    "report-refusals.txt": refusals,
    "widget.html": partial(widget, Choice()),
    "widget-problems-dark.txt": partial(widget_in_short, Choice(only_problems=True), dark=True),
    "widget-named.txt": partial(widget_in_short, Choice("FAILED")),
    "widget-none.txt": partial(widget_in_short, Choice("nothing", only_problems=True)),
    "widget-run.txt": fragments,
    "widget-sentence.txt": lambda: laid_out(sentence_widget("The log could not be read: <no> access", dark=False)),
}
