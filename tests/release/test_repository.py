"""What GitHub and pre-commit read of this repository. `make lint` holds the same files against their own linters."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import working_tree
from support.artifact import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
BIN = ROOT / ".venv/bin"


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_targets_that_are_there(path: Path) -> None:
    """So that what CI does can be done here, and CI does nothing else."""
    lines = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    called = {word for line in lines if (words := re.search(r"\bmake (.+)$", line)) for word in words[1].split()}
    asked = {word for word in called if "=" not in word}
    assert asked
    assert asked <= targets()
    assert [line for line in lines if "make " not in line and not line.startswith(("gh release", "unzip -p"))] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """A tag can be moved to other code; the comment says which version the commit is."""
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert used
    for line in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_the_permissions_that_they_name_and_no_others(path: Path) -> None:
    """None by default; only the release writes, one thing a job."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    writing = {
        name: {scope for scope, right in job["permissions"].items() if right == "write"}
        for name, job in workflow["jobs"].items()
    }
    expected = {"attest": {"id-token", "attestations"}, "pypi": {"id-token"}, "github": {"contents"}}
    assert {name: scopes for name, scopes in writing.items() if scopes} == (
        expected if path.name == "release.yml" else {}
    )


@pytest.mark.parametrize(
    ("harm", "linter", "words"),
    [
        ("runs-on: ubuntu-24.04", ["actionlint"], "runs-on"),
        ("persist-credentials: false", ["zizmor", "--offline", "--no-progress"], "artipacked"),
    ],
    ids=["actionlint", "zizmor"],
)
def test_linters_see_what_they_are_there_for(harm: str, linter: list[str], words: str, tmp_path: Path) -> None:
    """A linter that were silent whatever it is given would pass as well."""
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert harm in text
    broken = tmp_path / ".github/workflows/ci.yml"
    broken.parent.mkdir(parents=True)
    broken.write_text(text.replace(harm, "if: always()" if "runs-on" in harm else "fetch-depth: 1"))
    done = subprocess.run([BIN / linter[0], *linter[1:], broken], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr


def test_templates_ask_for_what_is_redacted() -> None:
    """The bug form for the result as JSON, the provider's for the transcript, the pull request for its line."""
    forms = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")}
    assert "imapcheck run events/NAME.json --json" in forms["bug"]
    assert "imapcheck run events/NAME.json --transcript" in forms["provider"]
    assert "```release-note" in (ROOT / ".github/pull_request_template.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_other_repositories_can_validate_their_definitions(tmp_path: Path) -> None:
    """pre-commit installs this repository as it is and runs the hook; needs a package index."""
    # `try-repo` takes what git knows of, and leaves the original alone.
    hook = tmp_path / "imapcheck"
    working_tree.copy(hook)
    theirs = tmp_path / "theirs"
    (theirs / "events").mkdir(parents=True)
    (theirs / "events/good.json").write_text('{"server": "mail.example.com", "authentication": "none"}')
    commit = "git init -q && git add -A && git -c user.name=t -c user.email=t@example.com commit -qm t"
    for place in (hook, theirs):
        subprocess.run(commit, shell=True, cwd=place, check=True)
    command: list[str | Path] = [BIN / "pre-commit", "try-repo", hook, "imapcheck-validate", "--all-files"]
    good = subprocess.run(command, cwd=theirs, capture_output=True, text=True, check=False, timeout=300)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "Passed" in good.stdout
    (theirs / "events/bad.json").write_text('{"servre": "mail.example.com"}')
    subprocess.run(["git", "add", "-A"], cwd=theirs, check=True)
    bad = subprocess.run(command, cwd=theirs, capture_output=True, text=True, check=False, timeout=300)
    assert bad.returncode == 1
    assert "events/bad.json" in bad.stdout
