"""CloudWatch's alarm evaluation in small, to replay series of runs against the stack's own alarms.

The rules follow the CloudWatch User Guide (pages as of autumn 2026; nothing here was measured on AWS):

1. *Configuring how CloudWatch alarms treat missing data*, "How alarm state is evaluated when data is missing":
   more datapoints than `EvaluationPeriods` are retrieved. Are that many of them real, the most recent real
   ones decide. Else all real ones count and as few missing ones as possible are filled in.
2. The same page's two tables: with `ignore` nothing is filled in; what is real decides, and breaching
   datapoints alone that are fewer than `DatapointsToAlarm` keep the state.
3. The same page, "Avoiding premature transitions to alarm state": with `missing`, breaching datapoints go to
   ALARM as soon as the oldest of them is `DatapointsToAlarm` periods old and all later ones breach or miss.
4. *Alarm evaluation window*: evaluated each minute; a sliding window (the default) ends now, a wall-clock
   window at the last full period.
5. *Alarm warm-up periods*: neither change of state nor action until the warm-up ends; it ends early when the
   evaluation window can be filled, and is not repeated after an update.
6. *How alarm mute rules work*: actions of every state are muted; when the window ends, the action of a state
   that the alarm entered while muted and is still in is executed.
7. *Using Amazon CloudWatch alarms*: actions run on changes of state alone, also on the one from
   INSUFFICIENT_DATA; datapoints older than the alarm count.

Where these pages are silent or at odds, `Reading` holds both ways to understand them and the tests replay both.
"""

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

MINUTE = 60

type State = Literal["INSUFFICIENT_DATA", "OK", "ALARM"]


@dataclass(frozen=True)
class Value:
    """One published value: `at` is its stamp, `seen` when CloudWatch has it (seconds)."""

    at: float
    value: float
    seen: float


@dataclass(frozen=True)
class Reading:
    """What the guide leaves open.

    `extra`: how many datapoints beyond `EvaluationPeriods` are retrieved ("a higher number"; 2 in its examples).
    `sliding`: the window; false asks for the wall clock, which is offered for some periods alone.
    `premature_on_ignore`: rule 3's words make no exception of `ignore`, its table does.
    `warm_up_by_window`: the warm-up ends early when data span the whole window (the guide's example), or with
    the first datapoint in the most recent period (its sentence before the example).
    `last_muted_state`: at a mute window's end the action also runs for a state that was left and entered again.
    """

    extra: int = 2
    sliding: bool = True
    premature_on_ignore: bool = False
    warm_up_by_window: bool = True
    last_muted_state: bool = False


READINGS = [
    Reading(extra=extra, sliding=sliding, premature_on_ignore=premature, warm_up_by_window=by_window)
    for extra, sliding, premature, by_window in itertools.product(
        (1, 2, 5), (True, False), (False, True), (True, False)
    )
]


@dataclass(frozen=True)
class AlarmRule:
    """What the simulator needs of an `AWS::CloudWatch::Alarm`; `period` and `warm_up` in seconds."""

    name: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int
    periods: int
    datapoints: int
    operator: str
    threshold: float
    missing: str
    warm_up: float = 0.0

    @classmethod
    def of(cls, resource: dict[str, Any]) -> "AlarmRule":
        """Read an alarm as it stands in a template, the whole resource or its properties."""
        properties = resource.get("Properties", resource)
        warm_up = properties.get("WarmUpConfiguration", {}).get("WarmUpPeriodDurationInMinutes", 0)
        periods = int(properties["EvaluationPeriods"])
        metric, statistic, period = _watched(properties)
        return cls(
            name=_text(properties.get("AlarmName", "")),
            metric=metric,
            dimensions=tuple((item["Name"], _text(item["Value"])) for item in properties.get("Dimensions", [])),
            statistic=statistic,
            period=period,
            periods=periods,
            datapoints=int(properties.get("DatapointsToAlarm", periods)),
            operator=properties["ComparisonOperator"],
            threshold=float(properties["Threshold"]),
            missing=properties.get("TreatMissingData", "missing"),
            warm_up=float(warm_up) * MINUTE,
        )

    def breaches(self, datapoint: float) -> bool:
        match self.operator:
            case "LessThanThreshold":
                return datapoint < self.threshold
            case "LessThanOrEqualToThreshold":
                return datapoint <= self.threshold
            case "GreaterThanThreshold":
                return datapoint > self.threshold
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
            case "Average":
                return sum(values) / len(values)
            case "SampleCount":
                return float(len(values))
        raise NotImplementedError(self.statistic)


def decide(rule: AlarmRule, datapoints: Sequence[float | None], before: State, reading: Reading) -> State:
    """The state after an evaluation over `datapoints` of the evaluation range, oldest first (rules 1 to 3)."""
    real = [rule.breaches(value) for value in datapoints if value is not None]
    if len(real) >= rule.periods:
        return "ALARM" if sum(real[-rule.periods :]) >= rule.datapoints else "OK"
    if rule.missing in ("breaching", "notBreaching"):
        filled = real + [rule.missing == "breaching"] * (rule.periods - len(real))
        return "ALARM" if sum(filled) >= rule.datapoints else "OK"
    if not real:
        return before if rule.missing == "ignore" else "INSUFFICIENT_DATA"
    if sum(real) >= rule.datapoints or _premature(rule, datapoints, reading):
        return "ALARM"
    return before if all(real) else "OK"


def _premature(rule: AlarmRule, datapoints: Sequence[float | None], reading: Reading) -> bool:
    if rule.missing == "ignore" and not reading.premature_on_ignore:
        return False
    real = [index for index, value in enumerate(datapoints) if value is not None]
    aged = len(datapoints) - real[0] >= rule.datapoints
    return aged and all(rule.breaches(datapoints[index] or 0.0) for index in real)


class Series:
    """A metric's values, looked up by period; CloudWatch keeps stamps to the minute."""

    def __init__(self, values: Iterable[Value]) -> None:
        self.values = sorted(values, key=lambda value: value.at)
        self._stamps = [math.floor(value.at / MINUTE) * MINUTE for value in self.values]

    def between(self, start: float, end: float, now: float) -> list[float]:
        """Values stamped in [start, end) that CloudWatch has at `now`."""
        found = self.values[bisect_left(self._stamps, start) : bisect_left(self._stamps, end)]
        return [value.value for value in found if value.seen <= now]

    def changes(self, rule: AlarmRule, reading: Reading, until: float) -> set[float]:
        """The minutes at which an evaluation can come out other than the minute before."""
        reach = rule.periods + reading.extra + 1
        minutes = {math.ceil(value.seen / MINUTE) * MINUTE for value in self.values}
        if reading.sliding:
            minutes |= {stamp + MINUTE + k * rule.period for stamp in self._stamps for k in range(reach + 1)}
        else:
            minutes |= set(range(0, math.ceil(until) + rule.period, rule.period))
        return {float(minute) for minute in minutes}


def datapoints_at(rule: AlarmRule, series: Series, now: float, reading: Reading) -> list[float | None]:
    """The evaluation range at `now`, oldest first (rules 1 and 4)."""
    step = MINUTE if reading.sliding else rule.period
    end = math.floor(now / step) * step
    count = rule.periods + reading.extra
    starts = [end - rule.period * (index + 1) for index in reversed(range(count))]
    return [rule.datapoint(series.between(start, start + rule.period, now)) for start in starts]


def state(rule: AlarmRule, values: Iterable[Value], now: float, before: State, reading: Reading | None = None) -> State:
    """One evaluation at second `now` of an alarm that was in state `before` and is past its warm-up."""
    reading = reading or Reading()
    series = values if isinstance(values, Series) else Series(values)
    return decide(rule, datapoints_at(rule, series, now, reading), before, reading)


@dataclass(frozen=True)
class Transition:
    """A change of state; each runs the action of the state it leads to, unless that is muted."""

    at: float
    before: State
    after: State


@dataclass
class Simulation:
    """One alarm over time, created at second `created`, updated to other rules in between."""

    rule: AlarmRule
    created: float = 0.0
    reading: Reading = field(default_factory=Reading)
    state: State = "INSUFFICIENT_DATA"
    transitions: list[Transition] = field(default_factory=list)
    _warm: bool = False
    _now: float = 0.0

    def replay(self, values: Iterable[Value], until: float) -> "Simulation":
        """Evaluate from the last moment on to `until`; minutes in which nothing can change are left out."""
        series = Series(values)
        begin = max(self.created, self._now)
        warm_up_end = math.ceil((self.created + self.rule.warm_up) / MINUTE) * MINUTE
        first = math.ceil(begin / MINUTE) * MINUTE + MINUTE
        minutes = series.changes(self.rule, self.reading, until) | {float(first), float(warm_up_end)}
        for minute in sorted(minutes):
            if begin < minute <= until:
                self._evaluate(series, minute)
        self._now = until
        return self

    def update(self, **changes: Any) -> "Simulation":
        """PutMetricAlarm on the same name: the state and the past stay, the warm-up does not run again (rule 5)."""
        self.rule = replace(self.rule, **changes)
        return self

    def alarms(self) -> list[float]:
        """When the alarm changed to ALARM."""
        return [change.at for change in self.transitions if change.after == "ALARM"]

    def _evaluate(self, series: Series, now: float) -> None:
        self._warm = self._warm or self._warm_up_over(series, now)
        if not self._warm:
            return
        after = state(self.rule, series, now, self.state, self.reading)  # type: ignore[arg-type]
        if after != self.state:
            self.transitions.append(Transition(now, self.state, after))
            self.state = after

    def _warm_up_over(self, series: Series, now: float) -> bool:
        if now >= self.created + self.rule.warm_up:
            return True
        if datapoints_at(self.rule, series, now, self.reading)[-1] is None:
            return False
        window = self.rule.period * self.rule.periods
        return not self.reading.warm_up_by_window or bool(series.between(0, now - window + MINUTE, now))


@dataclass(frozen=True)
class Mute:
    """A window of an `AWS::CloudWatch::AlarmMuteRule`, in seconds."""

    start: float
    end: float


def actions(
    transitions: Sequence[Transition], mutes: Sequence[Mute] = (), reading: Reading | None = None
) -> list[Transition]:
    """The changes whose actions run, with the moment at which they do (rule 6); overlapping windows count as one."""
    ran = [change for change in transitions if not any(mute.start <= change.at < mute.end for mute in mutes)]
    for window in _merged(mutes):
        muted = [change for change in transitions if window.start <= change.at < window.end]
        if muted and _rings_at_the_end(muted, reading or Reading()):
            ran.append(replace(muted[-1], at=window.end))
    return sorted(ran, key=lambda change: change.at)


def _rings_at_the_end(muted: Sequence[Transition], reading: Reading) -> bool:
    """The state is the one that was muted; back where the alarm was before the window only by the wider reading."""
    return muted[-1].after != muted[0].before or reading.last_muted_state


def _merged(mutes: Sequence[Mute]) -> list[Mute]:
    merged: list[Mute] = []
    for mute in sorted(mutes, key=lambda mute: mute.start):
        if merged and mute.start <= merged[-1].end:
            merged[-1] = Mute(merged[-1].start, max(mute.end, merged[-1].end))
        else:
            merged.append(mute)
    return merged


def told(ran: Iterable[Transition]) -> list[Transition]:
    """What reaches people: every ALARM, and OK after an ALARM alone."""
    return [change for change in ran if change.after == "ALARM" or change.before == "ALARM"]


def _watched(properties: dict[str, Any]) -> tuple[str, str, int]:
    """Metric, statistic and period; of metric math the expression, and what all of its metrics have in common.

    Whoever replays such an alarm computes the expression: rule 1 begins at the datapoints that come out of it.
    """
    if "Metrics" not in properties:
        return properties["MetricName"], properties["Statistic"], int(properties["Period"])
    [expression] = [item["Expression"] for item in properties["Metrics"] if "Expression" in item]
    stats = [item["MetricStat"] for item in properties["Metrics"] if "MetricStat" in item]
    [(statistic, period)] = {(stat["Stat"], int(stat["Period"])) for stat in stats}
    return expression, statistic, period


def _text(value: Any) -> str:
    """A name or value as one text, also where the template composes it."""
    if isinstance(value, dict):
        (inner,) = value.values()
        return "".join(map(_text, inner[1])) if isinstance(inner, list) else str(inner)
    return str(value)
