"""docs/definition.md: a chapter for each key of the schema, an example that is valid, the default that is in force."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imapcheck.definition.files import load_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.schema import json_schema
from imapcheck.errors import DefinitionError
from imapcheck.stack.doubts import doubts
from imapcheck.stack.refusals import refusals

PAGE = (Path(__file__).parents[2] / "docs/definition.md").read_text(encoding="utf-8")
PACKAGE = Path(__file__).parents[2] / "layers/imapcheck/imapcheck"
CHAPTERS = {match[1]: match[2] for match in re.finditer(r"### `([^`]+)`\n(.*?)(?=\n##|\Z)", PAGE, re.DOTALL)}
SCHEMA = json_schema()


def keys(node: dict[str, Any], whole: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """(path, property, whether it is required) of every key at any depth; `whole` is what no part can give."""
    for name, found in node["properties"].items():
        yield prefix + name, found, name in whole.get("required", node.get("required", []))
        choices = [found, *found.get("anyOf", [])]
        for part in (*choices, *(choice.get("items", {}) for choice in choices)):
            if "$ref" in part:
                below = whole.get("properties", {}).get(name, {})
                yield from keys(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]], below, f"{prefix}{name}.")


KEYS = {path: (found, required) for path, found, required in keys(SCHEMA, SCHEMA["else"])}
NEEDS_A_LOGIN = {"search", "new_message", "send"}
IDLE_WITHOUT_LOGIN = {"secret", "identify", "quota", "tls.allow_unverified_login"}
ACTS_WITHOUT_LOGIN = {
    "server", "$schema", "extends", "name", "authentication", "tls",
    "tls.mode", "tls.verify", "tls.ca_file", "tls.server_name",
    "tls.minimum_version", "timeout", "retries", "thresholds", "schedule", "alarms", "metrics", "slo",
}  # fmt: skip


def example(path: str) -> Any:
    """The example of a key's chapter."""
    [found] = re.findall(r"```json\n(.*?)```", CHAPTERS[path], re.DOTALL)
    return json.loads(found)


def read(data: dict[str, Any], folder: Path) -> CheckDefinition:
    """As it is read from a file, beside a part and a certificate."""
    (folder / "private-ca.pem").write_bytes((Path(__file__).parents[2] / "events/private-ca.pem").read_bytes())
    (folder / "_defaults.json").write_text("{}")
    (folder / "mail.json").write_text(json.dumps({**data, "name": "mail"}))
    return load_definition(folder / "mail.json")


def test_every_key_has_its_chapter_and_every_chapter_its_key() -> None:
    """No more, no less."""
    assert CHAPTERS.keys() == KEYS.keys()
    assert PAGE.count("\n### ") == len(KEYS)


@pytest.mark.parametrize("path", KEYS)
def test_key_is_described_in_the_schema(path: str) -> None:
    """The editor shows it."""
    assert len(KEYS[path][0].get("description", "")) > 10


@pytest.mark.parametrize("path", KEYS)
def test_chapter_tells_the_default_that_is_in_force(path: str) -> None:
    """Or that the key is required."""
    found, required = KEYS[path]
    text = " ".join(CHAPTERS[path].split())
    if required:
        assert "Required" in text
    elif "default" in found:
        default = found["default"]
        assert f"Default: `{json.dumps(default)}`" in text or (default is None and "Default: null" in text)
    elif path not in ("tls", "send.tls", "alarms"):
        assert "Default: none" in text


@pytest.mark.parametrize("path", CHAPTERS)
def test_example_is_valid_and_shows_its_key(path: str, tmp_path: Path) -> None:
    """As it stands beside `server`, for the deployed function too."""
    data = example(path)
    definition = read({"server": "mail.example.com"} | data, tmp_path)
    now = datetime(2026, 11, 24, tzinfo=UTC)
    problems, doubted = refusals(definition, "x", now), doubts(definition, "x", now)
    assert problems == []
    assert doubted == []
    for part in path.split("."):
        data = data[0] if isinstance(data, list) else data
        assert part in data, f"the example does not show {path}"
        data = data[part]


NOT_OBEYED = {"$schema", "extends"}
"""For the editor, and for whoever puts the parts of a file together."""


def test_every_key_is_obeyed_somewhere() -> None:
    """Beside what is said against it: a key that nothing reads is accepted in silence."""
    modules = [path for path in PACKAGE.rglob("*.py") if path.name not in ("doubts.py", "refusals.py")]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    read_names = {node.attr.removesuffix("_") for node in nodes if isinstance(node, ast.Attribute)}
    assert {path for path in KEYS if path.rpartition(".")[2] not in read_names} == NOT_OBEYED


@pytest.mark.parametrize("path", KEYS)
def test_key_without_a_login_acts_or_is_refused_or_doubted(path: str, tmp_path: Path) -> None:
    """None is accepted in silence; a key that is added must be put into one of the three sets."""
    name = path if path.startswith("tls.") else path.partition(".")[0]
    sets = (NEEDS_A_LOGIN, IDLE_WITHOUT_LOGIN, ACTS_WITHOUT_LOGIN)
    assert sum(name in names for names in sets) == 1, f"does {name} act where authentication is none?"
    data = {"server": "mail.example.com"} | example(path) | {"authentication": "none"}
    if path != "secret":  # which stands in examples of other keys, too
        data.pop("secret", None)
    if name in NEEDS_A_LOGIN:
        with pytest.raises(DefinitionError, match=f"as {name} needs a login"):
            read(data, tmp_path)
        return
    told = doubts(read(data, tmp_path), "x", datetime(2026, 11, 24, tzinfo=UTC))
    idle = {line.split(": ")[2] for line in told if "has no effect" in line}  # others may stand in the example
    assert (name in idle) == (name in IDLE_WITHOUT_LOGIN)
