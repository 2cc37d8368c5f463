"""`run --every` and what is made of it: changes told once, runs that never overlap, a summary of what was kept."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from imapcheck.cli.credentials import CredentialsFinder
from imapcheck.cli.orders import Order, Orders
from imapcheck.cli.watch import Watched, WatchLoop, seconds_of
from imapcheck.definition.files import load_definition
from imapcheck.output.json_lines import append_line, json_line
from imapcheck.output.outcome import Outcome
from imapcheck.output.summary import percentile, summarise
from support import forked
from support.certificates import Certificates
from support.pseudo_terminal import run_in_terminal
from support.results import STARTED_AT, failure, not_run, outcome, result, slow_result
from support.wire_server import Dialect, Exchange, WireServer, delay

type Write = Callable[[str, dict[str, Any]], Path]


def check(server: WireServer, certificates: Certificates, **fields: Any) -> dict[str, Any]:
    fields = {"authentication": "none", **fields}
    return {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}, **fields}


def orders(*paths: Path) -> list[Order]:
    return [Order(path, load_definition(path)) for path in paths]


@pytest.fixture
def logins(server_context: Any) -> Any:
    """A server that keeps each login it was asked for."""
    seen: list[bytes] = []

    def note(exchange: Exchange) -> bool:
        seen.append(exchange.line)
        return True

    with WireServer(Dialect(), {"AUTHENTICATE": note}, tls=server_context) as server:
        yield server, seen


def watch(paths: list[Path], credentials: Path | None, runs: int, between: Callable[[int], object]) -> list[Outcome]:
    """The outcomes of a watch; `between` is called with the number of outcomes after each."""
    kept: list[Outcome] = []

    def keep(outcome: Outcome) -> None:
        kept.append(outcome)
        between(len(kept))

    taken = Orders(paths, CredentialsFinder(credentials, {}))
    WatchLoop(taken.taken, 0.1, 1, keep, renewed=taken.renewed, console=Console(file=io.StringIO())).run(runs)
    return kept


def told(outcomes: list[Outcome]) -> list[str]:
    return [
        item.first_line if item.result is None else item.result.failure.type if item.result.failure else "available"
        for item in outcomes
    ]


def test_stale_password_is_tried_once_and_the_new_one_is_taken_by_the_next_run(
    logins: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """The pause of the function; no restart."""
    server, seen = logins
    secret = tmp_path / "secret.json"

    def hold(password: str) -> None:
        secret.write_text(json.dumps({"username": "alice", "password": password, "host": "localhost"}))

    hold("stale-canary")
    path = write_definition("mail", check(server, certificates, authentication="plain"))
    kept = watch([path], secret, 5, lambda runs: hold(Dialect().password) if runs == 3 else None)
    assert told(kept) == [
        "authentication_failed", "authentication_paused", "authentication_paused", "available", "available",
    ]  # fmt: skip
    assert len(seen) == 3


def test_credentials_that_go_and_come_back_while_watching(
    logins: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """What would have been wrong at the start could not be run now either; a watch goes on."""
    server, _ = logins
    secret = tmp_path / "secret.json"
    good = json.dumps({"username": "alice", "password": Dialect().password, "host": "localhost"})
    contents = {1: "{", 2: json.dumps({"username": "alice"}), 3: good}

    def change(runs: int) -> None:
        if runs in contents:
            secret.write_text(contents[runs])

    secret.write_text(good)
    path = write_definition("mail", check(server, certificates, authentication="plain"))
    lines = told(watch([path], secret, 5, change))
    assert [lines[0], *lines[3:]] == ["available"] * 3
    assert "secret.json: " in lines[1]
    assert "password: missing" in lines[2]
    assert lines[1] != lines[2]


def test_credentials_that_lose_their_host_while_watching_serve_one_host(
    logins: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """The rule of the start holds at each run: none of several hosts is tried at a venture."""
    server, seen = logins
    secret = tmp_path / "secret.json"
    content = {"username": "alice", "password": Dialect().password}
    secret.write_text(json.dumps(content | {"host": "localhost"}))
    paths = [
        write_definition("mail", check(server, certificates, authentication="plain")),
        write_definition("other", {"server": "imaps://other.invalid/"}),
    ]
    lines = told(watch(paths, secret, 4, lambda runs: secret.write_text(json.dumps(content)) if runs == 2 else None))
    assert "available" in lines[:2]
    assert all("names no host, and this call has 2" in line for line in lines[2:])
    assert len(seen) == 1


def test_file_that_cannot_be_read_keeps_no_other_from_its_credentials(
    logins: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """It has no host to share them with."""
    server, seen = logins
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"username": "alice", "password": Dialect().password}))
    paths = [
        write_definition("mail", check(server, certificates, authentication="plain")),
        write_definition("broken", {"serch": "x"}),
    ]
    lines = told(watch(paths, secret, 4, lambda runs: None))
    assert sorted(line == "available" for line in lines) == [False, False, True, True]
    assert all(line.startswith(f"{paths[1]}: server: ") for line in lines if line != "available")
    assert len(seen) == 2


def test_standard_input_is_read_once(
    logins: Any, certificates: Certificates, write_definition: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came through the pipe is kept for all runs."""
    server, _ = logins
    content = json.dumps({"username": "alice", "password": Dialect().password, "host": "localhost"})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    path = write_definition("mail", check(server, certificates, authentication="plain"))
    assert told(watch([path], Path("-"), 3, lambda _: None)) == ["available"] * 3


# --- changes --------------------------------------------------------------------------------------------------------


def changes(*outcomes: Outcome) -> list[str | None]:
    """The line that each outcome is worth, a minute between them."""
    watched = Watched(Order(Path("gmail.json")), 0.0, 60.0)
    return [watched.take(item, STARTED_AT + timedelta(minutes=at)) for at, item in enumerate(outcomes)]


def test_only_changes_are_told() -> None:
    """The first run, then what is different; the recovery says how long it took and how many runs failed."""
    up, down, slow = outcome(result()), outcome(result("gmail", failure())), outcome(slow_result())
    assert changes(up, up, down, down, down, up, slow) == [
        "available in 812 ms",
        None,
        "NOT AVAILABLE: examine: command_rejected: the server answered NO not today",
        None,
        None,
        "available in 812 ms, after 3 min; 3 runs failed",
        "slow in 812 ms: authenticate took 740 ms (limit 500 ms)",
    ]


def test_another_cause_is_a_change_too() -> None:
    """Who is told of a refused login must hear when it has become a full mailbox."""
    from imapcheck.failures import FailureType

    other = failure(FailureType.OVER_QUOTA, "append", detail="full")
    lines = changes(outcome(result("gmail", failure())), outcome(result("gmail", other)), outcome(result()))
    assert lines[1] == "NOT AVAILABLE: append: over_quota: full"
    assert lines[2] == "available in 812 ms, after 2 min; 2 runs failed"


def test_check_that_could_not_run_is_told_and_is_no_outage() -> None:
    """And its end neither is a recovery."""
    lines = changes(not_run("gmail"), outcome(result()))
    assert lines[0] is not None
    assert lines[0].startswith("could not run: gmail.json: server")
    assert lines[1] == "available in 812 ms"


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5m", 300), ("1h", 3600), ("90", 90)])
def test_intervals(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1", "1.5s", "1d", "every minute"])
def test_no_interval(text: str) -> None:
    """Told as wrong usage."""
    with pytest.raises(typer.BadParameter, match="60s"):
        seconds_of(text)


# --- runs -----------------------------------------------------------------------------------------------------------


def test_runs_of_one_check_never_overlap(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """A check that takes longer than its interval misses turns; another one does not wait for it."""
    under_way, most = 0, 0
    lock = threading.Lock()

    def count(exchange: Exchange) -> bool:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.3)
        with lock:
            under_way -= 1
        return True

    kept: list[Outcome] = []
    with WireServer(script={"CAPABILITY": count}, tls=server_context) as slow, WireServer(tls=server_context) as quick:
        paths = [
            write_definition("slow", check(slow, certificates)),
            write_definition("quick", check(quick, certificates)),
        ]
        WatchLoop(orders(*paths), 0.1, 10, kept.append, console=Console(file=io.StringIO())).run(12)
    assert most == 1
    runs = [item.check for item in kept]
    assert runs.count("quick") > runs.count("slow") >= 2


def test_watch_from_a_pipe_tells_changes_and_keeps_every_run(
    server_context: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """Piped it is a line per change; SIGINT ends it with 130 and the file is whole."""
    kept = tmp_path / "kept.jsonl"
    with WireServer(tls=server_context) as server:
        path = write_definition("mail", check(server, certificates))
        words = [sys.executable, "-m", "imapcheck", "run", str(path), "--every", "1s", "--append", str(kept)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            give_up = time.monotonic() + 30
            while time.monotonic() < give_up and not (kept.exists() and kept.read_text().count("\n") >= 2):
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            shown, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "interrupted\n"
    [line] = shown.splitlines()
    assert "  mail  available in " in line
    assert all(json.loads(line)["available"] for line in kept.read_text().splitlines())
    summed = forked.imapcheck("summary", kept)
    assert summed.stdout.startswith("mail: 100 % available, ")


def test_watch_on_a_terminal_has_a_live_table(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """It stays while lines of changes pass by; Ctrl-C leaves its last state."""
    with WireServer(script={"CAPABILITY": delay(0.05)}, tls=server_context) as server:
        paths = [write_definition(name, check(server, certificates)) for name in ("one", "two")]
        seen = run_in_terminal("run", *paths, "--every", "1s", typed=[("runs", ""), ("  2 ", "\x03")])
    assert seen.status == 130
    assert any("check" in frame and "since" in frame and "one" in frame for frame in seen.frames)
    assert sum("one  available in" in line for line in seen.lines) == 1
    assert sum(line.split()[:2] == ["check", "verdict"] for line in seen.lines) == 1
    assert not seen.cursor_hidden


def test_watch_leaves_one_table_behind_whatever_is_typed(write_definition: Write) -> None:
    """Rows as wide as the terminal, Enter, and the ^C that a terminal writes by itself: each would move the cursor."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    fields = {"server": f"imaps://127.0.0.1:{port}/", "authentication": "none"}
    paths = [write_definition(f"a-check-with-a-long-name-{number:02d}", fields) for number in range(12)]
    seen = run_in_terminal(
        "run", *paths, "--every", "1s", typed=[("refused:", "\r"), ("connecti…", "\r"), ("connecti…", "\x03")]
    )
    assert seen.status == 130
    assert sum(line.split()[:2] == ["check", "verdict"] for line in seen.lines) == 1
    assert sum("12  NOT AVAILABLE: connect" in line or "11  NOT" in line for line in seen.lines) == 1
    assert seen.echoes
    assert re.search(rb" (?:\x1b\[[0-9;]*m)*\r?\n", seen.octets) is None


# --- summary --------------------------------------------------------------------------------------------------------


def at(minute: int, *failures: Any, **fields: Any) -> Outcome:
    return outcome(result("gmail", *failures, started_at=STARTED_AT + timedelta(minutes=minute), **fields))


def test_summary_counts_runs_and_tells_incidents() -> None:
    """Length from the first bad run to the next good one; causes by their number; what could not run apart."""
    from imapcheck.failures import FailureType

    other = failure(FailureType.TIMEOUT, "greeting")
    found = summarise(
        [at(0), at(1, failure()), at(2, other), at(3, other), at(4), not_run("gmail"), at(5), at(6, failure())]
    )
    [check] = found.checks
    assert (check.runs, check.available, check.not_run) == (7, 3, 1)
    assert check.availability == pytest.approx(300 / 7)
    first, second = check.incidents
    assert (first.ended or datetime.now(UTC)) - first.began == timedelta(minutes=3)
    assert (first.runs, first.causes) == (3, ("greeting: timeout", "examine: command_rejected"))
    assert (second.ended, second.runs) == (None, 1)


def test_summary_has_percentiles_of_available_runs_and_slowest_hours() -> None:
    """Nearest rank; a run that failed has no times that say anything."""
    runs = [at(minute, duration_ms=float(minute)) for minute in range(1, 101)]
    found = summarise([*runs, at(101, failure(), duration_ms=9999.0)])
    total = found.checks[0].percentiles()[0]
    assert (total.name, total.count, total.p50, total.p95, total.p99) == ("total", 100, 50, 95, 99)
    hours = found.checks[0].slowest_hours()
    assert [f"{hour:%d %H:%M %Z}" for hour, _, _ in hours] == ["24 11:00 UTC", "24 10:00 UTC"]
    assert percentile([7.0], 0.99) == 7.0


def test_summary_reads_what_a_crash_left(tmp_path: Path) -> None:
    """What holds no result is counted and told, whatever it is."""
    file = tmp_path / "kept.jsonl"
    append_line(file, json_line(at(0), transcript=False))
    with file.open("a") as handle:
        handle.write('{"schema": 1, "che\n[1]\n{"check": "x"}\n{"check": "y", "started_at": 7}\n')
    done = forked.imapcheck("summary", file)
    assert "gmail: 100 % available, 1 run from" in done.stdout
    assert "lines without a result, left out: 4" in done.stdout


def test_summary_of_nothing_is_wrong_usage(tmp_path: Path) -> None:
    """No file, or none with a result in it."""
    empty = tmp_path / "empty"
    empty.write_text("")
    for path, words in ((empty, "no results"), (tmp_path / "none", "no such file")):
        done = forked.imapcheck("summary", path)
        assert done.returncode == 2
        assert words in done.stderr
