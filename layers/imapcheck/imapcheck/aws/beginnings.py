"""When outages that have ended began, by one `GetMetricData` of the metric that their alarms watched.

A storm that lasted for hours is too much of the log to be read backwards; its points are few.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from imapcheck.alarms.kind import Beginning, Change
from imapcheck.alarms.kinds import UNAVAILABLE
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
_DOWN_BELOW = 1.0


class _Incomplete(Exception):
    """CloudWatch answered without the data that was asked for."""


class OutageMetric:
    """`Availability` of the checks of one namespace; the lowest value of a minute is that of its one run."""

    def __init__(self, cloudwatch: Any, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def beginnings(self, changes: Sequence[Change], seconds: float) -> list[Beginning | None]:
        """Of each change, in their order; None of what is no outage, or whose beginning cannot be had."""
        asked = [change for change in changes if change.kind is UNAVAILABLE][:_MOST_QUERIES]
        found: dict[Change, Beginning] = {}
        if asked and seconds > _LEAST_SECONDS:
            try:
                self._ask(asked, found, time.monotonic() + seconds - _LEAST_SECONDS)
            except Exception:  # noqa: BLE001 - the log tells as far as it can be read
                _LOG.exception("the beginnings of outages could not be read")
        return [found.get(change) for change in changes]

    def _ask(self, changes: Sequence[Change], found: dict[Change, Beginning], ends: float) -> None:
        """Read newest points first, until each beginning is in sight, or time or room is up."""
        points: dict[Change, list[tuple[datetime, bool]]] = {change: [] for change in changes}
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self._query(number, change) for number, change in enumerate(changes)],
            StartTime=min(map(_oldest, changes)).replace(second=0, microsecond=0),
            EndTime=max(change.at for change in changes),
            ScanBy="TimestampDescending",
            MaxDatapoints=_PAGE,
        )
        for page in pages:
            for answer in page["MetricDataResults"]:
                if answer.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                    raise _Incomplete(answer["StatusCode"])
                change = changes[int(answer["Id"][1:])]
                if change in points:
                    points[change] += _points(answer, change)
            for change in list(points):
                if (beginning := find_beginning(change, points[change])) is not None:
                    found[change] = beginning
                    del points[change]
            held = sum(map(len, points.values()))
            if not points or held > _MOST_POINTS or time.monotonic() > ends:
                break

    def _query(self, number: int, change: Change) -> dict[str, Any]:
        metric = {
            "Namespace": self._namespace,
            "MetricName": change.kind.signal.metric,
            "Dimensions": [{"Name": "Check", "Value": change.check}],
        }
        stat = {"Metric": metric, "Period": _SECONDS, "Stat": change.kind.signal.statistic}
        return {"Id": f"q{number}", "MetricStat": stat}


def _oldest(change: Change) -> datetime:
    return change.kind.oldest_of_use(change)


def _points(answer: dict[str, Any], change: Change) -> list[tuple[datetime, bool]]:
    """Those before the change; a later run is none of its reasons."""
    pairs = zip(answer["Timestamps"], answer["Values"], strict=True)
    return [(at.astimezone(UTC), value < _DOWN_BELOW) for at, value in pairs if at <= change.at]
