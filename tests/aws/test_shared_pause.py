"""The login pause across Lambda environments, on moto's DynamoDB; a broken table costs no verdict."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws.conftest import Deploy
from aws.test_login_pause import START, Clock, OneSecret
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.aws.invocation import Invocation
from imapcheck.aws.pause_table import PauseTable
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard, Refusal
from support.templates import load_template
from support.wire_server import Dialect, Exchange, WireServer

ROOT = Path(__file__).parents[2]
STALE = Credentials.model_validate({"username": "alice", "password": "stale-canary", "host": "localhost"})


@pytest.fixture
def client(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("AWS_ENDPOINT_URL", moto_endpoint), ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    return boto3.client("dynamodb")


@pytest.fixture
def table(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """The template's own table."""
    properties = load_template((ROOT / "template.yaml").read_text())["Resources"]["LoginPauses"]["Properties"]
    name = f"pauses-{abs(hash(request.node.name))}"
    wanted = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    client.create_table(TableName=name, **wanted)
    yield name
    client.delete_table(TableName=name)


@pytest.fixture
def server(server_context: Any) -> Iterator[WireServer]:
    with WireServer(Dialect(), tls=server_context) as server:
        yield server


@pytest.fixture
def definition(server: WireServer, define: Callable[..., CheckDefinition]) -> CheckDefinition:
    return define(server, secret="imapcheck/mail")


@pytest.fixture
def refused(definition: CheckDefinition) -> CheckResult:
    result = run_check(definition, STALE)
    assert result.failure is not None
    assert result.failure.type == "authentication_failed"
    return result


LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("minutes", "environments"),
    [
        (5, 10),
        pytest.param(1, 30, marks=LONG),
        pytest.param(1, 1, marks=LONG),
        pytest.param(1, 10, marks=LONG),
        pytest.param(5, 1, marks=LONG),
        pytest.param(5, 30, marks=LONG),
    ],
)
def test_a_day_stays_below_a_hundred_refused_logins(
    table: str, definition: CheckDefinition, refused: CheckResult, minutes: int, environments: int
) -> None:
    """Whichever environment a run meets, and though each is replaced by a new one every two hours."""
    clock, chosen, logins = Clock(), random.Random(minutes * environments), 0
    guards: list[LoginGuard] = []
    shared = PauseTable(table)
    for minute in range(0, 24 * 60, minutes):
        if minute % 120 == 0:
            guards = [LoginGuard(clock, shared) for _ in range(environments)]
        clock.now = START + timedelta(minutes=minute)
        guard = chosen.choice(guards)
        if guard.pause(definition, STALE, "1") is None:
            logins += 1
            guard.note(definition, STALE, "1", refused)
    assert 40 <= logins <= 100


def test_without_the_table_thirty_environments_do_not(definition: CheckDefinition, refused: CheckResult) -> None:
    """What the table is for."""
    clock, chosen, logins = Clock(), random.Random(1), 0
    guards = [LoginGuard(clock) for _ in range(30)]
    for minute in range(24 * 60):
        clock.now = START + timedelta(minutes=minute)
        guard = chosen.choice(guards)
        if guard.pause(definition, STALE, "1") is None:
            logins += 1
            guard.note(definition, STALE, "1", refused)
    assert logins > 100


def test_new_credentials_are_tried_at_once_and_their_success_ends_no_pause_of_the_old(
    table: str, definition: CheckDefinition, refused: CheckResult
) -> None:
    """An environment with the new secret is not withheld; one that still has the old one does not send it again."""
    clock = Clock()
    old, new, other = (LoginGuard(clock, PauseTable(table)) for _ in range(3))
    old.note(definition, STALE, "1", refused)
    assert other.pause(definition, STALE, "1") is not None
    right = Credentials.model_validate({"username": "alice", "password": Dialect().password, "host": "localhost"})
    assert new.pause(definition, right, "2") is None
    result = run_check(definition, right)
    assert result.available, result.failure
    new.note(definition, right, "2", result)
    assert old.pause(definition, STALE, "1") is not None
    assert other.pause(definition, STALE, "1") is not None
    assert other.pause(definition, right, "2") is None


def test_success_with_the_refused_credentials_frees_every_environment(
    client: Any, table: str, definition: CheckDefinition, refused: CheckResult
) -> None:
    """The account works again: nobody waits for the end of the pause, and nothing of it stays."""
    clock = Clock()
    first, second, new = (LoginGuard(clock, PauseTable(table)) for _ in range(3))
    right = Credentials.model_validate({"username": "alice", "password": Dialect().password, "host": "localhost"})
    first.note(definition, right, "1", refused)
    assert second.pause(definition, right, "1") is not None
    second.note(definition, right, "1", run_check(definition, right))
    assert client.scan(TableName=table)["Items"] == []
    assert [guard.pause(definition, right, "1") for guard in (first, second, new)] == [None] * 3


def test_item_holds_no_secret_and_expires(
    client: Any, table: str, definition: CheckDefinition, refused: CheckResult
) -> None:
    """Names as a digest, the secret's version, times; past its time it counts as gone before DynamoDB deletes it."""
    clock = Clock()
    LoginGuard(clock, PauseTable(table)).note(definition, STALE, "version-id", refused)
    [item] = client.scan(TableName=table)["Items"]
    assert set(item) == {"mailbox", "first_at", "latest_at", "count", "refused", "expires_at"}
    assert not any(word in str(item) for word in ("alice", "stale-canary", "localhost", "imapcheck"))
    assert float(item["expires_at"]["N"]) > clock.now.timestamp() + 3600
    mailbox = item["mailbox"]["S"]
    assert PauseTable(table).get(mailbox, clock.now)[1] is not None
    assert PauseTable(table).get(mailbox, clock.now + timedelta(days=2)) == (True, None)
    client.put_item(TableName=table, Item={"mailbox": {"S": mailbox}, "expires_at": {"N": "9e99"}})
    assert PauseTable(table).get(mailbox, clock.now) == (False, None)


def test_healthy_check_writes_nothing(client: Any, table: str, definition: CheckDefinition) -> None:
    """A write is a refusal or its end."""
    guard = LoginGuard(Clock(), PauseTable(table))
    right = Credentials.model_validate({"username": "alice", "password": Dialect().password, "host": "localhost"})
    assert guard.pause(definition, right, "1") is None
    guard.note(definition, right, "1", run_check(definition, right))
    assert client.scan(TableName=table)["Items"] == []


@pytest.mark.parametrize("broken", ["no such table", "nothing listens"])
def test_broken_table_costs_no_verdict(
    client: Any, server_context: Any, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, caplog: Any, broken: str
) -> None:
    """Memory alone, one warning, within seconds; the environment itself still pauses."""
    if broken == "nothing listens":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    logins: list[bytes] = []

    def count(exchange: Exchange) -> bool:
        logins.append(exchange.line)
        return True

    with WireServer(Dialect(), {"AUTHENTICATE": count}, tls=server_context) as server:
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", secret="imapcheck/mail")
        settings = Settings(definitions=folder, allow_local_addresses=True, pause_table="not-there")
        invocation = Invocation(settings, secrets=OneSecret())
        started = time.monotonic()
        types = [invocation.run({"check": "mail"}, 60).result.failure for _ in range(3)]
        took = time.monotonic() - started
    assert [failure.type for failure in types if failure is not None] == [
        "authentication_failed", "authentication_paused", "authentication_paused",
    ]  # fmt: skip
    assert len(logins) == 1
    assert took < 10
    assert [record.levelname for record in caplog.records if "login pause" in record.message] == ["WARNING"]


def test_table_that_hangs_is_left_alone(
    server_context: Any, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    """One time-out for several runs, not one for each."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent, WireServer(Dialect(), tls=server_context) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        secrets = OneSecret()
        secrets.password = Dialect().password
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", secret="imapcheck/mail")
        settings = Settings(definitions=folder, allow_local_addresses=True, pause_table="pauses")
        invocation = Invocation(settings, secrets=secrets)
        took = []
        for _ in range(3):
            before = time.monotonic()
            assert invocation.run({"check": "mail"}, 60).result.available
            took.append(time.monotonic() - before)
    assert took[0] > 10 * max(took[1:])


def test_moments_survive_the_table(table: str) -> None:
    """UTC in, UTC out."""
    refusal = Refusal(
        START, datetime.fromisoformat("2026-11-23T05:00:00.5+00:00"), 3, (("v", "plain 993"), ("w", "login 143"))
    )
    assert PauseTable(table).put("m", refusal)
    assert PauseTable(table).get("m", START) == (True, refusal)
