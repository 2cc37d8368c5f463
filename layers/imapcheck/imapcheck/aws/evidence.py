"""The runs that an alarm speaks of, read from the function's log: newest first, within a time limit.

`FilterLogEvents` reads a window forwards, in pages that may be empty and of which an account gets a few each second. So
the log is asked in windows that begin where the runs must lie and grow backwards, until the story's beginning is found.
Nothing later than the alarm is ever taken for its reason.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from imapcheck.aws.run_log import FINISHED
from imapcheck.output.story_facts import Change, Evidence, Kind, MonitorError, Run, find_spell, judge

_LATEST = timedelta(seconds=1)
_OLDEST_END = timedelta(days=7)
_FIRST_WINDOW = timedelta(minutes=20)
_SPARSE, _NEAR = timedelta(minutes=30), timedelta(minutes=5)
_WAIT_SECONDS = 2.0
_WAITS = 3
_QUICK_SECONDS = 0.5


type _Line = tuple[datetime, str]


class OutOfTime(Exception):
    """The time limit passed before a window was read to its end."""


@dataclass
class _Found:
    """What was read so far for one change, in any order."""

    change: Change
    runs: dict[str, Run] = field(default_factory=dict)
    errors: dict[datetime, MonitorError] = field(default_factory=dict)

    def newest_runs(self) -> tuple[Run, ...]:
        return tuple(sorted(self.runs.values(), key=lambda run: run.started_at, reverse=True))

    def evidence(self, looked_from: datetime | None, problem: str | None) -> Evidence:
        errors = tuple(sorted(self.errors.values(), key=lambda error: error.at, reverse=True))
        return Evidence(self.newest_runs(), errors, looked_from, problem)

    def shows_the_change(self, since: datetime) -> bool:
        """What made the alarm change is there, as far as it can lie after `since`: nothing is still under way."""
        runs, is_bad = self.newest_runs(), judge(self.change)
        seen = [bad for run in runs if (bad := is_bad(run)) is not None]
        if self.change.kind is Kind.NOT_RUNNING:
            return self.change.state == "ALARM" or bool(runs)
        if self.change.state == "ALARM":
            whole = since <= self.change.at - self.change.period * self.change.periods
            return sum(seen[: self.change.periods]) >= (self.change.needed if whole else 1)
        return bool(seen) and not seen[0]

    @property
    def reaches_the_beginning(self) -> bool:
        if self.change.kind is Kind.NOT_RUNNING:
            return len(self.runs) > (0 if self.change.state == "ALARM" else 1)
        if self.change.kind is Kind.CERTIFICATE and self.change.state == "OK":
            return bool(self.runs)
        spell = find_spell(self.change, self.newest_runs())
        return spell is not None and spell.complete

    @property
    def oldest_of_use(self) -> datetime:
        """Where looking back ends: an outage may have been long, what makes an alarm ring lies near."""
        change = self.change
        if change.state == "OK":
            return change.at - _OLDEST_END
        return change.at - change.period * (2 * change.periods + 2) - timedelta(minutes=5)


class RunLog:
    """The log group of the function that runs the checks."""

    def __init__(self, logs: Any, group: str) -> None:
        self._logs = logs
        self._group = group

    def gather(self, changes: Sequence[Change], seconds: float) -> list[Evidence]:
        """The evidence for each change, in their order, read together within `seconds`.

        Raises whatever the API raises; running out of time is none of it, the evidence is then as far as it got.
        """
        ends = time.monotonic() + seconds
        found = [_Found(change) for change in changes]
        longest = max(change.period * (change.periods + 1) for change in changes)
        length = min(longest, _FIRST_WINDOW)
        end = max(change.at for change in changes) + _LATEST
        if not self._read_newest(found, end - length, end, ends):
            return [item.evidence(None, "the log could not be read in time") for item in found]
        edge, oldest = end - length, min(item.oldest_of_use for item in found)
        while edge > oldest and not all(item.reaches_the_beginning for item in found):
            began = time.monotonic()
            start, end = _window_before(found, edge, length)
            if not self._read(found, max(start, oldest), end, ends):
                break
            edge = max(start, oldest)
            # What is not read to its end counts for nothing: where reading is slow, windows stay short.
            length *= 2 if time.monotonic() - began < _QUICK_SECONDS else 1
        return [item.evidence(edge, None) for item in found]

    def _read_newest(self, found: Sequence[_Found], start: datetime, end: datetime, ends: float) -> bool:
        """Read the newest window, again while a line is still under way; False where there is no time for that."""
        done = self._read(found, start, end, ends)
        for _ in range(_WAITS):
            shown = all(item.shows_the_change(start) for item in found)
            if not done or shown or time.monotonic() + _WAIT_SECONDS > ends:
                break
            time.sleep(_WAIT_SECONDS)
            self._read(found, start, end, ends)
        return done

    def _read(self, found: Sequence[_Found], start: datetime, end: datetime, ends: float) -> bool:
        """Take in what one window holds; False, and nothing taken, where the time limit passed before its end."""
        checks = {item.change.check for item in found}
        try:
            runs = list(self._lines(_runs_pattern(checks), start, end, ends))
            quiet = any(item.change.kind is Kind.NOT_RUNNING for item in found)
            errors = list(self._lines("ERROR", start, end, ends)) if quiet else []
        except OutOfTime:
            return False
        _take_in(found, runs, errors)
        return True

    def _lines(self, pattern: str, start: datetime, end: datetime, ends: float) -> Iterator[_Line]:
        """(when, text) of the matching lines. Raises `OutOfTime`."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group,
            startTime=_milliseconds(start),
            endTime=_milliseconds(end),
            filterPattern=pattern,
        )
        for page in pages:
            if time.monotonic() > ends:
                raise OutOfTime
            for event in page["events"]:
                yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"]


def _window_before(found: Sequence[_Found], edge: datetime, length: timedelta) -> tuple[datetime, datetime]:
    """The next window to read: just before `edge`; or, with hours between runs, where the next older one must lie."""
    runs = found[0].newest_runs() if len(found) == 1 else ()
    period = found[0].change.period
    if not runs or period < _SPARSE:
        return edge - length, edge
    oldest = runs[-1].started_at
    expected = oldest - period * ((oldest - edge) // period + 1)
    return expected - _NEAR, min(expected + _NEAR, edge)


def _runs_pattern(checks: set[str]) -> str:
    """For one check its own lines; for more the lines of all, as a pattern has a limit and a storm has not."""
    finished = f'$.message = "{FINISHED}"'
    return f'{{ {finished} && $.check = "{next(iter(checks))}" }}' if len(checks) == 1 else f"{{ {finished} }}"


def _take_in(found: Sequence[_Found], runs: Sequence[_Line], errors: Sequence[_Line]) -> None:
    """Give each line to the changes that it concerns."""
    for at, text in runs:
        run = _run(_object(text))
        if run is None:
            continue
        for item in found:
            # Not what came after: a later run is none of the reasons.
            if run.check == item.change.check and max(run.started_at, at - _LATEST) <= item.change.at:
                item.runs[str(run.result.get("run_id") or run.started_at)] = run
    for at, text in errors:
        check, told = _error(text)
        for item in found:
            about = check == item.change.check or f"check {item.change.check}:" in told
            if told and about and at - _LATEST <= item.change.at:
                item.errors[at] = MonitorError(at, told)


def _run(line: Mapping[str, Any]) -> Run | None:
    """The run of a line; an instant test is no alarm's business."""
    if line.get("message") != FINISHED or line.get("instant_test") is True:
        return None
    try:
        return Run.from_line(line)
    except ValueError:
        return None


def _error(text: str) -> tuple[object, str]:
    """(check or null, what it says) of a line of the monitor's own error: JSON, or the runtime's plain text.

    The runtime ends the lines of a text, traceback included, with CR alone, so that they stay one event.
    """
    line = _object(text)
    if line:
        return line.get("check"), _told_error(line)
    return None, text.splitlines()[0].removeprefix("[ERROR] ") if text else ""


def _told_error(line: Mapping[str, Any]) -> str:
    """What a JSON line of level ERROR says: Lambda's own of an exception, or Powertools' of a logged one."""
    if str(line.get("level", line.get("log_level"))).upper() not in ("ERROR", "CRITICAL"):
        return ""
    names = (line.get("errorType") or line.get("exception_name"), line.get("errorMessage") or line.get("error"))
    found = [str(part) for part in names if part] if names[1] else [str(line.get("message") or "")]
    return ": ".join(found)


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
