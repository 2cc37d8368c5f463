"""What a cold start must not load: each of these is imported where it is needed, or never (docs/performance.md)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LATER = {
    "boto3",  # a secret is read
    "aws_lambda_powertools.utilities.parameters",
    "imapcheck.login.oauth",  # OAuth2
    "imapcheck.login.scram",
    "imapcheck.check.message",  # new_message
    "imapcheck.check.cleanup",
    "concurrent.futures",  # places
    "imapcheck.check.sending",  # send
    "imapcheck.check.steps.sending",
    "imapcheck.check.watch",
    "imapcheck.smtp.session",
    "email.headerregistry",
    "urllib.request",
    "http.client",
}
NEVER = {
    "cryptography",  # a private key signs
    "imapcheck.login.assertion",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "asyncio",
    "imapcheck.cli.app",
    "imapcheck.cli.demo",
    "htpy",  # the report's, and the widget's
    "imapcheck.report.page",
    "imapcheck.output.terminal.screens",
    "prometheus_client",
    "pymap",
    "rich",
    "typer",
}


@pytest.fixture(scope="module")
def start() -> list[Any]:
    """A bare interpreter that has imported the handler: how many objects are frozen, then its modules."""
    program = "import json, sys, handler, gc; print(json.dumps([gc.get_freeze_count(), *sys.modules]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions/run_check")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def loaded(start: list[Any]) -> set[str]:
    return set(start[1:])


def test_the_collector_leaves_alone_what_was_loaded(start: list[Any]) -> None:
    """Else its walk over all of that falls into some step's time."""
    assert start[0] > 10_000


def test_the_handler_is_what_was_loaded(loaded: set[str]) -> None:
    """The other test cannot pass by importing nothing."""
    assert {"handler", "imapcheck.check.run", "imapcheck.aws.invocation", "pydantic", "imapclient"} <= loaded


@pytest.mark.parametrize("module", sorted(LATER | NEVER))
def test_cold_start_does_not_load(module: str, loaded: set[str]) -> None:
    """An import at the top of the wrong module would cost every cold start."""
    assert module not in loaded
