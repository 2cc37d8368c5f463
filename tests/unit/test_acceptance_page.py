"""docs/acceptance.md lists the steps of `scripts/acceptance`, and says which of them only AWS can show."""

import re

from support.artifact import ROOT

SCRIPT = (ROOT / "scripts/acceptance").read_text(encoding="utf-8")
ROWS = re.findall(
    r"(?m)^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs/acceptance.md").read_text(encoding="utf-8")
)[1:]


def test_page_has_the_scripts_steps() -> None:
    """In their order; besides, what it does at its end in any case, and the command for the day after."""
    steps = re.findall(r'(?m)^step "([^"]+)"', SCRIPT)
    assert steps.pop() == "all that was reported"
    *rows, remove, tomorrow = (name for name, _ in ROWS)
    assert (remove, tomorrow) == ("remove", "tomorrow")
    assert [step for step, row in zip(steps, rows, strict=True) if not step.startswith(row)] == []


def test_page_says_what_only_aws_shows() -> None:
    """Each step in which the script says so."""
    parts = re.split(r'(?m)^step "', SCRIPT)[1:-1]
    said = ["only_on_aws" in part for part in parts]
    assert ["only on AWS" in where for _, where in ROWS[: len(parts)]] == said
