"""What home sends to its places, what they answer and what both log: no secret, no user, no secret's name, no message.

Home has both logins of a check that sends mail, from Secrets Manager or Parameter Store, by password or by token.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.test_secrets_reach_no_output import spellings

from conftest import NEW_MESSAGE
from imapcheck.aws.invocation import Invocation, RunOutcome
from imapcheck.aws.place import PlaceFunction
from imapcheck.aws.run_log import run_fields
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard
from imapcheck.login.credentials import Credentials
from support.certificates import Certificates
from support.dovecot import Dovecot, bearer_token
from support.lambda_api import lambda_api
from support.round_trip import World, world

OHIO, HOME = "us-east-2", "eu-central-1"
READER, SENDER = "canary-pa55word", "canary-s3nding"
NAMED = ("alice", "sender", "canary-subject")
PASSWORD = {"username": "alice", "password": READER, "host": "localhost"}
SENDING = {"username": "sender", "password": SENDER, "host": "localhost"}


class Secrets(SecretReader):
    """Those that a test lays down, by name."""

    def __init__(self, held: dict[str, dict[str, str]]) -> None:
        super().__init__()
        self.held = held
        self.asked: list[str] = []

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        self.asked.append(name)
        return Credentials.from_object(self.held[name], source=f"secret {name}")

    def version(self, name: str) -> str:
        return name


@pytest.fixture
def there() -> Iterator[World]:
    with world() as both:
        yield both


@pytest.mark.parametrize("store", ["", "ssm:"], ids=["Secrets Manager", "Parameter Store"])
def test_places_get_answer_and_log_neither_login(
    store: str, there: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both are used at home meanwhile, else this would show nothing."""
    held = {f"{store}imapcheck/canary-a": PASSWORD, f"{store}imapcheck/canary-b": SENDING}
    write(tmp_path, there, *held)
    secrets = Secrets(held)
    assert leaks(all_that_places_see(tmp_path, secrets, monkeypatch, caplog)) == []
    assert secrets.asked == list(held)
    assert there.smtp.envelopes


@pytest.mark.server
def test_places_get_answer_and_log_no_token(
    dovecot: Dovecot, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Of OAuth 2.0."""
    data = {
        "server": f"imaps://localhost:{dovecot.imaps}/", "secret": "imapcheck/canary-a", "authentication": "xoauth2",
        "tls": {"ca_file": str(certificates.ca)}, "schedule": {"every": "5m", "places": [OHIO]}, "timeout": 10,
        "new_message": NEW_MESSAGE | {"subject": "canary-subject"},
    }  # fmt: skip
    (tmp_path / "wire.json").write_text(json.dumps(data), encoding="utf-8")
    token = bearer_token("monitor")
    secrets = Secrets({"imapcheck/canary-a": {"username": "monitor", "access_token": token, "host": "localhost"}})
    text = all_that_places_see(tmp_path, secrets, monkeypatch, caplog)
    assert leaks(text) == []
    assert not any(part in text for part in (token, *token.split("."), "monitor"))


def test_what_would_be_seen(there: World, tmp_path: Path) -> None:
    """The tests above look for what stands in the definition itself."""
    write(tmp_path, there, "imapcheck/canary-a", "imapcheck/canary-b")
    text = (tmp_path / "wire.json").read_text(encoding="utf-8")
    assert {"canary-a", "canary-b", "canary-subject"} <= set(leaks(text))
    assert READER in leaks(f"C: LOGIN alice {READER}")


def all_that_places_see(
    folder: Path, secrets: SecretReader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> str:
    """Of a run that is good: events, answers, the places of home's log line, and all that is logged."""
    caplog.set_level(logging.DEBUG, logger="imapcheck")
    seen = []
    place = PlaceFunction(Settings(definitions=folder, place=OHIO, allow_local_addresses=True))

    def function(event: Any) -> Any:
        answer = place.answer(event, 30.0)
        seen.extend([json.dumps(event), json.dumps(answer)])
        return answer

    result = run(folder, secrets, function, monkeypatch).result
    assert (result.verdict, result.login_tested, result.warnings) == ("up", True, ()), result.failure
    assert json.loads(seen[0]).keys() == {"look", "digest"}
    assert json.loads(seen[1])["place"]["reached"] is True
    line = run_fields(result, instant_test=False, cold_start=False)
    return "\n".join([*seen, *line["places"], caplog.text])


def write(folder: Path, there: World, secret: str, sender: str) -> None:
    """The definition of a round trip, as each Region has it."""
    send = {"secret": sender, "subject": "canary-subject"}
    definition = there.define(send, secret=secret, schedule={"every": "5m", "places": [OHIO]})
    data = definition.model_dump(by_alias=True, exclude_unset=True, mode="json")
    data["send"]["within"] = "2s"
    (folder / "wire.json").write_text(json.dumps(data), encoding="utf-8")


def run(folder: Path, secrets: SecretReader, function: Any, monkeypatch: pytest.MonkeyPatch) -> RunOutcome:
    """The check at home, and `function` as its one place."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings = Settings(definitions=folder, stack="stack", region=HOME, allow_local_addresses=True)
    with lambda_api({OHIO: function}) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        return Invocation(settings, secrets=secrets, guard=LoginGuard()).run({"check": "wire"}, 170.0)


def leaks(text: str) -> list[str]:
    """Which canaries a text holds, in whatever spelling."""
    values = [form.decode("latin-1") for secret in (READER, SENDER) for form in spellings(secret)]
    return [form for form in (*values, *NAMED, "canary-a", "canary-b") if form in text]
