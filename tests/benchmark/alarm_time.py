"""10. From the first run that failed to the story, by the simulator of tests/template and the generated alarms."""

import random
import statistics
from collections.abc import Iterator

from benchmark.tables import table
from template.alarm_simulator import Reading, Simulation, Value
from template.stack_alarms import EVERY, check_alarms

INTERVALS = ("1m", "5m", "15m", "1h")
SENSITIVITIES = ("1 of 1", "2 of 3")
OUTAGES = 200
FLEXIBLE_FROM = 300
"""Seconds: from this interval on a schedule may come a minute later than due, besides the minute of its own."""
TO_METRICS, BATCH = 20.0, 20.0
"""Seconds assumed from a run's start to CloudWatch having its values, and that the queue collects at most."""


def alarm_time() -> list[str]:
    rows = []
    for every in INTERVALS:
        for sensitivity in SENSITIVITIES:
            found = list(outages(every, sensitivity))
            since_run = sorted(told - failed for _, failed, told in found)
            since_outage = sorted(told - began for began, _, told in found)
            middle, worst = statistics.median(since_run), since_run[int(0.95 * OUTAGES)]
            rows.append(
                [every, sensitivity, *map(minutes, (middle, worst)), *map(minutes, (statistics.median(since_outage), since_outage[int(0.95 * OUTAGES)]))]
            )  # fmt: skip
    return [
        "## 10. From the first failed run to the story",
        "",
        f"Simulated, not measured: {OUTAGES} outages at any moment of the interval, the generated `unavailable` alarm under the rules of CloudWatch's documentation",
        f"(tests/template/alarm_simulator.py), schedules with their jitter, {TO_METRICS:.0f} s until CloudWatch has a run's values, and {BATCH:.0f} s in which the queue collects. CloudWatch's own",
        "delays are not known. Minutes: from the start of the first run that failed, and from the moment when the server went.",
        "",
        *table("every | `unavailable` | run to story, median | 95 % | outage to story, median | 95 %", rows),
        "`1 of 1` reports a single bad run too. What a longer interval saves is in docs/cost.md: little.",
        "",
    ]


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def outages(every: str, sensitivity: str) -> Iterator[tuple[float, float, float]]:
    """(the server goes, the first failed run starts, the story is told) in seconds, for each outage."""
    chance, seconds = random.Random(20261124), EVERY[every]
    rule = check_alarms(every, unavailable=sensitivity)["unavailable"]
    spread = 60 + (60 if seconds >= FLEXIBLE_FROM else 0)
    for _ in range(OUTAGES):
        phase, began = chance.random() * seconds, (12 + chance.random()) * seconds
        due = [phase + seconds * index for index in range(24)]
        starts = [at + chance.random() * spread for at in due]
        values = [
            Value(at, 0.0 if start >= began else 100.0, start + TO_METRICS)
            for at, start in zip(due, starts, strict=True)
        ]
        [rang, *_] = Simulation(rule, reading=Reading()).replay(values, 24 * seconds).alarms()
        yield began, next(start for start in starts if start >= began), rang + BATCH
