"""3. The built artifact as a Lambda of so much memory: its start, its first run, its later runs.

awslambdaric runs what `make build` makes, against a Runtime API of ours, with the template's own environment: the secret and
the table of withheld logins on moto's server, behind TLS, as AWS is. All certificates are verified with a bundle of the usual
size: to read it takes some 20 ms of a whole processor. INIT has the whole processor, as Lambda lends it; before the first event
the process moves into a control group that has memory/1769 of a core in periods of 20 ms.
"""

import json
import logging
import os
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import botocore
from moto.server import ThreadedMotoServer

from benchmark.overhead import definition_of
from support.certificates import Certificates
from support.runtime_api import LambdaEnvironment
from support.templates import load_template

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
CGROUP = Path("/sys/fs/cgroup/cpu")
PERIOD_US, FULL_CORE_MB = 20_000, 1769
SECRET, TABLE = "imapcheck/bench", "pauses"
STARTS = 4


def missing() -> str | None:
    """Why a quota cannot be set here, or None."""
    if os.getuid() != 0 or not (CGROUP / "cpu.cfs_quota_us").exists():
        return "needs root and cgroup v1's cpu controller"
    return None


@contextmanager
def quota(process: int, memory_mb: int) -> Iterator[None]:
    """`process` has the share of a core that `memory_mb` buys; 0: all of it."""
    if not memory_mb:
        yield
        return
    group = CGROUP / f"imapcheck-{memory_mb}"
    group.mkdir(exist_ok=True)
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(PERIOD_US * memory_mb // FULL_CORE_MB))
    (group / "cgroup.procs").write_text(str(process))
    try:
        yield
    finally:
        (CGROUP / "cgroup.procs").write_text(str(process))
        group.rmdir()


@contextmanager
def apis(secret: dict[str, str], certificates: Certificates) -> Iterator[str]:
    """moto's server with `secret` and the template's table, behind TLS; yields its URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    session = boto3.Session("x", "x", region_name="eu-central-1")
    session.client("secretsmanager", endpoint_url=url).create_secret(Name=SECRET, SecretString=json.dumps(secret))
    properties = load_template(TEMPLATE.read_text(encoding="utf-8"))["Resources"]["LoginPauses"]["Properties"]
    wanted = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
    session.client("dynamodb", endpoint_url=url).create_table(TableName=TABLE, **wanted)
    with behind_tls(server.get_host_and_port(), certificates) as port:
        yield f"https://localhost:{port}"
    server.stop()


@contextmanager
def behind_tls(moto: tuple[str, int], certificates: Certificates) -> Iterator[int]:
    """A port that passes what it is asked over TLS on to `moto`, and keeps its connections, as AWS does."""

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = HTTPConnection(*moto)
            asked.request("POST", self.path, body, dict(self.headers))
            answer = asked.getresponse()
            content = answer.read()
            asked.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() != "connection":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as front:
        front.socket = certificates.server_context().wrap_socket(front.socket, server_side=True)
        threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True).start()
        yield front.server_address[1]
        front.shutdown()


def authorities(certificates: Certificates, place: Path) -> Path:
    """A bundle such as Lambda has, with our own authority besides."""
    usual = Path(botocore.__file__).with_name("cacert.pem").read_bytes()
    bundle = place / "authorities.pem"
    bundle.write_bytes(usual + certificates.ca.read_bytes())
    return bundle


def measure(
    artifacts: Sequence[Path], data: dict[str, Any], outside: dict[str, str], memory_mb: int, runs: int
) -> list[dict[str, Any]]:
    """Of `STARTS` environments of each artifact the one whose INIT and first call together are in the middle.

    The artifacts take turns. `outside` are the variables that say where AWS is, and whom to trust.
    """
    taken = [[_one(artifact, data, outside, memory_mb, runs) for artifact in artifacts] for _ in range(STARTS)]
    return [sorted(some, key=started)[STARTS // 2] for some in zip(*taken, strict=True)]


def started(one: dict[str, Any]) -> float:
    """Milliseconds of INIT and first call together."""
    return float(one["init"] + one["first"])


def variables_of(endpoint: str, bundle: Path) -> dict[str, str]:
    """Where AWS is, and whom the function's three kinds of connections trust."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}


def _one(artifact: Path, data: dict[str, Any], outside: dict[str, str], memory_mb: int, runs: int) -> dict[str, Any]:
    """One environment: milliseconds, steps of its first run and of the others, octets logged, peak memory."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "definitions").mkdir()
        trusting = {**data, "tls": {"server_name": "localhost"}}
        (place / "definitions/bench.json").write_text(json.dumps({**trusting, "name": "bench", "secret": SECRET}))
        variables = {
            "IMAPCHECK_DEFINITIONS": str(place / "definitions"),
            "IMAPCHECK_PAUSE_TABLE": TABLE,
            "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",
            "PYDANTIC_DISABLE_PLUGINS": "true",  # as template.yaml does
            **outside,
        }
        started = time.perf_counter()
        with LambdaEnvironment(artifact, place, variables) as environment:
            environment.wait_until_ready()
            init = (time.perf_counter() - started) * 1000
            with quota(environment.process, memory_mb):
                calls = [invoke(environment) for _ in range(runs + 1)]
            status = Path(f"/proc/{environment.process}/status").read_text()
            octets = len(environment.output()) / len(calls)
    (first, first_steps), later = calls[0], calls[1:]
    return {
        "init": init,
        "first": first,
        "later": statistics.median(wall for wall, _ in later),
        "work": statistics.median(wall - steps["total"] for wall, steps in later),
        "connection": connection(Path(outside["AWS_CA_BUNDLE"])),
        "first_steps": first_steps,
        "later_steps": {step: statistics.median(steps[step] for _, steps in later) for step in first_steps},
        "log_octets": octets,
        "peak_mib": int(status.split("VmHWM:")[1].split()[0]) / 1024,
    }


def connection(bundle: Path) -> float:
    """Milliseconds of a whole processor in which a new connection to AWS reads the authorities' certificates."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
        taken.append((time.process_time() - began) * 1000)
    return statistics.median(taken)


def invoke(environment: LambdaEnvironment) -> tuple[float, dict[str, float]]:
    started = time.perf_counter()
    reply = environment.invoke({"check": "bench"})
    wall = (time.perf_counter() - started) * 1000
    assert reply.error is None, reply.error
    assert reply.result["available"], reply.result["failure"]
    steps = {step["name"]: step["duration_ms"] or 0.0 for step in reply.result["steps"]}
    return wall, steps | {"total": reply.result["duration_ms"]}


def main() -> None:
    """Arguments as JSON: artifact, host, port, ca, password, runs, memories; answers by memory as JSON on stdout.

    With `before`, another artifact, its answer for `before_mb` comes besides.
    """
    order = json.loads(sys.argv[1])
    data = definition_of(order["host"], order["port"], order["ca"])
    secret = {"username": "monitor", "password": order["password"], "host": order["host"]}
    certificates = Certificates(Path(order["ca"]).parent)
    with tempfile.TemporaryDirectory() as folder, apis(secret, certificates) as endpoint:
        outside = variables_of(endpoint, authorities(certificates, Path(folder)))
        found: dict[str, dict[str, Any]] = {}
        for memory in (0, *order["memories"]):
            names = [str(memory), *(["before"] if order.get("before") and memory == order["before_mb"] else [])]
            artifacts = [Path(order["before" if name == "before" else "artifact"]) for name in names]
            found |= zip(names, measure(artifacts, data, outside, memory, order["runs"]), strict=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
