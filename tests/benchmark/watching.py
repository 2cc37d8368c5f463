"""6. `run --every` at a terminal: what a run costs of the processor, and whether drawing makes the times longer.

    PYTHONPATH=tests .venv/bin/python -m benchmark.watching

The same definitions, each a session without a login with a server of ours that answers after 20 ms, watched from a pipe and at a
terminal of 40 lines, in turn. So some are always under way when the table is drawn.
"""

import fcntl
import json
import os
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from support.wire_server import WireServer, delay

SIZES = {20: 2, 500: 10}
"""Checks, and seconds between two runs of each."""
SECONDS = 20.0
ANSWER_SECONDS, ANSWERS = 0.02, ("GREETING", "CAPABILITY", "LOGOUT")
ROUNDS = 3

type Figures = dict[str, float]


def watched(files: list[Path], every: int, folder: Path, *, terminal: bool) -> Figures:
    """Milliseconds of the processor a run (without what the start takes), runs, and the runs' own times."""
    kept = folder / f"kept-{time.monotonic_ns()}.jsonl"
    main, other = os.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(main, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    words = [sys.executable, "-m", "imapcheck", "run", *map(str, files), "--every", f"{every}s", "--append", str(kept)]
    process = subprocess.Popen(words, stdout=other, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"})
    os.close(other)
    threading.Thread(target=_swallow, args=(main,), daemon=True).start()
    while not (kept.exists() and kept.stat().st_size):
        time.sleep(0.02)
    before = _processor(process.pid)
    time.sleep(SECONDS)
    taken = _processor(process.pid) - before
    process.send_signal(signal.SIGINT)
    process.wait(30)
    times = [json.loads(line)["duration_ms"] for line in kept.read_text().splitlines()]
    return {
        "cpu": taken * 1000 / len(times),
        "runs": len(times),
        "mean": statistics.fmean(times),
        "median": statistics.median(times),
        "p95": statistics.quantiles(times, n=20)[-1],
        "p99": statistics.quantiles(times, n=100)[-1],
    }


def _swallow(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65_536):
            pass
    except OSError:  # EIO: the program has ended
        os.close(descriptor)


def _processor(process: int) -> float:
    """Seconds of the processor that the process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, rounds: int = ROUNDS) -> dict[int, dict[str, Figures]]:
    """By number of checks, piped and at a terminal: the medians of `rounds` in turn."""
    found: dict[int, dict[str, Figures]] = {}
    for size, every in SIZES.items():
        with WireServer(script={name: delay(ANSWER_SECONDS) for name in ANSWERS}) as server:
            files = [folder / f"c{number:03}.json" for number in range(size)]
            content = {"server": f"localhost:{server.port}", "authentication": "none", "tls": {"mode": "none"}}
            for file in files:
                file.write_text(json.dumps(content))
            taken: dict[str, list[Figures]] = {"piped": [], "at a terminal": []}
            for _ in range(rounds):
                for name, figures in taken.items():
                    figures.append(watched(files, every, folder, terminal=name != "piped"))
        found[size] = {
            name: {key: statistics.median(one[key] for one in figures) for key in figures[0]}
            for name, figures in taken.items()
        }
    return found


def report(found: dict[int, dict[str, Figures]]) -> list[list[object]]:
    """Rows of a table: checks, where, CPU a run, runs, and the runs' own times, each to the pipe's."""
    return [
        [size, name, f"{one['cpu']:.1f}", f"{one['runs']:.0f}",
         *(f"{one[key]:.1f} ({one[key] / sides['piped'][key]:.2f} x)" for key in ("mean", "median", "p95", "p99"))]
        for size, sides in found.items() for name, one in sides.items()
    ]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for row in report(measure(Path(folder))):
            print(*row, sep="  ")


if __name__ == "__main__":
    main()
