"""How the log is asked: windows that grow backwards, bounded in pages and in time, over a day of 450 checks at 5m."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from imapcheck.alarms.kind import Beginning, Change, Evidence
from imapcheck.alarms.kinds import CERTIFICATE, NOT_RUNNING, UNAVAILABLE
from imapcheck.alarms.spell import find_spell, silence, spell_of
from imapcheck.aws import evidence, log_reader
from imapcheck.aws.evidence import Beginnings, RunLog
from imapcheck.failures import FailureType
from support.depth import deep
from support.story_scenes import FAULTS, RANG, change, log_line

CHECKS, OCTETS, PAGE = 450, 4000, 1_000_000
EVERY = timedelta(minutes=5)
SECONDS_A_PAGE = 0.15
TYPE = FailureType.CONNECTION_REFUSED


class ScannedLog:
    """FilterLogEvents as CloudWatch does it: forwards, a page for each megabyte it looks at, whatever matches.

    Check number n runs at n/450 of each interval, as schedules spread; `office` is one of them and is down from
    `down_since` to `up_at`. Lines are made as they are looked at: a day of them is half a gigabyte.
    """

    def __init__(self, down_since: datetime, up_at: datetime | None = None) -> None:
        self.down_since, self.up_at = down_since, up_at
        self.beat = EVERY  # between two runs of `office`
        self.moved_at, self.shift = RANG - timedelta(days=100), timedelta()  # runs before lay so much earlier
        self.broken_after: int | None = None  # pages
        self.silent = (RANG, RANG)  # no check ran between these
        self.pages = 0
        self.clock = 0.0
        self.asked: list[tuple[datetime, datetime]] = []

    def get_paginator(self, _: str) -> "ScannedLog":
        return self

    def paginate(self, *, startTime: int, endTime: int, filterPattern: str, **_: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        start, end = (datetime.fromtimestamp(moment / 1000, UTC) for moment in (startTime, endTime))
        self.asked.append((start, end))
        asked = re.search(r'check = "([^"]+)"', filterPattern)
        step = EVERY * (PAGE // OCTETS) / CHECKS
        while start <= end:
            self.pages += 1
            if self.broken_after is not None and self.pages > self.broken_after:
                raise ConnectionError("no answer")
            self.clock += SECONDS_A_PAGE
            more = {"nextToken": "more"} if start + step <= end else {}
            yield {"events": list(self._matching(start, min(start + step, end), asked[1] if asked else None)), **more}
            start += step

    def _matching(self, start: datetime, end: datetime, check: str | None) -> Iterator[dict[str, Any]]:
        beat = RANG - timedelta(seconds=30) - self.beat * ((RANG - start) // self.beat + 1)
        names = [check] if check is not None else ["office", *(f"c{number}" for number in range(CHECKS - 1))]
        while beat - self.shift < end:
            at = beat if beat >= self.moved_at else beat - self.shift
            for name in names:
                if start <= at < end and not self.silent[0] <= at < self.silent[1]:
                    yield self._event(at, name)
            beat += self.beat

    def _event(self, at: datetime, check: str) -> dict[str, Any]:
        down = check == "office" and self.down_since <= at and (self.up_at is None or at < self.up_at)
        line = log_line(at, check=check, type=TYPE if down else None, fault=FAULTS[TYPE] if down else None)
        return {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(line), "logStreamName": "one"}


def gather(
    log: ScannedLog,
    changes: list[Change],
    monkeypatch: pytest.MonkeyPatch,
    beginnings: Beginnings | None = None,
    every: timedelta | None = None,
) -> list[Evidence]:
    """With a clock that only the log's pages move."""
    clock = SimpleNamespace(
        monotonic=lambda: log.clock, sleep=lambda seconds: setattr(log, "clock", log.clock + seconds)
    )
    for module in (evidence, log_reader):
        monkeypatch.setattr(module, "time", clock)
    return RunLog(log, "group", frozenset, lambda _: every, beginnings).gather(changes, 8.0)


def day() -> int:
    """Pages of a whole day."""
    log = ScannedLog(RANG)
    return sum(
        1
        for _ in log.paginate(
            startTime=_ms(RANG - timedelta(days=1)), endTime=_ms(RANG), filterPattern='check = "none"'
        )
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_alarm_is_explained_from_a_fiftieth_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two failed runs and the good ones before."""
    log = ScannedLog(down_since=RANG - timedelta(minutes=6))
    [found] = gather(log, [change(UNAVAILABLE)], monkeypatch)
    spell = find_spell(change(UNAVAILABLE), found.runs)
    assert spell is not None
    assert spell.complete
    assert len(spell.bad) == 2
    assert log.pages < day() / 50
    assert log.clock < 8


def test_recovery_after_hours_is_found_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each window ends where the one read before it begins."""
    log = ScannedLog(RANG - timedelta(hours=1, minutes=30), up_at=RANG - timedelta(minutes=6))
    ended = change(UNAVAILABLE, "OK")
    [found] = gather(log, [ended], monkeypatch)
    spell = find_spell(ended, found.runs)
    assert spell is not None
    assert spell.complete
    assert len(spell.bad) == 16
    assert all(older[1] == newer[0] for newer, older in pairwise(log.asked))


def test_transcripts_of_old_runs_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be long; a story tells the newest run of a failure type at most."""
    monkeypatch.setattr(f"{__name__}.TYPE", FailureType.AUTHENTICATION_FAILED)
    log = ScannedLog(RANG - timedelta(hours=1, minutes=30), up_at=RANG - timedelta(minutes=6))
    [found] = gather(log, [change(UNAVAILABLE, "OK")], monkeypatch)
    bad = [run for run in found.runs if not run.available]
    assert len(bad) == 16
    assert not any(run.transcript for run in bad[1:])


@pytest.mark.parametrize(
    ("silent", "minutes"),
    deep(
        itertools.product((timedelta(minutes=40), timedelta(hours=9)), (1, 5, 10)),
        lambda silent, minutes: minutes == 10 or silent < timedelta(hours=1),
    ),
)
def test_silence_is_found_however_many_runs_came_since(
    monkeypatch: pytest.MonkeyPatch, silent: timedelta, minutes: int
) -> None:
    """Two runs that follow each other are no reason to stop looking for the last one before the outage."""
    monkeypatch.setattr(f"{__name__}.OCTETS", 10)
    monkeypatch.setattr(f"{__name__}.CHECKS", 10)
    every = timedelta(minutes=minutes)
    log = ScannedLog(RANG - timedelta(days=50), RANG - timedelta(days=40))
    log.beat = every
    log.silent = (RANG - 3 * every - silent, RANG - 3 * every)
    [found] = gather(log, [change(NOT_RUNNING, "OK", period=every)], monkeypatch)
    gap = silence(change(NOT_RUNNING, "OK", period=every), found.runs)
    assert gap is not None
    assert abs(gap[1].started_at - gap[0].started_at - silent) <= every


def test_windows_grow_where_reading_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week's outage in a small stack takes a dozen calls, not a thousand."""
    log = ScannedLog(RANG - timedelta(days=6), up_at=RANG - timedelta(minutes=6))
    monkeypatch.setattr(f"{__name__}.OCTETS", 1)
    ended = change(UNAVAILABLE, "OK")
    [found] = gather(log, [ended], monkeypatch)
    spell = find_spell(ended, found.runs)
    assert spell is not None
    assert spell.complete
    assert len(log.asked) < 15


def test_outage_that_is_too_long_to_be_read_is_told_as_far_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit holds, and nothing between two windows is missing."""
    log = ScannedLog(RANG - timedelta(days=3), up_at=RANG - timedelta(minutes=6))
    ended = change(UNAVAILABLE, "OK")
    [found] = gather(log, [ended], monkeypatch)
    spell = find_spell(ended, found.runs)
    assert spell is not None
    assert not spell.complete
    assert log.clock < 8 + 2 * SECONDS_A_PAGE
    times = [run.started_at for run in found.runs]
    assert {newer - older for newer, older in pairwise(times)} == {EVERY}
    assert found.looked_from is not None
    assert timedelta() <= times[-1] - found.looked_from < EVERY


def test_daily_check_in_a_large_stack_is_looked_up_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of other checks' lines lie between two runs, and are not read."""
    log = ScannedLog(RANG - timedelta(days=1, minutes=30))
    monkeypatch.setattr(log, "beat", timedelta(days=1))
    rang = change(UNAVAILABLE, period=timedelta(days=1))
    [found] = gather(log, [rang], monkeypatch)
    spell = find_spell(rang, found.runs)
    assert spell is not None
    assert spell.complete
    assert [run.started_at.day for run in spell.bad] == [24, 23]
    assert log.pages < day() / 10


@pytest.mark.parametrize("octets", [1, 4000], ids=["quick", "slow"])
@pytest.mark.parametrize("runs", [1, 2, 7, 34, 40, 200])
@pytest.mark.parametrize("every", [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=24)], ids=str)
def test_outage_of_any_length_at_any_interval_is_told(
    monkeypatch: pytest.MonkeyPatch, every: timedelta, runs: int, octets: int
) -> None:
    """Whole, where the log can be read back to its beginning; never without its newest runs."""
    monkeypatch.setattr(f"{__name__}.OCTETS", octets)
    log = ScannedLog(RANG - every * (runs + 1) - EVERY, up_at=RANG - every - EVERY)
    log.beat = every
    ended = change(UNAVAILABLE, "OK", period=every, needed=1, periods=1)
    [found] = gather(log, [ended], monkeypatch)
    spell = find_spell(ended, found.runs)
    assert found.problem is None
    assert spell is not None
    whole = every * (runs + 3) < timedelta(days=7) and (octets == 1 or runs < 30)
    assert spell.complete or not whole
    assert len(spell.bad) == runs or not whole
    assert {newer.started_at - older.started_at for newer, older in pairwise(found.runs)} == {every}
    assert log.clock < 8 + 2 * SECONDS_A_PAGE


@pytest.mark.parametrize("minutes", [10, 20, 45])
def test_runs_are_found_where_a_deployment_moved_the_schedule(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """In a log so large that only the places where runs must lie are read."""
    hour = timedelta(hours=1)
    monkeypatch.setattr(f"{__name__}.SECONDS_A_PAGE", 0.07)
    log = ScannedLog(RANG - hour * 8, up_at=RANG - hour - EVERY)
    log.beat, log.moved_at, log.shift = hour, RANG - hour * 4, timedelta(minutes=minutes)
    ended = change(UNAVAILABLE, "OK", period=hour)
    [found] = gather(log, [ended], monkeypatch)
    spell = find_spell(ended, found.runs)
    assert spell is not None
    assert spell.complete
    assert len(spell.bad) == 6
    assert log.pages < day() / 5


def test_silence_between_two_phases_hides_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ran for an hour or two, then at another minute: all of the time between is read."""
    hour = timedelta(hours=1)
    log = ScannedLog(RANG - hour * 9, up_at=RANG - hour * 2)
    log.beat, log.moved_at, log.shift = hour, RANG - hour * 4, hour + timedelta(minutes=20)
    monkeypatch.setattr(f"{__name__}.SECONDS_A_PAGE", 0.07)
    ended = change(UNAVAILABLE, "OK", period=hour)
    [found] = gather(log, [ended], monkeypatch)
    gaps = {newer.started_at - older.started_at for newer, older in pairwise(found.runs)}
    assert gaps == {hour, hour * 2 + timedelta(minutes=20)}


@pytest.mark.parametrize("pages", [8, 12, 20])
def test_log_that_breaks_off_is_told_as_far_as_it_was_read(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """What the newest window gave is not thrown away."""
    log = ScannedLog(RANG - timedelta(days=1), up_at=RANG - timedelta(minutes=6))
    log.broken_after = pages
    [found] = gather(log, [change(UNAVAILABLE, "OK")], monkeypatch)
    assert found.problem is None
    assert len(found.runs) >= 3
    assert found.looked_from is not None
    assert found.looked_from <= found.runs[-1].started_at


def test_storm_is_read_in_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pages as for one alarm, though each line is looked at once for all."""
    alone, storm = (ScannedLog(RANG - timedelta(minutes=6)) for _ in range(2))
    gather(alone, [change(UNAVAILABLE)], monkeypatch)
    names = ["office", *(f"c{number}" for number in range(10))]
    changes = [Change(f"s-{name}", name, UNAVAILABLE, "ALARM", RANG, "", 100.0, 2, 3, EVERY) for name in names]
    found = gather(storm, changes, monkeypatch)
    assert all(len(item.runs) >= 3 for item in found)
    assert storm.clock < 8 + 2 * SECONDS_A_PAGE


def test_log_that_cannot_be_read_in_time_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a crash, and not half a window."""
    log = ScannedLog(RANG)
    monkeypatch.setattr(f"{__name__}.SECONDS_A_PAGE", 5.0)
    [found] = gather(log, [change(UNAVAILABLE)], monkeypatch)
    assert found.problem == "the log could not be read in time"
    assert found.runs == ()


def test_storm_that_outlasts_memory_is_told_as_far_as_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back ends at what may be held, and the story does not claim a beginning; the newest window is told."""
    ended = change(UNAVAILABLE, state="OK")

    def runs(most: int) -> Evidence:
        monkeypatch.setattr(evidence, "_MOST_OCTETS", most)
        return gather(ScannedLog(RANG - timedelta(minutes=90), RANG - timedelta(minutes=1)), [ended], monkeypatch)[0]

    whole, cut = runs(1 << 30), runs(13_000)
    found = [find_spell(ended, item.runs) for item in (whole, cut)]
    assert found[0] is not None
    assert found[0].complete
    assert found[1] is not None
    assert not found[1].complete
    assert 3 <= len(cut.runs) < len(whole.runs) / 2


def test_of_runs_within_an_outage_the_verdict_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of its kind is told with all it has; the good run before it is compared with."""
    log = ScannedLog(RANG - timedelta(minutes=90), RANG - timedelta(minutes=1))
    [found] = gather(log, [change(UNAVAILABLE, state="OK")], monkeypatch)
    bad = [run for run in found.runs if not run.available]
    good = [run for run in found.runs if run.available]
    assert len(bad) > 15
    assert bad[0].steps
    assert all((run.transcript, run.steps, run.failure) == ((), (), bad[0].failure) for run in bad[1:])
    assert all(run.steps for run in good)


@pytest.mark.parametrize("storm", [True, False], ids=["storm", "alone"])
def test_beginning_that_the_log_does_not_give_in_time_is_the_metrics(
    monkeypatch: pytest.MonkeyPatch, *, storm: bool
) -> None:
    """Of a storm no log is read backwards; the outage of one check is read run by run as far as time allows."""
    log = ScannedLog(RANG - timedelta(hours=60), up_at=RANG - timedelta(minutes=6))
    ended = change(UNAVAILABLE, "OK")
    changes = [ended, replace(ended, alarm="another", check="office")] if storm else [ended]
    asked: list[Change] = []

    def beginnings(of: Sequence[Change], _: float) -> list[Beginning | None]:
        asked.extend(of)
        return [Beginning(log.down_since, 719) for _ in of]

    for item, found in zip(changes, gather(log, changes, monkeypatch, beginnings), strict=True):
        spell = spell_of(item, found)
        assert spell is not None
        assert spell.complete
        assert (spell.since, spell.bad_runs) == (log.down_since, 719)
        assert spell.unread == 719 - len(spell.bad)
    assert asked == changes
    assert (len(log.asked) == 1) is storm


def test_beginning_is_asked_for_where_the_newest_lines_do_not_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of an outage that was short, nor of an alarm that has not ended."""

    def never(*_: object) -> list[Beginning | None]:
        raise AssertionError("asked")

    short = ScannedLog(RANG - timedelta(minutes=6), up_at=RANG - timedelta(minutes=1))
    short.beat = timedelta(minutes=1)
    gather(short, [change(UNAVAILABLE, "OK")], monkeypatch, never)
    gather(ScannedLog(RANG - timedelta(hours=9)), [change(UNAVAILABLE)], monkeypatch, never)


def test_run_of_a_certificate_is_looked_for_where_the_check_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alarm's period is six hours and more, whatever the check's interval."""
    log = ScannedLog(RANG)
    log.beat = timedelta(minutes=30)
    alarm = change(CERTIFICATE, period=timedelta(hours=6), threshold=10_000.0)
    [found] = gather(log, [alarm], monkeypatch, every=timedelta(minutes=30))
    gaps = {newer.started_at - older.started_at for newer, older in pairwise(found.runs)}
    assert gaps == {timedelta(minutes=30)}
