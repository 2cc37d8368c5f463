"""No server makes a run take more than 64 MiB above its start, nor longer than its budget and 250 ms.

No log makes the explainer of alarms take more than 100 MiB above its start, when all of a stack's outages end at once.
"""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from support.certificates import Certificates
from support.wire_server import (
    Action,
    Dialect,
    Exchange,
    WireServer,
    drip,
    endless_line,
    endless_lines,
    hang,
    huge_literal,
    raw,
)

pytestmark = pytest.mark.long
BUDGET = 2.0
RUNNER = """
import json, sys, time
from pathlib import Path
from imapcheck import CheckDefinition, Credentials, run_check
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
definition = CheckDefinition.model_validate(json.loads(sys.argv[1]))
credentials = Credentials.model_validate({"username": "alice", "password": "canary-pa55word"})
run_check(CheckDefinition.model_validate({"server": "x.invalid", "authentication": "none"}))
before, started = peak(), time.monotonic()
result = run_check(definition, credentials)
took = time.monotonic() - started
failure = result.failure and [result.failure.step, result.failure.type]
size = result.search and result.search.size_bytes
print(json.dumps({"kib": peak() - before, "took": took, "failure": failure, "size": size}))
"""


def flood_of_mailboxes(exchange: Exchange) -> None:
    """LIST responses without end."""
    number = 0
    while not exchange.server.stopping.is_set():
        exchange.send(b"".join(b'* LIST () "/" "mailbox %d"\r\n' % (number + i) for i in range(2000)))
        number += 2000


def flood_of_uids(exchange: Exchange) -> None:
    """SEARCH results without end."""
    while not exchange.server.stopping.is_set():
        exchange.send(b"* SEARCH" + b" 4294967295" * 5000 + b"\r\n")


def many_literals(exchange: Exchange) -> None:
    """FETCH responses of 20 MiB without end."""
    while not exchange.server.stopping.is_set():
        exchange.send(b"* 2 FETCH (UID 9 BODY[] {20971520}\r\n")
        for _ in range(320):
            exchange.send(b"x" * 65536)
        exchange.send(b")\r\n")


def run(server: WireServer, certificates: Certificates, **fields: object) -> dict[str, object]:
    definition = {
        "server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}, "timeout": BUDGET,
        "search": "IMAP",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, json.dumps(definition | fields)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content: dict[str, object] = json.loads(done.stdout)
    return content


HOSTILE: list[tuple[str, Action]] = [
    ("CAPABILITY", drip), ("CAPABILITY", endless_line), ("CAPABILITY", endless_lines), ("LIST", huge_literal),
    ("LIST", flood_of_mailboxes), ("UID SEARCH", flood_of_uids), ("UID FETCH", huge_literal), ("UID FETCH", hang),
    ("UID FETCH", many_literals), ("UID FETCH", endless_line), ("GREETING", endless_line),
    ("AUTHENTICATE", endless_lines),
    ("UID FETCH", raw(b"* 2 FETCH (UID 4 BODY[] {1000000}\r\nxx", then=hang)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "action"), HOSTILE, ids=lambda value: getattr(value, "__name__", str(value)))
def test_hostile_server_is_bounded_in_time_and_memory(
    certificates: Certificates, server_context: ssl.SSLContext, place: str, action: Action
) -> None:
    """In a process of its own, peak resident size and time against the run's own budget."""
    with WireServer(script={place: action}, tls=server_context) as server:
        told = run(server, certificates)
    assert told["failure"] is not None
    assert float(str(told["took"])) < BUDGET + 0.25
    assert int(str(told["kib"])) < 64 * 1024


def test_message_of_25_mib_is_counted_and_let_go(certificates: Certificates, server_context: ssl.SSLContext) -> None:
    """In full, with its size, in little memory."""
    size = 25 << 20
    dialect = Dialect(message=b"Subject: IMAP\r\n\r\n" + b"x" * (size - 17))
    with WireServer(dialect, tls=server_context) as server:
        told = run(server, certificates, timeout=60)
        larger = run(server, certificates, timeout=60, search={"subject": "IMAP", "max_size": 1000})
    assert (told["failure"], told["size"]) == (None, size)
    assert int(str(told["kib"])) < 64 * 1024
    assert larger["failure"] == ["fetch", "message_too_large"]


@pytest.mark.parametrize("has_metrics", [True, False], ids=["metrics", "log alone"])
@pytest.mark.parametrize(("every", "octets"), [(1, 0), (1, 20_000), (5, 100_000)])
@pytest.mark.parametrize("kind", ["unavailable", "slow", "not-running"])
def test_storm_that_ends_is_explained_in_bounded_memory(
    tmp_path: Path, kind: str, every: int, octets: int, *, has_metrics: bool
) -> None:
    """99 checks, 48 hours; lines with transcripts of so many octets, and detail that never repeats."""
    for number in range(99):
        definition = {"server": "imaps://mail.example:993/", "secret": "x", "schedule": {"every": f"{every}m"}}
        (tmp_path / f"c{number:02}.json").write_text(json.dumps(definition | {"thresholds": {"total": 5000}}))
    done = subprocess.run(
        [sys.executable, "-m", "support.explain_storm", json.dumps([kind, every, octets, has_metrics]), str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=900, env=os.environ | {"PYTHONPATH": "tests"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(f"{told['kib'] / 1024:.0f} MiB more, {told['octets'] / 1e6:.0f} MB of the log read")
    assert told["kib"] < 100 * 1024
    assert "c98" in told["text"]
    if has_metrics and kind != "not-running":
        assert "since 22 Nov 10:" in " ".join(told["text"].split())
