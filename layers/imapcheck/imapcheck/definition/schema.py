"""JSON Schema (draft 2020-12) of a definition file and of a part, for editors.

Nothing is required where a file extends another: what is missing may stand there.
"""

from collections.abc import Iterator
from typing import Any

from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import KEY

_DRAFT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
_NULL = {"type": "null"}


def json_schema() -> dict[str, Any]:
    """Of a check."""
    schema, required = _schema()
    return {**_DRAFT, **schema, "if": {"required": [KEY]}, "else": required}


def part_schema() -> dict[str, Any]:
    """Of a file whose name begins with `_`: a check's, with nothing required and no name."""
    schema, _ = _schema()
    del schema["properties"]["name"]
    return {**_DRAFT, **schema, "title": "Part", "description": "What several checks extend. Nothing is required."}


def _schema() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema without what a part may leave out, and that by itself."""
    schema = CheckDefinition.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    schema["properties"]["search"]["anyOf"] = [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
        *schema["properties"]["search"]["anyOf"],
    ]
    limits = schema["properties"]["thresholds"]
    limits["additionalProperties"] = _or_null(limits["additionalProperties"])
    required = _required(schema, definitions)
    _loosen(schema, definitions)
    for node in (schema, *definitions.values()):
        for name, found in node.get("properties", {}).items():
            node["properties"][name] = _or_null(found)
    return schema, required


def _required(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What is required in an object and in those below it, as a schema. Not in lists: no file adds to them."""
    found = {name: _required(part, definitions) for name, part in _objects(node, definitions)}
    below = {name: required for name, required in found.items() if required}
    return {key: node[key] for key in ("required",) if key in node} | ({"properties": below} if below else {})


def _loosen(node: dict[str, Any], definitions: dict[str, Any]) -> None:
    node.pop("required", None)
    for _, part in _objects(node, definitions):
        _loosen(part, definitions)


def _objects(node: dict[str, Any], definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, found in node["properties"].items():
        for choice in (found, *found.get("anyOf", ())):
            if "$ref" in choice:
                yield name, definitions[choice["$ref"].rpartition("/")[2]]


def _or_null(found: dict[str, Any]) -> dict[str, Any]:
    """Null stands for the key's default."""
    if _NULL in found.get("anyOf", ()):
        return found
    if "anyOf" in found:
        return {**found, "anyOf": [*found["anyOf"], _NULL]}
    said: dict[str, Any] = {key: found[key] for key in ("title", "description", "default", "examples") if key in found}
    return {"anyOf": [{key: value for key, value in found.items() if key not in said}, _NULL], **said}
