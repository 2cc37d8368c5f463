"""The built wheel with what it asks for and nothing else: what `pip install imapcheck` gives, without a network."""

import importlib.metadata as metadata
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.test_dependencies import BASE, ROOT, closure

from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import WireServer

type Bare = Callable[..., subprocess.CompletedProcess[str]]
type Write = Callable[[str, dict[str, Any]], Path]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """Run the wheel's `imapcheck` where only its own dependencies can be imported."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in closure(BASE):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            place = site / top
            if not place.exists():
                place.symlink_to(Path(str(distribution.locate_file(top))))

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-m", "imapcheck", *map(str, arguments)]
        return subprocess.run(
            command, env={"PYTHONPATH": str(site), **environment}, capture_output=True, text=True, check=False,
            timeout=60, cwd=site.parent,
        )  # fmt: skip

    return run


def test_wheel_names_the_command_and_its_extras(wheel: Path) -> None:
    """What pip makes a script of."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
        about = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert "imapcheck = imapcheck.cli.app:main" in entry_points
    assert "Provides-Extra: aws" in about
    assert "Provides-Extra: demo" in about
    assert "imapcheck/__main__.py" in names


def test_bare_environment_is_bare(bare: Bare) -> None:
    """Else the tests below would prove nothing: what is not asked for cannot be imported."""
    done = bare("demo")
    assert done.returncode == 2
    assert done.stderr == "the demo's server is not installed: pip install 'imapcheck[demo]'\n"


def test_bare_environment_validates_explains_and_shows_the_schema(bare: Bare, write_definition: Write) -> None:
    """And names its version."""
    path = write_definition("mail", {"server": "mail.example.com", "secret": "imapcheck/mail"})
    assert bare("validate", path).returncode == 0
    assert "over_quota" in bare("explain").stdout
    assert json.loads(bare("schema").stdout)["title"] == "CheckDefinition"
    assert bare("--version").stdout.startswith("imapcheck ")


@pytest.mark.parametrize("format", ["text", "json", "nagios", "prometheus", "junit"])
def test_bare_environment_runs_checks(
    bare: Bare, write_definition: Write, tmp_path: Path, server_context: Any, certificates: Certificates, format: str
) -> None:
    """In every format, the report for people, and init too."""
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({"username": "alice", "password": PASSWORD, "host": "localhost"}))
    secret.chmod(0o600)
    (tmp_path / "ca.pem").write_bytes(certificates.ca.read_bytes())
    with WireServer(tls=server_context) as server:
        fields = {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)}}
        report = ["--html", str(tmp_path / "report.html")]
        done = bare("run", write_definition("mail", fields), "--credentials", secret, "--format", format, *report)
        assert (done.returncode, done.stderr) == (0, "")
        initialised = bare(
            "init", f"localhost:{server.port}", "--ca-file", tmp_path / "ca.pem", "--output", tmp_path / "new.json",
            IMAPCHECK_USERNAME="alice", IMAPCHECK_PASSWORD=PASSWORD,
        )  # fmt: skip
    assert initialised.returncode == 0, initialised.stderr
    assert "AVAILABLE" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_reading_a_secret_says_what_to_install(bare: Bare, write_definition: Write) -> None:
    """And how to go on without it."""
    done = bare("run", write_definition("mail", {"server": "mail.example.com", "secret": "imapcheck/mail"}))
    assert done.returncode == 2
    assert "secret imapcheck/mail cannot be read without the AWS packages: pip install 'imapcheck[aws]'" in (
        done.stderr.replace(": cannot", " cannot")
    )
    assert "--credentials FILE" in done.stderr
