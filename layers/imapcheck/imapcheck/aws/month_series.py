"""A month of a check's metrics, as points of five minutes: `GetMetricData`, some checks at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from imapcheck.month.calendar import Month
from imapcheck.month.figures import PERIOD, Point

_CHECKS_AT_ONCE = 8
_DAY, _HOUR = 86_400, 3600
_KEPT_FOR = timedelta(days=63)
"""CloudWatch keeps five minutes for so long, then an hour (GetMetricStatistics, retention)."""


class NoFigures(Exception):
    """CloudWatch answered without the data that was asked for."""


class _Query(NamedTuple):
    check: str
    metric: str
    statistic: str
    seconds: int


@dataclass(frozen=True)
class MonthSeries:
    """`runs` are points of the month and, before it, of days; the two of durations have milliseconds as `total`."""

    runs: tuple[Point, ...]
    durations: tuple[Point, ...] = ()
    durations_before: tuple[Point, ...] = ()


def is_coarse(month: Month, now: datetime) -> bool:
    """Whether CloudWatch has only hours of that month at `now`."""
    return now - month.start >= _KEPT_FOR


def series_of(
    cloudwatch: Any,
    namespace: str,
    checks: Sequence[str],
    month: Month,
    until: datetime,
    now: datetime,
    *,
    durations: bool = False,
) -> Iterator[tuple[str, MonthSeries]]:
    """Each check's series of `month` up to `until`, as far as CloudWatch keeps it at `now`.

    Raises `NoFigures`, and what the API raises.
    """
    for at in range(0, len(checks), _CHECKS_AT_ONCE):
        some = checks[at : at + _CHECKS_AT_ONCE]
        reader = _Reader(cloudwatch, namespace, some, now)
        within, earlier = reader.runs(month.start, until, None), reader.runs(month.before.start, month.start, _DAY)
        times, times_before = {}, {}
        if durations:
            times = reader.durations(month.start, until)
            times_before = reader.durations(month.before.start, month.start)
        for check in some:
            runs = (*earlier[check], *within[check])
            yield check, MonthSeries(runs, times.get(check, ()), times_before.get(check, ()))


def newest_value(
    cloudwatch: Any, namespace: str, check: str, metric: str, end: datetime, span: timedelta
) -> tuple[datetime, float] | None:
    """The lowest value of the newest five minutes that have one, in the `span` before `end`."""
    reader = _Reader(cloudwatch, namespace, [check], end)
    query = _Query(check, metric, "Minimum", int(PERIOD.total_seconds()))
    found = reader.values([query], end - span, end)[query]
    return max(found.items(), default=None)


def failed_runs(cloudwatch: Any, namespace: str, check: str, start: datetime, end: datetime) -> int:
    """How many runs found the server down, from the five minutes on that `start` lies in."""
    first = start - (start - datetime(2000, 1, 1, tzinfo=UTC)) % PERIOD
    points = _Reader(cloudwatch, namespace, [check], end).runs(first, end, None)[check]
    return round(sum(point.runs - point.total / 100 for point in points if point.lowest < 1))


class _Reader:
    """Asks for one namespace's metrics of some checks."""

    def __init__(self, cloudwatch: Any, namespace: str, checks: Sequence[str], now: datetime) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace
        self._checks = checks
        self._now = now

    def runs(self, start: datetime, end: datetime, seconds: int | None) -> dict[str, tuple[Point, ...]]:
        return self._points("Availability", ("SampleCount", "Sum", "Minimum"), start, end, seconds)

    def durations(self, start: datetime, end: datetime) -> dict[str, tuple[Point, ...]]:
        return self._points("Duration", ("SampleCount", "Sum", "Sum"), start, end, None)

    def _points(
        self, metric: str, statistics: tuple[str, str, str], start: datetime, end: datetime, seconds: int | None
    ) -> dict[str, tuple[Point, ...]]:
        """`end` is not looked at: what begins there or later is left out, whatever the API gives."""
        seconds = seconds or self._finest(start)
        queries = [[_Query(check, metric, each, seconds) for each in statistics] for check in self._checks]
        found = self.values(list(dict.fromkeys(query for some in queries for query in some)), start, end)
        return {
            check: tuple(
                Point(at, runs, total[at], lowest[at])
                for at, runs in sorted(counts.items())
                if at < end and at in total and at in lowest
            )
            for check, (counts, total, lowest) in zip(
                self._checks, ([found[query] for query in some] for some in queries), strict=True
            )
        }

    def values(
        self, queries: Sequence[_Query], start: datetime, end: datetime
    ) -> Mapping[_Query, dict[datetime, float]]:
        found: dict[_Query, dict[datetime, float]] = {query: {} for query in queries}
        if start >= end:
            return found
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self._as_asked(number, query) for number, query in enumerate(queries)],
            StartTime=start,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for answer in page["MetricDataResults"]:
                if answer.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                    raise NoFigures(f"GetMetricData answered {answer['StatusCode']}")
                times = (at.astimezone(UTC) for at in answer["Timestamps"])
                found[queries[int(answer["Id"][1:])]].update(zip(times, answer["Values"], strict=True))
        return found

    def _as_asked(self, number: int, query: _Query) -> dict[str, Any]:
        metric = {
            "Namespace": self._namespace,
            "MetricName": query.metric,
            "Dimensions": [{"Name": "Check", "Value": query.check}],
        }
        stat = {"Metric": metric, "Period": query.seconds, "Stat": query.statistic}
        return {"Id": f"q{number}", "MetricStat": stat}

    def _finest(self, start: datetime) -> int:
        """Seconds of the finest points that CloudWatch still has from `start` on."""
        return int(PERIOD.total_seconds()) if self._now - start < _KEPT_FOR else _HOUR
