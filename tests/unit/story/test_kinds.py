"""The kinds of alarm: each says all about itself, and is known again in CloudWatch's words."""

import inspect
import pkgutil
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from imapcheck import alarms
from imapcheck.alarms import kinds
from imapcheck.alarms.alarm import Alarm, Signal
from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.kinds import KINDS, kind_of
from imapcheck.alarms.slow import Slow
from imapcheck.alarms.unavailable import Unavailable
from imapcheck.aws.alarm_config import read_config
from imapcheck.aws.alarm_event import read_alarm
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import AlarmsDefinition, ScheduleDefinition
from imapcheck.measures import MEASURES
from imapcheck.stack import checks, doubts
from support.alarm_events import OFFICE, alarm_message, alarm_of, as_body
from support.story_scenes import SCENES
from support.templates import load_template

AT = datetime(2026, 11, 24, 10, 17, 31, tzinfo=UTC)
CONTENTS = [scene().content for scene in SCENES.values()]
DOCS = Path(__file__).parents[3] / "docs"
OPERATIONS, DEFINITION = DOCS / "operations.md", DOCS / "definition.md"


class Partly(Unavailable):
    """A kind that goes by metric math, as one over several places would."""

    name = "partly"
    signal = Signal("Availability", "Minimum", "IF(m > 0 AND m < 100, 1, 0)")

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm:
        runs = definition.alarms.unavailable
        return Alarm(self.name, "Partly.", self.signal, "GreaterThanOrEqualToThreshold", 1, 300, runs, missing="ignore")


@pytest.fixture
def partly(monkeypatch: pytest.MonkeyPatch) -> AlarmKind:
    """One more kind, listed."""
    kind = Partly()
    for module in (kinds, checks):
        monkeypatch.setattr(module, "KINDS", (*KINDS, kind))
    return kind


def test_kinds_are_told_apart() -> None:
    """By name, words and what they look at."""
    for part in ("name", "signal", "word", "word_at_end", "in_short"):
        assert len({getattr(kind, part) for kind in KINDS}) == len(KINDS)
    assert all(kind_of(signal) is kind for kind in KINDS for signal in kind.signals)
    assert kind_of(Signal("Availability", "Average")) is None


def test_every_kind_is_listed() -> None:
    """Else it is written, and no check has its alarm."""
    for module in pkgutil.iter_modules(alarms.__path__, f"{alarms.__name__}."):
        import_module(module.name)
    waiting: list[type] = [AlarmKind]
    made: set[type] = set()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith(alarms.__name__) and not inspect.isabstract(kind):
            made.add(kind)
    assert made == {type(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_kind_looks_at_what_is_always_published(kind: AlarmKind) -> None:
    """With `metrics: alarms` its alarm would else have nothing to look at, for ever."""
    published = {measure.cloudwatch[0] for measure in MEASURES if measure.cloudwatch and measure.set == "alarms"}
    assert {signal.metric for signal in kind.signals} <= published


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_kind_has_its_key(kind: AlarmKind) -> None:
    """Else nobody could set when it is in alarm."""
    assert kind.key in AlarmsDefinition.model_fields


def test_key_of_a_kind_without_an_alarm_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any kind, in its own words."""

    class Never(Slow):
        never = "the moon is full"

    definition = CheckDefinition.model_validate({"server": "mail.example", "alarms": {"slow": "1 of 1"}})
    monkeypatch.setattr(kinds, "KINDS", (Never(),))
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert "x: warning: alarms.slow: the moon is full" in doubts.doubts(definition, "x", now)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_kind_has_its_chapter(kind: AlarmKind) -> None:
    """The alarm's description leads there."""
    assert re.search(rf"^## {kind.name}$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert alarm_of(kind).name == kind.name


def test_kinds_that_remind_are_those_of_the_page() -> None:
    """What `alarms.remind` is said to be about."""
    [chapter] = re.findall(r"### `alarms\.remind`\n(.*?)\n### ", DEFINITION.read_text(encoding="utf-8"), re.DOTALL)
    assert {kind.name for kind in KINDS if f"`{kind.name}`" in chapter} == {kind.name for kind in KINDS if kind.reminds}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("state", ["ALARM", "OK"])
def test_kind_has_a_golden_story_of_its_start_and_its_end(kind: AlarmKind, state: str) -> None:
    """A person reads how it is told."""
    assert (kind.name, state) in {(story["kind"], story.get("state")) for story in CONTENTS}


@pytest.mark.parametrize("forgotten", sorted(AlarmKind.__abstractmethods__))
def test_kind_that_forgets_a_part_cannot_be_made(forgotten: str) -> None:
    """It is told when the package is imported, and by mypy."""
    parts = {name: None for name in AlarmKind.__abstractmethods__ if name != forgotten}
    kind: Callable[[], object] = type("Kind", (AlarmKind,), parts)
    with pytest.raises(TypeError, match=f"abstract method '{forgotten}'"):
        kind()


def test_kind_on_metric_math_is_written_and_read(partly: AlarmKind) -> None:
    """The check and the metric stand deeper there, in the template as in the alarm's message and listing."""
    template = load_template(checks.checks_template([OFFICE]).text)
    properties = template["Resources"]["OfficePartly"]["Properties"]
    assert not {"MetricName", "Namespace", "Dimensions", "Statistic", "Period"} & set(properties)
    expression, metric = properties["Metrics"]
    assert expression == {"Id": "e", "Expression": partly.signal.expression}
    assert metric["ReturnData"] is False
    assert metric["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "Check", "Value": "office"}]
    change = read_alarm(as_body(alarm_message(partly, AT, check="office"))).change
    assert (change.check, change.kind, change.period.total_seconds()) == ("office", partly, 300)
    listed = read_config(properties | {"Metrics": [expression, metric]})
    assert (listed.check, listed.signal, listed.period) == ("office", partly.signal, 300)
    assert read_config(alarm_message(partly, AT)["Trigger"]).namespace == "ImapCheck/teststack"


@pytest.mark.parametrize(
    "metrics", [[1], 7, "x", [{"MetricStat": 1}], [{"MetricStat": {"Metric": []}}], [{"Expression": {}}], {}]
)
def test_configuration_in_another_shape_is_of_no_kind(metrics: object) -> None:
    """Whoever may publish to the topic writes it."""
    found = read_config({"Metrics": metrics})
    assert found.check is None
    assert kind_of(found.signal) is None
