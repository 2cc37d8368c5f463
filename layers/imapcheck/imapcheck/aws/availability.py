"""Availability over a time range, from CloudWatch: how much, since when it is down, when it was down last."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_PERIODS = (60, 300, 900, 3600, 21600, 86400)
_MOST_POINTS = 1440
_RETENTION = ((timedelta(days=15), 60), (timedelta(days=63), 300))
_COARSEST_KEPT = 3600
_QUERIES_PER_REQUEST = 500
_ALL = 100.0


@dataclass(frozen=True)
class Period:
    """The runs that began in one period: how many, and the sum of their availability in percent."""

    at: datetime
    runs: float
    total: float

    @property
    def has_failures(self) -> bool:
        return self.total < _ALL * self.runs

    @property
    def all_failed(self) -> bool:
        return self.total == 0


@dataclass(frozen=True)
class Series:
    """One check's points, oldest first; periods without a run have none."""

    points: tuple[Period, ...]
    period: timedelta

    @property
    def percent(self) -> float | None:
        """The share of available runs."""
        runs = sum(point.runs for point in self.points)
        return sum(point.total for point in self.points) / runs if runs else None

    @property
    def newest(self) -> Period | None:
        return self.points[-1] if self.points else None

    @property
    def last_failure(self) -> Period | None:
        return next((point for point in reversed(self.points) if point.has_failures), None)

    @property
    def down_since(self) -> datetime | None:
        """When the failures began that the newest run is part of, to the period; None while it is available.

        It is the oldest point where the range holds no run before that was available.
        """
        since = None
        for point in reversed(self.points):
            if not point.has_failures:
                break
            since = point.at
            if not point.all_failed:
                break
        return since


def read_availability(
    cloudwatch: Any, namespace: str, checks: Sequence[str], start: datetime, end: datetime
) -> dict[str, Series]:
    """Each check's series between `start` and `end`: one metric a check is requested, with two statistics.

    Raises what the API raises.
    """
    period = period_for(start, end)
    found: dict[str, dict[str, dict[datetime, float]]] = {check: {} for check in checks}
    queries = [
        (check, statistic, _query(f"q{number}{letter}", namespace, check, statistic, period))
        for number, check in enumerate(checks)
        for letter, statistic in (("n", "SampleCount"), ("s", "Sum"))
    ]
    for first in range(0, len(queries), _QUERIES_PER_REQUEST):
        part = queries[first : first + _QUERIES_PER_REQUEST]
        names = {query["Id"]: (check, statistic) for check, statistic, query in part}
        for answer in _answers(cloudwatch, [query for _, _, query in part], start, end):
            check, statistic = names[answer["Id"]]
            values = found[check].setdefault(statistic, {})
            values.update(zip(answer["Timestamps"], answer["Values"], strict=True))
    return {check: _series(values, period) for check, values in found.items()}


def period_for(start: datetime, end: datetime) -> int:
    """The shortest period in seconds that CloudWatch still keeps and that gives no more than a day of minutes.

    It keeps a minute for 15 days, five for 63, an hour for 455.
    """
    age = datetime.now(UTC) - start
    kept = next((seconds for limit, seconds in _RETENTION if age < limit), _COARSEST_KEPT)
    length = (end - start).total_seconds()
    fitting = (period for period in _PERIODS if period >= kept and length / period <= _MOST_POINTS)
    return next(fitting, _PERIODS[-1])


def _query(id: str, namespace: str, check: str, statistic: str, period: int) -> dict[str, Any]:
    metric = {
        "Namespace": namespace,
        "MetricName": "Availability",
        "Dimensions": [{"Name": "Check", "Value": check}],
    }
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}


def _answers(
    cloudwatch: Any, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end
    )
    for page in pages:
        yield from page["MetricDataResults"]


def _series(values: Mapping[str, Mapping[datetime, float]], period: int) -> Series:
    counts, sums = values.get("SampleCount", {}), values.get("Sum", {})
    points = (Period(at, counts[at], sums[at]) for at in sorted(counts) if at in sums and counts[at] > 0)
    return Series(tuple(points), timedelta(seconds=period))
