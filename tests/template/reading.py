"""The templates of the repository as data, and the few ways to look into them."""

from pathlib import Path
from typing import Any

from support.templates import load_template

ROOT = Path(__file__).parents[2]
TEMPLATES = ["template.yaml", "stacks/checks.yaml", "stacks/contacts.yaml"]
PARTITION_ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"


def read(path: str) -> dict[str, Any]:
    return load_template((ROOT / path).read_text(encoding="utf-8"))


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id."""
    return {
        logical: item.get("Properties", {}) for logical, item in template["Resources"].items() if item["Type"] == kind
    }


def nodes(value: Any) -> list[Any]:
    """Every value within `value`, itself included, and every key."""
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(node for item in inner for node in nodes(item))]


def arn(logical: str) -> dict[str, Any]:
    return attribute(logical, "Arn")


def attribute(logical: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical, name]}


def ref(logical: str) -> dict[str, Any]:
    return {"Ref": logical}


def sub(text: str) -> dict[str, Any]:
    return {"Fn::Sub": text}


def if_asked(condition: str, value: Any) -> dict[str, Any]:
    """There by a condition, and else not there at all."""
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}
