"""`make bench` still measures what it says: nothing else would notice that a part of it no longer runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import network

ROOT = Path(__file__).parents[2]
PARTS = 14

pytestmark = pytest.mark.long


@pytest.mark.skipif(
    network.missing() is not None, reason=f"two of its parts need network namespaces: {network.missing()}"
)
def test_every_part_is_measured(tmp_path: Path) -> None:
    """Both pages are written, no part fails, and none is left out; the figures are nobody's business here."""
    command = [sys.executable, "-m", "benchmark", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": "tests"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+)", page, re.MULTILINE) == [str(number) for number in range(1, PARTS + 1)]
    assert page.count("Not measured: ") == 1, "the one in its head"
    assert "{" not in page, "a figure that was not filled in"
    assert "## One, fifty, 450" in (tmp_path / "cost.md").read_text(encoding="utf-8")
