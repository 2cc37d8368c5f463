"""Two network namespaces with a delay between them: a Dovecot in one, the clients in the other.

A pair of TUN devices carries the packets and holds each back, as this needs no kernel module (`tc netem` is one).
Needs root, iproute2 and /dev/net/tun.
"""

import contextlib
import fcntl
import heapq
import itertools
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SERVER, CLIENT, ADDRESS = "imapcheck-bs", "imapcheck-bc", "10.213.78.1"
_SET_INTERFACE, _TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
TESTS = Path(__file__).parents[1]


def missing() -> str | None:
    """Why namespaces cannot be had here, or None."""
    if os.getuid() != 0:
        return "needs root"
    if shutil.which("ip") is None or not Path("/dev/net/tun").exists():
        return "needs iproute2 and /dev/net/tun"
    return None


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


@contextlib.contextmanager
def delayed_dovecot(one_way_ms: float, certificates: Path) -> Iterator[int]:
    """A Dovecot that is `one_way_ms` away from the namespace `CLIENT`; yields its imaps port on `ADDRESS`."""
    for name in (SERVER, CLIENT):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(inside(name, "ip", "link", "set", "lo", "up"), check=True)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    pipe = subprocess.Popen([sys.executable, "-m", "benchmark.network", "pipe", str(one_way_ms)], stdout=subprocess.PIPE, text=True, env=environment)  # fmt: skip
    assert pipe.stdout is not None
    assert pipe.stdout.readline() == "ready\n"
    serve = inside(SERVER, sys.executable, "-m", "benchmark.network", "serve", str(certificates))
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.communicate("")
        pipe.kill()
        pipe.communicate()
        for name in (SERVER, CLIENT):
            subprocess.run(["ip", "netns", "del", name], check=False)


def run_inside(module: str, arguments: dict[str, object]) -> object:
    """Run a benchmark module in the client's namespace; its arguments and answer are JSON.

    `ip netns exec` would mount another /sys, and hide the control groups.
    """
    words = ["nsenter", f"--net=/run/netns/{CLIENT}", sys.executable, "-m", module, json.dumps(arguments)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])  # before it servers may have said hello


def _tun(namespace: str, name: str, address: str, peer: str) -> int:
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    os.setns(handle, 0x40000000)
    os.close(handle)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
    for words in (f"ip addr add {address} peer {peer} dev {name}", f"ip link set {name} up"):
        subprocess.run(words.split(), check=True)
    return device


def _pipe(one_way_ms: float) -> None:
    """Carry packets both ways, each after its delay, until killed."""
    ends = [_tun(CLIENT, "tunbench", "10.213.78.2", ADDRESS), _tun(SERVER, "tunbench", ADDRESS, "10.213.78.2")]
    print("ready", flush=True)
    waiting: list[tuple[float, int, int, bytes]] = []
    order = itertools.count()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for end in select.select(ends, [], [], timeout)[0]:
            packet = os.read(end, 65535)
            other = ends[1] if end == ends[0] else ends[0]
            heapq.heappush(waiting, (time.monotonic() + one_way_ms / 1000, next(order), other, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):
                os.write(waiting[0][2], waiting[0][3])
            heapq.heappop(waiting)


def _serve(certificates: str) -> None:
    from benchmark.overhead import fill
    from support.certificates import Certificates
    from support.dovecot import Dovecot

    held = Certificates(Path(certificates))
    with Dovecot(held, listen=ADDRESS) as server:
        fill(ADDRESS, server.imaps, str(held.ca))
        print(server.imaps, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "pipe":
        _pipe(float(sys.argv[2]))
    else:
        _serve(sys.argv[2])
