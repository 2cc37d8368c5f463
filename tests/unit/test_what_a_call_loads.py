"""What a call of the command line must not load: it would pay for commands and formats that nobody asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = {"imapclient", "imapcheck.check.run", "imapcheck.imap.engine"}
PEOPLE = {"rich", "imapcheck.output.terminal.screens"}
STACK = {"imapcheck.stack.checks", "imapcheck.stack.archive", "imapcheck.stack.places", "imapcheck.stack.contacts"}
FEW = {"imapcheck.stack.salvage", "imapcheck.network.tls", "ssl", "imapcheck.alarms.kinds", "imapcheck.output.outcome"}
"""What few definitions make `validate` load: what is wrong, an authority of their own, alarms."""
ELSE = {"imapcheck.report.page", "htpy", "prometheus_client", "boto3", "imapcheck.cli.watch", "imapcheck.cli.init"}


def loaded(*arguments: str | Path) -> set[str]:
    """The modules of a process that has made this call."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\n', *sys.modules, file=sys.stderr))\n"
        "from imapcheck.cli.app import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "IMAPCHECK_USERNAME": "", "IMAPCHECK_PASSWORD": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """A server that nobody listens at."""
    file = tmp_path / "mail.json"
    file.write_text(json.dumps({"server": "127.0.0.1:1", "authentication": "none", "tls": {"mode": "none"}}))
    return file


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--version"], SESSION | PEOPLE | ELSE | {"pydantic", "imapcheck.definition.model", "imapcheck.result"}),
        (["explain", "timeout"], SESSION | PEOPLE | ELSE | {"imapcheck.definition.model"}),
        (["schema"], SESSION | PEOPLE | ELSE),
        (["validate", "FILE"], SESSION | PEOPLE | ELSE | STACK | FEW),
        (["show", "FILE"], SESSION | PEOPLE | ELSE),
        (["run", "FILE", "--json"], PEOPLE | ELSE),
        (["run", "FILE", "--format", "junit"], PEOPLE | ELSE),
        (["run", "FILE"], ELSE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_call_loads_what_it_runs(words: list[str], unwanted: set[str], definition: Path) -> None:
    """And nothing of what another would."""
    found = loaded(*(definition if word == "FILE" else word for word in words))
    assert "imapcheck.cli.app" in found
    assert unwanted & found == set()


def test_what_is_exported_is_loaded_when_it_is_asked_for() -> None:
    """`import imapcheck` alone is what the functions that need no session pay for."""
    import imapcheck

    code = "import imapcheck, sys; print(*(name for name in sys.modules if name.startswith('imapcheck')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["imapcheck"]
    assert [getattr(imapcheck, name).__name__ for name in imapcheck.__all__] == imapcheck.__all__
    with pytest.raises(AttributeError, match="module 'imapcheck' has no attribute 'run_chekc'"):
        imapcheck.run_chekc  # noqa: B018
