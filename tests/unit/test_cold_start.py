"""What a cold start must not load: each of these is imported where it is needed, or never (docs/performance.md)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from support.round_trip import World, world

ROOT = Path(__file__).parents[2]
LATER = {
    "boto3",  # a secret is read
    "aws_lambda_powertools.utilities.parameters",
    "imapcheck.login.oauth",  # OAuth2
    "imapcheck.login.scram",
    "imapcheck.check.message",  # new_message
    "imapcheck.check.cleanup",
    "concurrent.futures",  # places
    "imapcheck.aws.places",
    "imapcheck.check.judge",
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
    "imapcheck.aws.place",  # a place, which is another function
    "imapcheck.asked",  # for who displays a run
    "imapcheck.definition.hints",  # for an error's text
    "imapcheck.definition.schema",
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
    program = (
        "import json, sys, handler, gc; print(json.dumps([gc.isenabled() and gc.get_freeze_count(), *sys.modules]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions/run_check")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def loaded(start: list[Any]) -> set[str]:
    return set(start[1:])


def test_the_collector_leaves_alone_what_was_loaded(start: list[Any]) -> None:
    """Else its walk over all of that falls into some step's time; and it is at work again after INIT."""
    assert start[0] > 10_000


def test_the_handler_is_what_was_loaded(loaded: set[str]) -> None:
    """The other test cannot pass by importing nothing."""
    assert {"handler", "imapcheck.check.run", "imapcheck.aws.invocation", "pydantic", "imapclient"} <= loaded


@pytest.mark.parametrize("module", sorted(LATER | NEVER))
def test_cold_start_does_not_load(module: str, loaded: set[str]) -> None:
    """An import at the top of the wrong module would cost every cold start."""
    assert module not in loaded


FIRST_RUN = """
import json, sys
from types import SimpleNamespace
import handler
from imapcheck import Credentials

login = Credentials.model_validate({"username": "alice", "password": "canary-pa55word"})
handler.invocation._credentials = lambda definition, fresh=False: login
handler.invocation._secrets = SimpleNamespace(version=lambda name: "1")
before = set(sys.modules)
context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)
result = handler.handler({"check": "mail"}, context)
print(json.dumps([result["steps"], sorted(set(sys.modules) - before)]))
"""
"""INIT, then a run whose secret needs no AWS; prints the run's steps and what it loaded."""


def _send(there: World) -> dict[str, Any]:
    server = {"server": f"smtp://localhost:{there.smtp.port}", "tls": {"mode": "none"}, "authentication": "cram-md5"}
    return server | {"from": "monitor@example.com", "to": "seed@example.net", "within": "1s"}


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        ("authenticate", lambda there: {}),
        ("authenticate", lambda there: {"authentication": "SCRAM-SHA-256"}),
        ("search", lambda there: {"search": {"subject": "IMAP", "min_matches": 0}}),
        ("cleanup", lambda there: {"new_message": NEW_MESSAGE | {"keep_for": "1d"}}),
        ("send_authenticate", lambda there: {"send": _send(there)}),
    ],
    ids=["login", "scram", "search", "new_message", "send"],
)
def test_first_run_loads_nothing_more(step: str, asked: Callable[[World], dict[str, Any]], tmp_path: Path) -> None:
    """Its processor is a share of INIT's, and some of it would fall into a step's time."""
    with world() as there:
        plain = {"server": f"imap://localhost:{there.imap.port}", "tls": {"mode": "none"}, "authentication": "cram-md5"}
        (tmp_path / "mail.json").write_text(json.dumps(plain | asked(there)), encoding="utf-8")
        variables = {
            "PYTHONPATH": str(ROOT / "functions/run_check"),
            "IMAPCHECK_DEFINITIONS": str(tmp_path),
            "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",
        }
        done = subprocess.run(
            [sys.executable, "-c", FIRST_RUN],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
    steps, loaded = json.loads(done.stdout.splitlines()[-1])
    assert step in [one["name"] for one in steps if one["status"] != "skipped"]
    assert [name for name in loaded if name.partition(".")[0] not in ("encodings", "stringprep")] == []
