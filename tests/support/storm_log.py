"""99 checks, all in trouble for two days: their log, page by page, their metrics, and the ends of their alarms."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.kinds import KINDS
from imapcheck.failures import FailureType
from support.alarm_events import alarm_message, as_body
from support.metric_pages import PagedMetrics
from support.story_scenes import FAULTS, RANG, log_line

CHECKS = 99
NOW = RANG.replace(second=40)
BEGAN = NOW - timedelta(hours=48)
PAGE = 1_000_000
TYPE = FailureType.CONNECTION_REFUSED


def kind_named(name: str) -> AlarmKind:
    return next(kind for kind in KINDS if kind.name == name)


def _up_at(every: int) -> datetime:
    return NOW - timedelta(minutes=1.8 * every)


def messages(kind: str, every: int, count: int) -> list[tuple[str, str]]:
    """The queue's messages: the alarms of so many checks have ended."""
    found = []
    for number in range(count):
        message = alarm_message(kind_named(kind), NOW, state="OK", check=f"c{number:02}")
        message["Trigger"]["Period"] = 60 * every
        found.append((f"m{number}", as_body(message)))
    return found


def metrics(kind: str, every: int) -> Any:
    """A client that has the points of all checks."""

    def value(metric: str, _: str, at: datetime) -> float | None:
        if int(at.timestamp()) // 60 % every:
            return None
        bad = BEGAN <= at < _up_at(every)
        if metric == "Availability":
            return 0.0 if bad and kind == "unavailable" else 100.0
        return 9000.0 if bad else 300.0

    return PagedMetrics(value, NOW).client()


class StormLog:
    """FilterLogEvents: forwards, in pages of a megabyte. `octets` counts what was read."""

    def __init__(self, kind: str, every: int, transcript: int) -> None:
        self.kind, self.every, self.octets = kind, timedelta(minutes=every), 0
        self._minutes = every
        self._lines = {bad: self._line(transcript, bad=bad) for bad in (True, False)}

    def _line(self, transcript: int, *, bad: bool) -> str:
        """A line whose check, number and time are filled in."""
        if not bad:
            return json.dumps(log_line(RANG, check="@check@"))
        if self.kind == "slow":
            over = [{"name": "total", "limit_ms": 5000.0, "duration_ms": 9000.0}]
            line = log_line(RANG, check="@check@")
            return json.dumps(line | {"slow": True, "result": line["result"] | {"slow": True, "exceeded": over}})
        line = log_line(RANG, check="@check@", type=TYPE, fault=FAULTS[TYPE])
        detail = "connection refused, number @number@"
        line["detail"] = line["result"]["failures"][0]["detail"] = detail
        return json.dumps(line | {"transcript": "x" * transcript})

    def get_paginator(self, _: str) -> "StormLog":
        return self

    def paginate(self, *, startTime: int, endTime: int, filterPattern: str, **_: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        start, end = (datetime.fromtimestamp(moment / 1000, UTC) for moment in (startTime, endTime))
        if "check finished" not in filterPattern:
            yield {"events": []}
            return
        names = re.findall(r'check = "([^"]+)"', filterPattern) or [f"c{number:02}" for number in range(CHECKS)]
        events: list[dict[str, Any]] = []
        held = 0
        for at in self._times(start, end):
            for name in names:
                text = self._text(at, name)
                events.append({"timestamp": int(at.timestamp() * 1000), "message": text, "logStreamName": "one"})
                held += len(text)
                if held > PAGE:
                    self.octets += held
                    yield {"events": events, "nextToken": "more"}
                    events, held = [], 0
        self.octets += held
        yield {"events": events}

    def _times(self, start: datetime, end: datetime) -> Iterator[datetime]:
        first = start - (start - datetime(2026, 1, 1, tzinfo=UTC)) % self.every + timedelta(seconds=2)
        for number in range((end - first) // self.every + 1):
            at = first + number * self.every
            silent = self.kind == "not-running" and BEGAN <= at < _up_at(self._minutes)
            if start <= at < end and not silent:
                yield at

    def _text(self, at: datetime, name: str) -> str:
        line = self._lines[self.kind != "not-running" and BEGAN <= at < _up_at(self._minutes)]
        number = str(int(at.timestamp()) + int(name[1:]))
        text = line.replace("@check@", name).replace("@number@", number)
        return text.replace(RANG.isoformat()[:19], at.isoformat()[:19])
