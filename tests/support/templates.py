"""CloudFormation templates as data: short intrinsics become their long form."""

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 with `!Ref X`, `!GetAtt A.B`, `!Sub ..` and their like; a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"repeated key among {keys}"
        return super().construct_mapping(node, deep=deep)


def _intrinsic(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def load_template(text: str) -> dict[str, Any]:
    """The template's content."""
    content = yaml.load(text, Loader=_Loader)
    assert isinstance(content, dict)
    return content
