"""The translated template, made once per set of parameters in SAM CLI's own environment."""

import functools
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SAM_PYTHON = ROOT / ".venv-sam/bin/python"

type Translate = Callable[..., dict[str, Any]]


@functools.cache
def _translated(parameters: str) -> str:
    done = subprocess.run(
        [SAM_PYTHON, ROOT / "tests/template/translate.py", ROOT / "template.yaml", parameters],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def translate() -> Translate:
    """`translate(Paused="true")` is the template as CloudFormation would get it, with resources by logical id."""
    if not SAM_PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("SAM CLI's environment is missing: make validate")
        pytest.skip("SAM CLI's environment is missing (make validate makes it)")

    def make(**parameters: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(_translated(json.dumps(parameters, sort_keys=True)))
        return content

    return make
