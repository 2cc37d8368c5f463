"""The project's templates as they stand in their files, with intrinsic functions in their long form."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: `!Sub x` is `{"Fn::Sub": "x"}`."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def template_files() -> list[Path]:
    """The root template and those nested in it."""
    return [ROOT / "template.yaml", *sorted((ROOT / "stacks").glob("*.yaml"))]


def read_template(path: Path) -> dict[str, Any]:
    """The template's content."""
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # a SafeLoader
    return content
