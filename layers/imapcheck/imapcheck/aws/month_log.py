"""What the log adds to a month's figures: why each outage began, and which places could not reach the server.

It is read around outages alone, and, for a check with several places, where not all of them reached the server: in at
most 50 windows a check. What was not read stays unknown.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from imapcheck.aws.log_reader import LogReader, OutOfBounds
from imapcheck.aws.newest_runs import LATEST_LINE
from imapcheck.definition.mute_windows import Stretch, is_muted, merged
from imapcheck.month.figures import PERIOD, Figures, Outage, Point, longest_first
from imapcheck.regions import CITIES
from imapcheck.result import CheckResult
from imapcheck.wording import failure_line

_LOG = logging.getLogger("imapcheck")
MOST_WINDOWS = 50
_ALL = 100.0


class MonthLog:
    """Reads the log group within `seconds` from now; what AWS refuses once is not asked for again."""

    def __init__(self, logs: Any, group: str, outside: Collection[str], seconds: float) -> None:
        self._log = LogReader(logs, group, outside, seconds)
        self.problem: str | None = None

    def explain(self, figures: Figures, points: Sequence[Point], *, places: Sequence[str] = ()) -> Figures:
        """`figures` with the causes of its outages, and by place where the check has several."""
        causes = {
            outage.began: self._cause(figures, outage) for outage in longest_first(figures.outages)[:MOST_WINDOWS]
        }
        outages = tuple(replace(outage, cause=causes.get(outage.began)) for outage in figures.outages)
        found = replace(figures, outages=outages)
        return self._by_place(found, points, places) if places and figures.runs else found

    def _cause(self, figures: Figures, outage: Outage) -> str | None:
        """The failure of the first run of an outage that the log still has."""
        runs = self._runs(figures.plan.check, (outage.began, outage.began + PERIOD))
        failed = (run for run in runs if run.verdict == "down" and run.failure is not None)
        first = min(failed, key=lambda run: run.started_at, default=None)
        reason = None if first is None else first.reason
        return None if reason is None else failure_line(reason.step, reason.type)

    def _by_place(self, figures: Figures, points: Sequence[Point], places: Sequence[str]) -> Figures:
        muted = figures.plan.not_counted
        bad = (point.at for point in points if point.lowest < _ALL and figures.month.start <= point.at < figures.until)
        windows = merged((at, at + PERIOD) for at in bad if not is_muted(muted, at))[:MOST_WINDOWS]
        missed, untested = Counter[str](dict.fromkeys(places, 0)), 0
        for window in windows:
            for run in self._runs(figures.plan.check, window):
                missed.update({place.place: 0 for place in run.places or ()})  # the stack's own Region too
                missed.update(place.place for place in run.unreached)
                untested += run.verdict == "partial" and run.login_tested is False
        if self.problem is not None:
            return figures
        shares = {CITIES.get(place, place): _ALL * (1 - number / figures.runs) for place, number in missed.items()}
        return replace(figures, places=shares, not_tested=untested)

    def _runs(self, check: str, window: Stretch) -> list[CheckResult]:
        """The runs that began in a window, each once."""
        found: dict[str, CheckResult] = {}
        for run in self._read(check, window[0], window[1] + LATEST_LINE):
            if run.check == check and window[0] <= run.started_at < window[1] + timedelta(minutes=1):
                found[run.run_id] = run
        return list(found.values())

    def _read(self, check: str, start: datetime, end: datetime) -> Iterator[CheckResult]:
        if self.problem is not None:
            return
        try:
            yield from (logged.result for logged in self._log.runs([check], start, end))
        except OutOfBounds:
            self.problem = "the log could not be read in time"
        except Exception as error:  # noqa: BLE001 - the figures are reported without causes
            _LOG.exception("the log could not be read")
            response = getattr(error, "response", {})
            self.problem = (
                f"the log could not be read ({response.get('Error', {}).get('Code') or type(error).__name__})"
            )
