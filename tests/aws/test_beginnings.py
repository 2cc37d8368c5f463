"""When many troubles end at once: each one's beginning, by GetMetricData over as much as a week, page by page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from imapcheck.alarms.kind import AlarmKind, Beginning, Change
from imapcheck.alarms.kinds import CERTIFICATE, KINDS, NOT_RUNNING, PARTIAL, SLOW, UNAVAILABLE
from imapcheck.aws import beginnings
from imapcheck.aws.beginnings import OutageMetric
from support.metric_pages import Order, PagedMetrics, Value
from support.story_scenes import RANG, change

NOW = RANG.replace(second=40)
UP_FOR = 1.8
"""Intervals."""


def published(every: int, down_since: Callable[[str], datetime], bad: float, good: float) -> Value:
    """A value each `every` minutes, `bad` from `down_since` of the check on until the newest runs."""
    up_at = NOW - timedelta(minutes=UP_FOR * every)

    def value(_: str, check: str, at: datetime) -> float | None:
        if int(at.timestamp()) // 60 % every:
            return None
        return bad if down_since(check) <= at < up_at else good

    return value


def ended(kind: AlarmKind, check: str, minutes: int, **values: float) -> Change:
    return replace(
        change(kind, "OK", NOW, period=timedelta(minutes=minutes), **values), check=check, alarm=f"a-{check}"
    )


def asked(metrics: PagedMetrics, changes: list[Change]) -> list[Beginning | None]:
    return OutageMetric(metrics.client(), "ImapCheck/stack").beginnings(changes, 60)


@pytest.mark.parametrize("order", ["by metric", "by time"])
def test_week_of_99_checks_comes_in_pages(order: Order) -> None:
    """Two hundred thousand points, of which no answer has more than it may; no two outages began together."""
    since = {f"c{number}": NOW - timedelta(days=6, minutes=5 * number) for number in range(99)}
    metrics = PagedMetrics(published(5, since.__getitem__, 0.0, 100.0), NOW, order)
    found = asked(metrics, [ended(UNAVAILABLE, check, 5) for check in since])
    assert metrics.pages > 3
    assert metrics.most <= 50_000
    for began, beginning in zip(since.values(), found, strict=True):
        assert beginning is not None
        assert timedelta() <= beginning.since - began < timedelta(minutes=5)
        assert abs(beginning.bad_runs - ((NOW - began) / timedelta(minutes=5) - UP_FOR)) <= 1


def test_six_days_of_a_run_a_minute() -> None:
    """Ten thousand points a check, the finest that there are."""
    metrics = PagedMetrics(published(1, lambda _: NOW - timedelta(days=6), 0.0, 100.0), NOW)
    found = asked(metrics, [ended(UNAVAILABLE, f"c{number}", 1) for number in range(9)])
    assert metrics.pages > 1
    assert {one.bad_runs for one in found if one is not None} == {6 * 24 * 60 - 2}
    assert None not in found


@pytest.mark.parametrize(
    ("kind", "threshold", "metric", "bad", "good"),
    [
        (UNAVAILABLE, 1.0, "Availability", 0.0, 33.3),
        (SLOW, 1.0, "Slow", 1.0, 0.0),
        (SLOW, 5000.0, "Duration", 5000.1, 5000.0),
        (PARTIAL, 1.0, "Availability", 66.7, 100.0),
        (PARTIAL, 1.0, "Availability", 66.7, 0.0),
    ],
)
def test_bad_is_what_the_alarm_calls_so(
    kind: AlarmKind, threshold: float, metric: str, bad: float, good: float
) -> None:
    """By its own metric, and by its own limit."""
    since = NOW - timedelta(hours=30)
    values = published(5, lambda _: since, bad, good)
    metrics = PagedMetrics(lambda name, check, at: values(name, check, at) if name == metric else None, NOW)
    [found] = asked(metrics, [ended(kind, "mail", 5, threshold=threshold)])
    assert found is not None
    assert timedelta() <= found.since - since < timedelta(minutes=5)


def test_every_kind_that_reads_back_far_is_told_by_its_metric() -> None:
    """Only a certificate's end needs no beginning; across a silence there are no runs to be read."""
    by_log = [kind for kind in KINDS if kind.bad_values(change(kind)) is None]
    assert by_log == [NOT_RUNNING, CERTIFICATE]
    nothing = PagedMetrics(lambda *_: pytest.fail("asked"), NOW)
    assert asked(nothing, [ended(kind, "mail", 5) for kind in by_log]) == [None, None]


def test_beginning_before_the_week_is_not_made_up() -> None:
    metrics = PagedMetrics(published(5, lambda _: NOW - timedelta(days=8), 0.0, 100.0), NOW)
    assert asked(metrics, [ended(UNAVAILABLE, "mail", 5)]) == [None]


def test_where_room_is_up_those_that_were_found_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is told as far as the log goes."""
    monkeypatch.setattr(beginnings, "_PAGE", 400)
    monkeypatch.setattr(beginnings, "_MOST_POINTS", 500)
    since = {"short": NOW - timedelta(hours=2)} | {f"long{number}": NOW - timedelta(days=3) for number in range(9)}
    metrics = PagedMetrics(published(5, since.__getitem__, 0.0, 100.0), NOW, "by time")
    short, *long = asked(metrics, [ended(UNAVAILABLE, check, 5) for check in since])
    assert short is not None
    assert set(long) == {None}
    assert metrics.pages < 5
