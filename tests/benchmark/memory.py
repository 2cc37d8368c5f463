"""5. Memory: the peak resident size of a run."""

import json
import subprocess
import sys

from benchmark.tables import table
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import Dialect, WireServer

PEAK = """
import json, sys
from pathlib import Path
from imapcheck import CheckDefinition, Credentials, run_check
definition = CheckDefinition.model_validate(json.loads(sys.argv[1]))
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
result = run_check(definition, Credentials(username="alice", password=sys.argv[2]))
assert result.available, result.failure
print(before, peak())
"""


def memory(certificates: Certificates) -> list[str]:
    context = certificates.server_context()
    rows = []
    for name, size in (("a small message found", 1000), ("25 MiB message", 25 << 20)):
        with WireServer(Dialect(message=b"x" * size), tls=context) as server:
            data = {
                "server": f"localhost:{server.port}",
                "search": "x",
                "tls": {"ca_file": str(certificates.ca)},
                "timeout": 60,
            }
            words = [sys.executable, "-c", PEAK, json.dumps(data), PASSWORD]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
        before, peak = (int(word) / 1024 for word in done.stdout.split())
        rows.append([name, f"{before:.1f}", f"{peak:.1f}", f"{peak - before:+.1f}"])
    return [
        "## 5. Memory",
        "",
        "Peak resident size in MiB of a process that imports the package and runs one check; part 3 has the whole function's.",
        "",
        *table("run | before | at its peak | more", rows),
    ]
