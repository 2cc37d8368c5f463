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
        *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "template.yaml")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").glob("*.json"),
        *(ROOT / "stacks").glob("*.yaml"),
        *(ROOT / "integrations").rglob("*.*"),
        *(ROOT / "tests/unit/golden").iterdir(),
        *(ROOT / "tests/unit/story/golden").iterdir(),
    ]
)
PROTOCOL_TALK = {"docs/session.md", "docs/decisions/own-session.md"}
"""Pages that speak as the RFCs do: an octet is one there."""
MODULES = sorted((ROOT / "layers/imapcheck/imapcheck").rglob("*.py"))
NOT_USED = {
    r"\b(?:[Rr]ings?|[Rr]inging|[Rr]ang)\b": "is in alarm, fires",
    r"\b[Mm]end(?:s|ed|ing)?\b": "fix",
    r"\b[Pp]ut right\b": "fix",
    r"\blook-ups?\b": "lookup",
    r"\bat a venture\b": "as a guess",
    r"\b(?:was|were|is|are|be|been|gets?) told\b(?! apart)": "reported, notified",
    r"\b(?:alarm|story|message|mail) tells\b|\btells it\b": "says, reports",
    r"\bNot your (?:server|mail)\?|\bDid nobody\b|\bIs the [a-z]+ (?:a|an) [a-z]+ one\b|\? Then\b": "If .., then",
    r"\bSee (?:whether|why)\b|\bSee in the\b": "Check whether, Find out why, Look into the",
    r"(?:^|[.;:] )(?:Does|Is|Are|Was|Were|Has|Have|Did) (?:it|they|the [a-z]+|a [a-z]+) [^?.]{0,80}, [a-z]": "If ..",
    r"\bdoes it last,": "if it persists",
    r"(?:^|[.;:] )Who(?:ever)? (?:wants?|must|needs?|has|looks?|likes?)\b[^?]*$": "If you want, anyone who",
    r"\bas by:": "for example",
    r"\b(?:is|are) meant\?": "did you mean ..?",
    r"\bfound nothing, expected\b": "missing",
    r"\bbelongs? into\b": "belongs in",
    r"\blets? nobody\b": "nobody can",
    r"\bgave up an event\b": "discarded",
    r"\bnobody had\b": "was not",
    r"\b[Aa] private one\b": "private",
    r"\bknows no more\b": "says no more",
    r"\bcould not be told\b": "could not be delivered",
    r"\basks for (?:as|so) many\b": "charges for",
    r"\bas remembered\b": "from memory",
    r"(?<![./])\.\.(?![./\w])": "…",
}
IN_TEXTS_FOR_USERS = {r"\boctets?\b(?!\})": "bytes"}
WIRE = re.compile(r"^\s*(?:content\.[a-z_.]+\|: \")?[SC]: ")


def used(text: str, words: dict[str, str] = NOT_USED) -> list[str]:
    """The lines with such a word, but for those of a protocol."""
    return [
        f"{line.strip()[:120]} -> {instead}"
        for line in text.splitlines()
        for word, instead in words.items()
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_page_uses_none_of_them(path: Path) -> None:
    """Pages, descriptions of alarms and parameters, and what users are shown, as it is sent."""
    words = NOT_USED if path.relative_to(ROOT).as_posix() in PROTOCOL_TALK else NOT_USED | IN_TEXTS_FOR_USERS
    assert used(path.read_text(encoding="utf-8"), words) == []


@pytest.mark.parametrize("name", SCENES)
def test_message_uses_none_of_them(name: str) -> None:
    """Messages as they are sent, whole; the golden files hold what differs."""
    assert used(as_file(SCENES[name]()), NOT_USED | IN_TEXTS_FOR_USERS) == []


def test_string_literals_use_none_of_them() -> None:
    """Messages, descriptions and errors; what goes to the developers' log is none of them."""
    words = NOT_USED | IN_TEXTS_FOR_USERS
    found = {
        path.name: lines
        for path in MODULES
        if (lines := [line for text in literals(path) for line in used(text, words)])
    }
    assert found == {}
