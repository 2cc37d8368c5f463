"""Credentials in Parameter Store (`ssm:`), on moto's server."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from aws.conftest import Deploy, Start
from imapcheck.aws.secrets import SecretReader
from imapcheck.definition.files import parse_definition
from imapcheck.errors import CredentialsError, DefinitionError
from support.dovecot import PASSWORD

GOOD = {"username": "monitor", "password": PASSWORD, "host": "localhost"}
NAME = "/imapcheck/parameter/mail"


@pytest.fixture
def parameters(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (
        ("AWS_ENDPOINT_URL", moto_endpoint), ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("ssm")
    put(client)
    yield client
    client.delete_parameters(Names=[NAME])


def put(client: Any, **fields: str) -> None:
    client.put_parameter(Name=NAME, Value=json.dumps(GOOD | fields), Type="SecureString", Overwrite=True)


@pytest.mark.parametrize("secret", ["ssm:imapcheck/parameter/mail", "ssm:/imapcheck/parameter/mail"])
def test_parameter_is_decrypted_and_read_past_the_cache_where_asked(parameters: Any, secret: str) -> None:
    """A slash after the colon changes nothing; each change is another version."""
    reader = SecretReader()
    assert reader.read(secret, needs_host=True).require_password() == PASSWORD
    first = reader.version(secret)
    put(parameters, password="another-canary")
    assert reader.read(secret).require_password() == PASSWORD
    assert reader.version(secret) == first
    assert reader.read(secret, fresh=True).require_password() == "another-canary"
    assert reader.version(secret) != first != ""


def test_parameter_made_anew_is_another_version(parameters: Any) -> None:
    """It begins with version 1 again, and its credentials are not those that were refused."""
    reader, secret = SecretReader(), "ssm:imapcheck/parameter/mail"
    reader.read(secret)
    first = reader.version(secret)
    parameters.delete_parameter(Name=NAME)
    put(parameters, password="another-canary")
    reader.read(secret, fresh=True)
    again = reader.version(secret)
    assert first.startswith("1 of ")
    assert again.startswith("1 of ")
    assert first != again


def test_parameter_that_is_not_there_says_so(parameters: Any) -> None:
    """Whatever else is there of that name."""
    with pytest.raises(CredentialsError, match=r"ssm:imapcheck/none: cannot be read: there is no such parameter"):
        SecretReader().read("ssm:imapcheck/none")


@pytest.mark.server
def test_check_logs_in_with_a_parameter(parameters: Any, environment: Start, deploy: Deploy, mail_server: str) -> None:
    """The built function, as with a secret; nothing of it is logged."""
    running = environment(deploy("mail", server=mail_server, secret="ssm:imapcheck/parameter/mail"))
    reply = running.invoke({"check": "mail"})
    assert reply.error is None, reply.error
    assert reply.result["available"], reply.result["failure"]
    assert PASSWORD not in running.output()


@pytest.mark.parametrize(
    "secret",
    ["ssm:", "ssm:/", "ssm://mail", "ssm:a//b", "ssm:a b", "ssm:arn:aws:ssm:x", "SSM:mail", "ssm:" + "a/" * 15 + "b"],
)
def test_no_name_of_a_parameter(secret: str) -> None:
    """Refused before it is deployed."""
    with pytest.raises(DefinitionError, match="secret: found"):
        parse_definition({"server": "imaps://x/", "secret": secret}, source="test")
