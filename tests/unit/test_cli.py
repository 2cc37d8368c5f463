"""The command line as its users call it: a process of its own, real servers, exit statuses."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from support import forked
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import Dialect, WireServer, echo, hang, no

type Write = Callable[[str, dict[str, Any]], Path]


def imapcheck(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with output piped; the environment holds no credentials but those given."""
    kept = {name: os.environ[name] for name in ("PATH", "XDG_STATE_HOME")}
    return forked.imapcheck(*arguments, environment=kept | {"COLUMNS": "120"} | environment)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(json.dumps({"username": "alice", "password": PASSWORD, "host": "localhost"}))
    path.chmod(0o600)
    return path


def definition(server: WireServer, certificates: Certificates, **fields: Any) -> dict[str, Any]:
    base = {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}}
    return base | fields


def test_one_check_shows_steps_and_a_verdict_without_colour_codes(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """Piped output is plain text: each step with its bar and time, then the verdict."""
    with WireServer(tls=server_context) as server:
        path = write_definition("mail", definition(server, certificates, search="IMAP", new_message=NEW_MESSAGE))
        done = imapcheck("run", path, "--credentials", secret)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    for step in ("dns", "tls", "authenticate", "search", "append", "logout"):
        assert f"✓ {step} " in done.stdout
    assert "█" in done.stdout
    assert "mail: available" in done.stdout
    assert "CAPABILITY" not in done.stdout


def test_failure_shows_step_servers_words_and_last_lines(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """What one needs at 3 a.m., and no secret, though the server echoes all it gets."""
    with WireServer(Dialect(password="another"), tls=server_context) as server:
        path = write_definition("mail", definition(server, certificates))
        done = imapcheck("run", path, "--credentials", secret)
    assert done.returncode == 1
    assert "mail: NOT AVAILABLE" in done.stdout
    assert "authenticate: authentication_failed\n" in done.stdout
    assert "What to do: Put the right password into the secret" in done.stdout
    assert "NO [AUTHENTICATIONFAILED] wrong user or password" in done.stdout
    assert "C: A0002 AUTHENTICATE PLAIN ********" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_json_is_one_object_per_line_in_the_order_of_the_arguments(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """Nothing else on stdout; a bad definition is an object too, and the others still run."""
    with WireServer(tls=server_context) as good, WireServer(script={"EXAMINE": no}, tls=server_context) as bad:
        paths = [
            write_definition("b", definition(bad, certificates)),
            write_definition("wrong", {"server": "ftp://x"}),
            write_definition("a", definition(good, certificates)),
        ]
        done = imapcheck("run", *paths, "--credentials", secret, "--json")
        with_transcript = imapcheck("run", paths[2], "--credentials", secret, "--json", "--transcript")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(result["check"], result.get("available")) for result in results] == [
        ("b", False), ("wrong", None), ("a", True),
    ]  # fmt: skip
    assert results[0]["transcript"]
    assert results[2]["transcript"] == []
    assert json.loads(with_transcript.stdout)["transcript"]
    assert done.returncode == 2
    assert done.stderr == ""
    assert "wrong.json: server: found" in results[1]["error"]


def test_json_comes_as_soon_as_its_turn_has_come(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """A check that hangs holds up those after it, not those before it."""
    anyone = {"authentication": "none"}
    with WireServer(tls=server_context) as quick, WireServer(script={"GREETING": hang}, tls=server_context) as slow:
        first = write_definition("first", definition(quick, certificates, **anyone))
        last = write_definition("last", definition(slow, certificates, timeout=5, **anyone))
        program = "from imapcheck.cli.app import main; main()"
        words = [sys.executable, "-c", program, "run", "--json", str(first), str(last)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["check"] == "first"
            assert select.select([process.stdout], [], [], 1) == ([], [], [])
            assert json.loads(process.stdout.readline())["check"] == "last"


def test_several_checks_end_in_a_table(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """One row each; the failed one's story below."""
    with WireServer(tls=server_context) as good, WireServer(script={"EXAMINE": no}, tls=server_context) as bad:
        paths = [
            write_definition("a", definition(good, certificates)),
            write_definition("b", definition(bad, certificates)),
        ]
        done = imapcheck("run", *paths, "--credentials", secret)
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["check", "verdict", "time", "why", "slowest", "step"] in rows
    assert any(row[:2] == ["a", "available"] for row in rows)
    assert any(row[:3] + row[5:7] == ["b", "NOT", "AVAILABLE", "examine:", "command_rejected"] for row in rows)
    assert done.stdout.splitlines()[-1] == "2 checks: 1 not available, 1 available"


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD}, 0),
        ({}, 2),
        ({"IMAPCHECK_USERNAME": "alice"}, 2),
    ],
)
def test_credentials_from_the_environment(
    server_context: Any, certificates: Certificates, write_definition: Write, environment: dict[str, str], status: int
) -> None:
    """Else the run ends with status 2 and says where credentials may come from."""
    with WireServer(tls=server_context) as server:
        done = imapcheck("run", write_definition("a", definition(server, certificates)), **environment)
    assert done.returncode == status
    if status:
        assert "IMAPCHECK_USERNAME" in done.stderr
        assert server.commands == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            '{"username": "alice", "password": "canary-pa55word", "host": "other.example"}',
            "made for host 'other.example'",
        ),
        ('{"password": "canary-pa55word"}', "username"),
        ('{"username": "alice"}', "password: missing"),
        ('{"username": "alice", "password": ["canary-pa55word"]}', "password"),
        ("canary-pa55word", "expected a JSON object"),
    ],
)
def test_bad_credentials_are_status_2_and_never_quoted(
    server_context: Any, certificates: Certificates, write_definition: Write, tmp_path: Path, content: str, words: str
) -> None:
    """A secret is never sent to a server it was not made for."""
    secret = tmp_path / "secret"
    secret.write_text(content)
    with WireServer(tls=server_context) as server:
        done = imapcheck("run", write_definition("a", definition(server, certificates)), "--credentials", secret)
    assert done.returncode == 2
    assert words in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert not any("AUTHENTICATE" in command for command in server.commands)


def test_bug_is_status_3_and_shows_no_values(write_definition: Write, secret: Path) -> None:
    """An internal error names places and types, and never what was in a variable."""
    code = (
        "import imapcheck.cli.app as cli, imapcheck.cli.runner as runner\n"
        "def boom(*a, **k): raise RuntimeError('canary-pa55word')\n"
        "runner.run_check = boom\ncli.main()"
    )
    path = write_definition("a", {"server": "localhost"})
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(path), "--credentials", str(secret)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert "RuntimeError" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_wrong_usage_is_status_2() -> None:
    """No file, unknown option, file not there."""
    assert imapcheck("run").returncode == 2
    assert imapcheck("run", "--what").returncode == 2
    missing = imapcheck("run", "not-there.json")
    assert missing.returncode == 2
    assert "not-there.json: no such file" in missing.stderr


def test_server_cannot_write_on_the_terminal(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """Control sequences and markup in a server's words are shown, not obeyed."""
    from support.wire_server import reply

    script = {"EXAMINE": reply(b"%t NO \x1b[2J[bold]hi[/bold] \xe2\x80\xaexyz")}
    with WireServer(script=script, tls=server_context) as server:
        done = imapcheck("run", write_definition("a", definition(server, certificates)), "--credentials", secret)
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "\\x1b[2J[bold]hi[/bold]" in done.stdout


def test_demo_ends_well() -> None:
    """The main job, with nothing but the package."""
    done = imapcheck("demo")
    assert done.returncode == 0, done.stderr
    assert "demo: available" in done.stdout
    assert "server does not offer NAMESPACE" in done.stdout
    assert "C: A0002 AUTHENTICATE PLAIN" in done.stdout
    assert "Availability" in done.stdout


def test_echoing_server_leaks_nothing(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """The command comes back, password and all: on no output is it seen."""
    with WireServer(script={"AUTHENTICATE": echo}, tls=server_context) as server:
        path = write_definition("a", definition(server, certificates, timeout=2))
        done = imapcheck("run", path, "--credentials", secret, "--transcript")
    assert done.returncode == 1
    assert "protocol_error" in done.stdout
    assert PASSWORD not in done.stdout
    assert "AGFsaWNlAGNhbmFyeS1wYTU1d29yZA" not in done.stdout
