"""6. Whether checks that run at once make each other's times longer.

    PYTHONPATH=tests .venv/bin/python -m benchmark.concurrency

A hundred definitions, each a session without a login with a server that answers after 20 ms, in one call.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark.watching import ANSWER_SECONDS, ANSWERS
from support.wire_server import WireServer, delay

AT_ONCE = (1, 10, 50, 100)
CHECKS, ROUNDS = 100, 3


def measure() -> dict[int, dict[str, float]]:
    """By how many at once: the median and the 95th percentile of the runs' own times, in ms, the sizes taking turns."""
    times: dict[int, list[float]] = {size: [] for size in AT_ONCE}
    with (
        tempfile.TemporaryDirectory() as folder,
        WireServer(script=dict.fromkeys(ANSWERS, delay(ANSWER_SECONDS))) as server,
    ):
        fields = {"server": f"localhost:{server.port}", "authentication": "none", "tls": {"mode": "none"}}
        files = [Path(folder) / f"c{number}.json" for number in range(CHECKS)]
        for file in files:
            file.write_text(json.dumps(fields))
        for _ in range(ROUNDS):
            for size, taken in times.items():
                words = [
                    sys.executable,
                    "-m",
                    "imapcheck",
                    "run",
                    *map(str, files),
                    "--json",
                    "--concurrency",
                    str(size),
                ]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                taken += [json.loads(line)["duration_ms"] for line in done.stdout.splitlines()]
    return {
        size: {"median": statistics.median(taken), "p95": statistics.quantiles(taken, n=20)[-1]}
        for size, taken in times.items()
    }


def report(found: dict[int, dict[str, float]]) -> list[list[object]]:
    """Rows of a table: how many at once, median and 95 %, each to one at a time."""
    alone = found[AT_ONCE[0]]
    return [
        [size, *(f"{one[key]:.1f} ({one[key] / alone[key]:.2f} x)" for key in ("median", "p95"))]
        for size, one in found.items()
    ]


def main() -> None:
    for row in report(measure()):
        print(*row, sep="  ")


if __name__ == "__main__":
    main()
