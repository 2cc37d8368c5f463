"""The built artifact (x86_64 for this host) and AWS's APIs on moto's server."""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from imapcheck.aws.run_log import _LIBRARIES as LIBRARIES
from support.alarm_stack import Stack, alarm_stack
from support.artifact import SAM, build
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.runtime_api import LambdaEnvironment


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """A handler that is loaded in a test keeps the libraries quiet in its own process, which here is everybody's."""
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    before = [(logger.propagate, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (propagate, handlers) in zip(loggers, before, strict=True):
        logger.propagate, logger.handlers[:] = propagate, handlers


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make build` makes of the template as it is, but for this host's processor; one for all processes."""
    if not SAM.exists():
        if os.environ.get("CI"):
            pytest.fail("SAM CLI's environment is missing")
        pytest.skip("SAM CLI's environment is missing (make build makes it)")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return build(tmp_path_factory.mktemp("artifact"))
    place = tmp_path_factory.getbasetemp().parent / "artifact"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            build(place.with_suffix(".made")).parent.rename(place)
    return place / "build"


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def secrets_manager(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client for moto's Secrets Manager; the environment is set for our own code as well."""
    for name, value in (
        ("AWS_ENDPOINT_URL", moto_endpoint), ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    return boto3.client("secretsmanager", endpoint_url=moto_endpoint, region_name="eu-central-1")


type PutSecret = Callable[..., str]


@pytest.fixture
def put_secret(secrets_manager: Any, request: pytest.FixtureRequest) -> PutSecret:
    """Create or overwrite a secret; its name is unique to the test."""
    name = f"imapcheck/{abs(hash(request.node.name))}"

    def put(content: object = None, **fields: object) -> str:
        value = (
            {"username": "monitor", "password": PASSWORD, "host": "localhost"} | fields if content is None else content
        )
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            secrets_manager.create_secret(Name=name, SecretString=text)
        except secrets_manager.exceptions.ResourceExistsException:
            secrets_manager.put_secret_value(SecretId=name, SecretString=text)
        return name

    return put


type Deploy = Callable[..., Path]


@pytest.fixture
def deploy(tmp_path: Path, certificates: Certificates) -> Deploy:
    """Put a definition where the definitions' layer would be; returns that folder."""
    folder = tmp_path / "opt"
    folder.mkdir()

    def put(name: str, **fields: Any) -> Path:
        data = {"tls": {"ca_file": str(certificates.ca)}, "timeout": 10} | fields
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
        return folder

    return put


type Start = Callable[..., LambdaEnvironment]


@pytest.fixture
def environment(artifact: Path, moto_endpoint: str, tmp_path: Path) -> Iterator[Start]:
    """Start an execution environment of the artifact; it ends with the test."""
    started: list[LambdaEnvironment] = []

    def start(definitions: Path, function: str = "RunCheckFunction", **variables: str) -> LambdaEnvironment:
        base = {
            "IMAPCHECK_DEFINITIONS": str(definitions),
            "IMAPCHECK_STACK": "stack",
            "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "PYDANTIC_DISABLE_PLUGINS": "true",
            "AWS_ENDPOINT_URL": moto_endpoint,
        }
        place = tmp_path / f"environment-{len(started)}"
        place.mkdir()
        environment = LambdaEnvironment(artifact, place, base | variables, function=function)
        started.append(environment.__enter__())
        return environment

    yield start
    for environment in started:
        environment.__exit__()


@pytest.fixture
def mail_server(dovecot: Dovecot) -> str:
    return f"imaps://localhost:{dovecot.imaps}/"


@pytest.fixture
def stack(
    moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """What `explain_alarm` finds around it."""
    with alarm_stack(f"t{abs(hash(request.node.nodeid))}", moto_endpoint, tmp_path, monkeypatch) as found:
        yield found
