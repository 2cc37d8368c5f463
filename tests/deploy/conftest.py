"""An emulator and a project for each test module."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from deploy.emulator import Emulator, require_emulator
from deploy.project import Project
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot

WRONG = "wr0ng-canary"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    require_emulator()
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def project(emulator: Emulator, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """No check is defined in it yet, but the authority that signed our servers' certificates lies in `events/`.

    Its folder has a blank in its name, as folders of people's checkouts have.
    """
    made = Project(tmp_path_factory.mktemp("a project"), emulator)
    shutil.copy(certificates.ca, made.place / "events/test-ca.pem")
    return made


@pytest.fixture(scope="module")
def secrets(emulator: Emulator) -> None:
    """Credentials below the prefix that the function may read, wrong ones there, and right ones elsewhere."""
    for name, password in (("imapcheck/mail", PASSWORD), ("imapcheck/stale", WRONG), ("other/mail", PASSWORD)):
        emulator.client("secretsmanager").create_secret(Name=name, SecretString=credentials(password))


def credentials(password: str) -> str:
    """The content of a secret."""
    return json.dumps({"username": "monitor", "password": password, "host": "localhost"})


def definition(server: Dovecot, **fields: Any) -> dict[str, Any]:
    """A check of this server that publishes whatever an alarm watches; `None` takes a field away."""
    whole = {
        "server": f"imaps://localhost:{server.imaps}/",
        "tls": {"ca_file": "test-ca.pem"},
        "secret": "imapcheck/mail",
        "timeout": 10,
        "new_message": NEW_MESSAGE | {"keep_for": "1d"},
        "thresholds": {"total": 60_000},
        "schedule": {"every": "1m"},
    }
    return {name: value for name, value in (whole | fields).items() if value is not None}
