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
from imapcheck.output.junit import render as junit
from imapcheck.output.nagios import render as nagios
from imapcheck.output.outcome import Outcome
from imapcheck.output.terminal.live import Trimmed
from imapcheck.output.terminal.table import count, table
from imapcheck.output.terminal.verdict import reasons
from imapcheck.report.page import page, run_fragment
from imapcheck.report.widget import CheckRow, Choice, checks_widget
from imapcheck.result import CheckResult, ResultWarning
from imapcheck.wording import days_left
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
    drawn = widget(*rows, CheckRow("a-good-one", "available", None))
    order = sorted(range(len(ages)), key=lambda at: ages[at])
    places = [drawn.index(f"check-{at}") for at in order]
    assert places == sorted(places)
    assert places[-1] < drawn.index("a-good-one")


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
    drawn = widget(CheckRow("a", "available", outcome(run, certificate_days=limit), ran_at=RANG))
    assert ('class="state slow"' in drawn) == mark


def warned_of(result: CheckResult) -> CheckResult:
    return replace(result, warnings=(ResultWarning("certificate_expires_soon", "expires in 3 days"),))


def test_warning_is_no_plain_success_on_any_page() -> None:
    """Amber, and above what is well; counted in the head of a report of several."""
    good, warned = outcome(run_of(minutes_ago(0))), outcome(warned_of(run_of(minutes_ago(0))))
    amber, several = ">! available, with a warning<", page([good, warned], RANG)
    assert amber.upper() in run_fragment(warned, dark=False)
    assert amber.upper() not in run_fragment(good, dark=False)
    assert several.count(amber) == 1
    assert "2 available; 1 with a warning" in several
    rows = CheckRow("a", "available", good), CheckRow("b", "available", warned)
    assert widget(*rows).count(amber) == 1
    assert widget(*rows).index(">b<") < widget(*rows).index(">a<")
    assert ">b<" in checks_widget(rows, (), Choice(only_problems=True), endpoint=ENDPOINT, now=RANG, dark=False)


@pytest.mark.parametrize("left", [3.0, -2.0])
def test_certificate_of_a_report_is_marked_as_in_the_widget(left: float) -> None:
    """By the definition's limit, and one that has expired as a failure."""
    run = run_of(minutes_ago(0), certificate=SEEN | {"certificate_days_remaining": left})
    mark = f'class="state {"slow" if left > 0 else "failed"}">{days_left(left)}<'
    assert mark in page([outcome(run), outcome(run)], RANG)
    assert mark not in page([outcome(run, certificate_days=-9), outcome(run, certificate_days=-9)], RANG)


def test_report_is_run_again_as_it_was_run() -> None:
    """Without its credentials the command would look for a secret in AWS."""
    again = ["--credentials", "my secrets/mail.json", "--format", "json"]
    said = "imapcheck run events/a.json --credentials &#39;my secrets/mail.json&#39; --format json --transcript<"
    runs = [outcome(run_of(minutes_ago(0)))] * 2
    assert said in page(runs[:1], RANG, again)
    assert page(runs, RANG, again).count(said) == 2


def printed(*outcomes: Outcome) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100).print(Trimmed(table(outcomes, 100)))
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
    warned = warned_of(run)
    assert count([outcome(run), outcome(warned)]).plain == "2 checks: 2 available, 1 with a warning"
    assert count([outcome(run), outcome(run)]).plain == "2 checks: 2 available"


def test_timeout_says_how_long_was_waited() -> None:
    """ "In time" is no number."""
    run = run_of(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    assert "  no complete answer in time (waited 29.2 s)" in [line.plain for line in reasons(run)]
    waited = "no complete answer in time (waited 29.2 s)"
    for text in (nagios([outcome(run)])[0], junit([outcome(run)]), page([outcome(run)], RANG)):
        assert waited in text


def test_failure_that_explains_the_others_comes_first_everywhere() -> None:
    """A full mailbox is why a message is missing, though the search came first."""
    run = run_of(minutes_ago(0), type=FailureType.NO_MATCH, fault=FAULTS[FailureType.NO_MATCH])
    full = replace(run.failures[0], step="append", type=FailureType.OVER_QUOTA, detail="the mailbox is full")
    run = replace(run, failures=(*run.failures, full))
    texts = [
        "\n".join(line.plain for line in reasons(run)),
        nagios([outcome(run)])[0], junit([outcome(run)]), page([outcome(run)], RANG),
    ]  # fmt: skip
    for text in texts:
        assert text.index("append: over_quota") < text.index("search: no_match")


@pytest.mark.parametrize("type", FailureType)
def test_report_asks_nobody_to_try_a_login_that_may_lock(type: FailureType) -> None:
    """As the story does."""
    drawn = run_fragment(outcome(run_of(minutes_ago(0), type=type, fault=FAULTS[type])), dark=False)
    assert ("Run it again" in drawn) == (not type.may_lock)
