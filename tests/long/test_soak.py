"""Thousands of runs in one process, mixed faults: nothing grows. And fifty at once from the command line."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, Credentials, run_check
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import (
    Action,
    WireServer,
    bad,
    bye,
    close,
    echo,
    endless_line,
    garbage,
    huge_literal,
    no,
    reset,
    wrong_tag,
)

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
RUNS = 2000
PLACES = [
    "GREETING",
    "CAPABILITY",
    "AUTHENTICATE",
    "LIST",
    "EXAMINE",
    "UID SEARCH",
    "UID FETCH",
    "APPEND",
    "LOGOUT",
    "TLS",
]
FAULTS: list[Action] = [bad, bye, close, echo, endless_line, garbage, huge_literal, no, reset, wrong_tag]


def memory_kib() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def slope(samples: list[float]) -> float:
    """Growth per sample, least squares."""
    count = len(samples)
    mean_x, mean_y = (count - 1) / 2, sum(samples) / count
    above = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(samples))
    return above / sum((x - mean_x) ** 2 for x in range(count))


SERVE = """
import random, ssl, sys, time
sys.path.insert(0, sys.argv[1])
from long.test_soak import FAULTS, PLACES
from support.wire_server import WireServer
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
chance = random.Random(4711)
class Moody(dict):
    def get(self, name, default=None):
        return chance.choice(FAULTS) if chance.random() < 0.06 and name in PLACES else default
    def __contains__(self, name):
        return False
server = WireServer(tls=context)
server.script = Moody()
server.__enter__()
print(server.port, flush=True)
while True:
    time.sleep(1)
    server.commands.clear(), server.appended.clear()
    server._threads[1:] = [thread for thread in server._threads[1:] if thread.is_alive()]
"""


@pytest.fixture
def moody_port(certificates: Certificates) -> Iterator[int]:
    """A server in a process of its own that misbehaves now and then, so that what grows here is ours."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(ROOT / "tests"), certificates.chain(), certificates.key()],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    yield int(server.stdout.readline())
    server.kill()
    server.wait()
    server.stdout.close()


def test_nothing_grows_over_two_thousand_runs(
    moody_port: int, certificates: Certificates, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    """The slope of memory, descriptors and threads over the second half; no connection left behind."""
    definition = CheckDefinition.model_validate(
        {
            "server": f"imaps://localhost:{moody_port}/",
            "tls": {"ca_file": str(certificates.ca)},
            "search": "IMAP",
            "new_message": NEW_MESSAGE,
            "timeout": 1,
        }
    )
    memory, descriptors, threads, verdicts = [], [], [], Counter[str]()
    for number in range(RUNS):
        result = run_check(definition, credentials)
        verdicts[result.failure.type if result.failure else "available"] += 1
        if number % 50 == 49:
            memory.append(float(memory_kib()))
            descriptors.append(float(len(list(Path("/proc/self/fd").iterdir()))))
            threads.append(float(threading.active_count()))
    half = len(memory) // 2
    slopes = [slope(samples[half:]) for samples in (memory, descriptors, threads)]
    with capsys.disabled():
        print(f"\nper 50 runs: memory {slopes[0]:+.1f} KiB, descriptors {slopes[1]:+.3f}, threads {slopes[2]:+.3f}")
        print(", ".join(f"{type} {count}" for type, count in verdicts.most_common()))
    # Neither all well nor all turned away at the door: sessions of every length.
    assert RUNS / 4 < verdicts["available"] < 3 * RUNS / 4
    assert len([type for type, count in verdicts.items() if count >= 10]) >= 6
    assert slopes[0] < 64
    assert abs(slopes[1]) < 0.1
    assert abs(slopes[2]) < 0.1


def test_fifty_checks_at_once_from_the_command_line(
    server_context: Any, certificates: Certificates, tmp_path: Path
) -> None:
    """Every one ends, in the order of the arguments."""
    (tmp_path / "secret").write_text(json.dumps({"username": "alice", "password": PASSWORD}))
    with WireServer(tls=server_context) as server:
        names = []
        for number in range(50):
            data = {
                "server": f"imaps://localhost:{server.port}/",
                "tls": {"ca_file": str(certificates.ca)},
                "search": "x",
            }
            (tmp_path / f"c{number}.json").write_text(json.dumps(data))
            names.append(f"c{number}.json")
        done = subprocess.run(
            [sys.executable, "-c", "from imapcheck.cli.app import main; main()", "run", *names, "--json",
             "--credentials", "secret", "--concurrency", "50"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["check"] for result in results] == [f"c{number}" for number in range(50)]
    assert all(result["available"] for result in results)
    assert done.returncode == 0
