"""The sending login in Lambda: its own secret, its own pause, a rotated password, and no mail by whoever may invoke."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck.aws.invocation import Invocation
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.login.credentials import Credentials
from support.round_trip import World, world

NOW = [datetime(2026, 11, 24, tzinfo=UTC)]


class Secrets(SecretReader):
    """Secrets by name, as they are at the moment; what was read stays until it is read afresh."""

    def __init__(self) -> None:
        super().__init__()
        self.held = {
            "imapcheck/mail": {"username": "alice", "password": "canary-pa55word", "host": "localhost"},
            "imapcheck/sender": {"username": "sender", "password": "canary-s3nding", "host": "localhost"},
        }
        self.cached: dict[str, Credentials] = {}

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        assert needs_host
        if fresh or name not in self.cached:
            self.cached[name] = Credentials.from_object(self.held[name], source=f"secret {name}")
        return self.cached[name]

    def version(self, name: str) -> str:
        return str(self.cached[name].secret_values()) if name in self.cached else ""


@pytest.fixture
def there() -> Iterator[World]:
    with world() as both:
        yield both


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def invocation(tmp_path: Path, there: World, secrets: Secrets) -> Invocation:
    definition = there.define({"secret": "imapcheck/sender"}, secret="imapcheck/mail")
    data = definition.model_dump(by_alias=True, exclude_unset=True, mode="json")
    data["send"]["within"] = "2s"
    (tmp_path / "wire.json").write_text(json.dumps(data), encoding="utf-8")
    settings = Settings(
        definitions=tmp_path,
        allow_inline_definitions=True,
        allow_local_addresses=True,
    )
    return Invocation(settings, secrets=secrets, guard=LoginGuard(lambda: NOW[0]))


def run(invocation: Invocation) -> Any:
    return invocation.run({"check": "wire"}, 60).result


def test_each_secret_goes_to_its_own_server(invocation: Invocation, there: World) -> None:
    """And neither reaches the result."""
    result = run(invocation)
    assert result.available, result.failure
    assert "canary" not in str(result.to_dict())
    assert there.smtp.envelopes


def test_secret_for_another_host_is_not_sent(invocation: Invocation, there: World, secrets: Secrets) -> None:
    """Nothing is sent to anybody: our mistake is no outage."""
    secrets.held["imapcheck/sender"]["host"] = "other.example"
    with pytest.raises(CredentialsError, match=r"made for host 'other\.example', the definition's send\.server is"):
        run(invocation)
    assert there.smtp.connections == there.imap.connections == 0


def test_refused_sender_is_paused_by_itself(invocation: Invocation, there: World, secrets: Secrets) -> None:
    """The mailbox's own login goes on, and the right password is taken at once."""
    secrets.held["imapcheck/sender"]["password"] = "stale"
    assert (run(invocation).failure.step, run(invocation).failure.type.value) == (
        "send_authenticate", "authentication_paused"
    )  # fmt: skip
    tries = sum(line.startswith("AUTH") for line in there.smtp.commands)
    paused = run(invocation)
    assert paused.step("authenticate").status == "passed"
    assert sum(line.startswith("AUTH") for line in there.smtp.commands) == tries
    NOW[0] += timedelta(minutes=2)
    assert run(invocation).failure.type.value == "authentication_failed"
    secrets.held["imapcheck/sender"]["password"] = "canary-s3nding"
    assert run(invocation).available


def test_rotated_password_of_the_sender_costs_no_alarm(invocation: Invocation, there: World, secrets: Secrets) -> None:
    """Read past the cache, and sent once."""
    assert run(invocation).available
    there.smtp.offer.password = secrets.held["imapcheck/sender"]["password"] = "canary-n3w"
    assert run(invocation).available
    assert len(there.smtp.received) == 2


def test_inline_definitions_never_send(invocation: Invocation, there: World) -> None:
    """Whoever may invoke the function may not send mail with it."""
    data = there.define(secret="imapcheck/mail").model_dump(by_alias=True, exclude_unset=True, mode="json")
    data["send"]["within"] = "2s"
    with pytest.raises(DefinitionError, match="event: send: expected it left out"):
        invocation.run(data, 60)
    assert there.smtp.connections == 0
