"""What CloudFormation refuses in a template and no linter sees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from template.template_files import ROOT, read_template, template_files

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
# Fn::If is documented and refused all the same: aws-cloudformation/cloudformation-coverage-roadmap, issue 921.
RULE_FUNCTIONS = {
    *("Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::Not", "Fn::Or"),
    *("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll", "Ref"),
}

every_template = pytest.mark.parametrize("path", template_files(), ids=lambda path: str(path.relative_to(ROOT)))


def nodes(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(place, content) of the value, of everything in it and of every key."""
    yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield f"{place}/{key} (key)", key
        yield from nodes(inner, f"{place}/{key}")


@every_template
def test_rules_use_rule_functions_alone(path: Path) -> None:
    """Another one there, Fn::Join for one, and CloudFormation refuses every deployment of the template."""
    rules = read_template(path).get("Rules", {})
    used = {
        key for _, node in nodes(rules) if isinstance(node, dict) for key in node if key.startswith(("Fn::", "Ref"))
    }
    assert used <= RULE_FUNCTIONS


@every_template
def test_nothing_is_null(path: Path) -> None:
    """CloudFormation refuses null. A comma in an unquoted `{ default: a, b }` makes a key with nothing under it."""
    assert [place for place, node in nodes(read_template(path)) if node is None] == []
