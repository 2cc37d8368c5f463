"""Standard streams that are closed, full or do not block: the verdict stays the same, and 1 is never ours."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Certificates
from support.depth import deep
from support.wire_server import WireServer

type Write = Callable[[str, dict[str, Any]], Path]
PROGRAM = [sys.executable, "-m", "imapcheck"]


@pytest.fixture
def definition(server_context: Any, certificates: Certificates, write_definition: Write) -> Iterator[Path]:
    with WireServer(tls=server_context) as server:
        content = {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}}
        yield write_definition("open", {**content, "authentication": "none"})


def shell(*arguments: str | Path, redirected: str) -> subprocess.CompletedProcess[str]:
    line = f"{shlex.join([*PROGRAM, *map(str, arguments)])} {redirected}"
    return subprocess.run(line, shell=True, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("options", "redirected", "status"),
    [
        ([], ">&-", 0),
        (["--json", "--append", "APPEND"], ">&-", 0),
        (["--quiet"], ">&- 2>&-", 0),
        (["--format", "nagios"], "<&- >&-", 0),
        (["--json"], "<&- >&- 2>&-", 0),
        (["--json"], "2>&-", 0),
        (["--json"], "2>/dev/full", 0),
        (["--json"], ">/dev/full", 2),
        (["--format", "nagios"], ">/dev/full", 3),
    ],
)
def test_a_closed_or_full_stream_is_no_outage(
    definition: Path, tmp_path: Path, options: list[str], redirected: str, status: int
) -> None:
    append = tmp_path / "results.jsonl"
    words = [str(append) if word == "APPEND" else word for word in options]
    done = shell("run", definition, *words, redirected=redirected)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    if append.exists():
        assert json.loads(append.read_text())["available"] is True


COMMANDS = [["--version"], ["explain", "timeout"], ["schema"], ["run", "--help"]]
ENDS = [(">&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 2)]


@pytest.mark.parametrize(
    ("command", "redirected", "status"),
    deep(
        ((command, *end) for command in COMMANDS for end in ENDS),
        lambda command, redirected, _: (
            (command, redirected) in zip(COMMANDS, (">&-", "<&- >&- 2>&-", ">&-", "<&- >&- 2>&-"), strict=True)
        ),
    ),
)
def test_other_commands_end_well_too(command: list[str], redirected: str, status: int) -> None:
    assert shell(*command, redirected=redirected).returncode == status


@pytest.mark.parametrize("redirected", ["<&-", "</dev/null", "</dev/zero"])
def test_definition_that_is_not_on_standard_input_is_wrong_usage(redirected: str) -> None:
    done = shell("run", "-", redirected=redirected)
    assert done.returncode == 2, done.stderr
    assert "standard input" in done.stderr + done.stdout


def test_input_that_ends_while_init_asks_is_wrong_usage_or_a_refusal() -> None:
    """Where a question finds nobody the status is never that of a server that is down."""
    script = (
        "import typer, imapcheck.cli.app as cli\n"
        "cli.app.command('ask')(lambda: typer.prompt('Who'))\n"
        "import sys; sys.argv = ['imapcheck', 'ask']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr


def test_pipe_that_does_not_block_gets_all_of_the_output() -> None:
    """As programs with an event loop hand them on."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
    with subprocess.Popen([*PROGRAM, "schema"], stdout=writing, stderr=subprocess.PIPE, pipesize=4096) as process:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.close(writing)
        time.sleep(2)  # the pipe is full by now
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        assert process.wait(30) == 0
    assert json.loads(text)["type"] == "object"


def test_standard_input_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
    with subprocess.Popen([*PROGRAM, "validate", "-"], stdin=reading, stdout=subprocess.PIPE) as process:
        time.sleep(1)
        os.write(writing, b'{"server": "mail.example.com", "authentication": "none"}')
        os.close(writing)
        assert process.wait(30) == 0
    os.close(reading)


def test_first_process_of_a_container_ends_on_sigterm(tmp_path: Path) -> None:
    """`docker stop` sends it, and the kernel keeps it from a process 1 that does not ask for it."""
    apart = ["unshare", "--pid", "--fork", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no process namespaces here (unshare)")
    definition = tmp_path / "mail.json"
    definition.write_text('{"server": "127.0.0.1:1", "authentication": "none"}')
    namespaced = [*apart, *PROGRAM, "run", str(definition), "--every", "1h", "--json"]
    with subprocess.Popen(namespaced, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["available"] is False
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert process.wait(10) == 143
