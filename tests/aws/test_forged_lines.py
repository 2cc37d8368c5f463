"""Whoever holds the key of a machine outside writes what they like into its stream: who believes it, and what.

Each reader of the log group is asked what it makes of the same lines. A run or an error of a check that the function
runs is told and shown only where the function's streams hold it, and one of a check that is run from outside only where
a machine's stream does.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from imapcheck.alarms.kind import Evidence
from imapcheck.alarms.kinds import NOT_RUNNING, UNAVAILABLE
from imapcheck.aws import evidence, publisher
from imapcheck.aws.deployed import Definitions
from imapcheck.aws.evidence import RunLog
from imapcheck.aws.log_reader import LogReader
from imapcheck.aws.month_log import MonthLog
from imapcheck.aws.newest_runs import NewestRuns
from imapcheck.failures import FailureType
from support.alarm_events import alarm_message
from support.alarm_stack import Stack
from support.story_scenes import FAULTS, change, log_line

LAMBDA, OUTSIDE = "2026/11/24/imapcheck-RunCheckFunction-1[$LATEST]0f", "outside/branch-2"
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
REFUSED = FailureType.CONNECTION_REFUSED
BEFORE = [NOW - timedelta(minutes=minutes, seconds=30) for minutes in (0, 5)]

type Line = dict[str, Any] | tuple[datetime, str]
type Reader = Callable[[Stack, str], list[str]]


def failed(check: str) -> list[Line]:
    return [log_line(at, type=REFUSED, fault=FAULTS[REFUSED], check=check) for at in BEFORE]


def behind_another_name(check: str, shown: str) -> list[Line]:
    """Runs of `check` that the line's own head says are another's."""
    return [{**line, "check": shown} for line in failed(check) if isinstance(line, dict)]


def twice(check: str, first: str) -> list[Line]:
    """JSON in which a name is there twice: whichever a parser takes, all must take the same."""
    lines = [json.dumps(line) for line in failed(check)]
    texts = [text.replace(f'"check": "{check}"', f'"check": "{first}", "check": "{check}"') for text in lines]
    return list(zip(BEFORE, texts, strict=True))


def error(check: str | None, text: str = "CredentialsError: forged-words") -> list[Line]:
    head = {"message": "check could not run", "level": "ERROR", "check": check, "error": text, "instant_test": False}
    return [(at, json.dumps(head)) for at in BEFORE]


def of_the_function(_: str) -> list[Line]:
    """What Lambda's runtime writes; it names no check, so it may explain any check's silence."""
    return [(at, "2026-11-24T10:00:00.000Z 1f Task timed out after 150.00 seconds") for at in BEFORE]


@pytest.fixture
def two(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """`mail` is run by the function, `office` from outside."""
    monkeypatch.setattr(evidence, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(publisher, "PUBLISH_SECONDS", 0.0)
    stack.define("mail")
    stack.define("office", schedule={"every": "5m", "runner": "outside"})
    stack.cold_start()
    return stack


def told(stack: Stack, check: str) -> list[str]:
    """Words that only the lines could have brought into the stories of both alarms."""
    assert stack.deliver(*(alarm_message(kind, NOW, check=check) for kind in (UNAVAILABLE, NOT_RUNNING))) == []
    stories = " ".join(" ".join(sent.text.split()) for sent in stack.sent)
    return [words for words in ("connection_refused", "forged-words", "Task timed out", "branch-2") if words in stories]


def gathered(stack: Stack, check: str) -> list[str]:
    definitions = Definitions(stack.folder)
    log = RunLog(stack.logs, stack.group, definitions.outside, definitions.interval)
    found: list[Evidence] = []
    for kind in (UNAVAILABLE, NOT_RUNNING):
        found += log.gather([_change(kind, check)], 8.0)
    machines = [item.machine for item in found if item.machine is not None]
    return [*(run.run_id for item in found for run in item.runs), *(e.text for i in found for e in i.errors), *machines]


def _change(kind: Any, check: str) -> Any:
    from dataclasses import replace

    return replace(change(kind), check=check, at=NOW, alarm=f"teststack-{check}-{kind.name}")


def shown(stack: Stack, check: str) -> list[str]:
    """What the dashboard's table and its rows open."""
    runs = NewestRuns(stack.logs, stack.group, Definitions(stack.folder).outside(), 8.0)
    period, end = timedelta(minutes=5), NOW + timedelta(minutes=1)
    newest = runs.newest({check: BEFORE[0]}, period, end, timedelta(minutes=1))
    one = runs.find(check, BEFORE[1] - period, end, failed=True)
    return [run.result.run_id for run in (*newest.values(), *([one] if one else []))]


def read(stack: Stack, check: str) -> list[str]:
    """The one pager itself, on which all of them stand."""
    outside, span = Definitions(stack.folder).outside(), (NOW - timedelta(hours=1), NOW + timedelta(minutes=1))
    reader = LogReader(boto3.client("logs"), stack.group, outside, 8.0)
    runs = [run.result.run_id for run in reader.runs([check], *span) if run.result.check == check]
    return runs + [found.failed.error for found in reader.failures(*span) if reader.concerns(found, check)]


def reported(stack: Stack, check: str) -> list[str]:
    """What the month's report makes of an outage."""
    log = MonthLog(stack.logs, stack.group, Definitions(stack.folder).outside(), 8.0)
    runs = log._runs(check, (BEFORE[1] - timedelta(minutes=1), NOW))
    assert log.problem is None
    return [run.run_id for run in runs]


READERS: dict[str, Reader] = {
    "story": told, "evidence": gathered, "dashboard": shown, "pager": read, "report": reported,
}  # fmt: skip
FORGED: dict[str, tuple[str, str, list[Line]]] = {
    "a run of the function's check": ("mail", OUTSIDE, failed("mail")),
    "a run under a name that may come from there": ("mail", OUTSIDE, behind_another_name("mail", "office")),
    "a run with two names": ("mail", OUTSIDE, twice("mail", "office")),
    "an error of the function's check": ("mail", OUTSIDE, error("mail")),
    "an error of no check": ("mail", OUTSIDE, error(None)),
    "an error of the function": ("mail", OUTSIDE, of_the_function("mail")),
    "an error of the function, for an outside check": ("office", LAMBDA, of_the_function("office")),
    "a run of an outside check by the function": ("office", LAMBDA, failed("office")),
    "an error of an outside check by the function": ("office", LAMBDA, error("office")),
    "an outside run under another name": ("office", OUTSIDE, behind_another_name("office", "mail")),
    "a stream that only looks like one": ("office", "outside", failed("office")),
    "a stream within another": ("office", "2026/outside/branch-2", failed("office")),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_line_tells_nothing_and_shows_nothing(case: str, two: Stack) -> None:
    """Through every reader."""
    check, stream, lines = FORGED[case]
    two.log(lines, stream=stream)
    assert {name: reader(two, check) for name, reader in READERS.items()} == {name: [] for name in READERS}


@pytest.mark.parametrize(("check", "stream"), [("mail", LAMBDA), ("office", OUTSIDE)])
def test_line_from_where_it_must_come_from_is_told_and_shown(check: str, stream: str, two: Stack) -> None:
    """So that the test above could fail: the same lines, from the other place."""
    two.log(failed(check), stream=stream)
    assert [name for name, reader in READERS.items() if not reader(two, check)] == []


@pytest.mark.parametrize(("check", "stream"), [("mail", LAMBDA), ("office", OUTSIDE)])
def test_error_from_where_it_must_come_from_is_told(check: str, stream: str, two: Stack) -> None:
    two.log(error(check), stream=stream)
    for reader in ("story", "evidence", "pager"):
        assert any("forged-words" in text for text in READERS[reader](two, check)), reader


def test_true_runs_are_told_beside_forged_ones(two: Stack) -> None:
    """The forged ones are passed over, and hide nothing: neither a good run over a bad one nor the reverse."""
    two.log(failed("mail"), stream=LAMBDA)
    two.log([log_line(at + timedelta(seconds=20), check="mail") for at in BEFORE], stream=OUTSIDE)
    assert "connection_refused" in told(two, "mail")
    assert "the last 2 runs failed" in " ".join(two.sent[0].text.split())


def test_silent_machine_is_named(two: Stack) -> None:
    """By the stream that held its last run."""
    two.log([log_line(NOW - timedelta(minutes=16), check="office")], stream="outside/branch-1")
    two.log([log_line(NOW - timedelta(minutes=17), check="office")], stream=OUTSIDE)
    assert two.deliver(alarm_message(NOT_RUNNING, NOW, check="office")) == []
    text = " ".join(two.sent[0].text.split())
    assert "monitor: the machine branch-1 reports nothing" in text
    assert "DO: Find out what changed after" in text
    assert "the machine branch-1 is up" in text
    assert "branch-2" not in text
