"""The one reader of the log group of run_check: runs and failures, page by page, within a limit of time and pages.

`FilterLogEvents` reads a window forwards, in pages of 1 MB that may be empty and of which an account gets a few each
second, so whoever asks does so for short windows in which the wanted lines must lie.

Machines outside write here too, to streams of their own, and may write what they like there (SECURITY.md). So a line of
such a stream counts for a check that is run from outside alone, and of such a check no other line does. Nothing else
reads this group, so that nobody can forget it.
"""

import math
import threading
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from imapcheck.aws.monitor_errors import ERROR_PATTERN, FailedRun, read_failed_run
from imapcheck.aws.run_log import FINISHED, OUTSIDE_STREAMS, read_run
from imapcheck.result import CheckResult
from imapcheck.text import one_line

_MOST_NAMES = 8  # a pattern has 1,024 characters


class LoggedRun(NamedTuple):
    """A run, when its line was written and how long that is, and the machine that wrote it if that was one outside."""

    result: CheckResult
    logged_at: datetime
    length: int
    machine: str | None


class LoggedFailure(NamedTuple):
    """A run that there was not, when its line was written, and the machine that wrote it if that was one outside."""

    failed: FailedRun
    logged_at: datetime
    machine: str | None


class _Line(NamedTuple):
    at: datetime
    text: str
    machine: str | None


class OutOfBounds(Exception):
    """The limit of time or of pages was reached before a window was read to its end."""


class LogReader:
    """Reads one log group within `seconds` from now and `pages`; threads may share it.

    `outside` are the names of the checks that are run from outside.
    """

    def __init__(
        self, logs: Any, group: str, outside: Collection[str], seconds: float, pages: float = math.inf
    ) -> None:
        self._logs = logs
        self._group = group
        self._outside = outside
        self._ends = time.monotonic() + seconds
        self._pages = pages
        self._lock = threading.Lock()

    @property
    def seconds_left(self) -> float:
        return self._ends - time.monotonic()

    def runs(self, checks: Collection[str], start: datetime, end: datetime) -> Iterator[LoggedRun]:
        """The runs of `checks`, and maybe others', in the order of the API. Raises as `_lines` does."""
        for line in self._lines(_runs_pattern(checks), start, end):
            run = read_run(line.text)
            if run is not None and self._counts(line, run.check):
                yield LoggedRun(run, line.at, len(line.text), line.machine)

    def failures(self, start: datetime, end: datetime) -> Iterator[LoggedFailure]:
        """Why checks, or the function whichever check it was for, did not run. Raises as `_lines` does."""
        for line in self._lines(ERROR_PATTERN, start, end):
            failed = read_failed_run(line.text)
            if failed is not None and self._counts(line, failed.check):
                yield LoggedFailure(failed, line.at, line.machine)

    def concerns(self, failure: LoggedFailure, check: str) -> bool:
        """It is the check's own, or the function's, where that runs the check."""
        named = failure.failed.check
        return named == check if named is not None else check not in self._outside

    def _counts(self, line: _Line, check: str | None) -> bool:
        """Whether a line about `check` may come from where it comes from."""
        return (line.machine is not None) == (check in self._outside)

    def _lines(self, pattern: str, start: datetime, end: datetime) -> Iterator[_Line]:
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
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield _Line(at, event["message"], _machine(event["logStreamName"]))
            if page.get("nextToken"):
                self._take_page()

    def _take_page(self) -> None:
        with self._lock:
            self._pages -= 1
            if self._pages < 0 or self.seconds_left < 0:
                raise OutOfBounds


def _machine(stream: str) -> str | None:
    """The machine outside that the stream belongs to; None for a stream of the function."""
    return one_line(stream.removeprefix(OUTSIDE_STREAMS), 40) if stream.startswith(OUTSIDE_STREAMS) else None


def _runs_pattern(checks: Collection[str]) -> str:
    """For a few checks their own lines; for none or many the lines of all: a pattern has a limit, a storm has not."""
    finished = f'$.message = "{FINISHED}"'
    if not 0 < len(checks) <= _MOST_NAMES:
        return f"{{ {finished} }}"
    names = " || ".join(f'$.check = "{check}"' for check in sorted(checks))
    return f"{{ {finished} && ({names}) }}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
