"""The layer's pinned requirements are those of pyproject.toml, each with its hashes, and no boto3."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PINNED = ROOT / "layers/dependencies/requirements.txt"


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_layer_pins_satisfy_pyproject() -> None:
    """Every dependency is pinned to a version that pyproject.toml allows."""
    pinned = pins(PINNED)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        requirement = Requirement(text)
        assert requirement.name in pinned, f"{requirement.name}: run make lock"
        assert requirement.specifier.contains(pinned[requirement.name]), f"{text}: run make lock"
    assert not {"boto3", "botocore", "typer", "rich"} & pinned.keys()


def test_layer_pins_are_complete_and_nothing_more() -> None:
    """The pins are the dependencies' own closure, found among what is installed here."""
    import importlib.metadata as metadata

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted, found = [Requirement(text) for text in project["dependencies"]], set()
    while wanted:
        requirement = wanted.pop()
        name = requirement.name.lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or ():
            inner = Requirement(text)
            if inner.marker is None or inner.marker.evaluate({"extra": ""}):
                wanted.append(inner)
    assert found == pins(PINNED).keys()


def test_layer_and_development_use_the_same_versions() -> None:
    """What is tested is what ships."""
    development = pins(ROOT / "requirements/dev.txt")
    assert {name: development[name] for name in pins(PINNED)} == pins(PINNED)


def test_every_pin_has_a_hash() -> None:
    """pip refuses anything else than what was pinned."""
    for name in (PINNED, ROOT / "requirements/dev.txt", ROOT / "requirements/emulator.txt"):
        entries = re.split(r"\n(?=[a-z0-9])", name.read_text().strip())
        assert all("--hash=sha256:" in entry for entry in entries)


def test_core_loads_without_command_line_and_cloud() -> None:
    """Importing `imapcheck` loads neither boto3 nor typer nor rich nor Powertools nor the email package's builders."""
    unwanted = ["boto3", "botocore", "typer", "rich", "aws_lambda_powertools", "scramp", "idna", "email.headerregistry"]
    code = f"import imapcheck, sys; print([name for name in {unwanted} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
