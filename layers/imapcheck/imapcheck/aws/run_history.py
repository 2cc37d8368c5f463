"""Single runs out of the log of run_check: the newest of each check, or one that was named.

`FilterLogEvents` reads a window forwards, in pages of 1 MB, so it is only asked for short windows in which the wanted
runs are known to lie; all requests together have a limit of time and of pages.
"""

import json
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from imapcheck.aws.run_log import FINISHED

LATEST_LINE = timedelta(minutes=5)
"""A run's line comes so much after the time of its metrics, its schedule's window and then the run, unless the event
of the run was delivered late."""

_PATTERN = f'$.message = "{FINISHED}"'
_NEAR = timedelta(minutes=2)
_RECENT = timedelta(minutes=15)  # metrics come later than lines: near the end there may be a newer run than they know
_MOST_NAMES = 8  # a pattern has 1,024 characters
_AT_ONCE = 4  # an account gets five requests a second in the smaller Regions
_MOST_PAGES = 60


@dataclass(frozen=True)
class LoggedRun:
    """A result's JSON object, and when its line was written, in milliseconds since 1970."""

    result: Mapping[str, Any]
    logged_ms: int


@dataclass(frozen=True)
class Window:
    """Where the lines of `checks` lie."""

    start: datetime
    end: datetime
    checks: tuple[str, ...]


class OutOfBounds(Exception):
    """The limit of time or pages was reached before a window was read to its end."""


class RunHistory:
    """Reads the log group within `seconds` and 60 pages from now."""

    def __init__(self, logs: Any, group: str, seconds: float) -> None:
        self._logs = logs
        self._group = group
        self._ends = time.monotonic() + seconds
        self._pages = _MOST_PAGES
        self._lock = threading.Lock()

    def newest(
        self, began: Mapping[str, datetime], period: timedelta, end: datetime, delay: timedelta = timedelta()
    ) -> dict[str, LoggedRun]:
        """The newest run of each check before `end`, where `began` is the period in which it began.

        A line that is not where it should be is looked for up to `delay` later. Checks whose run could not be read
        within the limits are absent. Raises what the API raises.
        """
        found = self._newest(began, windows_for(began, period, end))
        late = {name: start + period + LATEST_LINE for name, start in began.items() if name not in found}
        late = {name: start for name, start in late.items() if start < end}
        return found | self._newest(late, windows_for(late, delay, end)) if delay and late else found

    def _newest(self, checks: Collection[str], windows: Sequence[Window]) -> dict[str, LoggedRun]:
        found: dict[str, LoggedRun] = {}
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log") as pool:
            for runs in pool.map(self._read_or_nothing, windows):
                for run in runs:
                    check = run.result["check"]
                    if check in checks and (check not in found or run.logged_ms > found[check].logged_ms):
                        found[check] = run
        return found

    def find(
        self, check: str, start: datetime, end: datetime, *, failed: bool, delay: timedelta = timedelta()
    ) -> LoggedRun | None:
        """The newest run of `check` in the window, or the newest that failed; else the first up to `delay` later.

        Raises `OutOfBounds`.
        """
        found = self._wanted(Window(start, end, (check,)), failed)
        if not found and delay:
            return next(iter(self._wanted(Window(end, end + delay, (check,)), failed)), None)
        return found[-1] if found else None

    def _wanted(self, window: Window, failed: bool) -> list[LoggedRun]:
        [check] = window.checks
        runs = [run for run in self._read(window) if run.result["check"] == check]
        return [run for run in runs if not (failed and run.result["available"])]

    def _read_or_nothing(self, window: Window) -> list[LoggedRun]:
        """Its runs, or none where the limits or AWS's own on requests were reached."""
        try:
            return self._read(window)
        except OutOfBounds:
            return []
        except ClientError as error:
            if error.response["Error"].get("Code") != "ThrottlingException":
                raise
            return []

    def _read(self, window: Window) -> list[LoggedRun]:
        """Its runs, in the order of their lines."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group,
            startTime=_milliseconds(window.start),
            endTime=_milliseconds(window.end),
            filterPattern=_pattern(window.checks),
        )
        found: list[LoggedRun] = []
        self._take_page()
        for page in pages:
            found += _runs(page["events"])
            if page.get("nextToken"):
                self._take_page()
        return sorted(found, key=lambda run: run.logged_ms)

    def _take_page(self) -> None:
        with self._lock:
            self._pages -= 1
            if self._pages < 0 or time.monotonic() > self._ends:
                raise OutOfBounds


def windows_for(began: Mapping[str, datetime], period: timedelta, end: datetime) -> list[Window]:
    """Windows that hold every run which began in its period: those near each other are one, the newest first."""
    found: list[Window] = []
    for check, start in sorted(began.items(), key=lambda item: item[1]):
        stop = end if end - start < _RECENT else min(start + period + LATEST_LINE, end)
        if found and start <= found[-1].end + _NEAR:
            last = found.pop()
            found.append(Window(last.start, max(last.end, stop), (*last.checks, check)))
        else:
            found.append(Window(start, stop, (check,)))
    return found[::-1]


def _pattern(checks: Sequence[str]) -> str:
    if len(checks) > _MOST_NAMES:
        return f"{{ {_PATTERN} }}"
    names = " || ".join(f'$.check = "{check}"' for check in checks)
    return f"{{ {_PATTERN} && ({names}) }}"


def _runs(events: Iterable[Mapping[str, Any]]) -> Iterator[LoggedRun]:
    for event in events:
        line = _object(event["message"])
        if line.get("message") == FINISHED and line.get("instant_test") is False:
            yield LoggedRun(result_of(line), event["timestamp"])


def result_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a log line: its steps are told by times, failures and refusals, its transcript is one string.

    Older lines do not say what was refused.
    """
    result = dict(line["result"])
    failures = {failure["step"]: failure["detail"] for failure in result["failures"]}
    refused = line.get("refused") or {}
    result["steps"] = [_step(name, took, failures, refused) for name, took in line["step_ms"].items()]
    result["transcript"] = (line.get("transcript") or "").splitlines()
    return result


def _step(
    name: str, took: float | None, failures: Mapping[str, str], refused: Mapping[str, str | None]
) -> dict[str, Any]:
    step = {"name": name, "duration_ms": took}
    if name in failures:
        return step | {"status": "failed", "detail": failures[name]}
    if name in refused:
        return step | {"status": "refused", "detail": refused[name]}
    return step | {"status": "skipped" if took is None else "passed", "detail": None}


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # the runtime's own lines are not all JSON
        return {}
    return found if isinstance(found, dict) else {}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
