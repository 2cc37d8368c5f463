"""The month's page: a bar a day, outages with their causes, nothing from outside, everything escaped."""

import re
from dataclasses import replace
from datetime import timedelta

from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Plan, Times, figures
from imapcheck.month.page import month_page
from imapcheck.month.text import report_text
from support.month_oracle import MINUTE, Run, utc
from support.month_scene import a_month, points_of

NOVEMBER = Month.parse("2026-11")
MADE = utc("2026-12-01T06:00")


def page(*found: Figures) -> str:
    return month_page(NOVEMBER, found, ["Not all causes are known: <b>."], MADE)


def test_page_has_a_bar_for_each_day_and_says_in_words_which_were_bad() -> None:
    """For eyes, and for a screen reader."""
    text = page(a_month())
    assert text.count("<rect") == 30
    assert 'aria-label="Availability by day. Days below 100 %: 9 Nov: 99.07 %; 24 Nov: 97.56 %' in text
    assert "mail: 99.88 % available, goal 99.9 %: missed" in text
    assert "authenticate: authentication_failed" in text
    assert "Tokyo" in text


def test_page_loads_nothing_and_escapes_everything() -> None:
    """What a server had a part in, causes above all, does nothing but stand there."""
    outage = replace(a_month().outages[0], cause="<script>alert(1)</script>")
    text = page(replace(a_month(), outages=(outage,)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;" in text
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert "default-src &#39;none&#39;" in text


def test_month_without_a_run_is_neither_good_nor_bad() -> None:
    """No bar is full, and no number is made up."""
    text = page(figures(Plan("mail", 5 * MINUTE, 99.9), NOVEMBER, [], NOVEMBER.end))
    assert 'class="verdict unknown"' in text
    assert "no run counts in November 2026" in text
    assert text.count('class="none"') == 30


def test_text_of_the_same_month() -> None:
    """Lines of one check stand together, at most 80 columns wide."""
    lines = report_text(NOVEMBER, [a_month()], [])
    assert lines == [
        "November 2026 (UTC)",
        "",
        "mail: 99.88 % available, goal 99.9 %: missed",
        "  9.67 of 8,628 runs failed, those that only some places could make by their",
        "    share; the goal allows 8.63",
        "  12 runs in mute windows not counted",
        "  1 outage:",
        "    24 Nov 10:10 to 10:45 UTC, 35 min: authenticate: authentication_failed",
        "  reached from Frankfurt 100 %, Tokyo 99.9 %",
        "  time of good runs: median 588 ms, 95 % within 1.2 s; in October median 540 ms,",
        "    95 % within 980 ms",
        "",
    ]
    assert max(map(len, lines)) <= 80


def test_running_month_is_told_as_such() -> None:
    """What is not over is neither kept nor missed yet."""
    runs: list[Run] = [(utc("2026-11-01T00:00") + number * 5 * MINUTE, 100.0) for number in range(288)]
    found = figures(Plan("mail", 5 * MINUTE, 99.9), NOVEMBER, points_of(runs), utc("2026-11-02T00:00"))
    assert report_text(NOVEMBER, [found])[2] == "mail: 100 % available so far, goal 99.9 %: kept until now"
    assert found.not_run == 0
    assert found.planned == 8640
    assert replace(found, times=Times(1, 2)).outages == ()
    assert timedelta() == found.until - utc("2026-11-02T00:00")
