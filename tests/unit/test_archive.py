"""`imapcheck stack --output FOLDER` writes the definitions as the zip that a stack takes."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from imapcheck.stack.archive import definitions_archive
from support.artifact import ROOT


def modes(archive: Path) -> dict[str, int]:
    with zipfile.ZipFile(archive) as opened:
        return {entry.filename: entry.external_attr >> 16 for entry in opened.infolist()}


def stack(folder: Path, *more: str) -> None:
    command = Path(sys.executable).parent / "imapcheck"
    subprocess.run([command, "stack", "events", *more], cwd=folder, check=True, capture_output=True)


def test_files_that_only_their_owner_may_read_are_readable_in_the_zip(tmp_path: Path) -> None:
    """Lambda runs as another user: a definition that it cannot read fails at each run, and not at deployment."""
    shutil.copytree(ROOT / "events", tmp_path / "events")
    for file in (tmp_path / "events").iterdir():
        file.chmod(0o600)
    stack(tmp_path, "--output", "made")
    names = {file.name for file in (ROOT / "events").iterdir()}
    assert modes(tmp_path / "made/definitions.zip") == dict.fromkeys(names, 0o644)
    with zipfile.ZipFile(tmp_path / "made/definitions.zip") as opened:
        assert {name: opened.read(name) for name in names} == {
            name: (ROOT / "events" / name).read_bytes() for name in names
        }


def test_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """Whenever they were written, and whoever may read them."""
    first = definitions_archive(ROOT / "events")
    shutil.copytree(ROOT / "events", tmp_path / "events", copy_function=shutil.copyfile)
    for file in (tmp_path / "events").iterdir():
        file.chmod(0o600)
    assert definitions_archive(tmp_path / "events") == first
    (tmp_path / "events/gmail.json").write_text("{}", encoding="utf-8")
    assert definitions_archive(tmp_path / "events") != first


def test_stacks_of_a_checkout_have_no_zip(tmp_path: Path) -> None:
    """`make build` takes the folder itself, and stacks/ is committed."""
    shutil.copytree(ROOT / "events", tmp_path / "events")
    stack(tmp_path)
    assert {file.name for file in (tmp_path / "stacks").iterdir()} == {"checks.yaml", "contacts.yaml"}
