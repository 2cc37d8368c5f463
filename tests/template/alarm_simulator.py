"""CloudWatch's alarm evaluation in small, to replay series of runs against the template's alarms.

Rules assumed (CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", read from memory
of the documentation of 2026; not measured on AWS):

1. Periods are aligned to the clock; a datapoint is a period's statistic over the values stamped within it.
2. An alarm is evaluated once a minute over the periods that have ended. It retrieves more than
   `EvaluationPeriods` datapoints: here two more, as in the guide's own examples.
3. Are at least `EvaluationPeriods` of them real, the most recent of these decide and missing ones are ignored.
4. Are some real, they all count, and as few missing ones as possible are filled in by `TreatMissingData`.
   Where it says `ignore` they are not filled in: too few real ones to decide either way keep the state.
5. Is none real, `breaching` means ALARM, `notBreaching` OK, `ignore` the state as it was.
6. ALARM needs `DatapointsToAlarm` breaching among those that decide.
7. During `WarmUpConfiguration` after its creation an alarm makes no transition to ALARM.
8. A value arrives `latency` seconds after its stamp and counts from then on.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

EXTRA_DATAPOINTS = 2

type State = Literal["INSUFFICIENT_DATA", "OK", "ALARM"]


@dataclass(frozen=True)
class Value:
    """One published value: `at` is its stamp, `seen` when CloudWatch has it (seconds)."""

    at: float
    value: float
    seen: float


@dataclass(frozen=True)
class AlarmRule:
    """What the simulator needs of an `AWS::CloudWatch::Alarm`."""

    name: str
    statistic: str
    period: int
    periods: int
    datapoints: int
    operator: str
    threshold: float
    missing: str
    warm_up: float
    enabled: bool

    @classmethod
    def of(cls, properties: dict[str, Any]) -> "AlarmRule":
        """Read an alarm's properties as they stand in the translated template."""
        warm_up = properties.get("WarmUpConfiguration", {}).get("WarmUpPeriodDurationInMinutes", 0)
        return cls(
            name=properties["AlarmName"],
            statistic=properties["Statistic"],
            period=int(properties["Period"]),
            periods=int(properties["EvaluationPeriods"]),
            datapoints=int(properties["DatapointsToAlarm"]),
            operator=properties["ComparisonOperator"],
            threshold=float(properties["Threshold"]),
            missing=properties["TreatMissingData"],
            warm_up=float(warm_up) * 60,
            enabled=bool(properties["ActionsEnabled"]),
        )

    def breaches(self, datapoint: float) -> bool:
        match self.operator:
            case "LessThanThreshold":
                return datapoint < self.threshold
            case "GreaterThanOrEqualToThreshold":
                return datapoint >= self.threshold
        raise NotImplementedError(self.operator)

    def datapoint(self, values: Sequence[float]) -> float | None:
        """The period's statistic, None for a period without values."""
        if not values:
            return None
        match self.statistic:
            case "Minimum":
                return min(values)
            case "Maximum":
                return max(values)
            case "SampleCount":
                return float(len(values))
        raise NotImplementedError(self.statistic)

    def decide(self, datapoints: Sequence[float | None], before: State) -> State:
        """The state after an evaluation over `datapoints`, oldest first."""
        real = [self.breaches(value) for value in datapoints if value is not None]
        if len(real) >= self.periods:
            return "ALARM" if sum(real[-self.periods :]) >= self.datapoints else "OK"
        if not real:
            return {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}[self.missing]  # type: ignore[return-value]
        if self.missing == "ignore":
            if sum(real) >= self.datapoints:
                return "ALARM"
            return "OK" if len(real) - sum(real) > self.periods - self.datapoints else before
        filled = real + [self.missing == "breaching"] * (self.periods - len(real))
        return "ALARM" if sum(filled) >= self.datapoints else "OK"


@dataclass
class Simulation:
    """One alarm over time, created at second `created`; `transitions` are (second, state)."""

    rule: AlarmRule
    created: float = 0.0
    state: State = "INSUFFICIENT_DATA"
    transitions: list[tuple[float, State]] = field(default_factory=list)

    def replay(self, values: Iterable[Value], until: float) -> "Simulation":
        """Evaluate once a minute from creation to `until`."""
        known = sorted(values, key=lambda value: value.at)
        second = self.created + 60.0
        while second <= until:
            self._evaluate(known, second)
            second += 60.0
        return self

    def alarms(self) -> list[float]:
        """When the alarm rang."""
        return [second for second, state in self.transitions if state == "ALARM"]

    def _evaluate(self, known: Sequence[Value], now: float) -> None:
        period = self.rule.period
        end = math.floor(now / period) * period
        count = self.rule.periods + EXTRA_DATAPOINTS
        starts = [end - period * (index + 1) for index in reversed(range(count))]
        datapoints = [
            self.rule.datapoint([v.value for v in known if start <= v.at < start + period and v.seen <= now])
            for start in starts
        ]
        state = self.rule.decide(datapoints, self.state)
        if state == "ALARM" and now < self.created + self.rule.warm_up:
            return
        if state != self.state:
            self.state = state
            self.transitions.append((now, state))
