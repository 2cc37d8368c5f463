"""The log line of a run: its fields and their order, and its bounds however long or hostile the session."""

import io
import itertools
import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.aws.run_log import FINISHED, keep_libraries_quiet, run_fields
from imapcheck.failures import Category, FailureType
from imapcheck.result import Exceeded, Failure, PlaceFacts, ResultWarning, StepResult, StepStatus, TlsFacts
from imapcheck.steps import STEP_NAMES
from support.wire_server import WireServer

ORDER = [
    "check", "verdict", "available", "slow", "instant_test", "step", "type", "detail", "duration_ms", "step_ms",
    "steps", "places", "warnings", "cold_start", "result",
]  # fmt: skip

_NUMBERS = itertools.count()


def logged(result: CheckResult) -> tuple[str, dict[str, Any]]:
    """The line as Powertools writes it, with everything it may add of its own."""
    out = io.StringIO()
    logger = Logger(service=f"imapcheck-{next(_NUMBERS)}", stream=out)
    logger.append_keys(**dict.fromkeys(("function_name", "function_memory_size", "function_arn"), "x" * 100))
    logger.set_correlation_id("00000000-0000-0000-0000-000000000000")
    logger.info(FINISHED, **run_fields(result, instant_test=False, cold_start=True))
    return out.getvalue(), json.loads(out.getvalue())


def fields(value: object) -> int:
    """As Logs Insights counts them: each leaf, each element of an array."""
    if isinstance(value, dict):
        return sum(map(fields, value.values()))
    if isinstance(value, list):
        return sum(map(fields, value)) or 1
    return 1


@pytest.fixture
def result(define: Callable[..., CheckDefinition], credentials: Credentials, server_context: Any) -> CheckResult:
    with WireServer(tls=server_context) as server:
        found = run_check(define(server, search="IMAP", new_message=NEW_MESSAGE), credentials)
    assert found.available, found.failure
    return found


def failed(result: CheckResult, **changes: Any) -> CheckResult:
    failure = Failure("search", FailureType.NO_MATCH, Category.CONTENT, "nothing found", None, "look")
    return replace(result, available=False, **{"failure": failure, "failures": (failure,), **changes})


def test_fields_and_their_order(result: CheckResult) -> None:
    """What questions are asked about stands at the top; times by the step's name; no transcript of a good run."""
    found = run_fields(result, instant_test=True, cold_start=False)
    assert list(found) == ORDER
    assert found["step_ms"] == {step.name: step.duration_ms for step in result.steps if step.duration_ms is not None}
    assert (found["step"], found["type"], found["detail"]) == (None, None, None)
    assert found["result"] == {
        key: value for key, value in result.to_dict().items() if key not in ("steps", "transcript", "places", "failure")
    }
    assert (found["instant_test"], found["cold_start"]) == (True, False)


def test_operations_page_lists_the_fields() -> None:
    """All of them, in their order."""
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text().partition("## The log line")[2]
    rows = re.findall(r"^\| ([`\w, ]+) \| ", page.partition("\n## ")[0], re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == [*ORDER, "transcript", "shortened"]


def test_failure_brings_the_transcript_as_one_text(result: CheckResult) -> None:
    """Step, type and detail at the top; lines in their order."""
    found = run_fields(failed(result), instant_test=False, cold_start=False)
    assert list(found) == [*ORDER, "transcript"]
    assert (found["step"], found["type"], found["detail"]) == ("search", "no_match", "nothing found")
    assert found["transcript"].splitlines() == list(result.transcript)


@pytest.mark.parametrize("unit", ["x", "\u00e9", "\U0001f4e7", "\x00", '"'], ids=ascii)
@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize("status", ["passed", "refused"])
def test_line_is_bounded_whatever_the_server_sends(
    result: CheckResult, unit: str, available: bool, status: StepStatus
) -> None:
    """4,000 addresses, 10 KB lines, every list full: 149 fields and 200 KB at most, the session's end kept."""
    text = unit * 10_000
    failure = Failure("search", FailureType.PROTOCOL_ERROR, Category.RESPONSE, text, text, text)
    tls = TlsFacts(text, text, True, text, text, text, 1.0, (text,) * 20, 9)
    cut = replace(failure, detail=text[:300], advice=text[:300], response_code=None, place="ap-northeast-1")
    steps = tuple(
        StepResult(name, status, 123456.789, text[:100]) for name in STEP_NAMES[:6]
    )  # as aws.places cuts them
    hostile = replace(
        result,
        available=available,
        failure=None if available else failure,
        failures=() if available else (failure,) * 9,
        earlier_failures=(failure,) * 9,
        warnings=tuple(ResultWarning("server_alert", text) for _ in range(500)),
        exceeded=tuple(Exceeded(name, 1.0, 2.0) for name in STEP_NAMES),
        steps=tuple(StepResult(name, status, 123456.789, text) for name in STEP_NAMES),
        places=tuple(PlaceFacts(text[:20], True, False, cut, steps) for _ in range(6)),
        server=replace(result.server, unreachable_addresses=("2001:db8::1",) * 4000, tls=tls),
        transcript=("first", *(text,) * 200, "last"),
    )
    line, content = logged(hostile)
    assert fields(content) < 150
    assert len(line.encode()) < 200_000
    assert "server.unreachable_addresses" in content["shortened"]
    assert list(content["step_ms"]) == list(STEP_NAMES)
    if not available:
        assert content["transcript"].startswith("first\n")
        assert content["transcript"].endswith("\nlast")
        assert "transcript" in content["shortened"]


def test_ordinary_line_is_not_shortened(result: CheckResult) -> None:
    """And stays small."""
    line, content = logged(failed(result))
    assert "shortened" not in content
    assert fields(content) < 100
    assert len(line) < 20_000


def test_libraries_log_nothing_below_warning_whatever_the_level(caplog: pytest.LogCaptureFixture) -> None:
    """Their children neither; what is a warning still arrives."""
    keep_libraries_quiet()
    keep_libraries_quiet()
    names = (
        "botocore.parsers",
        "botocore",
        "urllib3.connectionpool",
        "imapclient.imaplib",
        "boto3.resources",
        "s3transfer",
    )
    with caplog.at_level(logging.DEBUG):
        for name in names:
            logger = logging.getLogger(name)
            before = logger.level
            logger.setLevel(logging.DEBUG)
            logger.debug("canary-4711")
            logger.info("canary-4711")
            logger.warning("told once")
            logger.setLevel(before)
    assert "canary-4711" not in caplog.text
    assert caplog.messages.count("told once") == len(names)
