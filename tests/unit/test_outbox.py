"""What a machine outside sends: nothing is lost over an uplink that goes and a restart, and no time is forged.

The service is a stand-in for the two calls of CloudWatch Logs; the emulator's turn comes in tests/deploy.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError

from imapcheck import CheckDefinition
from imapcheck.aws.outside import MOST_OCTETS, Event, Outbox, Target, error_events, run_events
from imapcheck.aws.run_log import read_error, read_run
from imapcheck.cli.publish import WaitingFile
from support.full_results import available, refused

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WHERE = Target("imapcheck", "eu-central-1", "imapcheck-RunCheckLogGroup-1", "office-1")
DEFINITION = CheckDefinition.model_validate(
    {"name": "office", "server": "imaps://mail.corp/", "schedule": {"every": "1m", "runner": "outside"}}
)


class Refused(ClientError):  # type: ignore[misc]
    def __init__(self, code: str) -> None:
        super().__init__({"Error": {"Code": code, "Message": "secret words"}}, "PutLogEvents")


class ResourceNotFoundException(Refused):
    pass


class ResourceAlreadyExistsException(Refused):
    pass


class Logs:
    """PutLogEvents and CreateLogStream: refuses what AWS refuses, keeps what it has taken."""

    class exceptions:  # noqa: N801 - boto3's name
        ResourceNotFoundException = ResourceNotFoundException
        ResourceAlreadyExistsException = ResourceAlreadyExistsException

    def __init__(self) -> None:
        self.streams: set[str] = set()
        self.batches: list[list[dict[str, Any]]] = []
        self.trouble: Exception | None = None
        self.rejects: dict[str, int] = {}

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        self._fail()
        if logStreamName in self.streams:
            raise ResourceAlreadyExistsException("ResourceAlreadyExistsException")
        self.streams.add(logStreamName)

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> Any:  # noqa: N803
        self._fail()
        if logStreamName not in self.streams:
            raise ResourceNotFoundException("ResourceNotFoundException")
        times = [event["timestamp"] for event in logEvents]
        assert times == sorted(times)
        assert len(logEvents) <= 10_000
        assert sum(len(event["message"].encode()) + 26 for event in logEvents) <= 1_048_576
        self.batches.append(logEvents)
        return {"rejectedLogEventsInfo": self.rejects} if self.rejects else {}

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


NO_UPLINK = EndpointConnectionError(endpoint_url="https://logs.eu-central-1.amazonaws.com")


class Machine:
    """A machine with a clock that only the test moves, and a disk."""

    def __init__(self, folder: Path) -> None:
        self.logs, self.now, self.said = Logs(), NOON.timestamp(), list[str]()
        self.folder = folder
        self.start()

    def start(self) -> None:
        """As after a restart: what is known is what is on the disk."""
        self.file = None  # the lock goes with the process
        self.file = WaitingFile(self.folder, "unsent", self.said.append)
        waiting = [Event(at, message, waited=True) for at, message in self.file.read()]
        self.outbox = Outbox(WHERE, waiting, self.file.keep, self.said.append, logs=self.logs, clock=lambda: self.now)

    def run(self, number: int) -> None:
        """The run of a minute; it was due two seconds before it began."""
        stamp = NOON + timedelta(minutes=number)
        self.now = (stamp + timedelta(seconds=3)).timestamp()
        result = replace(available("office"), run_id=f"run-{number}", started_at=stamp + timedelta(seconds=2))
        self.outbox.add(run_events(WHERE, DEFINITION, result, stamp, stamp + timedelta(seconds=3)))


@pytest.fixture(autouse=True)
def _unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart within one process: its lock is the process's."""
    monkeypatch.setattr(WaitingFile, "_locked", lambda self: None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def runs(events: Sequence[dict[str, Any]]) -> list[str]:
    return [run.run_id for event in events if (run := read_run(event["message"])) is not None]


def stamps(events: Sequence[dict[str, Any]]) -> list[datetime]:
    """Of the values of Availability."""
    lines = [json.loads(event["message"]) for event in events]
    found = [line["_aws"]["Timestamp"] for line in lines if "_aws" in line and "Availability" in line]
    return [datetime.fromtimestamp(at / 1000, UTC) for at in found]


def late(events: Sequence[dict[str, Any]]) -> list[int | None]:
    return [json.loads(event["message"]).get("late_s") for event in events]


def test_run_is_written_as_the_function_writes_it(machine: Machine) -> None:
    """Metrics stamped with the time at which it was due, then the run; in one batch, and none of it waited."""
    machine.run(0)
    assert machine.outbox.flush()
    assert machine.logs.streams == {"outside/office-1"}
    assert len(machine.logs.batches) == 1
    assert runs(machine.logs.taken) == ["run-0"]
    assert stamps(machine.logs.taken) == [NOON]
    assert set(late(machine.logs.taken)) == {None}
    line = json.loads(machine.logs.taken[-1]["message"])
    assert (line["place"], line["message"], line["level"], line["instant_test"]) == (
        "office-1", "check finished", "INFO", False,
    )  # fmt: skip
    assert not list(machine.folder.glob("*.jsonl"))


def test_check_that_could_not_run_is_told_and_counted() -> None:
    """With why, as a reader of the log finds it."""
    events = error_events(WHERE, "office", "credentials in office.json: not found", NOON, NOON)
    assert [error for event in events if (error := read_error(event.message))] == [
        ("office", "credentials in office.json: not found")
    ]
    [metric] = [line for event in events if "_aws" in (line := json.loads(event.message))]
    assert metric["MonitorErrors"] == [1.0]
    assert metric["_aws"]["Timestamp"] == int(NOON.timestamp() * 1000)


@pytest.mark.parametrize("restart_at", [None, 5])
def test_uplink_gone_for_ten_minutes_loses_no_run_and_forges_no_time(machine: Machine, restart_at: int | None) -> None:
    """Each run has its own time, its lines say how late they came, and what came in time says nothing."""
    for number in range(15):
        machine.logs.trouble = NO_UPLINK if 2 <= number < 12 else None
        if number == restart_at:
            machine.start()
        machine.run(number)
        assert machine.outbox.flush() is (machine.logs.trouble is None)
    assert runs(machine.logs.taken) == [f"run-{number}" for number in range(15)]
    assert stamps(machine.logs.taken) == [NOON + timedelta(minutes=number) for number in range(15)]
    written = [datetime.fromtimestamp(event["timestamp"] / 1000, UTC) for event in machine.logs.taken]
    assert sorted(set(written)) == [NOON + timedelta(minutes=number, seconds=3) for number in range(15)]
    waited = dict(zip(written, late(machine.logs.taken), strict=True))
    assert list(waited.values()) == [None, None, *(60 * (12 - number) for number in range(2, 12)), None, None, None]
    assert sum("was not reached (EndpointConnectionError)" in words for words in machine.said) == (
        1 if restart_at is None else 2
    )
    assert sum("is reached again" in words for words in machine.said) == 1
    assert not list(machine.folder.glob("*.jsonl"))


def test_what_waits_is_on_the_disk_for_its_owner_alone(machine: Machine) -> None:
    """Before anything is sent: the process may end while it sends."""
    machine.run(0)
    [file] = machine.folder.glob("*.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600
    machine.start()
    assert machine.outbox.flush()
    assert runs(machine.logs.taken) == ["run-0"]


def test_full_disk_is_reported_and_costs_no_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, until it works again; what was on the disk stays there whole."""
    machine.logs.trouble = NO_UPLINK
    machine.run(0)
    [file] = machine.folder.glob("*.jsonl")
    before = file.read_bytes()
    with monkeypatch.context() as full:
        full.setattr("imapcheck.cli.private_files.os.fsync", _no_room)
        machine.run(1)
        machine.run(2)
    assert [words for words in machine.said if "no space left on device" in words] == [
        f"{file}: no space left on device: lines that AWS has not accepted wait in memory; a restart loses them"
    ]
    assert file.read_bytes() == before
    assert list(machine.folder.iterdir()) == [file]
    machine.logs.trouble = None
    assert machine.outbox.flush()
    assert runs(machine.logs.taken) == ["run-0", "run-1", "run-2"]
    assert not file.exists()


def _no_room(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_hour_and_ten_megabytes_are_the_most_that_waits(machine: Machine) -> None:
    """The oldest goes first, and that is said."""
    machine.logs.trouble = NO_UPLINK
    for number in (0, 30, 61):
        machine.run(number)
    machine.logs.trouble = None
    assert machine.outbox.flush()
    assert runs(machine.logs.taken) == ["run-30", "run-61"]
    assert any("dropped, as more than an hour or 10 MB" in words for words in machine.said)


def test_ten_megabytes_are_sent_in_batches_that_aws_takes(machine: Machine) -> None:
    at, text = int(NOON.timestamp() * 1000), "é" * 50_000
    machine.outbox.add(
        Event(at + number, json.dumps({"n": number, "t": text}, ensure_ascii=False)) for number in range(150)
    )
    flushes = 0
    while flushes < 50 and machine.outbox._waiting:
        assert machine.outbox.flush()
        flushes += 1
    numbers = [json.loads(event["message"])["n"] for event in machine.logs.taken]
    assert numbers == list(range(numbers[0], 150))
    assert MOST_OCTETS * 0.95 < sum(len(event["message"].encode()) for event in machine.logs.taken) < MOST_OCTETS
    assert flushes >= 10


@pytest.mark.parametrize(
    ("rejects", "says"),
    [
        ({"tooNewLogEventStartIndex": 2}, "rejected 1 line as of the future"),
        ({"tooOldLogEventEndIndex": 2}, "rejected 2 lines as too old"),
        ({"expiredLogEventEndIndex": 1}, "rejected 1 line as too old"),
    ],
)
def test_what_cloudwatch_rejects_is_reported_and_not_sent_again(
    machine: Machine, rejects: dict[str, int], says: str
) -> None:
    """The answer is 200 all the same."""
    machine.logs.rejects = rejects
    machine.run(0)
    assert machine.outbox.flush()
    assert any(says in words for words in machine.said)
    machine.logs.rejects = {}
    assert machine.outbox.flush()
    assert len(machine.logs.batches) == 1


def test_batch_that_is_refused_for_good_holds_nothing_up(machine: Machine) -> None:
    machine.logs.streams.add("outside/office-1")
    machine.logs.trouble = Refused("InvalidParameterException")
    machine.run(0)
    assert machine.outbox.flush()
    machine.logs.trouble = None
    machine.run(1)
    assert machine.outbox.flush()
    assert runs(machine.logs.taken) == ["run-1"]
    assert "(InvalidParameterException): dropped" in machine.said[0]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "UnrecognizedClientException"])
def test_refusal_that_may_pass_keeps_what_waits(machine: Machine, code: str) -> None:
    """And no word of AWS's is repeated but its code."""
    machine.logs.trouble = Refused(code)
    machine.run(0)
    assert not machine.outbox.flush()
    assert not machine.outbox.flush()
    assert len(machine.said) == 1
    assert f"({code})" in machine.said[0]
    assert "secret words" not in machine.said[0]
    machine.logs.trouble = None
    assert machine.outbox.flush()
    assert runs(machine.logs.taken) == ["run-0"]


@pytest.mark.parametrize(
    "content", ["[]", "{}", '["x", "{}"]', '[1, "no json"]', "\udcff", "[" * 5000, '[true, "{}"]', '[1, "[]"]', "1"]
)
def test_file_that_holds_something_else_is_reported_and_left_out(tmp_path: Path, content: str) -> None:
    """Beside what is ours."""
    good = json.dumps([int(NOON.timestamp() * 1000), '{"a": 1}'])
    (tmp_path / "unsent.jsonl").write_bytes(f"{content}\n{good}\n".encode(errors="surrogateescape"))
    machine = Machine(tmp_path)
    assert any("has something other than waiting lines" in words for words in machine.said)
    assert machine.outbox.flush()
    assert [json.loads(event["message"])["a"] for event in machine.logs.taken] == [1]


def test_link_is_not_followed(tmp_path: Path) -> None:
    """Neither read nor written through."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / "unsent.jsonl").symlink_to(tmp_path / "other")
    machine = Machine(tmp_path)
    assert any("what waited there is lost" in words for words in machine.said)
    machine.run(0)
    assert (tmp_path / "other").read_text() == "precious"


def test_transcript_of_a_failure_goes_with_it(machine: Machine) -> None:
    events = run_events(WHERE, DEFINITION, refused("office"), NOON, NOON)
    run = read_run(events[-1].message)
    assert run is not None
    assert run.transcript == refused("office").transcript


def test_two_processes_of_one_place_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    said: list[str] = []
    first = WaitingFile(tmp_path, "unsent", said.append)
    with pytest.raises(typer.BadParameter, match="another imapcheck publishes from this place"):
        WaitingFile(tmp_path, "unsent", said.append)
    WaitingFile(tmp_path, "unsent-other", said.append)
    assert first.read() == []
    assert said == []
