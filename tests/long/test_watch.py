"""`run --every` for days: 5,000 runs, with the live table drawn, take no more memory than the first few hundred."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Certificates
from support.wire_server import WireServer, no

pytestmark = pytest.mark.long
RUNNER = """
import gc, json, sys
from pathlib import Path
from rich.console import Console
from imapcheck.cli.credentials import CredentialsFinder
from imapcheck.cli.orders import Orders
from imapcheck.cli.watch import WatchLoop
from imapcheck.output.json_lines import append_line, json_line

def kib():
    gc.collect()
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])

files, kept = [Path(name) for name in sys.argv[1:-1]], Path(sys.argv[-1])
orders = Orders(
    files, CredentialsFinder(None, {"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": "canary-pa55word"})
).taken
console = Console(file=open("/dev/null", "w"), force_terminal=True)
seen = []

def keep(outcome):
    append_line(kept, json_line(outcome, transcript=False))
    seen.append(kib() if len(seen) in (499, 4999) else 0)

WatchLoop(orders, 0.01, 5, keep, console=console).run(5000)
threads = len(list(Path("/proc/self/task").iterdir()))
descriptors = len(list(Path("/proc/self/fd").iterdir()))
print(json.dumps({"kib": [value for value in seen if value], "threads": threads, "descriptors": descriptors}))
"""


def test_five_thousand_runs_take_no_more_memory(
    server_context: Any,
    certificates: Certificates,
    write_definition: Callable[[str, dict[str, Any]], Path],
    tmp_path: Path,
) -> None:
    """Nor threads, nor descriptors; and every run was kept."""
    kept = tmp_path / "kept.jsonl"
    with WireServer(tls=server_context) as good, WireServer(script={"EXAMINE": no}, tls=server_context) as bad:
        paths = []
        for name, server in (("one", good), ("two", good), ("down", bad)):
            fields = {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}}
            paths.append(str(write_definition(name, fields)))
        done = subprocess.run(
            [sys.executable, "-c", RUNNER, *paths, str(kept)], capture_output=True, text=True, check=False, timeout=900
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kib"][-1] - found["kib"][0] < 4096, found
    assert found["threads"] < 40
    assert found["descriptors"] < 40
    assert kept.read_text().count("\n") >= 5000
