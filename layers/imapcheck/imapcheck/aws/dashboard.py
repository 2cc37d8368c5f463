"""What the dashboard's widget asks for, and what it gets: the table of checks, or one run.

The state of a check is that of its newest run in the time range. What is not known is said: a check without a run in
the range, a run whose line could not be read, a definition that cannot be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from imapcheck.asked import Asked
from imapcheck.aws.availability import Period, Series, read_availability
from imapcheck.aws.log_reader import LoggedRun, OutOfBounds
from imapcheck.aws.newest_runs import LATEST_LINE, NewestRuns
from imapcheck.definition.files import load_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import check_files
from imapcheck.definition.plain import plain
from imapcheck.errors import DefinitionError
from imapcheck.output.outcome import Outcome, State
from imapcheck.report.page import run_fragment
from imapcheck.report.widget import CheckRow, Choice, Problem, checks_widget, sentence_widget
from imapcheck.stack.alarms import latest_delivery

SECONDS = 8.0
"""How long the log may be read for one answer."""

_USUAL_RANGE = timedelta(hours=12)
_LONGEST_RANGE = timedelta(days=455)
_LONGEST_DELAY = timedelta(days=1)
_COARSE = timedelta(hours=1)
_WHERE = (
    "Open Alarms of this stack above: is its alarm not-running in ALARM, or dead-letters, dropped-events or"
    " monitor-errors? The log of all runs, beside it, names the error."
)


@dataclass(frozen=True)
class Request:
    """The event of a custom widget: time range, theme, form, and which run to open if any."""

    start: datetime
    end: datetime
    now: datetime
    dark: bool
    choice: Choice
    run: "RunWanted | None"

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event; what is absent or nonsense becomes the usual, as a person waits for an answer."""
        now = datetime.now(UTC)
        context = _mapping(event.get("widgetContext"))
        times = _mapping(context.get("timeRange"))
        times = _mapping(times.get("zoom")) or times
        end = min(_moment(times.get("end")) or now, now)
        start = max(_moment(times.get("start")) or end - _USUAL_RANGE, now - _LONGEST_RANGE)
        start = start if start < end else end - _USUAL_RANGE
        form = _mapping(context.get("params")) | dict(event) | _mapping(_mapping(context.get("forms")).get("all"))
        choice = Choice(str(form.get("name") or "")[:100], only_problems=form.get("show") == "problems")
        return cls(start, end, now, context.get("theme") == "dark", choice, RunWanted.of(event))


@dataclass(frozen=True)
class RunWanted:
    """A run to open: the newest of the check in the window, or the newest that failed; its line may be `delay` late."""

    check: str
    start: datetime
    end: datetime
    failed: bool
    delay: timedelta

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "RunWanted | None":
        """None where the event asks for the table, or for no run that there could be."""
        check, start, end = event.get("run"), _moment(event.get("from")), _moment(event.get("to"))
        if not isinstance(check, str) or start is None or end is None or not start <= end <= start + timedelta(days=2):
            return None
        return cls(check, start, end, event.get("failed") is True, _delay(event.get("delay")))

    @property
    def payload(self) -> dict[str, Any]:
        """The event's fields that `of` reads."""
        start, end = _milliseconds(self.start), _milliseconds(self.end)
        return {
            "run": self.check, "from": start, "to": end, "failed": self.failed, "delay": self.delay.total_seconds(),
        }  # fmt: skip


class Dashboard:
    """Lives as long as the Lambda environment: the deployed definitions and the clients."""

    def __init__(
        self, cloudwatch: Any, logs: Any, *, definitions: Path, group: str, namespace: str, paused: bool = False
    ) -> None:
        self._cloudwatch = cloudwatch
        self._logs = logs
        self._folder = definitions
        self._group = group
        self._namespace = namespace
        self._paused = paused

    def answer(self, request: Request, endpoint: str) -> str:
        """HTML of the table or of a run; `endpoint` is this function's ARN. Raises what the APIs raise."""
        if request.run is not None:
            return self._run(request.run, dark=request.dark)
        return self._table(request, endpoint)

    @cached_property
    def _checks(self) -> dict[str, CheckDefinition | str]:
        """The deployed checks by name; a text says why its definition cannot be read."""
        return {path.stem: _load(path) for path in check_files(self._folder)}

    @cached_property
    def _outside(self) -> frozenset[str]:
        """The checks that are run from outside."""
        checks = self._checks.items()
        return frozenset(name for name, check in checks if isinstance(check, CheckDefinition) and check.runs_outside)

    @cached_property
    def _delay(self) -> timedelta:
        """How late the event of a run may be delivered, and so its line be written."""
        checks = [check for check in self._checks.values() if isinstance(check, CheckDefinition)]
        schedules = [schedule for check in checks if (schedule := check.deployed_schedule) is not None]
        return timedelta(seconds=latest_delivery(schedules))

    def _run(self, wanted: RunWanted, *, dark: bool) -> str:
        if wanted.check not in self._checks:
            return sentence_widget("No such check is deployed.", dark=dark)
        history = NewestRuns(self._logs, self._group, self._outside, SECONDS)
        try:
            found = history.find(wanted.check, wanted.start, wanted.end, failed=wanted.failed, delay=wanted.delay)
        except OutOfBounds:
            return sentence_widget("The log could not be read in time. Please try again.", dark=dark)
        if found is None:
            return sentence_widget("That run is not in the log, or no longer.", dark=dark)
        return run_fragment(self._outcome(wanted.check, found), dark=dark)

    def _table(self, request: Request, endpoint: str) -> str:
        names = list(self._checks)
        series = read_availability(self._cloudwatch, self._namespace, names, request.start, request.end)
        began = {name: point.at for name, found in series.items() if (point := found.newest) is not None}
        period = next(iter(series.values())).period if series else timedelta(minutes=1)
        runs = self._newest_runs(names, began, period, request.end)
        rows = [self._row(name, series[name], runs.get(name), request) for name in names if self._is_shown(name, began)]
        notes = list(self._notes(began, runs, rows, request.choice))
        return checks_widget(rows, notes, request.choice, endpoint=endpoint, now=request.now, dark=request.dark)

    def _newest_runs(
        self, names: Sequence[str], began: Mapping[str, datetime], period: timedelta, end: datetime
    ) -> dict[str, LoggedRun]:
        """The newest run of each check that ran.

        Of an hour and more the last one is asked for in minutes first: so much log is thousands of lines.
        """
        history, runs = NewestRuns(self._logs, self._group, self._outside, SECONDS), dict[str, LoggedRun]()
        if period >= _COARSE:
            last = read_availability(self._cloudwatch, self._namespace, names, end - period, end)
            finely = {name: point.at for name, found in last.items() if (point := found.newest) is not None}
            if finely:
                runs = history.newest(finely, next(iter(last.values())).period, end, self._delay)
                began = {name: at for name, at in began.items() if name not in finely}
        return runs | history.newest(began, period, end, self._delay)

    def _is_shown(self, name: str, began: Mapping[str, datetime]) -> bool:
        """A check that nothing runs is shown where it ran nevertheless."""
        definition = self._checks[name]
        return name in began or isinstance(definition, str) or definition.deployed_schedule is not None

    def _row(self, name: str, series: Series, run: LoggedRun | None, request: Request) -> CheckRow:
        newest, failure = series.newest, series.last_failure
        outcome = None if run is None else self._outcome(name, run)
        problem = self._problem(name, _ran_by(run, series), request)
        state = _state(outcome, series) if problem is None else "not_run"
        return CheckRow(
            check=name,
            state=state,
            outcome=outcome,
            ran_at=_ran_at(run, series),
            down_since=series.down_since if state == "unavailable" else None,
            percent=series.percent,
            failed_at=_began_at(failure),
            open_last=_line_of(name, run) if run is not None else self._period_of(name, newest, series, failed=False),
            open_failure=self._period_of(name, failure, series, failed=True),
            problem=problem,
        )

    def _period_of(self, name: str, point: Period | None, series: Series, *, failed: bool) -> Mapping[str, Any] | None:
        """How to open the run that began in a period."""
        if point is None:
            return None
        return RunWanted(name, point.at, point.at + series.period + LATEST_LINE, failed, self._delay).payload

    def _outcome(self, name: str, run: LoggedRun) -> Outcome:
        definition = self._checks[name]
        asked = Asked() if isinstance(definition, str) else plain(definition, f"events/{name}.json")
        return Outcome(name, run.result, asked=asked)

    def _problem(self, name: str, ran_by: datetime | None, request: Request) -> Problem | None:
        """What is wrong with the monitor and not with the server; the newest run began at `ran_by` at the latest."""
        definition = self._checks[name]
        if isinstance(definition, str):
            return Problem("definition broken", definition)
        schedule = definition.deployed_schedule
        if schedule is None:
            return None
        silent = timedelta(seconds=schedule.seconds) * definition.alarms.not_running
        if ran_by is not None and request.end - ran_by <= silent:
            return None
        if self._paused:
            return Problem("paused", "The stack is paused (parameter Paused): no check runs, and no alarm fires.")
        return (
            None
            if ran_by is None
            else Problem("not running", f"It should run every {schedule.every}, and does not. {_WHERE}")
        )

    def _notes(
        self, began: Mapping[str, datetime], runs: Mapping[str, LoggedRun], rows: Sequence[CheckRow], choice: Choice
    ) -> Sequence[str]:
        unread = [name for name in began if name not in runs and choice.names(name)]
        shown = {row.check for row in rows}
        idle = [name for name in self._checks if name not in shown and choice.names(name)]
        notes = []
        if unread:
            names = ", ".join(unread)
            notes.append(
                f"The log of the last run could not be read in time for {names}: what is shown is from the metrics."
            )
        if idle:
            notes.append(f"Deployed without a schedule: {', '.join(idle)}.")
        return notes


def _load(path: Path) -> CheckDefinition | str:
    try:
        return load_definition(path)
    except DefinitionError as error:
        return str(error)


def _state(outcome: Outcome | None, series: Series) -> State:
    if outcome is not None:
        return outcome.state
    if series.newest is None:
        return "not_run"
    if series.newest.has_outage:
        return "unavailable"
    return "partial" if series.newest.has_failures else "available"


def _ran_at(run: LoggedRun | None, series: Series) -> datetime | None:
    if run is not None:
        return run.result.started_at
    return None if series.newest is None else series.newest.at


def _ran_by(run: LoggedRun | None, series: Series) -> datetime | None:
    """When the newest run began at the latest: the metrics know no more than the period."""
    if run is not None or series.newest is None:
        return _ran_at(run, series)
    return series.newest.at + series.period


def _began_at(point: Period | None) -> datetime | None:
    return None if point is None else point.at


def _line_of(check: str, run: LoggedRun) -> Mapping[str, Any]:
    """How to open a run whose line is known."""
    return RunWanted(
        check, run.logged_at, run.logged_at + timedelta(seconds=1), failed=False, delay=timedelta()
    ).payload


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> datetime | None:
    """Milliseconds since 1970, or None where they are not a time of this age."""
    if not isinstance(value, int | float) or not 0 < value < 4e12:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def _delay(value: object) -> timedelta:
    """Seconds, none where they are not a delay that there can be."""
    is_one = isinstance(value, int | float) and 0 <= value <= _LONGEST_DELAY.total_seconds()
    return timedelta(seconds=value) if is_one and isinstance(value, int | float) else timedelta()


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
