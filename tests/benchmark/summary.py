"""13. `imapcheck summary` of a large file of results: memory and processor, and what a gigabyte would take.

    PYTHONPATH=tests .venv/bin/python -m benchmark.summary

Two files are measured; their difference says what a gigabyte takes, as what is kept grows with the number of runs alone.
"""

import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from imapcheck.output.json_lines import json_line
from support.full_results import available
from support.results import outcome

SIZES = (16, 64)
"""Megabytes."""
GIGABYTE = 1000
CHECKS = 20


class Taken(NamedTuple):
    """Peak resident size in MiB, and seconds of the processor."""

    mib: float
    seconds: float


def write(file: Path, megabytes: int) -> int:
    """Results of `CHECKS` checks, one each minute; returns how many."""
    chance, number, octets = random.Random(1), 0, 0
    runs = [available(f"check-{name:02}") for name in range(CHECKS)]
    with file.open("w", encoding="utf-8") as kept:
        while octets < megabytes * 1_000_000:
            run = runs[number % CHECKS]
            at = run.started_at + timedelta(minutes=number // CHECKS)
            line = json_line(
                outcome(replace(run, started_at=at, duration_ms=chance.uniform(100, 900))), transcript=False
            )
            octets += kept.write(f"{line}\n")
            number += 1
    return number


_MEASURED = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "print(used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)"
)


def summarise(file: Path) -> Taken:
    """One call of the command line, from a small process: a child's peak begins with that of whoever started it."""
    call = [sys.executable, "-m", "imapcheck", "summary", str(file)]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *call], check=True, capture_output=True, text=True)
    return Taken(*map(float, done.stdout.split()))


def measure() -> tuple[list[tuple[int, int, Taken]], Taken]:
    """(megabytes, runs, what was taken) of each size, and what a gigabyte would take."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            file = Path(folder) / "results.jsonl"
            count = write(file, size)
            rows.append((size, count, summarise(file)))
    (less, _, small), (more, _, large) = rows
    steps = (GIGABYTE - more) / (more - less)
    return rows, Taken(*(b + (b - a) * steps for a, b in zip(small, large, strict=True)))


def report() -> list[str]:
    rows, gigabyte = measure()
    measured = "; ".join(
        f"{size} MB, {count:,} runs: {one.mib:.0f} MiB, {one.seconds:.1f} s" for size, count, one in rows
    )
    return [
        "## 13. `imapcheck summary` of many results",
        "",
        f"Peak memory and processor: {measured}. A gigabyte would take {gigabyte.mib:.0f} MiB and {gigabyte.seconds:.0f} s (worked out from these two,",
        "not measured). Target: 100 MiB.",
        "",
    ]


if __name__ == "__main__":
    print("\n".join(report()))
