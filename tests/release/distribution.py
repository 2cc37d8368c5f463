"""Wheel and sdist as `make dist` builds them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.artifact import ROOT


@dataclass(frozen=True)
class Distribution:
    """The two files that a release puts on PyPI."""

    wheel: Path
    sdist: Path


def build(folder: Path, root: Path = ROOT, **environment: str) -> Distribution:
    """Run the script that `make dist` runs, of the tree at `root`."""
    command = [root / "scripts/build-distribution", folder]
    done = subprocess.run(
        command, cwd=folder.parent, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distribution(wheel, sdist)
