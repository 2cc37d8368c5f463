"""A check that cannot run: what the built function writes then is what the story of its alarm tells."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck.alarms.kinds import NOT_RUNNING
from imapcheck.aws import evidence
from support.alarm_events import alarm_message
from support.alarm_stack import Stack
from support.runtime_api import LambdaEnvironment
from support.story_scenes import log_line

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
SECRET = "canary-4711"
BUG = f"""
import handler as function

def broken(*_):
    raise ZeroDivisionError("{SECRET}")

function.invocation.run = broken
handler = function.handler
"""
NOT_IMPORTED = "import no_such_package"
NOT_STARTED = "raise OSError('no space')"

type StartFunction = Callable[..., LambdaEnvironment]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_WAIT_SECONDS", 0.01)


@pytest.fixture
def start(artifact: Path, moto_endpoint: str, tmp_path: Path) -> Iterator[StartFunction]:
    """The function with the stack's definitions; `code` is what Lambda would import in place of its handler."""
    started: list[LambdaEnvironment] = []

    def function(folder: Path, code: str | None = None) -> LambdaEnvironment:
        place = tmp_path / f"function-{len(started)}"
        (place / "runtime").mkdir(parents=True)
        (place / "runtime/other.py").write_text(code or "")
        variables = {
            "IMAPCHECK_DEFINITIONS": str(folder), "IMAPCHECK_STACK": "teststack", "AWS_ENDPOINT_URL": moto_endpoint,
            "IMAPCHECK_ALLOW_INLINE_DEFINITIONS": "true",
        }  # fmt: skip
        handler = "handler.handler" if code is None else "other.handler"
        started.append(LambdaEnvironment(artifact, place, variables, handler=handler).__enter__())
        return started[-1]

    yield function
    for environment in started:
        environment.__exit__()


def written(function: LambdaEnvironment) -> list[str]:
    """Line by line; the runtime ends the lines of a traceback with CR alone, so that they stay one event."""
    return (function.directory / "output").read_bytes().decode().split("\n")


def told(stack: Stack, output: list[str]) -> str:
    """The story after that output, in one line."""
    stack.log([log_line(NOW - timedelta(minutes=16)), *((NOW, line) for line in output if line)])
    assert stack.deliver(alarm_message(NOT_RUNNING, NOW + timedelta(seconds=1))) == []
    [sent] = stack.sent
    assert SECRET not in str(sent.forms)
    assert "Traceback" not in sent.text
    return " ".join(sent.text.split())


def test_bug_is_told_by_its_type_and_place(stack: Stack, start: StartFunction) -> None:
    """Its text stays in the function's log, as it could hold anything."""
    function = start(stack.folder, BUG)
    assert function.invoke({"check": "gmail"}).error is not None
    assert "ZeroDivisionError: in other.py, line 5" in told(stack, written(function))


def test_own_error_is_told_in_its_words(stack: Stack, start: StartFunction) -> None:
    """A secret that is not there."""
    function = start(stack.folder)
    function.invoke({"check": "gmail"})
    text = told(stack, written(function))
    assert "secret imapcheck/gmail: " in text


def test_definition_that_cannot_be_used_is_told(stack: Stack, start: StartFunction) -> None:
    """Though its error names a file, and no check."""
    stack.define("gmail", tls={"ca_file": "missing.pem"})
    function = start(stack.folder)
    function.invoke({"check": "gmail"})
    assert "tls.ca_file" in told(stack, written(function))


def test_check_that_is_not_deployed_is_told_without_the_names_of_others(stack: Stack, start: StartFunction) -> None:
    """They may be another customer's."""
    (stack.folder / "gmail.json").unlink()
    stack.define("globex")
    function = start(stack.folder)
    function.invoke({"check": "gmail"})
    text = told(stack, written(function))
    assert "check 'gmail': not among the deployed definitions" in text
    assert "globex" not in function.output()


@pytest.mark.parametrize("event", [{"check": "other"}, {"name": "gmail", "server": "imaps://x.example/"}], ids=str)
def test_error_of_another_run_is_none_of_this_check(stack: Stack, start: StartFunction, event: dict[str, Any]) -> None:
    """Another check's, and an instant test's that took this check's name."""
    stack.define("other")
    function = start(stack.folder)
    assert function.invoke(event).error is not None
    assert "CredentialsError" in function.output()
    assert "monitor: the log names no cause" in told(stack, written(function))


@pytest.mark.parametrize(
    ("code", "words"),
    [(NOT_IMPORTED, "Runtime.ImportModuleError: Unable to import module 'other'"), (NOT_STARTED, "OSError: no space")],
    ids=["not imported", "not started"],
)
def test_function_that_does_not_start_is_told(stack: Stack, start: StartFunction, code: str, words: str) -> None:
    """No handler ran that could name the check."""
    function = start(stack.folder, code)
    for _ in range(300):
        if "[ERROR]" in function.output():
            break
        time.sleep(0.1)
    assert f"the function itself: {words}" in told(stack, written(function))


def test_schedule_that_outlived_its_check_rings_nothing(stack: Stack, start: StartFunction) -> None:
    """A deployment removes both, not at one moment: a warning, no error, no metric, nothing like a result."""
    function = start(stack.folder)
    reply = function.invoke({"check": "removed", "scheduled_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    assert reply.error is None
    assert reply.result == {"error": "check 'removed': not among the deployed definitions"}
    output = function.output()
    assert '"level":"WARNING"' in output
    assert "MonitorErrors" not in output
    by_hand = function.invoke({"check": "removed"})
    assert by_hand.error is not None
    assert '"MonitorErrors":[1.0]' in function.output().replace(" ", "")
