"""6. What each call of the command line costs of the processor, beside a bare interpreter with the same libraries.

PYTHONPATH=tests .venv/bin/python -m benchmark.calls
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 9
LIBRARIES = "import typer, pydantic, imapclient\nclass One(pydantic.BaseModel):\n    field: int"
PROGRAM = "from imapcheck.cli.app import main; main()"
CALLS = {
    "--version": ["--version"],
    "explain": ["explain", "timeout"],
    "validate": ["validate", "FILE"],
    "run --json": ["run", "FILE", "--json"],
    "run --format nagios": ["run", "FILE", "--format", "nagios"],
    "run": ["run", "FILE"],
}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def processor(words: list[str]) -> float:
    """Milliseconds of the processor that the process takes from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def measure() -> dict[str, float]:
    """Medians by call, taken in turn; `libraries` is the floor. The server that `run` asks is not there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mail.json"
        file.write_text(json.dumps({"server": "127.0.0.1:1", "authentication": "none", "tls": {"mode": "none"}}))
        programs = {"libraries": [sys.executable, "-c", LIBRARIES]} | {
            name: [sys.executable, "-c", PROGRAM, *(str(file) if word == "FILE" else word for word in words)]
            for name, words in CALLS.items()
        }
        samples: dict[str, list[float]] = {name: [] for name in programs}
        for number in range(ROUNDS + 1):
            for name, words in programs.items():
                taken = processor(words)
                if number:  # the first writes bytecode
                    samples[name].append(taken)
    return {name: statistics.median(taken) for name, taken in samples.items()}


def report(found: dict[str, float]) -> list[list[str]]:
    """Rows of a table: call, CPU ms, and how many times the libraries' own."""
    return [[f"`imapcheck {name}`", f"{found[name]:.0f}", f"{found[name] / found['libraries']:.2f}"] for name in CALLS]


def main() -> None:
    found = measure()
    print(f"libraries {found['libraries']:.0f} ms")
    for row in report(found):
        print(*row, sep="  ")


if __name__ == "__main__":
    main()
