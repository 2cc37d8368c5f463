"""docs/result.md names every field of a result, and no other."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from imapcheck import delivery, result

DOCUMENT = (Path(__file__).parents[2] / "docs/result.md").read_text(encoding="utf-8")
SECTIONS = {
    "The result": result.CheckResult,
    "`failure`, `failures[]`, `earlier_failures[]`": result.Failure,
    "`warnings[]`": result.ResultWarning,
    "`exceeded[]`": result.Exceeded,
    "`server`": result.ServerFacts,
    "`server.tls`": result.TlsFacts,
    "`places[]`": result.PlaceFacts,
    "`steps[]`": result.StepResult,
    "`search`": result.SearchFacts,
    "`new_message`": result.NewMessageFacts,
    "`quota`": result.QuotaFacts,
    "`delivery`": delivery.DeliveryFacts,
    "`delivery.hops[]`": delivery.Hop,
    "`delivery.authentication`": delivery.DeliveryAuthentication,
}


def documented() -> dict[str, list[str]]:
    """The fields that each section's table names."""
    found = {}
    for section in re.split(r"^##? ", DOCUMENT, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        found[title] = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    return found


def test_every_section_belongs_to_a_part_of_the_result() -> None:
    """A new part is documented, and a part that has gone is not."""
    assert set(documented()) == set(SECTIONS)


@pytest.mark.parametrize("title", SECTIONS)
def test_section_names_the_fields(title: str) -> None:
    """In the order of the JSON object."""
    expected = (
        list(result.FIELDS)
        if title == "The result"
        else [field.name.removesuffix("_") for field in fields(SECTIONS[title])]
    )
    assert documented()[title] == expected


def test_the_json_object_has_every_field() -> None:
    """None is dropped on the way out."""
    assert set(result.FIELDS) == {field.name for field in fields(result.CheckResult)}


def test_every_warning_type_is_documented() -> None:
    """The list is closed."""
    for warning in get_args(result.WarningType.__value__):
        assert f"`{warning}`" in DOCUMENT
