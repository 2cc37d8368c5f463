"""What a cold start has to fetch and unpack. `make build` prints the same figure."""

import shutil
from pathlib import Path

from support.artifact import add_bytecode

PARTS = ("RunCheckFunction", "ImapcheckLayer", "DependenciesLayer")
MOST_MB = 45.0  # Of it cryptography is 17. Lambda's own bound for a function and its layers is 250 MB, unpacked.


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_function_and_its_layers_stay_small(artifact: Path) -> None:
    """A dependency that doubles them is noticed when it comes, not when a cold start is slow."""
    sizes = {part: megabytes(artifact / part) for part in PARTS}
    assert 5 < sum(sizes.values()) < MOST_MB, sizes


def test_build_reports_the_size(artifact: Path, tmp_path: Path) -> None:
    """Each layer, in MB; of a copy, as others run the artifact meanwhile."""
    reported = add_bytecode(shutil.copytree(artifact, tmp_path / "build"))
    for part in PARTS[1:]:
        assert f"{part} {megabytes(artifact / part):.1f} MB" in reported
