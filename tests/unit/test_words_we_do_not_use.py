"""Words that a native editor would strike out, in whatever people read (CONTRIBUTING.md, "How we write")."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.story_scenes import SCENES
from support.story_text import as_file

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
        *(ROOT / "docs").glob("*.md"),
    ]
)
MODULES = sorted((ROOT / "layers/imapcheck/imapcheck").rglob("*.py"))
NOT_USED = {
    r"\b(?:rings?|ringing|rang)\b": "is in alarm, fires",
    r"\b[Mm]end(?:s|ed|ing)?\b": "fix",
    r"\b[Pp]ut right\b": "fix",
    r"\blook-up\b": "lookup",
    r"\bat a venture\b": "as a guess",
    r"\b(?:was|were|is|are) told\b(?! apart)": "reported, notified",
    r"\bNot your server\?|\bDid nobody\b|\bSee whether\b": "If you do not run .., Check whether",
    r"\bas by:": "for example",
}
WIRE = re.compile(r"^\s*(?:content\.description\|: \")?[SC]: ")


def used(text: str) -> list[str]:
    """The lines with such a word, but for those of a protocol."""
    return [
        f"{line.strip()[:120]} -> {instead}"
        for line in text.splitlines()
        for word, instead in NOT_USED.items()
        if not WIRE.match(line) and re.search(word, line)
    ]


def literals(path: Path) -> Iterator[str]:
    """The texts of a module that may reach a person: no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in docs
        ):
            yield node.value


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_uses_none_of_them(path: Path) -> None:
    """Of the documentation."""
    assert used(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", SCENES)
def test_message_uses_none_of_them(name: str) -> None:
    """Messages as they are sent."""
    assert used(as_file(SCENES[name]())) == []


def test_string_literals_use_none_of_them() -> None:
    """Messages, descriptions and errors; what goes to the developers' log is none of them."""
    found = {
        path.name: lines for path in MODULES if (lines := [line for text in literals(path) for line in used(text)])
    }
    assert found == {}


def test_template_uses_none_of_them() -> None:
    """Descriptions of alarms and parameters are read on a phone."""
    assert used((ROOT / "template.yaml").read_text(encoding="utf-8")) == []
