"""6. The command line: the time to its first output, and a hundred definitions in one call."""

import json
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark import calls as call_rows
from benchmark import concurrency, watching
from benchmark.overhead import definition, definition_of
from benchmark.tables import table
from imapcheck import Credentials, run_check

PROGRAM = [str(Path(sys.executable).parent / "imapcheck"), "run", "--credentials", "secret"]
CONCURRENCY, DEFINITIONS = 10, 100
# As installed: pip writes bytecode, whatever the environment of this process says.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure(host: str, port: int, ca: str, password: str) -> dict[str, float]:
    """Milliseconds: a bare interpreter, the first output, a whole call of one and of a hundred, and a run by itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret").write_text(json.dumps({"username": "monitor", "password": password}))
        files = [f"c{number}.json" for number in range(DEFINITIONS)]
        data = {key: value for key, value in definition_of(host, port, ca).items() if key != "new_message"}
        for file in files:
            (folder / file).write_text(json.dumps(data))
        check = definition(host, port, ca).model_copy(update={"new_message": None})
        credentials = Credentials.model_validate({"username": "monitor", "password": password})
        timed([*PROGRAM, files[0]], folder)  # writes it
        return {
            "bare": statistics.median(timed([sys.executable, "-c", "pass"], folder) for _ in range(5)),
            "first": statistics.median(first_output([*PROGRAM, files[0]], folder) for _ in range(5)),
            "one": statistics.median(timed([*PROGRAM, "--json", files[0]], folder) for _ in range(5)),
            "hundred": timed([*PROGRAM, "--json", "--concurrency", str(CONCURRENCY), *files], folder),
            "run": statistics.median(run_check(check, credentials).duration_ms for _ in range(10)),
        }


def timed(words: list[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)
    return (time.perf_counter() - started) * 1000


def first_output(words: list[str], folder: Path) -> float:
    """Until a person at a terminal sees something."""
    ours, theirs = pty.openpty()
    started = time.perf_counter()
    with subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.read(ours, 1)
        seen = (time.perf_counter() - started) * 1000
        while process.poll() is None:
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    os.read(ours, 65536)
                except OSError:  # the terminal went with its last user
                    break
    os.close(ours)
    return seen


def report(
    near: dict[str, float],
    far: dict[str, float] | None,
    calls: dict[str, float],
    watched: dict[int, dict[str, watching.Figures]],
    at_once: dict[int, dict[str, float]],
) -> list[str]:
    lines = [
        "## 6. Command line",
        "",
        f"`imapcheck run FILE` shows its first step after {near['first']:.0f} ms (a bare interpreter takes {near['bare']:.0f}, the rest is Python's imports) and, with",
        f"`--json`, ends after {near['one']:.0f} ms.",
        "",
    ]
    if far is not None:
        least = far["run"] * DEFINITIONS / CONCURRENCY
        took = far["hundred"] - far["one"] + far["run"]
        lines += [
            f"{DEFINITIONS} definitions in one call, {CONCURRENCY} at once, Dovecot 20 ms away: {took:.0f} ms without the start; {CONCURRENCY} rounds of a run of {far['run']:.0f} ms",
            f"would be {least:.0f}: {took / least:.2f} x what the concurrency allows.",
        ]
    title = "call | CPU ms | to the libraries alone"
    lines += [
        "",
        f"What a call costs of the processor, beside the {calls['libraries']:.0f} ms of a bare interpreter that imports typer, imapclient and pydantic with a model:",
        "",
        *table(title, call_rows.report(calls)),
        "`run --every` for so many checks, each a session without a login with a server that answers after 20 ms, from a pipe and at a terminal of 40",
        f"lines; the runs' own times at the terminal beside those in the pipe. Medians of {watching.ROUNDS} rounds, alternating. Targets: at most 10 ms of the",
        "processor a run, and no run's time grows by drawing:",
        "",
        *table(
            "checks | where | CPU ms a run | runs | mean ms | median ms | 95 % ms | 99 % ms", watching.report(watched)
        ),
    ]
    lines += [
        f"The runs' own times where {concurrency.CHECKS} of these checks run in one call, by `--concurrency`: others' work falls into a step's time.",
        "",
        *table("at once | median ms | 95 % ms", concurrency.report(at_once)),
    ]
    each = (near["hundred"] - near["one"]) / (DEFINITIONS - 1)
    lines += [
        f"On loopback, where two cores share checks and Dovecot: {each:.1f} ms for each further definition, a run by itself {near['run']:.1f} ms.",
        "",
    ]
    return lines


def main() -> None:
    """Arguments as JSON: host, port, ca, password; milliseconds as JSON on stdout."""
    print(json.dumps(measure(**json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
