"""The waterfall of a run, laid out once: terminal, report and widget draw the same bars.

Places are fractions of the frame's width: 0 is where the first step begins, 1 where the last one ends. Steps follow
each other without gaps, as the run's clock only runs within them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imapcheck.result import CheckResult, StepResult, StepStatus
from imapcheck.steps import STEPS, Phase

type Spans = Mapping[str, Sequence[tuple[float, float]]]
"""Stretches of a step as (offset, length) in ms: more than one where a step went on later."""

_TICKS = 8
_SECONDS_FROM_MS = 2000.0


@dataclass(frozen=True)
class Bar:
    """A stretch of a step: where it begins and how long it is, as fractions of the frame."""

    start: float
    length: float


@dataclass(frozen=True)
class Mark:
    """A threshold; `at` is the fraction where it would be reached, null where that lies outside the frame."""

    limit_ms: float
    at: float | None
    exceeded: bool


@dataclass(frozen=True)
class Tick:
    """A line of the time axis."""

    at: float
    label: str


@dataclass(frozen=True)
class StepRow:
    """One step; no bars where it was skipped."""

    name: str
    status: StepStatus
    phase: Phase
    duration_ms: float | None
    detail: str | None
    bars: tuple[Bar, ...]
    mark: Mark | None

    @property
    def colour(self) -> str:
        """The phase, or `failed`: the name of the colour in every drawing."""
        return "failed" if self.status == "failed" else self.phase


@dataclass(frozen=True)
class Waterfall:
    """Rows in the order of the steps; `total_ms` is the run's duration."""

    rows: tuple[StepRow, ...]
    ticks: tuple[Tick, ...]
    total_ms: float
    total_mark: Mark | None


def waterfall_of(
    result: CheckResult, thresholds: Mapping[str, float] | None = None, spans: Spans | None = None
) -> Waterfall:
    """The layout of a result.

    `thresholds` are the definition's; without them those that the result says were exceeded are marked.
    """
    exceeded = {item.name: item.limit_ms for item in result.exceeded}
    return layout(result.steps, exceeded | dict(thresholds or {}), spans)


def layout(steps: Sequence[StepResult], thresholds: Mapping[str, float], spans: Spans | None = None) -> Waterfall:
    """Lay out steps in their order, each after the one before, or where `spans` says that it was."""
    frame = _Frame(spans or _one_after_the_other(steps))
    counted = sum(step.duration_ms or 0.0 for step in steps if STEPS[step.name].counted)
    rows = tuple(frame.row(step, thresholds.get(step.name)) for step in steps)
    total = frame.total_mark(counted, thresholds.get("total"))
    return Waterfall(rows, nice_ticks(frame.end), counted, total)


class _Frame:
    """The scale of one waterfall: from milliseconds to fractions."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self.end = max((start + length for stretches in spans.values() for start, length in stretches), default=0.0)
        self.end = self.end or 1.0

    def row(self, step: StepResult, limit_ms: float | None) -> StepRow:
        stretches = self._spans.get(step.name, ())
        bars = tuple(self._bar(start, length) for start, length in stretches)
        mark = None if limit_ms is None else self._step_mark(stretches, step.duration_ms or 0.0, limit_ms)
        phase = STEPS[step.name].phase
        return StepRow(step.name, step.status, phase, step.duration_ms, step.detail, bars, mark)

    def total_mark(self, total_ms: float, limit_ms: float | None) -> Mark | None:
        """Where the counted time reaches the limit: what is not counted pushes it to the right."""
        if limit_ms is None:
            return None
        at = limit_ms
        for start, length in sorted(self._not_counted()):
            at += length if at > start else 0.0
        return Mark(limit_ms, self._inside(at), total_ms > limit_ms)

    def _not_counted(self) -> Iterator[tuple[float, float]]:
        for name, stretches in self._spans.items():
            if not STEPS[name].counted:
                yield from stretches

    def _bar(self, start: float, length: float) -> Bar:
        left = min(max(start / self.end, 0.0), 1.0)
        return Bar(left, min(max(length / self.end, 0.0), 1.0 - left))

    def _step_mark(self, stretches: Sequence[tuple[float, float]], taken: float, limit_ms: float) -> Mark:
        """In the stretch in which the step's own time reaches the limit, else after the last one."""
        at, left = None, limit_ms
        for start, length in stretches:
            at = start + left
            if left <= length:
                break
            left -= length
        return Mark(limit_ms, None if at is None else self._inside(at), taken > limit_ms)

    def _inside(self, at_ms: float) -> float | None:
        return at_ms / self.end if at_ms <= self.end else None


def _one_after_the_other(steps: Sequence[StepResult]) -> Spans:
    spans: dict[str, list[tuple[float, float]]] = {}
    offset = 0.0
    for step in steps:
        if step.duration_ms is not None:
            spans.setdefault(step.name, []).append((offset, step.duration_ms))
            offset += step.duration_ms
    return spans


def nice_ticks(end_ms: float) -> tuple[Tick, ...]:
    """At most eight lines from 0 to `end_ms`, a multiple of 1, 2 or 5 apart, in one unit."""
    step = _nice(end_ms / _TICKS)
    unit, scale = ("s", 1000.0) if end_ms >= _SECONDS_FROM_MS else ("ms", 1.0)
    count = math.floor(end_ms / step + 1e-9)
    return tuple(Tick(min(i * step / end_ms, 1.0), f"{i * step / scale:g} {unit}") for i in range(count + 1))


def _nice(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))
