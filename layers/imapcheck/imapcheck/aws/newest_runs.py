"""Single runs out of the log of run_check: the newest of each check, or one that was named.

The log is only asked for short windows in which the wanted runs are known to lie.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from imapcheck.aws.log_reader import LoggedRun, LogReader, OutOfBounds

LATEST_LINE = timedelta(minutes=5)
"""A run's line comes so much after the time of its metrics, its schedule's window and then the run, unless the event
of the run was delivered late."""

_NEAR = timedelta(minutes=2)
_RECENT = timedelta(minutes=15)  # metrics come later than lines: near the end there may be a newer run than they know
_AT_ONCE = 4  # an account gets five requests a second in the smaller Regions
_MOST_PAGES = 60


@dataclass(frozen=True)
class Window:
    """Where the lines of `checks` lie."""

    start: datetime
    end: datetime
    checks: tuple[str, ...]


class NewestRuns:
    """Reads the log group within `seconds` and 60 pages from now; `outside` are the checks that are run from there."""

    def __init__(self, logs: Any, group: str, outside: Collection[str], seconds: float) -> None:
        self._log = LogReader(logs, group, outside, seconds, _MOST_PAGES)

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
                    check = run.result.check or ""
                    if check in checks and (check not in found or run.logged_at > found[check].logged_at):
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
        runs = [run for run in self._read(window) if run.result.check == check]
        return [run for run in runs if not (failed and run.result.verdict == "up")]

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
        runs = self._log.runs(window.checks, window.start, window.end)
        return sorted(runs, key=lambda run: run.logged_at)


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
