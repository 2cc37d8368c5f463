"""Which windows of the log are read, and how availability is counted."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck.aws.availability import Period, Series, period_for
from imapcheck.aws.newest_runs import windows_for

END = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@settings(deadline=None)
@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(0, 12 * 60), max_size=60), st.sampled_from((1, 5, 15, 60))
)
def test_windows_hold_every_run_and_little_else(began: dict[str, int], period: int) -> None:
    """The period in which a run began and five minutes more; none overlaps, the newest comes first."""
    starts = {check: END - minutes * MINUTE for check, minutes in began.items()}
    windows = windows_for(starts, period * MINUTE, END)
    for check, start in starts.items():
        [window] = [window for window in windows if check in window.checks]
        assert window.start <= start
        assert window.end >= min(start + (period + 5) * MINUTE, END)
    assert [window.start for window in windows] == sorted((window.start for window in windows), reverse=True)
    assert all(later.start > earlier.end for later, earlier in itertools.pairwise(windows))
    asked = sum((window.end - window.start for window in windows), timedelta())
    assert asked <= len(starts) * max(period + 7, 15) * MINUTE


def series(*totals: float) -> Series:
    """A run every minute; 100 is available, 0 is not, 50 one of two."""
    points = [
        Period(END + index * MINUTE, 2 if total == 50 else 1, 100 if total == 50 else total)
        for index, total in enumerate(totals)
    ]
    return Series(tuple(points), MINUTE)


@pytest.mark.parametrize(
    ("totals", "percent", "since", "failure"),
    [
        ((), None, None, None),
        ((100, 100), 100, None, None),
        ((0, 0), 0, 0, 1),
        ((100, 0, 0), 100 / 3, 1, 2),
        ((0, 100), 50, None, 0),
        ((0, 50, 0), 25, 1, 2),
    ],
)
def test_down_since_and_last_failure(
    totals: tuple[float, ...], percent: float | None, since: int | None, failure: int | None
) -> None:
    """Down since the first of the failures that reach to the end; a period with both kinds begins them."""
    found = series(*totals)
    assert found.percent == (None if percent is None else pytest.approx(percent))
    assert found.down_since == (None if since is None else END + since * MINUTE)
    last = found.last_failure
    assert (None if last is None else last.at) == (None if failure is None else END + failure * MINUTE)


@pytest.mark.parametrize(
    ("hours", "ago_days", "period"),
    [(12, 0, 60), (24, 0, 60), (48, 0, 300), (24 * 14, 0, 900), (1, 20, 300), (1, 80, 3600)],
)
def test_the_period_is_one_that_cloudwatch_still_has(hours: int, ago_days: int, period: int) -> None:
    """A minute for 15 days, five for 63, an hour from then on; never more than a day of minutes."""
    end = datetime.now(UTC) - timedelta(days=ago_days)
    assert period_for(end - timedelta(hours=hours), end) == period
