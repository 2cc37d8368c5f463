"""docs/command-line.md: what it says is what `--help`, the formats and the statuses are."""

import pkgutil
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from imapcheck import output
from imapcheck.cli import status
from imapcheck.output import prometheus
from imapcheck.output.formats import FORMATS
from support.command_help import commands, rows
from support.full_results import measured
from support.results import failure, outcome, warning

DOCUMENT = (Path(__file__).parents[2] / "docs/command-line.md").read_text(encoding="utf-8")


def section(command: str) -> str:
    """What stands under the command's heading, up to the next of its level."""
    return re.split(r"\n## ", DOCUMENT.partition(f"\n## `imapcheck {command}`\n")[2])[0]


def table(text: str, header: str) -> list[str]:
    """The rows of the table with that header."""
    lines = text.partition(f"| {header} |\n")[2].splitlines()[1:]
    return lines[: next((index for index, line in enumerate(lines) if not line.startswith("|")), len(lines))]


@pytest.mark.parametrize("name", commands())
def test_document_has_every_option_in_the_words_of_its_help(name: str) -> None:
    """No option without a row, no row without an option."""
    assert table(section(name), "write | what") == rows(commands()[name])


def test_document_has_every_command() -> None:
    """And no other."""
    assert re.findall(r"\n## `imapcheck (\w+)`\n", DOCUMENT) == [
        "run", "init", "validate", "show", "summary", "report", "mute", "explain", "stack", "schema", "demo",
    ]  # fmt: skip
    assert set(commands()) == set(re.findall(r"\n## `imapcheck (\w+)`\n", DOCUMENT))


def test_document_has_every_format_and_every_exit_status() -> None:
    """Their names and numbers."""
    run = section("run")
    assert [row.split("`")[1] for row in table(run, "format | what")] == list(FORMATS)
    numbers = [int(row.split("|")[1]) for row in table(run, "status | meaning")]
    assert numbers == [
        status.AVAILABLE, status.UNAVAILABLE, status.WRONG_USAGE, status.INTERNAL_ERROR, status.INTERRUPTED,
    ]  # fmt: skip


def test_every_document_of_the_room_is_a_format() -> None:
    """Else it is written, and nobody can ask for it."""
    found = {module.name for module in pkgutil.iter_modules(output.__path__)}
    written = {name for name in found if hasattr(import_module(f"{output.__name__}.{name}"), "document")}
    assert written == {format.module for format in FORMATS.values() if format.module is not None}


def test_document_has_every_metric() -> None:
    """The names that a run with all of it gives."""
    run = outcome(replace(measured(), failures=(failure(),), warnings=(warning(),)))
    written = {family.name for family in text_string_to_metric_families(prometheus.render([run]))}
    told = set(re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", "\n".join(table(section("run"), "metric | what"))))
    assert told == written


def test_document_has_every_variable() -> None:
    """Which the code reads from the environment."""
    source = Path(__file__).parents[2] / "layers/imapcheck/imapcheck/cli/credentials.py"
    for name in re.findall(r"\"(IMAPCHECK_[A-Z]+)\"", source.read_text(encoding="utf-8")):
        assert f"`{name}`" in section("run")


def test_readme_leads_to_every_page() -> None:
    """And no link of it leads nowhere."""
    root = Path(__file__).parents[2]
    links = set(re.findall(r"\]\(([A-Za-z0-9_./-]+)\)", (root / "README.md").read_text(encoding="utf-8")))
    assert [link for link in links if not (root / link).exists()] == []
    assert {f"docs/{page.name}" for page in (root / "docs").glob("*.md")} <= links
