"""What a person on call sees first in tables: the widget's rows and the terminal's."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from imapcheck.asked import Asked
from imapcheck.failures import FailureType
from imapcheck.output.outcome import Outcome
from imapcheck.output.terminal.screens import show_table
from imapcheck.output.terminal.table import count
from imapcheck.output.terminal.verdict import reasons
from imapcheck.report.page import run_fragment
from imapcheck.report.widget import CheckRow, Choice, checks_widget
from imapcheck.result import CheckResult, ResultWarning
from support.story_scenes import FAULTS, RANG, SEEN, minutes_ago, run_of

ENDPOINT = "arn:aws:lambda:eu-central-1:123456789012:function:t-show_checks"


def outcome(result: CheckResult, certificate_days: float = 14) -> Outcome:
    asked = Asked(server="imaps://a.example/", file="events/a.json", certificate_days=certificate_days)
    return Outcome(result.check or "", result, asked=asked)


def widget(*rows: CheckRow) -> str:
    return checks_widget(rows, (), Choice(), endpoint=ENDPOINT, now=RANG, dark=False)


@given(ages=st.lists(st.integers(1, 10_000), min_size=2, max_size=8, unique=True))
def test_newest_outage_is_the_first_row(ages: list[int]) -> None:
    """Whatever the checks are called: what has just begun is what the pager was about."""
    rows = [
        CheckRow(f"check-{at}", "unavailable", None, down_since=RANG - timedelta(minutes=age))
        for at, age in enumerate(ages)
    ]
    page = widget(*rows, CheckRow("a-good-one", "available", None))
    order = sorted(range(len(ages)), key=lambda at: ages[at])
    places = [page.index(f"check-{at}") for at in order]
    assert places == sorted(places)
    assert places[-1] < page.index("a-good-one")


def test_run_that_only_its_metric_knows_says_so() -> None:
    """An empty cell would look like no reason."""
    assert "no log line in this time range" in widget(CheckRow("a", "unavailable", None, down_since=RANG))
    assert "no log line" not in widget(CheckRow("a", "available", None))


@pytest.mark.parametrize(
    ("left", "limit", "mark"), [(13.9, 14, True), (14, 14, False), (29, 30, True), (29, 14, False)]
)
def test_certificate_is_marked_by_the_limit_of_the_definition(left: float, limit: float, mark: bool) -> None:
    """As the alarm counts."""
    run = run_of(minutes_ago(0), certificate=SEEN | {"certificate_days_remaining": left})
    page = widget(CheckRow("a", "available", outcome(run, certificate_days=limit), ran_at=RANG))
    assert ('class="state slow"' in page) == mark


def printed(*outcomes: Outcome) -> list[str]:
    out = io.StringIO()
    show_table(Console(file=out, width=100), outcomes)
    return out.getvalue().splitlines()


def test_table_in_a_pipe_has_no_trailing_blanks() -> None:
    """They end up in mails and tickets."""
    runs = [run_of(minutes_ago(0)), run_of(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])]
    lines = printed(*map(outcome, runs))
    assert len(lines) == 3
    assert [line for line in lines if line != line.rstrip()] == []


def test_warnings_count_in_the_last_line() -> None:
    """A certificate with three days left is no plain success."""
    run = run_of(minutes_ago(0))
    warned = replace(run, warnings=(ResultWarning("certificate_expires_soon", "expires in 3 days"),))
    assert count([outcome(run), outcome(warned)]).plain == "2 checks: 2 available, 1 with a warning"
    assert count([outcome(run), outcome(run)]).plain == "2 checks: 2 available"


def test_timeout_says_how_long_was_waited() -> None:
    """ "In time" is no number."""
    run = run_of(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    assert "  no complete answer in time (waited 29.2 s)" in [line.plain for line in reasons(run)]


@pytest.mark.parametrize("type", FailureType)
def test_report_asks_nobody_to_try_a_login_that_may_lock(type: FailureType) -> None:
    """As the story does."""
    page = run_fragment(outcome(run_of(minutes_ago(0), type=type, fault=FAULTS[type])), dark=False)
    assert ("Run it again" in page) == (not type.may_lock)
