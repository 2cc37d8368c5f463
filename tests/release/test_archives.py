"""Wheel and sdist: the same bytes from the same sources, and nothing in them but the package."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from imapcheck.version import VERSION
from release.distribution import Distribution, build
from support import working_tree
from support.artifact import ROOT

EPOCH = "1700000000"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return build(tmp_path_factory.mktemp("build") / "dist", SOURCE_DATE_EPOCH=EPOCH)


def digests(distribution: Distribution) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (distribution.wheel, distribution.sdist)]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sources under another path, as another umask and another day left them, with another Python's litter."""
    place = tmp_path_factory.mktemp("elsewhere") / "checkout"
    for name in ("layers", "scripts", "pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    for path in place.rglob("*"):
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
        os.utime(path, (1, 1))
    (place / "scripts/build-distribution").chmod(0o700)
    litter = place / "layers/imapcheck/imapcheck/__pycache__/gone.cpython-312.pyc"
    litter.parent.mkdir(exist_ok=True)
    litter.write_bytes(b"not the package's")
    (place / ".venv").symlink_to(ROOT / ".venv")
    return place


def test_same_sources_give_the_same_bytes(built: Distribution, elsewhere: Path, tmp_path: Path) -> None:
    """Wherever, whenever and by whom they are built: so anybody can check what was published."""
    again = build(tmp_path / "dist", elsewhere, SOURCE_DATE_EPOCH=EPOCH)
    assert digests(again) == digests(built)


def test_commits_time_is_in_the_archives(built: Distribution) -> None:
    """`SOURCE_DATE_EPOCH` is what the script sets to it; a build that ignored it would differ from day to day."""
    with tarfile.open(built.sdist) as archive:
        assert {member.mtime for member in archive} == {int(EPOCH)}


def test_wheel_is_the_package_and_nothing_else(built: Distribution) -> None:
    """Every module that is committed, the marker that it is typed, and what pip needs."""
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set(working_tree.files(ROOT / "layers/imapcheck", "imapcheck"))
    assert "imapcheck/py.typed" in names


def test_sdist_builds_the_same_wheel(built: Distribution, tmp_path: Path) -> None:
    """Distributors begin with the sdist."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"],
        cwd=source, env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH}, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = (tmp_path / "dist").iterdir()
    assert wheel.read_bytes() == built.wheel.read_bytes()


def test_names_carry_the_version(built: Distribution) -> None:
    """One place says it: `imapcheck/version.py`."""
    assert built.wheel.name == f"imapcheck-{VERSION}-py3-none-any.whl"
    assert built.sdist.name == f"imapcheck-{VERSION}.tar.gz"
