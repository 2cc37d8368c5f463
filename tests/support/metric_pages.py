"""GetMetricData as its reference describes it, for a real boto3 client: pages of `MaxDatapoints`, tokens, limits.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3

MOST_QUERIES, MOST_POINTS = 500, 100_800
LATEST_START = timedelta(days=15)
"""Points of a minute are kept that long."""

type Value = Callable[[str, str, datetime], float | None]
"""Of (metric, check, minute)."""
type Order = Literal["by metric", "by time"]
"""How pages are filled: nothing says which of the two it is."""


class PagedMetrics:
    """What CloudWatch has: `value` of each minute. `pages` counts what was answered."""

    def __init__(self, value: Value, now: datetime, order: Order = "by metric") -> None:
        self.value, self.now, self.order = value, now, order
        self.pages = self.most = 0
        self._asked: dict[str, Any] = {}
        self._points: list[tuple[str, datetime, float]] = []

    def client(self) -> Any:
        """A client whose requests end here."""
        client = boto3.client("cloudwatch", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.meta.events.register("provide-client-params.cloudwatch.GetMetricData", self._take)
        client.meta.events.register("before-call.cloudwatch.GetMetricData", self._answer)
        return client

    def _take(self, params: dict[str, Any], **_: Any) -> None:
        self._asked = params

    def _answer(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        asked = self._asked
        size = asked.get("MaxDatapoints", MOST_POINTS)
        assert len(asked["MetricDataQueries"]) <= MOST_QUERIES
        assert size <= MOST_POINTS
        assert self.now - asked["StartTime"] < LATEST_START
        if "NextToken" not in asked:
            self._points = list(self._all(asked))
        begin = int(asked.get("NextToken", "0"))
        page = self._points[begin : begin + size]
        self.pages += 1
        self.most = max(self.most, len(page))
        more = {"NextToken": str(begin + size)} if begin + size < len(self._points) else {}
        return _Ok(), {"MetricDataResults": _results(page, asked, partial=bool(more)), **more}

    def _all(self, asked: dict[str, Any]) -> Iterator[tuple[str, datetime, float]]:
        minutes = int((asked["EndTime"] - asked["StartTime"]).total_seconds() // 60)
        times = [asked["StartTime"] + timedelta(minutes=number) for number in range(minutes)]
        assert asked["ScanBy"] == "TimestampDescending"
        times.reverse()
        queries = [(query["Id"], query["MetricStat"]) for query in asked["MetricDataQueries"]]
        pairs = (
            ((query, at) for query in queries for at in times)
            if self.order == "by metric"
            else ((query, at) for at in times for query in queries)
        )
        for (id, stat), at in pairs:
            assert stat["Period"] == 60
            metric, check = stat["Metric"]["MetricName"], stat["Metric"]["Dimensions"][0]["Value"]
            if (value := self.value(metric, check, at)) is not None:
                yield id, at, value


class _Ok:
    status_code = 200


def _results(page: list[tuple[str, datetime, float]], asked: dict[str, Any], *, partial: bool) -> list[dict[str, Any]]:
    status = "PartialData" if partial else "Complete"
    found: dict[str, dict[str, Any]] = {
        query["Id"]: {"Id": query["Id"], "Timestamps": [], "Values": [], "StatusCode": status}
        for query in asked["MetricDataQueries"]
    }
    for id, at, value in page:
        found[id]["Timestamps"].append(at.astimezone(UTC))
        found[id]["Values"].append(value)
    return list(found.values())
