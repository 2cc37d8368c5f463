"""What a cold start must not load: each of these is imported where it is needed, or never (docs/performance.md)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LATER = {
    "boto3",  # a secret is read
    "aws_lambda_powertools.utilities.parameters",
    "imapcheck.tokens",  # OAuth2
    "imapcheck.scram",
    "imapcheck.message",  # new_message
    "imapcheck.cleanup",
    "email.headerregistry",
    "urllib.request",
    "http.client",
}
NEVER = {
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "asyncio",
    "imapcheck.cli",
    "imapcheck.demo",
    "imapcheck.display",
    "pymap",
    "rich",
    "typer",
}


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that a bare interpreter holds once it has imported the handler."""
    program = "import json, sys, handler; print(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions/run_check")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout))


def test_the_handler_is_what_was_loaded(loaded: set[str]) -> None:
    """The other test cannot pass by importing nothing."""
    assert {"handler", "imapcheck.check", "imapcheck.aws.invocation", "pydantic", "imapclient"} <= loaded


@pytest.mark.parametrize("module", sorted(LATER | NEVER))
def test_cold_start_does_not_load(module: str, loaded: set[str]) -> None:
    """An import at the top of the wrong module would cost every cold start."""
    assert module not in loaded
