"""When troubles that have ended began, by one `GetMetricData` of the metrics that their alarms watched.

A storm that lasted for hours is too much of the log to be read backwards; its points are few.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from imapcheck.alarms.kind import BadValues, Beginning, Change
from imapcheck.alarms.spell import find_beginning

_LOG = logging.getLogger("imapcheck")

_MOST_QUERIES = 500
"""`GetMetricData` takes no more."""
_MOST_POINTS = 200_000
"""Held at once: a week of 99 checks that run every five minutes, some 25 MB."""
_PAGE = 50_000
_SECONDS = 60
_LEAST_SECONDS = 3.0
"""With less left nothing is asked: the log still wants some."""

type _Asked = tuple[Change, BadValues]


class _Incomplete(Exception):
    """CloudWatch answered without the data that was asked for."""


class OutageMetric:
    """What the checks of one namespace published; a minute's lowest or highest value is that of its one run."""

    def __init__(self, cloudwatch: Any, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def beginnings(self, changes: Sequence[Change], seconds: float) -> list[Beginning | None]:
        """Of each change, in their order; None of what only the log tells, or whose beginning cannot be had."""
        values = ((change, change.kind.bad_values(change)) for change in changes)
        asked = [(change, bad) for change, bad in values if bad is not None][:_MOST_QUERIES]
        found: dict[Change, Beginning] = {}
        if asked and seconds > _LEAST_SECONDS:
            try:
                self._ask(asked, found, time.monotonic() + seconds - _LEAST_SECONDS)
            except Exception:  # noqa: BLE001 - the log tells as far as it can be read
                _LOG.exception("the beginnings of outages could not be read")
        return [found.get(change) for change in changes]

    def _ask(self, asked: Sequence[_Asked], found: dict[Change, Beginning], ends: float) -> None:
        """Read newest points first, until each beginning is in sight, or time or room is up."""
        points: dict[Change, list[tuple[datetime, bool]]] = {change: [] for change, _ in asked}
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self._query(number, *one) for number, one in enumerate(asked)],
            StartTime=min(_oldest(change) for change, _ in asked).replace(second=0, microsecond=0),
            EndTime=max(change.at for change, _ in asked),
            ScanBy="TimestampDescending",
            MaxDatapoints=_PAGE,
        )
        for page in pages:
            for answer in page["MetricDataResults"]:
                if answer.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                    raise _Incomplete(answer["StatusCode"])
                change, bad = asked[int(answer["Id"][1:])]
                if change in points:
                    points[change] += _points(answer, change, bad)
            for change in list(points):
                if (beginning := find_beginning(change, points[change])) is not None:
                    found[change] = beginning
                    del points[change]
            held = sum(map(len, points.values()))
            if not points or held > _MOST_POINTS or time.monotonic() > ends:
                break

    def _query(self, number: int, change: Change, bad: BadValues) -> dict[str, Any]:
        metric = {
            "Namespace": self._namespace,
            "MetricName": bad.signal.metric,
            "Dimensions": [{"Name": "Check", "Value": change.check}],
        }
        stat = {"Metric": metric, "Period": _SECONDS, "Stat": bad.signal.statistic}
        return {"Id": f"q{number}", "MetricStat": stat}


def _oldest(change: Change) -> datetime:
    return change.kind.oldest_of_use(change)


def _points(answer: dict[str, Any], change: Change, bad: BadValues) -> list[tuple[datetime, bool]]:
    """Those before the change; a later run is none of its reasons."""
    pairs = zip(answer["Timestamps"], answer["Values"], strict=True)
    return [(at.astimezone(UTC), bad.is_bad(value)) for at, value in pairs if at <= change.at]
