"""What a user gets from wheel and sdist, in environments that hold nothing else; needs a package index.

Oldest is the lowest version that pyproject.toml allows of each direct dependency, newest what the index has.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from release.distribution import Distribution, build
from support.artifact import ROOT
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import WireServer

pytestmark = pytest.mark.long

UV = ROOT / ".venv/bin/uv"
SECRET = {"username": "alice", "password": PASSWORD, "host": "localhost"}
VERSIONS = ("3.12", "3.13", "3.14")
RESOLUTIONS = ("highest", "lowest-direct")
EXTRAS: tuple[tuple[str, ...], ...] = ((), ("aws",), ("demo",))


@dataclass(frozen=True)
class Bare:
    """An environment with imapcheck and what it asks for, in its own folder."""

    place: Path
    extras: tuple[str, ...]

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """`imapcheck ...` as a user's shell would find it, without anything of the developer's."""
        return subprocess.run(
            [self.place / "venv/bin/imapcheck", *arguments], cwd=self.place, env={"HOME": str(self.place), **variables},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def define(self, server: WireServer, certificates: Certificates, **fields: str) -> None:
        """Write `mail.json`, a check of this server, with its authority's certificate beside it."""
        shutil.copy(certificates.ca, self.place / "ca.pem")
        definition = {"server": f"localhost:{server.port}", "tls": {"ca_file": "ca.pem"}, **fields}
        (self.place / "mail.json").write_text(json.dumps(definition))


def python(version: str) -> Path:
    """The interpreter of that version on this machine, or a skip that says so."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return Path(sys.base_prefix) / f"bin/python{version}"
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    if pyenv:  # whose shims answer only for the version that is selected
        return pyenv[-1]
    found = subprocess.run(
        [UV, "python", "find", "--no-python-downloads", version], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip(f"Python {version} is not installed here")
    return Path(found.stdout.strip())


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return build(tmp_path_factory.mktemp("build") / "dist")


type Install = Callable[..., Bare]


@pytest.fixture(scope="module")
def install(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`install(version, archive, resolution, *extras)`: the archive's own metadata say what else is needed."""

    def make(version: str, archive: str, resolution: str, *extras: str) -> Bare:
        place = tmp_path_factory.mktemp("bare")
        uv("venv", "--no-python-downloads", "--python", python(version), place / "venv")
        wanted = f"imapcheck[{','.join(extras)}] @ {getattr(distribution, archive).as_uri()}"
        # `lowest-direct` is about what the command names, so the project's own list is named too.
        named = [word for extra in extras for word in ("--extra", extra)]
        listed: tuple[str | Path, ...] = ("-r", ROOT / "pyproject.toml", *named)
        uv("pip", "install", "--python", place / "venv", "--resolution", resolution, wanted, *listed)
        return Bare(place, extras)

    return make


def uv(*arguments: str | Path) -> None:
    done = subprocess.run([UV, "--quiet", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(
    scope="module",
    params=[*product(VERSIONS, ["wheel"], RESOLUTIONS, EXTRAS), *product(VERSIONS, ["sdist"], ["highest"], [()])],
    ids=lambda case: "-".join((*case[:3], *case[3])),
)
def bare(request: pytest.FixtureRequest, install: Install) -> Bare:
    version, archive, resolution, extras = request.param
    return install(version, archive, resolution, *extras)


def test_definition_is_checked_and_run(bare: Bare, server_context: ssl.SSLContext, certificates: Certificates) -> None:
    """A green check in every format, with the report; the words of the other commands come along."""
    assert bare.run("--version").stdout.startswith("imapcheck ")
    assert "over_quota" in bare.run("explain").stdout
    with WireServer(tls=server_context) as server:
        bare.define(server, certificates, secret="imapcheck/mail")
        (bare.place / "secret.json").write_text(json.dumps(SECRET))
        (bare.place / "secret.json").chmod(0o600)
        assert bare.run("validate", "mail.json").returncode == 0
        for format in ("text", "json", "nagios", "prometheus", "junit"):
            done = bare.run("run", "mail.json", "--credentials", "secret.json", "--format", format, "--html", "r.html")
            assert (done.returncode, done.stderr) == (0, ""), format
    assert "AVAILABLE" in (bare.place / "r.html").read_text(encoding="utf-8")


def test_stacks_are_generated_as_in_the_repository(bare: Bare) -> None:
    """docs/release.md lets people without a checkout do that; the same definitions give the same templates."""
    done = bare.run("stack", ROOT / "events", "--output", "stacks")
    assert done.returncode == 0, done.stderr
    for path in (ROOT / "stacks").iterdir():
        assert (bare.place / "stacks" / path.name).read_text() == path.read_text()


def test_demo_is_in_its_extra_alone(bare: Bare) -> None:
    """And says what to install where it is not."""
    done = bare.run("demo")
    if "demo" in bare.extras:
        assert (done.returncode, done.stderr) == (0, "")
        assert "demo: available" in done.stdout
    else:
        assert done.returncode == 2
        assert "pip install 'imapcheck[demo]'" in done.stderr


def test_secret_is_read_with_its_extra_alone(
    bare: Bare, server_context: ssl.SSLContext, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Secrets Manager, here moto's; and says what to install where it is not."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    variables = {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*moto.get_host_and_port()),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    name = f"imapcheck/{bare.place.name}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(SECRET))
    with WireServer(tls=server_context) as server:
        bare.define(server, certificates, secret=name)
        done = bare.run("run", "mail.json", **variables, PATH=os.defpath)
    moto.stop()
    if "aws" in bare.extras:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 2
        assert "pip install 'imapcheck[aws]'" in done.stderr
