"""3. The session's step times under a CPU quota such as a Lambda of so much memory has."""

import json
import os
import statistics
import sys
from pathlib import Path

from benchmark.overhead import definition
from imapcheck import Credentials, run_check

CGROUP = Path("/sys/fs/cgroup/cpu")
PERIOD_US, FULL_CORE_MB = 20_000, 1769


def missing() -> str | None:
    """Why a quota cannot be set here, or None."""
    if os.getuid() != 0 or not (CGROUP / "cpu.cfs_quota_us").exists():
        return "needs root and cgroup v1's cpu controller"
    return None


def enter(memory_mb: int) -> None:
    """Put this process into a group of its own with the share of a core that `memory_mb` buys."""
    group = CGROUP / f"imapcheck-{memory_mb}"
    group.mkdir(exist_ok=True)
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(PERIOD_US * memory_mb // FULL_CORE_MB))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def leave(memory_mb: int) -> None:
    """Back to the root group; the one of our own goes."""
    (CGROUP / "cgroup.procs").write_text(str(os.getpid()))
    (CGROUP / f"imapcheck-{memory_mb}").rmdir()


def main() -> None:
    """Arguments as JSON: host, port, ca, password, runs and memory_mb (0: no quota); medians as JSON on stdout."""
    order = json.loads(sys.argv[1])
    if order["memory_mb"]:
        enter(order["memory_mb"])
    check = definition(order["host"], order["port"], order["ca"])
    credentials = Credentials.model_validate({"username": "monitor", "password": order["password"]})
    samples: list[dict[str, float]] = []
    for number in range(order["runs"] + 2):
        result = run_check(check, credentials)
        assert result.available, result.failure
        if number >= 2:
            samples.append(
                {step.name: step.duration_ms or 0.0 for step in result.steps} | {"total": result.duration_ms}
            )
    if order["memory_mb"]:
        leave(order["memory_mb"])
    print(json.dumps({step: statistics.median(one[step] for one in samples) for step in samples[0]}))


if __name__ == "__main__":
    main()
