"""An alarm as CloudWatch is told of it: numbers and words, which the stack writes down."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from imapcheck.definition.monitoring import RunsOf

type Operator = Literal["LessThanThreshold", "GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]


class Signal(NamedTuple):
    """What an alarm looks at: a statistic of a metric in each period, or metric math over that, which it calls `m`."""

    metric: str
    statistic: str
    expression: str | None = None


@dataclass(frozen=True)
class Alarm:
    """What differs between alarms. `runs` is M of N periods of `period` seconds; `warm_up` is in minutes."""

    name: str
    says: str
    signal: Signal
    operator: Operator
    threshold: float
    period: int
    runs: RunsOf
    missing: Literal["ignore", "breaching", "notBreaching"]
    warm_up: int | None = None


def of_the_last(runs: RunsOf) -> str:
    """`the last run`, `the last 3 runs`, `2 of the last 3 runs`."""
    if runs.periods == 1:
        return "the last run"
    if runs.datapoints == runs.periods:
        return f"the last {runs.periods} runs"
    return f"{runs.datapoints} of the last {runs.periods} runs"
