"""No logger writes a secret at any level: the built function with every logger of its process at DEBUG."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws.conftest import Deploy, PutSecret
from support.dovecot import PASSWORD
from support.runtime_api import LambdaEnvironment

pytestmark = pytest.mark.server

# Lambda would call this instead of the handler; before each invocation it turns every logger up.
VERBOSE = """
import logging, os
import handler as function

def handler(event, context):
    logging.getLogger().setLevel(logging.DEBUG)
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.setLevel(logging.DEBUG)
            if os.environ.get("AS_LIBRARIES_WOULD"):
                logger.propagate, logger.handlers = True, []
    logging.getLogger("some.library").debug("debugging is on")
    return function.handler(event, context)
"""

type StartVerbose = Callable[..., LambdaEnvironment]


@pytest.fixture
def verbose(artifact: Path, moto_endpoint: str, tmp_path: Path) -> Iterator[StartVerbose]:
    started: list[LambdaEnvironment] = []

    def start(definitions: Path, **variables: str) -> LambdaEnvironment:
        place = tmp_path / f"verbose-{len(started)}"
        (place / "runtime").mkdir(parents=True)
        (place / "runtime/verbose.py").write_text(VERBOSE)
        base = {
            "IMAPCHECK_DEFINITIONS": str(definitions),
            "IMAPCHECK_STACK": "stack",
            "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
            "POWERTOOLS_LOG_LEVEL": "DEBUG",
            "POWERTOOLS_DEBUG": "true",
            "PYDANTIC_DISABLE_PLUGINS": "true",
            "AWS_ENDPOINT_URL": moto_endpoint,
        }
        environment = LambdaEnvironment(artifact, place, base | variables, handler="verbose.handler")
        started.append(environment.__enter__())
        return environment

    yield start
    for environment in started:
        environment.__exit__()


def leaks(output: str, secret: str) -> list[str]:
    """The forms of `secret` that stand in `output`."""
    forms = [secret, secret[::-1], base64.b64encode(f"\0monitor\0{secret}".encode()).decode(), secret.encode().hex()]
    return [form for form in forms if form in output]


def test_every_logger_at_debug_writes_no_secret(
    verbose: StartVerbose, deploy: Deploy, put_secret: PutSecret, mail_server: str
) -> None:
    """Secrets Manager's answer, the login, a refused login, a table that is not there; available and not."""
    folder = deploy("mail", server=mail_server, secret=put_secret(), search="x")
    deploy("stale", server=mail_server, secret="imapcheck/stale")
    deploy("first", server=mail_server, secret="imapcheck/first")  # INIT, where nothing is verbose yet, reads this one
    running = verbose(folder, IMAPCHECK_PAUSE_TABLE="not-there")
    assert running.invoke({"check": "mail"}).result["failure"]["type"] == "no_match"
    put_secret({"username": "monitor", "password": "wr0ng-canary-4711", "host": "localhost"})
    stale = verbose(folder, IMAPCHECK_PAUSE_TABLE="not-there")
    assert stale.invoke({"check": "mail"}).result["failure"]["type"] == "authentication_failed"
    assert stale.invoke({"check": "stale"}).error is not None
    for output, secret in ((running.output(), PASSWORD), (stale.output(), "wr0ng-canary-4711")):
        assert "debugging is on" in output
        assert leaks(output, secret) == []


def test_libraries_would_write_it(
    verbose: StartVerbose, deploy: Deploy, put_secret: PutSecret, mail_server: str
) -> None:
    """What the test above would see: botocore, left to itself, logs the whole secret."""
    deploy("first", server=mail_server, secret="imapcheck/first")  # INIT, where nothing is verbose yet, reads this one
    running = verbose(deploy("mail", server=mail_server, secret=put_secret()), AS_LIBRARIES_WOULD="1")
    assert running.invoke({"check": "mail"}).result["available"]
    assert leaks(running.output(), PASSWORD) != []
