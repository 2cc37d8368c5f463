"""The one reader of the log group of run_check: lines that match, page by page, within a limit of time and pages.

`FilterLogEvents` reads a window forwards, in pages of 1 MB that may be empty and of which an account gets a few each
second, so whoever asks does so for short windows in which the wanted lines must lie.
"""

import math
import threading
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from imapcheck.aws.run_log import FINISHED

_MOST_NAMES = 8  # a pattern has 1,024 characters


class LogLine(NamedTuple):
    """A line of the log, and when it was written."""

    at: datetime
    text: str


class OutOfBounds(Exception):
    """The limit of time or of pages was reached before a window was read to its end."""


class LogReader:
    """Reads one log group within `seconds` from now and `pages`; threads may share it."""

    def __init__(self, logs: Any, group: str, seconds: float, pages: float = math.inf) -> None:
        self._logs = logs
        self._group = group
        self._ends = time.monotonic() + seconds
        self._pages = pages
        self._lock = threading.Lock()

    @property
    def seconds_left(self) -> float:
        return self._ends - time.monotonic()

    def lines(self, pattern: str, start: datetime, end: datetime) -> Iterator[LogLine]:
        """The matching lines as the API gives them. Raises `OutOfBounds`, and what the API raises."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group,
            startTime=_milliseconds(start),
            endTime=_milliseconds(end),
            filterPattern=pattern,
        )
        self._take_page()
        for page in pages:
            for event in page["events"]:
                yield LogLine(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"])
            if page.get("nextToken"):
                self._take_page()

    def _take_page(self) -> None:
        with self._lock:
            self._pages -= 1
            if self._pages < 0 or self.seconds_left < 0:
                raise OutOfBounds


def runs_pattern(checks: Collection[str]) -> str:
    """For a few checks their own lines; for none or many the lines of all: a pattern has a limit, a storm has not."""
    finished = f'$.message = "{FINISHED}"'
    if not 0 < len(checks) <= _MOST_NAMES:
        return f"{{ {finished} }}"
    names = " || ".join(f'$.check = "{check}"' for check in sorted(checks))
    return f"{{ {finished} && ({names}) }}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
