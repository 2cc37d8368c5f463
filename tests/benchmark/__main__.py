"""`make bench`: every figure is a ratio or a difference taken in one run; it writes docs/performance.md and docs/cost.md.

PYTHONPATH=tests .venv/bin/python -m benchmark [FOLDER FOR THE PAGES] [--before AN OLDER BUILD]
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from benchmark import calls, command_line, concurrency, handler_overhead, lambda_cpu, network, scale, summary, watching
from benchmark.alarm_time import alarm_time
from benchmark.cold_start import cold_start
from benchmark.cost import costs, lambda_month
from benchmark.memory import memory
from benchmark.overhead import compare, fill
from benchmark.peers import peers
from benchmark.places import places
from benchmark.tables import not_measured, table
from support import artifact
from support.certificates import Certificates, make_certificates
from support.dovecot import PASSWORD, Dovecot
from support.wire_server import WireServer

ROOT = Path(__file__).parents[2]
ROUNDS, RUNS = 5, 100
ONE_WAY_MS = 20.0
MEMORIES = (128, 256, 512, 1024, 1769)
DEFAULT_MB = 256
INTERVAL = 5

type Medians = dict[str, dict[str, float]]


def ratio(medians: Medians) -> float:
    return medians["ours"]["total"] / medians["raw"]["total"]


def overhead(rounds: list[Medians]) -> list[str]:
    """Of `rounds`, in the order of their ratio, the one in the middle."""
    medians = rounds[len(rounds) // 2]
    raw, ours = medians["raw"], medians["ours"]
    rows = [
        [
            step,
            f"{raw[step]:.2f}",
            f"{ours[step]:.2f}",
            f"{ours[step] / raw[step]:.2f}",
            f"{ours[step] - raw[step]:+.2f}",
        ]
        if step in raw
        else [step, "-", f"{ours[step]:.2f}", "-", f"{ours[step]:+.2f}"]
        for step in ours
        if step != "needed"
    ]
    return [
        "## 1. Overhead over a raw socket, Dovecot on loopback",
        "",
        f"Medians of {RUNS} runs in ms, alternating. The raw program sends the same bytes in single writes, reads no more than it must and",
        "checks nothing but OK; its `connect` includes the name's resolution. Targets: each step at most 1.25 x or +0.15 ms; total 1.05 x.",
        f"Of {len(rounds)} such rounds the totals' ratios were {', '.join(f'{ratio(one):.3f}' for one in rounds)}; the table is the one in the middle. A step of ours",
        "ends when the last bytes of its answer are there, as raw's does but for what reading a line takes.",
        "",
        *table("step | raw | ours | ratio | difference", rows),
    ]


def round_trips(far: Medians, near: Medians) -> list[str]:
    expected, trip = int(far["ours"]["needed"]), far["raw"]["connect"]
    assert expected == 3 + 12 + 1, "connect, TLS 1.3 and the greeting, twelve commands, and APPEND's literal"
    rows = []
    for name, times in far.items():
        trips, work = times["total"] / trip, near[name]["total"] / trip
        rows.append(
            [
                name,
                f"{times['total']:.1f}",
                f"{trips:.2f}",
                f"{work:.2f}",
                f"{trips - work:.2f}",
                f"{trips - work - expected:+.2f}",
            ]
        )
    return [
        f"## 2. Round trips, {ONE_WAY_MS:.0f} ms each way between network namespaces",
        "",
        f"The commands of the transcript need {expected}: connect, TLS 1.3, greeting, twelve commands (LIST three times, then once more), and the",
        f"literal of APPEND. A round trip is what the raw program's connect took, {trip:.1f} ms. `work` is the same session's time on loopback",
        "(part 1): the server's and the program's own. What remains was waiting for the network. Target: at most 0.3 more than needed.",
        "",
        *table("program | total ms | round trips | of that work | waiting | more than needed", rows),
    ]


def lambda_table(found: dict[str, dict[str, Any]]) -> list[str]:
    free, rows, steady = found["0"], [], []
    for memory_mb in MEMORIES:
        one = found[str(memory_mb)]
        off = {kind: off_steps(one[kind], free["later_steps"]) for kind in ("first_steps", "later_steps")}
        if not off["later_steps"]:
            steady.append(memory_mb)
        month = lambda_month(one, memory_mb, INTERVAL)
        rows.append(
            [memory_mb, worst(one["later_steps"], free["later_steps"]), ", ".join(off["later_steps"]) or "none",
             worst(one["first_steps"], free["later_steps"]), ", ".join(off["first_steps"]) or "none",
             f"{one['init']:.0f}", f"{one['first']:.0f}", f"{one['later']:.0f}", f"{one['peak_mib']:.0f}", f"{month:.3f}"]
        )  # fmt: skip
    return [
        f"## 3. The built function under a Lambda's CPU, {2 * ONE_WAY_MS:.0f} ms round trip",
        "",
        "What `make build` makes, under awslambdaric, as template.yaml deploys it: the secret and the table of withheld logins on moto. A control",
        f"group with memory/1769 of a core in periods of 20 ms plays the function once INIT is over; unthrottled the session takes {free['later_steps']['total']:.0f} ms. A step is off when it takes 5 % and 2 ms longer than",
        "unthrottled; `first` is a new environment's first run. INIT and first call are those of the environment in the middle of four.",
        f"$ is Lambda's part of the cost a month at {INTERVAL} minutes (docs/cost.md). Not a real Lambda.",
        "",
        *table(
            "MB | worst step, ms | off | worst, first run | off, first run | INIT ms | first call ms | later calls ms | peak MiB | $",
            rows,
        ),
        f"The smallest at which no step is off is {min(steady, default=0) or 'none of these'} MB. The template's default is {DEFAULT_MB} MB: a hostile server can make a run take up to",
        f"64 MiB (tests/long), which with the {found['128']['peak_mib']:.0f} MiB above and Lambda's own part is more than 128, and a function that runs out of memory",
        "is killed without a verdict.",
        f"INIT and first call together at {DEFAULT_MB} MB: {lambda_cpu.started(found[str(DEFAULT_MB)]):.0f} ms{compared_to(found)}. Target: 550 ms.",
        "",
    ]


def compared_to(found: dict[str, dict[str, Any]]) -> str:
    """How an older build, which took turns with this one, started."""
    if "before" not in found:
        return ""
    before = lambda_cpu.started(found["before"])
    return f"; an older build, in turn, {before:.0f} ms: {lambda_cpu.started(found[str(DEFAULT_MB)]) / before:.2f} x"


def off_steps(times: dict[str, float], free: dict[str, float]) -> list[str]:
    return [step for step in free if step != "total" and times[step] - free[step] > max(2.0, 0.05 * free[step])]


def worst(times: dict[str, float], free: dict[str, float]) -> str:
    step = max((step for step in free if step != "total"), key=lambda step: times[step] - free[step])
    return f"{step} {times[step] - free[step]:+.1f}"


def handler(folder: Path) -> list[str]:
    with WireServer() as server:
        plain, handled = handler_overhead.measure(server, folder)
    return [
        "## 9. The handler",
        "",
        f"Warm, in one process: `run_check` {plain:.2f} ms, the handler around it {handled:.2f} ms, {handled - plain:+.2f} ms (target 5 ms).",
        "",
    ]


class Bench:
    """The parts in order; some need what an earlier one measured."""

    def __init__(self, folder: Path, before: Path | None) -> None:
        self.folder = folder
        self.before = before
        self.certificates: Certificates = make_certificates(folder)
        self.built = artifact.build(self.new("built")) if artifact.SAM.exists() else None
        self.cost: list[str] | None = None

    def new(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir()
        return place

    def near(self) -> tuple[list[Medians], dict[str, float]]:
        """On loopback: sessions, and the command line."""
        ca = str(self.certificates.ca)
        with Dovecot(self.certificates) as server:
            fill("127.0.0.1", server.imaps, ca)
            sessions = [compare("localhost", server.imaps, ca, PASSWORD, RUNS) for _ in range(ROUNDS)]
            return sorted(sessions, key=ratio), command_line.measure("localhost", server.imaps, ca, PASSWORD)

    def far(self) -> tuple[Medians, dict[str, float], dict[str, dict[str, Any]] | None]:
        """20 ms each way: sessions, the command line, and the built function with less and less of a core."""
        place = {"host": network.ADDRESS, "ca": str(self.certificates.ca), "password": PASSWORD}
        with network.delayed_dovecot(ONE_WAY_MS, self.certificates.directory) as port:
            order: dict[str, object] = {**place, "port": port}
            sessions = cast("Medians", network.run_inside("benchmark.overhead", {**order, "runs": 15}))
            line = cast("dict[str, float]", network.run_inside("benchmark.command_line", order))
            if self.built is None or lambda_cpu.missing():
                return sessions, line, None
            wanted = {**order, "artifact": str(self.built), "runs": 10, "memories": MEMORIES}
            if self.before is not None:
                wanted |= {"before": str(self.before), "before_mb": DEFAULT_MB}
            found = network.run_inside("benchmark.lambda_cpu", wanted)
            return sessions, line, cast("dict[str, dict[str, Any]]", found)

    def run(self, tell: Callable[[str], None]) -> list[str]:
        tell("on loopback")
        near, near_line = self.near()
        lines, far_line = overhead(near), None
        if reason := network.missing():
            lines += not_measured("2. Round trips", reason) + not_measured("3. Under a Lambda's CPU", reason)
        else:
            tell("between network namespaces, and under a Lambda's CPU")
            far, far_line, found = self.far()
            lines += round_trips(far, near[ROUNDS // 2])
            if found is None:
                lines += not_measured(
                    "3. Under a Lambda's CPU", lambda_cpu.missing() or "SAM CLI's environment is missing"
                )
            else:
                lines += lambda_table(found)
                self.cost = costs(self.certificates, found[str(DEFAULT_MB)], DEFAULT_MB)
        tell("cold start")
        lines += cold_start(self.built, self.new("cold"), self.certificates)
        tell("memory, command line, peers")
        lines += memory(self.certificates) + command_line.report(
            near_line, far_line, calls.measure(), watching.measure(self.new("watching")), concurrency.measure()
        )
        lines += [
            "## 7. Cost",
            "",
            "docs/cost.md has the table." if self.cost else "Not measured: it needs part 3.",
            "",
        ]
        lines += peers(self.certificates, self.new("peers")) + handler(self.new("handler"))
        tell("simulated outages, stacks, the widget")
        return (
            lines
            + alarm_time()
            + scale.stacks(self.new("stacks"))
            + scale.widget(self.new("widget"))
            + summary.report()
            + places(self.certificates, self.new("places"))
        )


def main(pages: Path, before: Path | None) -> None:
    started = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - started:4.0f} s  {what}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Dovecot's users read the certificates
        tell("building")
        bench = Bench(folder, before)
        parts = bench.run(tell)
    text = "\n".join(
        [
            "# Performance",
            "",
            "<!-- Written by `make bench`. -->",
            "",
            f"Measured on {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, a shared machine: ratios and",
            f"differences of one run mean something, absolute times do not. Processes that wanted a core, on average over 15 minutes, when it ended: {os.getloadavg()[2]:.1f}, of which the",
            "benchmark is one or two. Not measured: a real Lambda, real arm64, AWS's own network.",
            "",
            *parts,
        ]
    )
    (pages / "performance.md").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    if bench.cost:
        (pages / "cost.md").write_text("\n".join(bench.cost).rstrip("\n") + "\n", encoding="utf-8")
    print(text)
    tell(f"performance.md and cost.md are written to {pages}")


if __name__ == "__main__":
    # A shell that starts us in the background ignores Ctrl-C for us and all that we start: a watch ends by it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="benchmark")
    parser.add_argument("pages", nargs="?", type=Path, default=ROOT / "docs", help="folder for the pages; docs/")
    parser.add_argument(
        "--before", type=Path, help="an older `.aws-sam/build` (x86_64), whose start is compared with ours"
    )
    asked = parser.parse_args()
    main(asked.pages, asked.before)
