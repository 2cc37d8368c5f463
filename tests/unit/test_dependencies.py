"""Three lists: what `pip install imapcheck` brings, what the Lambda's layer holds, what is tested; each pinned."""

import importlib.metadata as metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/dependencies/requirements.txt"
DEMO = ROOT / "requirements/demo.txt"
DEVELOPMENT = ROOT / "requirements/dev.txt"
CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE: list[str] = CONFIGURATION["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = CONFIGURATION["project"]["optional-dependencies"]
LAMBDA: list[str] = CONFIGURATION["dependency-groups"]["lambda"]
WANTED = {LAYER: LAMBDA, DEMO: [*BASE, *EXTRAS["demo"]]}


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))


def needed_here(requirements: Iterable[str]) -> list[Requirement]:
    """Those whose marker holds on this system: the pins are its own, what only Windows needs is not among them."""
    wanted = [Requirement(text) for text in requirements]
    return [item for item in wanted if item.marker is None or item.marker.evaluate()]


def closure(requirements: Iterable[str]) -> set[str]:
    """The names of what `requirements` bring along, found among what is installed here."""
    wanted, found = needed_here(requirements), set[str]()
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
    return found


@pytest.mark.parametrize("path", WANTED, ids=lambda path: path.parent.name)
def test_pins_satisfy_pyproject_and_are_complete_and_nothing_more(path: Path) -> None:
    """Every dependency is pinned to a version that pyproject.toml allows, and so is all that it brings along."""
    pinned = pins(path)
    for requirement in needed_here(WANTED[path]):
        assert requirement.name in pinned, f"{requirement.name}: run make lock"
        assert requirement.specifier.contains(pinned[requirement.name]), f"{requirement}: run make lock"
    assert closure(WANTED[path]) == pinned.keys()


def test_layer_carries_no_command_line_and_no_boto3() -> None:
    """The runtime has boto3; nobody sits at a terminal in Lambda."""
    assert not {"boto3", "botocore", "typer", "rich", "prometheus-client", "pymap"} & pins(LAYER).keys()


def test_command_line_carries_no_aws() -> None:
    """`pip install imapcheck` is for a laptop without AWS; `imapcheck[aws]` reads Secrets Manager."""
    assert not {"boto3", "botocore", "aws-lambda-powertools"} & closure(BASE)
    assert {"boto3", "aws-lambda-powertools"} <= closure(EXTRAS["aws"])


def test_login_by_aws_cli_works() -> None:
    """`aws login` leaves credentials that botocore reads with its extra `crt` alone."""
    [boto3] = [item for item in map(Requirement, EXTRAS["aws"]) if item.name == "boto3"]
    assert boto3.extras == {"crt"}
    assert "awscrt" in pins(DEVELOPMENT)


def test_what_both_need_is_asked_for_alike() -> None:
    """One package has one range, whoever asks for it."""
    asked: dict[str, set[str]] = {}
    for text in (*BASE, *LAMBDA, *EXTRAS["aws"], *EXTRAS["demo"]):
        requirement = Requirement(text)
        asked.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert [name for name, ranges in asked.items() if len(ranges) > 1] == []


@pytest.mark.parametrize("path", WANTED, ids=lambda path: path.parent.name)
def test_what_is_tested_is_what_ships(path: Path) -> None:
    """The same versions everywhere."""
    development = pins(DEVELOPMENT)
    assert {name: development[name] for name in pins(path)} == pins(path)


@pytest.mark.parametrize(
    "path", [*WANTED, DEVELOPMENT, *sorted((ROOT / "requirements").glob("*.txt"))], ids=lambda path: path.parent.name
)
def test_every_pin_has_a_hash(path: Path) -> None:
    """pip refuses anything else than what was pinned; where it comes from is everybody's own matter."""
    entries = re.split(r"\n(?=[a-z0-9])", path.read_text().strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in path.read_text()


def test_every_environment_is_installed_by_hashes() -> None:
    """Above all SAM CLI's: it runs with the credentials of whoever deploys."""
    makefile, script = ((ROOT / path).read_text(encoding="utf-8") for path in ("Makefile", "scripts/install-packages"))
    installs = re.findall(r"(?m)(?:\$\(INSTALL\) \S+|-m pip) (.+)$", makefile)
    assert len(installs) == 5
    assert [line for line in installs if "--require-hashes -r requirements/" not in line] == [
        "--no-deps --no-build-isolation -e ."
    ]
    [itself, *others] = re.findall(r"pip\S* .*\binstall\b(.+)$", script, re.MULTILINE)
    assert "--require-hashes" in itself
    assert all('"$@"' in line for line in others)
    [version] = re.findall(r"(?m)^aws-sam-cli==(.+)$", (ROOT / "requirements/sam.in").read_text(encoding="utf-8"))
    assert pins(ROOT / "requirements/sam.txt")["aws-sam-cli"] == version


def test_core_loads_without_command_line_and_cloud() -> None:
    """What `imapcheck` exports loads neither boto3, typer, rich, Powertools nor the email package's builders."""
    unwanted = ["boto3", "botocore", "typer", "rich", "aws_lambda_powertools", "scramp", "idna", "email.headerregistry"]
    code = f"from imapcheck import *; import sys; print([name for name in {unwanted} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
