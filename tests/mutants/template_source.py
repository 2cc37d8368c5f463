"""Mutants of a CloudFormation template: a value that is another, a statement, property or element that is missing.

Descriptions, labels and names of inline policies are left alone: nothing that runs reads them.
"""

import functools
import itertools
from collections.abc import Callable, Iterator

import yaml

from mutants.mutant import Mutant

_SECTIONS = ("Parameters", "Rules", "Conditions", "Mappings", "Globals", "Resources")
_WORDS = {
    "Description", "AssertDescription", "ConstraintDescription", "AlarmDescription", "Sid", "Title", "Metadata",
    "PolicyName",
}  # fmt: skip
_OTHERS = {"Allow": "Deny", "true": "false", "false": "true", "Maximum": "Minimum", "notBreaching": "breaching"}

type Change = Callable[[], None]


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of the template, in the order of its lines."""
    places = list(_changes(_root(source)))
    found = [
        Mutant(path, line, words, functools.partial(_changed, source, index))
        for index, (line, words, _) in enumerate(places)
    ]
    return sorted(found, key=lambda mutant: (mutant.line, mutant.change))


def _root(source: str) -> yaml.MappingNode:
    root = yaml.compose(source)
    assert isinstance(root, yaml.MappingNode)
    return root


def _changed(source: str, index: int) -> str:
    root = _root(source)
    change = next(itertools.islice(_changes(root), index, None))[2]
    change()
    return yaml.serialize(root, width=10_000)


def same(source: str) -> str:
    """The template written as mutants are, with nothing changed: the tests must pass with it."""
    return yaml.serialize(yaml.compose(source), width=10_000)


def _changes(root: yaml.MappingNode) -> Iterator[tuple[int, str, Change]]:
    for key, section in root.value:
        if key.value in _SECTIONS:
            yield from _within(section, key.value)


def _within(node: yaml.Node, where: str) -> Iterator[tuple[int, str, Change]]:
    if isinstance(node, yaml.MappingNode):
        for pair in list(node.value):
            key, value = pair
            if key.value in _WORDS:
                continue
            place = f"{where}.{key.value}"
            if place.count(".") > 1:
                yield key.start_mark.line + 1, f"{place} left out", functools.partial(node.value.remove, pair)
            yield from _within(value, place)
    elif isinstance(node, yaml.SequenceNode):
        if not node.tag.startswith("!") and len(node.value) > 1:
            for item in list(node.value):
                words = f"{where}: {_shown(item)} left out"
                yield item.start_mark.line + 1, words, functools.partial(node.value.remove, item)
        for index, item in enumerate(node.value):
            yield from _within(item, f"{where}[{index}]" if not isinstance(item, yaml.ScalarNode) else where)
    elif isinstance(node, yaml.ScalarNode) and (new := _another(node)) is not None:
        yield (
            node.start_mark.line + 1,
            f"{where}: {_shown(node)} is {new[:60]}",
            functools.partial(setattr, node, "value", new),
        )


def _another(node: yaml.ScalarNode) -> str | None:
    """What else might stand there."""
    value = str(node.value)
    if value in _OTHERS:
        return _OTHERS[value]
    if value.isdigit():
        return str(int(value) + 1)
    if not value or "\n" in value:
        return None
    if node.tag == "!GetAtt":
        return value.replace("RunCheck", "ShowChecks") if "RunCheck" in value else None
    if node.tag in ("!Ref", "!Sub"):
        return _OTHER_NAMES.get(value)
    return value + "x"


_OTHER_NAMES = {
    "AlarmTopic": "AlarmEventTopic", "AlarmEventTopic": "AlarmTopic", "RunCheckLogGroup": "ExplainAlarmLogGroup",
    "ExplainAlarmLogGroup": "RunCheckLogGroup", "ShowChecksLogGroup": "RunCheckLogGroup",
    "ExplainAlarmFunction": "RunCheckFunction", "ShowChecksFunction": "RunCheckFunction",
    "SubnetIds": "SecurityGroupIds", "SecurityGroupIds": "SubnetIds", "AWS::StackName": "AWS::StackId",
    "LogLevel": "LogRetentionDays", "MemorySize": "LogRetentionDays", "AlarmEmail": "SecretPrefix",
}  # fmt: skip


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return " ".join(str(node.value).split())[:60]
    keys = [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    return "{" + ", ".join(keys)[:60] + "}"
