"""The project's files as a clone would have them: what git tracks or would track, nothing that a target made."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files(root: Path = ROOT, below: str = ".") -> list[str]:
    """Their names, relative to `root`, in order; deleted ones are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", below]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return sorted(name for name in listed.stdout.splitlines() if (root / name).is_file())


def copy(place: Path, root: Path = ROOT) -> None:
    """Copy them into `place`."""
    for name in files(root):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, place / name)
