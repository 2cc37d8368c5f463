"""The folder that `make release-artifacts` writes, from a build whose parts hold one small file each."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.test_dependencies import LAYER, pins

from imapcheck.version import VERSION
from support.artifact import ROOT, SAM
from support.templates import load_template

PYTHON = SAM.with_name("python")


def sketch(place: Path) -> Path:
    """What `sam build` leaves below `place`: template and parts."""
    template = load_template((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if key in properties:
                properties[key] = name
                (place / name / "inner").mkdir(parents=True)
                (place / name / "inner/module.py").write_text(f"# {name}\n")
        if "TemplateURL" in properties:
            shutil.copy(ROOT / properties["TemplateURL"], place)
            properties["TemplateURL"] = Path(properties["TemplateURL"]).name
    (place / "template.yaml").write_text(yaml.safe_dump(template))
    return place


def write(build: Path, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    if not SAM.exists():
        assert not os.environ.get("CI"), "SAM CLI's environment is missing"
        pytest.skip("SAM CLI's environment is missing (make build makes it)")
    command: list[str | Path] = [PYTHON, ROOT / "scripts/release_artifacts.py", build, folder, *options]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("artifacts")
    done = write(sketch(place / "build"), place / "release")
    assert done.returncode == 0, done.stderr
    return place / "release"


@pytest.fixture(scope="module")
def template(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "template.yaml").read_text(encoding="utf-8"))
    return loaded


def test_same_build_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Under another path, at another time, in another Region, and over what an earlier version left there."""
    build = sketch(tmp_path / "another")
    for path in build.rglob("*"):
        os.utime(path, (1, 1))
    (tmp_path / "release").mkdir()
    (tmp_path / "release/ImapcheckLayer-000000000000.zip").write_bytes(b"stale")
    done = write(build, tmp_path / "release", AWS_DEFAULT_REGION="us-gov-west-1")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "release").iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    packed = "release-stack.zip"
    assert (tmp_path / packed).read_bytes() == (folder.parent / packed).read_bytes()


def test_template_needs_no_transform_and_names_no_path(template: dict[str, Any], folder: Path) -> None:
    """StackSets, Service Catalog and the console take it as it is."""
    text = (folder / "template.yaml").read_text(encoding="utf-8")
    assert "Transform" not in template
    assert "AWS::Serverless" not in text
    assert str(ROOT) not in text
    assert str(folder.parent) not in text
    assert len(text) < 1_000_000


def test_whatever_the_template_names_is_in_the_folder(folder: Path) -> None:
    """And nothing lies there that neither it nor a reader has a use for."""
    text = (folder / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w-]+\.zip\b|\b(?:checks|contacts)\.yaml", text))
    about = {"template.yaml", "RELEASE_NOTES.md", "SHA256SUMS", "places.py", "sbom.cdx.json"}
    assert {path.name for path in folder.iterdir()} == named | about
    assert len(named) == 9


def test_names_of_zips_change_with_their_contents(folder: Path) -> None:
    """CloudFormation takes code for unchanged while its key is. The checks alone are under the user's prefix."""
    for path in folder.glob("*-*.zip"):
        assert path.stem.rsplit("-", 1)[1] == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert [path.name for path in folder.glob("*.zip") if "-" not in path.name] == ["definitions.zip"]


def test_zips_hold_what_was_built(folder: Path) -> None:
    """With paths below the part and rights that Lambda's user can read."""
    [archive] = folder.glob("RunCheckFunction-*.zip")
    with zipfile.ZipFile(archive) as opened:
        [entry] = opened.infolist()
        assert (entry.filename, entry.external_attr >> 16) == ("inner/module.py", 0o644)
        assert opened.read(entry) == b"# RunCheckFunction\n"


def test_template_is_the_one_that_make_deploy_deploys(template: dict[str, Any]) -> None:
    """The same parameters, rules, outputs and resources, and what says where the files lie."""
    source = load_template((ROOT / "template.yaml").read_text(encoding="utf-8"))
    added = {"ArtifactsBucket", "ArtifactsPrefix", "ChecksBucket", "ChecksPrefix"}
    assert template["Parameters"].keys() - source["Parameters"].keys() == added
    assert template["Rules"].keys() == source["Rules"].keys()
    assert template["Outputs"].keys() == source["Outputs"].keys()
    plain = {name for name, item in source["Resources"].items() if not item["Type"].startswith("AWS::Serverless")}
    assert plain <= template["Resources"].keys()


def test_places_are_made_of_the_same_files(folder: Path, tmp_path: Path) -> None:
    """What `imapcheck stack` writes for them names folders of a checkout; from a release each is a file of it."""
    (tmp_path / "events").mkdir()
    check = {"server": "mail.example.com", "authentication": "none", "schedule": {"every": "5m", "places": "us-east-2"}}
    (tmp_path / "events/mail.json").write_text(json.dumps(check))
    stack: list[str | Path] = [
        Path(sys.executable).parent / "imapcheck",
        "stack",
        tmp_path / "events",
        "--output",
        tmp_path / "checks",
    ]
    subprocess.run(stack, check=True, capture_output=True)
    release = tmp_path / "a release, {unpacked}"
    shutil.copytree(folder, release)
    program = "import sys, places; from pathlib import Path; print(places.of_release(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "checks"], cwd=release, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    resources = load_template(done.stdout)["Resources"]
    properties = [resource["Properties"] for resource in resources.values()]
    named = [Path(item[key]) for item in properties for key in ("CodeUri", "ContentUri") if key in item]
    kinds = {path.name.split("-")[0] for path in named}
    assert kinds == {"RunCheckFunction", "ImapcheckLayer", "DependenciesLayer", "definitions.zip"}
    assert {path.parent for path in named} == {release, tmp_path / "checks"}
    assert all(zipfile.is_zipfile(path) for path in named)
    assert "../" not in done.stdout


def test_template_is_correct(folder: Path) -> None:
    """By cfn-lint, which knows the resources' schemas."""
    done = subprocess.run(
        [ROOT / ".venv/bin/cfn-lint", folder / "template.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_checksums_are_of_every_other_file(folder: Path) -> None:
    """As `sha256sum --check` reads them."""
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {
        path.name for path in folder.iterdir() if path.name != "SHA256SUMS"
    }


def test_bill_of_materials_is_of_the_layer(folder: Path) -> None:
    """Every pinned package with its version, and imapcheck as what they belong to."""
    bill = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    whole = bill["metadata"]["component"]
    assert (whole["name"], whole["version"]) == ("imapcheck", VERSION)
    assert {item["name"]: item["version"] for item in bill["components"]} == pins(LAYER)


def test_notes_of_a_trial_say_that_it_is_one(folder: Path) -> None:
    """What stands in the changelog is what a reader gets."""
    notes = (folder / "RELEASE_NOTES.md").read_text(encoding="utf-8")
    assert notes.startswith(f"# imapcheck {VERSION}, a trial build\n")
    assert "### Added" in notes


@pytest.mark.parametrize("tag", ["v0.0.0", f"{VERSION}", f"v{VERSION}.post1"])
def test_tag_that_is_not_the_versions_is_refused(tag: str, tmp_path: Path) -> None:
    """Before anything is written."""
    done = write(tmp_path / "never-read", tmp_path / "release", "--tag", tag)
    assert done.returncode == 1
    assert f"the tag is {tag} and the version v{VERSION}" in done.stderr
    assert not (tmp_path / "release").exists()


def test_release_needs_its_chapter_of_the_changelog(tmp_path: Path) -> None:
    """With the tag of the version: either the changelog has the chapter, or its absence is told."""
    done = write(sketch(tmp_path / "build"), tmp_path / "release", "--tag", f"v{VERSION}")
    if f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        assert (tmp_path / "release/RELEASE_NOTES.md").read_text().startswith(f"# imapcheck {VERSION}\n")
    else:
        assert done.returncode == 1
        assert f"CHANGELOG.md has no chapter [{VERSION}]" in done.stderr
