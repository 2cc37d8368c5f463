"""What a person sees, on a real pseudo-terminal: narrow and wide, ASCII and UTF-8, live and in the end."""

import io
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from conftest import NEW_MESSAGE
from imapcheck.check.plan import plan
from imapcheck.definition.files import load_definition
from imapcheck.output.terminal.screens import say
from support.certificates import Certificates
from support.depth import deep
from support.dovecot import PASSWORD
from support.pseudo_terminal import run_in_terminal
from support.wire_server import Dialect, WireServer, delay, hang, no, reply

type Write = Callable[[str, dict[str, Any]], Path]
WIDTHS = [40, 60, 80, 120, 200]
ENCODINGS = ["utf-8", "ascii"]
BLANKS = re.compile(rb" (?:\x1b\[[0-9;]*m)*\r?\n")
"""At the end of a line: they are copied with it, into mails and tickets."""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(json.dumps({"username": "alice", "password": PASSWORD, "host": "localhost"}))
    return path


def check(server: WireServer, certificates: Certificates, **fields: Any) -> dict[str, Any]:
    return {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}, **fields}


def joined(text: str) -> str:
    """The text without its line breaks, as a person reads it."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("columns", "encoding"),
    deep(itertools.product(WIDTHS, ENCODINGS), lambda *case: case in {(40, "utf-8"), (80, "ascii"), (200, "utf-8")}),
)
def test_failure_answers_what_where_why_and_what_now(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path, columns: int, encoding: str
) -> None:
    """At every width, once each, the verdict in the last paragraph, the steps not reached in one place."""
    with WireServer(Dialect(password="another"), tls=server_context) as server:
        path = write_definition("mail", check(server, certificates, search="x"))
        seen = run_in_terminal("run", path, "--credentials", secret, columns=columns, rows=60, encoding=encoding)
    assert seen.status == 1
    text = joined(seen.text)
    planned = [name for name, _ in plan(load_definition(path))]
    later = planned[planned.index("authenticate") + 1 :]
    assert {"list", "search"} <= set(later)
    for words in (
        f"mail: NOT AVAILABLE imaps://localhost:{server.port}/",
        "authenticate: authentication_failed",
        "What to do: Put the right password into the secret or the credentials file; the next run uses it.",
        f"not reached: {', '.join(later)}",
        "C: A0002 AUTHENTICATE PLAIN ********",
    ):
        assert text.count(words) == 1, words
    assert text.count("wrong user or password") == 2  # in the transcript, and in the verdict
    assert "CAPABILITY" not in seen.text
    assert seen.text.rpartition("\n\n")[2].startswith("mail: NOT AVAILABLE")
    assert seen.text.isascii() == (encoding == "ascii")
    assert all(cell_len(line) <= columns for line in seen.lines)


@pytest.mark.parametrize("columns", deep(WIDTHS, {40, 120}.__contains__))
def test_every_failure_of_a_run_is_told(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path, columns: int
) -> None:
    """No match and a full mailbox in one run: both with words, advice and their part of the transcript."""
    full = reply(b"%t NO [OVERQUOTA] Mailbox is full")
    with WireServer(Dialect(uids=()), {"APPEND": full}, tls=server_context) as server:
        path = write_definition("mail", check(server, certificates, search="IMAP", new_message=NEW_MESSAGE))
        seen = run_in_terminal("run", path, "--credentials", secret, columns=columns, rows=60)
    text = joined(seen.text)
    assert "search: no_match" in text
    assert "append: over_quota" in text
    assert text.count("What to do:") == 2
    assert "UID SEARCH RETURN ()" in text
    assert re.search(r"S: A\d{4} NO \[OVERQUOTA\] Mailbox is full", text)


def test_refused_certificate_is_described(certificates: Certificates, write_definition: Write, secret: Path) -> None:
    """Which date, which names, which issuer, how many were sent."""
    with WireServer(tls=certificates.server_context("expired")) as server:
        seen = run_in_terminal("run", write_definition("mail", check(server, certificates)), "--credentials", secret)
    text = joined(seen.text)
    assert "tls: certificate_expired" in text
    assert "for localhost, 127.0.0.1" in text
    assert "expired 2 days ago" in text
    assert "issued by O=trustme" in text
    assert "the server sent 1" in text


def test_passed_threshold_is_told_with_its_excess(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """Which one, and by how much."""
    with WireServer(script={"AUTHENTICATE": delay(0.1)}, tls=server_context) as server:
        fields = {"thresholds": {"authenticate": 50, "total": 60_000}}
        path = write_definition("mail", check(server, certificates, **fields))
        seen = run_in_terminal("run", path, "--credentials", secret)
    assert seen.status == 0
    assert "mail: available, but slow" in seen.text
    assert re.search(r"slow: authenticate took \d+ ms \(limit 50 ms\)", joined(seen.text))
    assert joined(seen.text).count("(limit") == 1


def test_clock_runs_while_a_step_hangs(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """`greeting 2 s of 3 s`; when it is over the clock is gone and the cursor is back."""
    with WireServer(script={"GREETING": hang}, tls=server_context) as server:
        path = write_definition("mail", check(server, certificates, authentication="none", timeout=3))
        seen = run_in_terminal("run", path)
    assert any("2 s of 3 s" in line for frame in seen.frames for line in frame.splitlines() if "greeting" in line)
    assert "s of 3 s" not in seen.text
    assert "greeting: timeout" in seen.text
    assert re.search(r"no complete answer in time \(waited \d(?:\.\d)? s\)", seen.text)
    assert not seen.cursor_hidden
    assert BLANKS.search(seen.octets) is None


@pytest.mark.parametrize("columns", deep([40, 60, 80, 120], {40, 80}.__contains__))
def test_several_checks_are_a_table_with_the_worst_first(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path, columns: int
) -> None:
    """Files that could not run among them, the reasons below, a last line that counts."""
    with WireServer(tls=server_context) as good, WireServer(script={"EXAMINE": no}, tls=server_context) as bad:
        paths = [write_definition(f"fine-{number}", check(good, certificates)) for number in range(5)]
        paths += [write_definition("wrong", {"server": "ftp://x"}), write_definition("down", check(bad, certificates))]
        seen = run_in_terminal("run", *paths, "--credentials", secret, columns=columns, rows=60)
    assert seen.status == 2
    head = next(index for index, line in enumerate(seen.lines) if line.startswith("check"))
    names = [line.split()[0] for line in seen.lines[head + 1 :] if line.startswith(("down", "wrong", "fine"))]
    assert names[:7] == ["down", "wrong", "fine-0", "fine-1", "fine-2", "fine-3", "fine-4"]
    text = joined(seen.text)
    assert "NOT AVAILABLE" in text
    assert "could not run" in text
    assert "What to do: Read the server's words" in text or "What to do:" in text
    assert text.endswith("7 checks: 1 not available, 1 could not run, 5 available")
    assert all(cell_len(line) <= columns for line in seen.lines)
    assert BLANKS.search(seen.octets) is None


def test_checks_still_running_are_named(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """So that one knows whom one waits for."""
    with WireServer(tls=server_context) as good, WireServer(script={"GREETING": hang}, tls=server_context) as slow:
        paths = [
            write_definition("quick", check(good, certificates, authentication="none")),
            write_definition("slow", check(slow, certificates, authentication="none", timeout=2)),
        ]
        seen = run_in_terminal("run", *paths)
    assert any("1 of 2 done; running: slow" in frame for frame in seen.frames)
    assert "running:" not in seen.text


def test_interrupt_leaves_at_once_and_gives_the_terminal_back(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """Ctrl-C while a server hangs: status 130 long before the check's time is over."""
    with WireServer(script={"GREETING": hang}, tls=server_context) as server:
        path = write_definition("mail", check(server, certificates, authentication="none", timeout=60))
        seen = run_in_terminal("run", path, typed=[("greeting", "\x03")])
        several = run_in_terminal("run", path, path, typed=[("running: mail", "\x03")])
    for screen in (seen, several):
        assert screen.status == 130
        assert screen.seconds < 30
        assert not screen.cursor_hidden
        assert screen.lines[-1].endswith("interrupted")
        assert "Traceback" not in screen.text
    assert "greeting" in seen.text  # where it hung
    assert "0 of 2 done; running: mail" in several.text


def test_server_given_as_an_address_is_no_crash(write_definition: Write) -> None:
    """There is no time to divide by: nothing was looked up, and the connection was refused at once."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    path = write_definition("mail", {"server": f"imaps://127.0.0.1:{port}/", "authentication": "none"})
    seen = run_in_terminal("run", path)
    assert seen.status == 1
    assert "connect: connection_refused" in seen.text


@pytest.mark.parametrize(
    ("length", "shown"),
    [(19, ["x" * 19]), (20, ["x" * 20]), (21, ["x" * 20, "    x"]), (37, ["x" * 20, "    " + "x" * 16, "    x"])],
)
def test_line_as_wide_as_the_terminal_is_one_line(length: int, shown: list[str]) -> None:
    """What is longer goes on under a hanging indent, and nothing leaves an empty line behind."""
    written = io.StringIO()
    say(Console(file=written, width=20, force_terminal=True, color_system=None), [Text("x" * length), Text("next")])
    assert written.getvalue().splitlines() == [*shown, "next"]
