"""Everything that deploys a release without this repository, in one folder.

    .venv-sam/bin/python scripts/release_artifacts.py BUILD FOLDER [--tag v1.2.3]

BUILD is what `make build` made. FOLDER gets a template without transform and without local paths, the zips and nested
templates that it names, the program that deploys places, a software bill of materials (CycloneDX), release notes and
checksums; FOLDER-stack.zip holds them all. The same sources give the same bytes. With `--tag` the version and the
changelog must say that this is the release. Runs in SAM CLI's environment, for the transform.
"""

import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The translator asks for a Region; nothing that it writes depends on it.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

import yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[1]
VERSION = re.findall(r'^VERSION = "(.+)"$', (ROOT / "layers/imapcheck/imapcheck/version.py").read_text(), re.MULTILINE)[
    0
]
NESTED = {"Checks": "checks.yaml", "Contacts": "contacts.yaml"}
DEFINITIONS = "DefinitionsLayer"
# The earliest time that a zip can hold: when something was built does not change what is deployed.
EPOCH = (1980, 1, 1, 0, 0, 0)
PARAMETERS: dict[str, dict[str, str]] = {
    "ArtifactsBucket": {
        "Type": "String",
        "Description": "The bucket, in the Region of the stack, that holds the files of the release.",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "the name of a bucket",
    },
    "ArtifactsPrefix": {
        "Type": "String",
        "Description": "Where in that bucket they lie; ends with a slash.",
        "Default": f"imapcheck-{VERSION}/",
        "AllowedPattern": "^$|^[A-Za-z0-9._/-]+/$",
        "ConstraintDescription": "the beginning of object keys, ending with a slash, or empty",
    },
    "ChecksBucket": {
        "Type": "String",
        "Description": "The bucket that holds your own checks (docs/release.md); empty for those of the release.",
        "Default": "",
        "AllowedPattern": "^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "the name of a bucket, or empty",
    },
    "ChecksPrefix": {
        "Type": "String",
        "Description": "Where in ChecksBucket they lie; ends with a slash. A change of the checks needs another one.",
        "Default": "",
        "AllowedPattern": "^$|^[A-Za-z0-9._/-]+/$",
        "ConstraintDescription": "the beginning of object keys, ending with a slash, or empty",
    },
}


class NoManagedPolicies:
    """What samtranslator asks for the policies that a template names; ours names none."""

    def load(self) -> dict[str, str]:
        return {}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write everything that deploys a release.")
    parser.add_argument("build", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tag")
    options = parser.parse_args()
    notes = release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), options.tag)
    files = artifacts(options.build)
    files["RELEASE_NOTES.md"] = notes.encode()
    files["places.py"] = (ROOT / "scripts/places.py").read_bytes()
    files["sbom.cdx.json"] = bill_of_materials()
    files["SHA256SUMS"] = checksums(files).encode()
    write(options.folder, files)
    packed = options.folder.parent / f"{options.folder.name}-stack.zip"
    packed.write_bytes(zipped(options.folder))
    print(f"{options.folder}: {len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB, and {packed.name}")


def artifacts(build: Path) -> dict[str, bytes]:
    """What the stack is made of, by file name: the template, and what it names."""
    template = yaml.safe_load((build / "template.yaml").read_text(encoding="utf-8"))
    files: dict[str, bytes] = {}
    for name, resource in template["Resources"].items():
        for place in ("CodeUri", "ContentUri"):
            if place in (properties := resource.get("Properties", {})):
                archive = zipped(build / properties[place])
                files[file_name(name, archive)] = archive
                properties[place] = location(name, archive)
    for name, file in NESTED.items():
        properties = template["Resources"][name]["Properties"]
        files[file] = (build / properties["TemplateURL"]).read_bytes()
        properties["TemplateURL"] = url(file)
    template["Parameters"] |= PARAMETERS
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups.append({"Label": {"default": "Where the files of the release lie"}, "Parameters": list(PARAMETERS)})
    template["Conditions"]["HasOwnChecks"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ChecksBucket"}, ""]}]}
    files["template.yaml"] = dumped(transform(template, {}, NoManagedPolicies()))
    return files


def file_name(name: str, archive: bytes) -> str:
    """CloudFormation takes code for new when its key is, so the key says what is in it."""
    if name == DEFINITIONS:
        return "definitions.zip"
    return f"{name}-{hashlib.sha256(archive).hexdigest()[:12]}.zip"


def location(name: str, archive: bytes) -> dict[str, Any]:
    """Bucket and key, which only CloudFormation can resolve."""
    key = file_name(name, archive)
    return {"Bucket": own("ChecksBucket", "ArtifactsBucket"), "Key": own_key(key)} if name == DEFINITIONS else {
        "Bucket": {"Ref": "ArtifactsBucket"}, "Key": {"Fn::Sub": f"${{ArtifactsPrefix}}{key}"},
    }  # fmt: skip


def own(theirs: str, ours: str) -> dict[str, Any]:
    """The user's where there are checks of the user's own."""
    return {"Fn::If": ["HasOwnChecks", {"Ref": theirs}, {"Ref": ours}]}


def own_key(key: str) -> dict[str, Any]:
    return {"Fn::Join": ["", [own("ChecksPrefix", "ArtifactsPrefix"), key]]}


def url(file: str) -> dict[str, Any]:
    """The address of a nested template, in the form that SAM CLI writes too."""
    bucket, key = own("ChecksBucket", "ArtifactsBucket"), own_key(file)
    host = {"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}"}
    return {"Fn::Join": ["/", [host, bucket, key]]}


def zipped(folder: Path) -> bytes:
    """The folder as a zip whose bytes depend on names and contents alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files_below(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def files_below(folder: Path) -> Iterator[Path]:
    """In the order of names."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if not found:
        raise SystemExit(f"{folder}: found nothing to pack; run make build")
    return iter(found)


def dumped(template: dict[str, Any]) -> bytes:
    head = f"# imapcheck {VERSION}, transformed by `make release-artifacts`; docs/install.md says how to deploy it.\n"
    return (head + yaml.safe_dump(template, sort_keys=False, width=120, allow_unicode=True)).encode()


def release_notes(changelog: str, tag: str | None) -> str:
    """The version's chapter of the changelog; for a trial without a tag what is unreleased."""
    chapters = dict(re.findall(r"^## \[([^\]]+)\].*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL))
    if tag is None:
        title, chapter = f"imapcheck {VERSION}, a trial build", chapters.get(VERSION) or chapters["Unreleased"]
    elif tag != f"v{VERSION}":
        raise SystemExit(f"the tag is {tag} and the version v{VERSION}: they must agree (imapcheck/version.py)")
    elif VERSION not in chapters:
        raise SystemExit(f"CHANGELOG.md has no chapter [{VERSION}]")
    else:
        title, chapter = f"imapcheck {VERSION}", chapters[VERSION]
    return f"# {title}\n\n{chapter.strip()}\n"


def bill_of_materials() -> bytes:
    """What the layer of dependencies holds, by cyclonedx-py, which leaves the version of the whole out."""
    command: list[str | Path] = [
        ROOT / ".venv/bin/cyclonedx-py", "requirements", "--pyproject", ROOT / "pyproject.toml",
        "--output-reproducible", ROOT / "layers/dependencies/requirements.txt",
    ]  # fmt: skip
    bill = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    bill["metadata"]["component"]["version"] = VERSION
    return (json.dumps(bill, indent=2, sort_keys=True) + "\n").encode()


def checksums(files: dict[str, bytes]) -> str:
    """As `sha256sum --check` reads them."""
    return "".join(f"{hashlib.sha256(octets).hexdigest()}  {name}\n" for name, octets in sorted(files.items()))


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)


if __name__ == "__main__":
    main()
