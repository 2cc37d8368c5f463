"""`make bench`: every figure is a ratio or a difference taken in one run; docs/performance.md is what it prints.

PYTHONPATH=tests .venv/bin/python -m benchmark
"""

import json
import os
import platform
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from benchmark import handler_overhead, network, throttled
from benchmark.overhead import MESSAGE, TERM, compare, definition
from imapcheck import CheckDefinition, Credentials, run_check
from imapcheck.aws.metrics import StepMetrics, metrics_of
from support.certificates import Certificates, make_certificates
from support.dovecot import PASSWORD, Dovecot
from support.mailbox_probe import Probe
from support.wire_server import Dialect, WireServer

ROOT = Path(__file__).parents[2]
RUNS = 100
ONE_WAY_MS = 20.0
TOTALS: dict[str, float] = {}
DEFAULT_MB = 256
STEP_METRICS: tuple[StepMetrics, ...] = ("all", "main", "none")
MEMORIES = (128, 256, 512, 1024, 1769)


def fill(host: str, port: int, ca: str) -> None:
    """Put the message that is searched for into both users' INBOX."""
    for user in ("monitor", "bystander"):
        probe = Probe("localhost" if host == "127.0.0.1" else host, port, ca, user, PASSWORD, server_name="localhost")
        probe.put("INBOX", f"Subject: {TERM}\r\n\r\nFound.\r\n".encode())
        probe.close()


def table(head: str, rows: list[list[object]]) -> list[str]:
    columns = head.split("|")
    lines = ["| " + " | ".join(column.strip() for column in columns) + " |", "|---" * len(columns) + "|"]
    return [*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows), ""]


def overhead(certificates: Certificates) -> list[str]:
    with Dovecot(certificates) as server:
        fill("127.0.0.1", server.imaps, str(certificates.ca))
        medians = compare("localhost", server.imaps, str(certificates.ca), PASSWORD, RUNS)
    raw, ours = medians["raw"], medians["ours"]
    rows: list[list[object]] = [
        [
            step,
            f"{raw[step]:.2f}",
            f"{ours[step]:.2f}",
            f"{ours[step] / raw[step]:.2f}",
            f"{ours[step] - raw[step]:+.2f}",
        ]
        for step in raw
    ]
    return [
        "## 1. Overhead over a raw socket, Dovecot on loopback",
        "",
        f"Medians of {RUNS} runs in ms, alternating. The raw program sends the same octets and reads no more than it must; its",
        "`connect` includes the name's resolution, our `total` too. Targets: each step at most 1.25 x or +0.15 ms; total 1.10 x.",
        "",
        *table("step | raw | ours | ratio | difference", rows),
    ]


def away(certificates: Certificates) -> list[str]:
    if reason := network.missing():
        return [
            f"## 2. Round trips\n\nNot measured: {reason}.\n",
            f"## 3. Under a Lambda's CPU\n\nNot measured: {reason}.\n",
        ]
    with network.delayed_dovecot(ONE_WAY_MS, certificates.directory) as port:
        order: dict[str, object] = {
            "host": network.ADDRESS, "port": port, "ca": str(certificates.ca), "password": PASSWORD, "runs": 15,
        }  # fmt: skip
        medians = cast("dict[str, dict[str, float]]", network.run_inside("benchmark.overhead", order))
        return round_trips(medians) + lambda_cpu(order)


def round_trips(medians: dict[str, dict[str, float]]) -> list[str]:
    # counted from the transcript, so that a hidden command counts as needed only if it was meant: see `assert`
    expected, trip = int(medians["ours"]["needed"]), medians["raw"]["connect"]
    assert expected == 3 + 12 + 1, "connect, TLS 1.3 and the greeting, twelve commands, and APPEND's literal"
    rows: list[list[object]] = [
        [
            name,
            f"{times['total']:.1f}",
            f"{times['total'] / trip:.2f}",
            expected,
            f"{times['total'] / trip - expected:+.2f}",
        ]
        for name, times in medians.items()
    ]
    return [
        f"## 2. Round trips, {ONE_WAY_MS:.0f} ms each way between network namespaces",
        "",
        "Needed: connect, TLS 1.3, greeting, twelve commands (LIST three times, then once more), and the literal of APPEND.",
        f"A round trip is what the raw program's connect took, {trip:.1f} ms. Target: at most 0.3 more than needed.",
        "",
        *table("program | total ms | round trips | needed | more", rows),
    ]


def lambda_cpu(order: dict[str, object]) -> list[str]:
    if reason := throttled.missing():
        return [f"## 3. Under a Lambda's CPU\n\nNot measured: {reason}.\n"]
    free = cast("dict[str, float]", network.run_inside("benchmark.throttled", {**order, "memory_mb": 0}))
    rows: list[list[object]] = []
    for memory in MEMORIES:
        times = cast("dict[str, float]", network.run_inside("benchmark.throttled", {**order, "memory_mb": memory}))
        off = {step: times[step] - free[step] for step in times if step != "total"}
        worst = max(off, key=lambda step: off[step])
        bad = [step for step in off if off[step] > max(2.0, 0.05 * free[step])]
        rows.append([memory, f"{times['total']:.0f}", f"{worst} {off[worst]:+.1f}", ", ".join(bad) or "none"])
    TOTALS["billed_ms"] = free["total"]
    return [
        f"## 3. Step times under a Lambda's CPU, {2 * ONE_WAY_MS:.0f} ms round trip",
        "",
        f"A control group with memory/1769 of a core in periods of 20 ms plays the function; unthrottled: {free['total']:.0f} ms.",
        "A step is off when it takes 5 % and 2 ms longer than unthrottled. Not a real Lambda.",
        "",
        *table("MB | total ms | worst step, ms | steps that are off", rows),
        f"The template's default is {DEFAULT_MB} MB: the timings would allow less, but boto3 and a message of 25 MiB need room, and",
        "the import at the start is not in this table.",
        "",
    ]


IMPORT = "import time; s = time.perf_counter(); exec({what!r}); print((time.perf_counter() - s) * 1000)"
FLOOR = "from aws_lambda_powertools import Logger, Metrics; import pydantic, imapclient"
COLD_CASES = {
    "the four libraries imported": FLOOR,
    "and one pydantic model of one field": f"{FLOOR}\nclass One(pydantic.BaseModel):\n    field: int",
    "handler": "import handler",
}


def cold_start(folder: Path) -> list[str]:
    """Import of the handler in a bare interpreter that knows the pinned layer alone."""
    target = folder / "layer"
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable, "--target", target, "--require-hashes", "-r", ROOT / "layers/dependencies/requirements.txt"],
        check=True,
    )  # fmt: skip
    ours = [folder / "package", folder / "function"]
    for original, copy in zip((ROOT / "layers/imapcheck", ROOT / "functions/run_check"), ours, strict=True):
        shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    environment = {"PYTHONPATH": os.pathsep.join(map(str, [target, *ours])), "PATH": os.environ["PATH"]}
    source = imports({**environment, "PYTHONDONTWRITEBYTECODE": "1"}, runs=5)
    imports(environment, runs=1)  # writes the bytecode
    compiled = imports(environment, runs=10)
    floor, modelled, handler = COLD_CASES
    rows: list[list[object]] = [
        [name, *(f"{case:.0f}" for case in times.values()), f"{times[handler] / times[floor]:.2f}", f"{times[handler] / times[modelled]:.2f}"]
        for name, times in (("from source, as `sam build` leaves it", source), ("with bytecode", compiled))
    ]  # fmt: skip
    return [
        "## 4. Cold start",
        "",
        "Import in a bare interpreter, ms. The libraries are Powertools Logger and Metrics, pydantic and imapclient; `import",
        "pydantic` alone loads little of pydantic, its first model the rest. Target: 1.15 x the floor. `sam build` ships no bytecode and",
        "Lambda's layers cannot be written to, so there a cold start compiles what it imports. boto3 is loaded when the first secret is",
        f"read. The layer of dependencies has {size / 1e6:.1f} MB unpacked (x86_64).",
        "",
        *table(f"import | {floor} | {modelled} | {handler} | to the libraries | to libraries and model", rows),
    ]


def imports(environment: dict[str, str], runs: int) -> dict[str, float]:
    """Median import time in ms of each cold case, taken in turn."""
    program = str(Path(sys.base_prefix) / "bin/python3")
    samples: dict[str, list[float]] = {name: [] for name in COLD_CASES}
    for _ in range(runs):
        for name, what in COLD_CASES.items():
            words = [program, "-S", "-c", IMPORT.format(what=what)]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
            samples[name].append(float(done.stdout))
    return {name: statistics.median(taken) for name, taken in samples.items()}


PEAK = """
import json, sys
from pathlib import Path
from imapcheck import CheckDefinition, Credentials, run_check
definition = CheckDefinition.model_validate(json.loads(sys.argv[1]))
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
result = run_check(definition, Credentials.model_validate({"username": "alice", "password": sys.argv[2]}))
assert result.available, result.failure
print(before, peak())
"""


def memory(certificates: Certificates) -> list[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain(), certificates.key())
    rows: list[list[object]] = []
    for name, size in (("small message", 1000), ("25 MiB message", 25 << 20)):
        with WireServer(Dialect(message=b"x" * size), tls=context) as server:
            data = {
                "server": f"localhost:{server.port}",
                "search": "x",
                "tls": {"ca_file": str(certificates.ca)},
                "timeout": 60,
            }
            words = [sys.executable, "-c", PEAK, json.dumps(data), PASSWORD]
            before, peak = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        rows.append(
            [name, f"{int(before) / 1024:.1f}", f"{int(peak) / 1024:.1f}", f"{(int(peak) - int(before)) / 1024:+.1f}"]
        )
    return ["## 5. Memory", "", *table("run | MiB before | MiB at its peak | more", rows)]


def command_line(certificates: Certificates, folder: Path) -> list[str]:
    with Dovecot(certificates) as server:
        fill("127.0.0.1", server.imaps, str(certificates.ca))
        (folder / "secret").write_text(json.dumps({"username": "monitor", "password": PASSWORD}))
        for number in range(100):
            data = {"server": f"localhost:{server.imaps}", "search": TERM, "tls": {"ca_file": str(certificates.ca)}}
            (folder / f"c{number}.json").write_text(json.dumps(data))
        program = [
            sys.executable,
            "-c",
            "from imapcheck.cli import main; main()",
            "run",
            "--json",
            "--credentials",
            "secret",
        ]
        one = timed([*program, "c0.json"], folder)
        hundred = timed([*program, *(f"c{number}.json" for number in range(100))], folder)
        check = definition("localhost", server.imaps, str(certificates.ca))
        credentials = Credentials.model_validate({"username": "monitor", "password": PASSWORD})
        single = statistics.median(run_check(check, credentials).duration_ms for _ in range(20))
    return [
        "## 6. Command line",
        "",
        f"One check: {one:.0f} ms from start to result, nearly all of it Python's imports. 100 definitions in one call: {hundred:.0f} ms,",
        f"{(hundred - one) / 99:.1f} ms for each further one; a run by itself takes {single:.1f} ms (concurrency 10, one process, {os.cpu_count()} cores).",
        "",
    ]


def timed(words: list[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(words, cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - started) * 1000


def costs(certificates: Certificates) -> list[str]:
    """Per check and month, from a real run's metrics and log line."""
    prices = json.loads((Path(__file__).parent / "prices.json").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain(), certificates.key())
    with WireServer(tls=context) as server:
        asked = CheckDefinition.model_validate(
            {
                "name": "bench",
                "server": f"localhost:{server.port}",
                "search": "x",
                "new_message": MESSAGE,
                "tls": {"ca_file": str(certificates.ca)},
            }
        )
        sample = run_check(asked, Credentials.model_validate({"username": "alice", "password": PASSWORD}))
    assert sample.available, sample.failure
    seconds, memory_gb = TOTALS.get("billed_ms", 1500.0) / 1000, DEFAULT_MB / 1024
    log_octets = len(json.dumps(sample.to_dict())) + 600
    rows: list[list[object]] = []
    for minutes in (1, 5, 15):
        runs = 30 * 24 * 60 / minutes
        for step_metrics in STEP_METRICS:
            metrics = len(metrics_of(sample, step_metrics))
            compute = runs * (seconds * memory_gb * prices["lambda_arm64_gb_second"] + prices["lambda_request"])
            metric_cost = metrics * prices["custom_metric_month"]
            rest = (
                4 * prices["alarm_month"] + prices["secret_month"] + runs * prices["schedule_invocation"]
                + runs * (log_octets + 300 * metrics) / 1e9 * prices["log_ingest_gb"]
            )  # fmt: skip
            rows.append(
                [f"{minutes} min", step_metrics, metrics, f"{metric_cost:.2f}", f"{compute:.2f}", f"{rest:.2f}",
                 f"{metric_cost + compute + rest:.2f}", f"{runs * prices['synthetics_canary_run']:.2f}"]
            )  # fmt: skip
    return [
        "## 7. Cost per check and month, US dollars",
        "",
        f"Prices: {prices['source']} ({prices['region']}, {prices['as_of']}); before the free tier; {seconds:.2f} s at {DEFAULT_MB} MB a",
        "run (part 3), a definition with search and new message. `canary` is what CloudWatch Synthetics asks for the runs alone. Custom",
        "metrics dominate: StepMetrics is the knob.",
        "",
        *table(
            "every | StepMetrics | metrics | metrics $ | Lambda $ | alarms, secret, logs, schedule $ | total $ | canary $",
            rows,
        ),
    ]


BLACKBOX = """modules:
  login:
    prober: tcp
    timeout: 5s
    tcp:
      tls: true
      tls_config: {{ca_file: {ca}, server_name: localhost}}
      query_response:
        - expect: "^. OK"
        - send: "a LOGIN monitor {password}"
        - expect: "^a OK"
        - send: "b EXAMINE INBOX"
        - expect: "^b OK"
        - send: "c UID SEARCH SUBJECT needle"
        - expect: "^. SEARCH"
        - send: "d LOGOUT"
"""


@contextmanager
def blackbox(certificates: Certificates, folder: Path) -> Iterator[str]:
    program = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    assert program is not None
    (folder / "blackbox.yml").write_text(BLACKBOX.format(ca=certificates.ca, password=PASSWORD))
    words = [program, f"--config.file={folder / 'blackbox.yml'}", "--web.listen-address=127.0.0.1:19115"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    yield "http://127.0.0.1:19115/probe?module=login&target=localhost:"
    process.kill()
    process.wait()


def peers(certificates: Certificates, folder: Path) -> list[str]:
    receive = Path("/usr/lib/nagios/plugins/check_imap_receive")
    rows: list[list[object]] = []
    with Dovecot(certificates) as server:
        fill("127.0.0.1", server.imaps, str(certificates.ca))
        check = definition("localhost", server.imaps, str(certificates.ca))
        credentials = Credentials.model_validate({"username": "monitor", "password": PASSWORD})
        ours = statistics.median(run_check(check, credentials).duration_ms for _ in range(20))
        rows.append(
            ["imapcheck, in process", f"{ours:.0f}", "17 steps, each timed; type, server's words, transcript", "-"]
        )
        if shutil.which("prometheus-blackbox-exporter") and shutil.which("curl"):
            with blackbox(certificates, folder) as url:
                wall, text = answer(["curl", "-s", f"{url}{server.imaps}"])
            success = "probe_success 1" in text
            rows.append(["blackbox_exporter (LOGIN, EXAMINE, SEARCH)", f"{wall:.0f}", f"success {success}, one duration, certificate expiry", "which step, why; APPEND with an id of its own"])  # fmt: skip
        if shutil.which("curl"):
            words = ["curl", "-s", "--cacert", str(certificates.ca), "-u", f"monitor:{PASSWORD}", f"imaps://localhost:{server.imaps}/INBOX", "-X", f'UID SEARCH SUBJECT "{TERM}"', "-w", "%{time_appconnect} %{time_total}"]  # fmt: skip
            wall, text = answer(words)
            rows.append(["curl (one command a run)", f"{wall:.0f}", f"`{text.strip().splitlines()[0][:30]}`, connect, TLS and total", "login apart from the rest; the server's words"])  # fmt: skip
        if receive.exists():
            words = [str(receive), "-H", "localhost", "-p", str(server.imaps), "--ssl", "--ssl-ca-file", str(certificates.ca), "-U", "monitor", "-P", PASSWORD, "-s", "SUBJECT", "-s", "needle", "--nodelete", "--search-critical-min", "1"]  # fmt: skip
            wall, text = answer(words)
            rows.append(["check_imap_receive", f"{wall:.0f}", f"`{text.strip()[:60]}`", "steps, fractions of a second; deletes unless told not to"])  # fmt: skip
    return [
        "## 8. Peers, the same Dovecot, the same run",
        "",
        "Wall time in ms of one probe each, process start included except where it says in process.",
        "",
        *table("peer | ms | what it reports | what it cannot tell", rows),
    ]


def answer(words: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (time.perf_counter() - started) * 1000, done.stdout or done.stderr


def handler(folder: Path) -> list[str]:
    place = folder / "handler"
    place.mkdir()
    with WireServer() as server:
        plain, handled = handler_overhead.measure(server, place)
    return [
        "## The handler",
        "",
        f"Warm, in one process: `run_check` {plain:.2f} ms, the handler around it {handled:.2f} ms, {handled - plain:+.2f} ms (target 5 ms).",
        "",
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificates = make_certificates(folder)
        parts: list[Any] = [
            lambda: overhead(certificates), lambda: away(certificates), lambda: cold_start(folder),
            lambda: memory(certificates), lambda: command_line(certificates, folder), lambda: costs(certificates),
            lambda: peers(certificates, folder), lambda: handler(folder),
        ]  # fmt: skip
        lines = [
            "# Performance",
            "",
            "<!-- Written by `make bench`. -->",
            "",
            f"Measured on {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, a",
            "shared machine: ratios and differences of one run mean something, absolute times do not. Not measured: a real",
            "Lambda, real arm64, AWS's own network.",
            "",
        ]
        for part in parts:
            lines += part()
            print(lines[-1] or ".", flush=True)
    text = "\n".join(lines)
    (ROOT / "docs/performance.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
