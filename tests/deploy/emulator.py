"""MiniStack, an emulator of AWS, on loopback: started for a test session, with `AUTH=true` so that IAM is judged.

What it proves and what it does not, README says ("What was tested"); what is taught to it, `deploy.launcher.lessons`.
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
import pytest

from deploy.launcher import sandbox
from support.artifact import ROOT, SAM
from support.runtime_api import runtime_packages

PYTHON = ROOT / ".venv-emulator/bin/python"
REGION = "eu-central-1"


def require_emulator() -> None:
    """Skip where the emulator cannot run, unless this machine must run it; the words say why."""
    reason = _missing() or sandbox.why_not(ROOT)
    if reason is None:
        return
    words = f"the stack cannot be deployed on an emulator: {reason}"
    if os.environ.get("IMAPCHECK_REQUIRE_SERVERS") or os.environ.get("CI"):
        pytest.fail(f"{words}, and IMAPCHECK_REQUIRE_SERVERS or CI says it must be")
    pytest.skip(words)


def _missing() -> str | None:
    for path, target in ((PYTHON, "make test"), (SAM, "make build")):
        if not path.exists():
            return f"{path.relative_to(ROOT)} is missing ({target} makes it)"
    return None


@dataclass(frozen=True)
class Mail:
    """One that SNS would have sent to a confirmed address."""

    to: str
    subject: str
    text: str


class Emulator:
    """A context manager; `environment` is what a client of it needs, `directory` holds what it writes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._clients: dict[tuple[str, str], Any] = {}
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            # To the emulator this is the account's root user; the functions get their roles' credentials.
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self) -> Self:
        runtime_packages(self.directory)
        self._mail.mkdir()
        self._hosts.mkdir()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "deploy.launcher"],
                cwd=self.directory,
                env=self._settings(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the account's root user; one of each is enough, as they are dear to make."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service, region]

    def hosts(self, region: str, text: str) -> None:
        """What names mean to the functions of a Region (/etc/hosts): first before one starts, then at any time."""
        (self._hosts / region).write_text(text, encoding="utf-8")

    def mails(self) -> list[Mail]:
        """All that SNS has sent, oldest first."""
        files = sorted(self._mail.glob("*.json"))
        return [Mail(**json.loads(file.read_text(encoding="utf-8"))) for file in files]

    def log(self) -> str:
        """The end of what the emulator has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4000:]

    @property
    def _hosts(self) -> Path:
        return self.directory / "hosts"

    @property
    def _mail(self) -> Path:
        return self.directory / "mail"

    @property
    def _log(self) -> Path:
        return self.directory / "emulator.log"

    def _settings(self) -> dict[str, str]:
        """The emulator's whole environment; it binds every interface unless told otherwise."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "tests"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "INFO",
            "TMPDIR": str(self.directory),
            "S3_DATA_DIR": str(self.directory / "s3"),
            "STATE_DIR": str(self.directory / "state"),
            "DEPLOY_RUNTIME": str(self.directory / "runtime"),
            "DEPLOY_MAIL": str(self._mail),
            "DEPLOY_HOSTS": str(self._hosts),
        }

    def _wait(self) -> None:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5):
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)
        self._process.kill()
        pytest.fail(f"the emulator did not start:\n{self.log()}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
