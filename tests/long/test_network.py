"""Packets that vanish, in network namespaces of the test's own: silence, resets, unreachable hosts."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
SERVER, CLIENT, ADDRESS, PORT = "imapcheck-s", "imapcheck-c", "10.213.77.1", 10993
BUDGET = 2.0
SERVE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from support.wire_server import Dialect, WireServer
import socket
server = WireServer.__new__(WireServer)
real = socket.create_server
socket.create_server = lambda address, **options: real(("10.213.77.1", 10993), **options)
server.__init__(Dialect())
server.__enter__()
print("ready", flush=True)
time.sleep(600)
"""
RUN = """
import json, sys, time
from imapcheck import CheckDefinition, run_check
definition = CheckDefinition.model_validate(json.loads(sys.argv[1]))
started = time.monotonic()
result = run_check(definition)
failure = result.failure and [result.failure.step, result.failure.type]
print(json.dumps({"failure": failure, "took": time.monotonic() - started}))
"""


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """Two namespaces joined by a veth pair, a server of ours in one of them."""
    if os.getuid() != 0 or not shutil.which("ip") or not shutil.which("nft"):
        pytest.skip("needs root, iproute2 and nftables")
    for name in (SERVER, CLIENT):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    try:
        for name in (SERVER, CLIENT):
            command("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr!r}")
    command("ip", "link", "add", "ics", "netns", SERVER, "type", "veth", "peer", "name", "icc", "netns", CLIENT)
    for name, link, address in ((SERVER, "ics", f"{ADDRESS}/24"), (CLIENT, "icc", "10.213.77.2/24")):
        command(*inside(name, "ip", "addr", "add", address, "dev", link))
        command(*inside(name, "ip", "link", "set", link, "up"))
        command(*inside(name, "ip", "link", "set", "lo", "up"))
    server = subprocess.Popen(
        inside(SERVER, sys.executable, "-c", SERVE, str(ROOT / "tests")), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    yield
    server.kill()
    server.wait()
    server.stdout.close()
    for name in (SERVER, CLIENT):
        command("ip", "netns", "del", name)


@pytest.fixture
def rules(network: None) -> Iterator[None]:
    """An empty nftables chain on the server's side."""
    for words in ("add table inet t", "add chain inet t i { type filter hook input priority 0; }"):
        command(*inside(SERVER, "nft", words))
    yield
    command(*inside(SERVER, "nft", "delete table inet t"))


def check(address: str = ADDRESS, port: int = PORT) -> dict[str, object]:
    definition = {"server": f"{address}:{port}", "authentication": "none", "tls": {"mode": "none"}, "timeout": BUDGET}
    done = subprocess.run(
        inside(CLIENT, sys.executable, "-c", RUN, json.dumps(definition)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    assert float(str(told["took"])) < BUDGET + 0.25
    return told


def drop(rule: str) -> None:
    command(*inside(SERVER, "nft", f"add rule inet t i tcp dport {PORT} {rule}"))


def test_reachable_server_is_available(rules: None) -> None:
    """Without any rule all is well, so that the rules are what is told."""
    assert check()["failure"] is None


@pytest.mark.parametrize(
    ("rule", "failure"),
    [
        ("tcp flags & (syn|ack) == syn drop", ["connect", "timeout"]),
        ("tcp flags & (syn|ack|psh) == ack|psh drop", ["capability", "timeout"]),
        ("reject with tcp reset", ["connect", "connection_refused"]),
        ("reject with icmp type host-unreachable", ["connect", "network_unreachable"]),
        ("tcp flags & (syn|ack|psh) == ack|psh reject with tcp reset", ["capability", "connection_lost"]),
    ],
    ids=["syn dropped", "dropped after connect", "reset", "host unreachable", "reset in mid-session"],
)
def test_network_fault_is_told_right_and_in_time(rules: None, rule: str, failure: list[str]) -> None:
    """Right type, right step, within the budget and 250 ms."""
    drop(rule)
    assert check()["failure"] == failure


def test_no_route_and_closed_port_are_told_apart(network: None) -> None:
    """Nothing listens; nobody lives there; no way leads there."""
    assert check(port=1)["failure"] == ["connect", "connection_refused"]
    assert check("10.213.77.9")["failure"] in (["connect", "timeout"], ["connect", "network_unreachable"])
    assert check("192.0.2.1")["failure"] == ["connect", "network_unreachable"]
