"""Availability from CloudWatch: how it is asked for, and what the points mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imapcheck.aws.availability import Period, Series, period_for, read_availability

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class CloudWatch:
    """Answers each query with the same two points, a page a query; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, name: str) -> "CloudWatch":
        assert name == "get_metric_data"
        return self

    def paginate(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        for query in parameters["MetricDataQueries"]:
            values = [2.0, 1.0] if query["MetricStat"]["Stat"] == "SampleCount" else [200.0, 0.0]
            times = [NOW - timedelta(minutes=5), NOW]
            yield {"MetricDataResults": [{"Id": query["Id"], "Timestamps": times[::-1], "Values": values[::-1]}]}


@pytest.mark.parametrize(("checks", "requests"), [(1, [2]), (250, [500]), (251, [500, 2]), (600, [500, 500, 200])])
def test_requests_hold_at_most_five_hundred_queries(checks: int, requests: list[int]) -> None:
    """GetMetricData's own limit; two statistics of one metric a check."""
    cloudwatch = CloudWatch()
    names = [f"c{number}" for number in range(checks)]
    found = read_availability(cloudwatch, "ImapCheck/x", names, NOW - timedelta(hours=12), NOW)
    assert [len(asked["MetricDataQueries"]) for asked in cloudwatch.asked] == requests
    assert list(found) == names
    assert [series.percent for series in found.values()] == [pytest.approx(200 / 3)] * checks
    first = cloudwatch.asked[0]
    assert (first["StartTime"], first["EndTime"]) == (NOW - timedelta(hours=12), NOW)
    query = first["MetricDataQueries"][0]["MetricStat"]
    assert query["Metric"] == {
        "Namespace": "ImapCheck/x", "MetricName": "Availability", "Dimensions": [{"Name": "Check", "Value": "c0"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "length", "seconds"),
    [
        (timedelta(hours=12), timedelta(hours=12), 60),
        (timedelta(days=1), timedelta(days=1), 60),
        (timedelta(days=2), timedelta(days=2), 300),
        (timedelta(days=5), timedelta(days=5), 300),
        (timedelta(days=14), timedelta(days=14), 900),
        (timedelta(days=16), timedelta(hours=1), 300),
        (timedelta(days=62), timedelta(hours=1), 300),
        (timedelta(days=64), timedelta(hours=1), 3600),
        (timedelta(days=60), timedelta(days=60), 3600),
        (timedelta(days=360), timedelta(days=360), 21_600),
        (timedelta(days=400), timedelta(days=4000), 86_400),
    ],
)
def test_period_is_the_shortest_that_is_kept_and_not_too_many(ago: timedelta, length: timedelta, seconds: int) -> None:
    """A minute for 15 days, five for 63, an hour for 455; a day of minutes at most."""
    start = datetime.now(UTC) - ago
    assert period_for(start, start + length) == seconds


def series(*points: tuple[float, float]) -> Series:
    """Points of (runs, total), a minute apart."""
    moments = [NOW + timedelta(minutes=index) for index in range(len(points))]
    return Series(tuple(Period(at, *point) for at, point in zip(moments, points, strict=True)), timedelta(minutes=1))


@pytest.mark.parametrize(
    ("points", "percent", "since", "last"),
    [
        ([], None, None, None),
        ([(1, 100)], 100, None, None),
        ([(1, 0)], 0, 0, 0),
        ([(1, 100), (1, 0), (1, 0)], 100 / 3, 1, 2),
        ([(1, 0), (1, 0), (1, 100)], 100 / 3, None, 1),
        ([(1, 0), (2, 100), (1, 0)], 25, 1, 2),
        ([(2, 200), (2, 100)], 75, 1, 1),
    ],
)
def test_since_when_it_is_down(
    points: list[tuple[float, float]], percent: float | None, since: int | None, last: int | None
) -> None:
    """To the period; a period with good and bad runs is where the outage begins or ended."""
    found = series(*points)
    assert found.percent == (None if percent is None else pytest.approx(percent))
    assert found.down_since == (None if since is None else NOW + timedelta(minutes=since))
    assert (found.last_failure and found.last_failure.at) == (None if last is None else NOW + timedelta(minutes=last))
    assert (found.newest and found.newest.at) == (NOW + timedelta(minutes=len(points) - 1) if points else None)
