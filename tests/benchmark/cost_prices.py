"""Prices and the month that costs are counted in."""

import json
from pathlib import Path

MONTH_MINUTES = 30 * 24 * 60
MONTH_HOURS = 730  # as AWS multiplies what it sells by the hour
RECYCLED_MINUTES = 120
# START, END and REPORT lines of Lambda's own, in JSON
PLATFORM_OCTETS = 700
SOURCE = json.loads((Path(__file__).parent / "prices.json").read_text())
PRICES: dict[str, float] = {name: entry["usd"] for name, entry in SOURCE["prices"].items()}


def cold_starts(minutes: int) -> float:
    """A month's. An idle environment is not kept for ever, and how long is not told: at 15 minutes take each as gone."""
    return MONTH_MINUTES / (minutes if minutes >= 15 else RECYCLED_MINUTES)
