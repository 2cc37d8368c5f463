"""A stale password does not lock the mailbox out, and the right one is taken at once."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aws.conftest import Deploy
from imapcheck import CheckDefinition
from imapcheck.aws.invocation import Invocation
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard
from imapcheck.errors import OutOfResources
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.network import tls
from support.certificates import Certificates
from support.results import failure, result
from support.wire_server import Dialect, Exchange, WireServer

START = datetime(2026, 11, 23, tzinfo=UTC)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class OneSecret(SecretReader):
    """A secret that may change; the environment's cache is SecretReader's own matter, tested on moto."""

    def __init__(self) -> None:
        super().__init__()
        self.password = "stale-canary"
        self.cached: Credentials | None = None

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        if fresh or self.cached is None:
            content = {"username": "alice", "password": self.password, "host": "localhost"}
            self.cached = Credentials.from_object(content, source=name)
        return self.cached

    def version(self, name: str) -> str:
        assert self.cached is not None
        return str(hash(self.cached.secret_values()))


@pytest.fixture
def counted(server_context: Any) -> Any:
    """A server that counts the logins it was asked for."""
    logins: list[bytes] = []

    def count(exchange: Exchange) -> bool:
        logins.append(exchange.line)
        return True

    with WireServer(Dialect(), {"AUTHENTICATE": count}, tls=server_context) as server:
        yield server, logins


@pytest.fixture
def settings(counted: Any, deploy: Deploy) -> Settings:
    server, _ = counted
    folder = deploy("mail", server=f"imaps://localhost:{server.port}/", secret="imapcheck/mail")
    return Settings(definitions=folder, allow_local_addresses=True)


@pytest.mark.parametrize("minutes", [5, pytest.param(1, marks=pytest.mark.long)])
def test_a_day_of_a_stale_password_makes_at_most_a_hundred_refused_logins(
    settings: Settings, counted: Any, minutes: int
) -> None:
    """The environment is recycled every two hours; then the secret changes and the next run logs in."""
    _, logins = counted
    clock, secret = Clock(), OneSecret()
    paused = refused = 0
    for minute in range(0, 24 * 60, minutes):
        if minute % 120 == 0:
            secret.cached = None
            invocation = Invocation(settings, secrets=secret, guard=LoginGuard(clock))
        clock.now = START + timedelta(minutes=minute)
        failure = invocation.run({"check": "mail"}, 60).result.failure
        assert failure is not None
        paused += failure.type == "authentication_paused"
        refused += failure.type == "authentication_failed"
    assert refused == len(logins)
    assert 12 <= refused <= 100
    assert paused + refused == 24 * 60 // minutes
    secret.password = Dialect().password
    clock.now += timedelta(minutes=1)
    result = invocation.run({"check": "mail"}, 60).result
    assert result.available, result.failure
    assert len(logins) == refused + 1
    assert invocation.run({"check": "mail"}, 60).result.attempts == 1


def test_paused_run_measures_all_before_the_login_and_says_until_when(settings: Settings, counted: Any) -> None:
    """Both times in the detail; nothing is sent that could be refused; LOGOUT is."""
    server, logins = counted
    clock = Clock()
    invocation = Invocation(settings, secrets=OneSecret(), guard=LoginGuard(clock))
    invocation.run({"check": "mail"}, 60)
    clock.now += timedelta(seconds=30)
    result = invocation.run({"check": "mail"}, 60).result
    assert len(logins) == 1
    assert result.failure is not None
    assert (result.failure.step, result.failure.type, result.failure.category) == (
        "authenticate", "authentication_paused", "authentication",
    )  # fmt: skip
    assert "first refused 23 Nov 00:00 UTC" in result.failure.detail
    assert "the next try comes 23 Nov 00:01 UTC" in result.failure.detail
    assert {step.name for step in result.steps if step.status == "passed"} == {
        "dns", "connect", "tls", "greeting", "capability", "logout",
    }  # fmt: skip
    assert server.commands[-2:] == ["CAPABILITY", "LOGOUT"]


def test_instant_test_leaves_no_pause_and_obeys_one(
    settings: Settings, counted: Any, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may test an inline definition cannot make the deployed check look down by it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    tls._context.cache_clear()  # whoever ran before in this process may have trusted others
    server, logins = counted
    clock = Clock()
    inline = {"server": f"imaps://localhost:{server.port}/", "secret": "imapcheck/mail"}
    allowed = settings.model_copy(update={"allow_inline_definitions": True})
    invocation = Invocation(allowed, secrets=OneSecret(), guard=LoginGuard(clock))
    for _ in range(2):
        failure = invocation.run(inline, 60).result.failure
        assert failure is not None
    tested = len(logins)
    failure = invocation.run({"check": "mail"}, 60).result.failure
    assert failure is not None
    assert failure.type != "authentication_paused"
    after_deployed = len(logins)
    failure = invocation.run(inline, 60).result.failure
    assert failure is not None
    assert len(logins) == after_deployed
    tls._context.cache_clear()
    assert tested == 2


def test_pauses_are_1_5_15_30_minutes_and_end_with_a_success(settings: Settings, counted: Any) -> None:
    """The steps of the pause; a login that goes well clears it."""
    server, logins = counted
    clock = Clock()
    invocation = Invocation(settings, secrets=OneSecret(), guard=LoginGuard(clock))
    seen = []
    for minute in range(120):
        clock.now = START + timedelta(minutes=minute)
        before = len(logins)
        invocation.run({"check": "mail"}, 60)
        if len(logins) > before:
            seen.append(minute)
    assert seen == [0, 1, 6, 21, 51, 81, 111]
    server.dialect.check_password = False
    clock.now = START + timedelta(minutes=141)
    assert invocation.run({"check": "mail"}, 60).result.available
    server.dialect.check_password = True
    assert invocation.run({"check": "mail"}, 60).result.failure is not None
    clock.now += timedelta(minutes=1)
    before = len(logins)
    invocation.run({"check": "mail"}, 60)
    assert len(logins) == before + 1


def test_handler_logs_a_warning_of_every_unverified_run(counted: Any, tmp_path: Path) -> None:
    """One line at WARNING beside the result, none where the certificate was refused; `verified` is false in both."""
    server, _ = counted
    event = {"name": "mail", "server": f"imaps://localhost:{server.port}/", "authentication": "none"}
    code = (
        "import json, sys, types; sys.path.insert(0, 'functions/run_check'); import handler\n"
        "context = types.SimpleNamespace(aws_request_id='r', get_remaining_time_in_millis=lambda: 60000)\n"
        "handler.handler(json.loads(sys.argv[1]), context)"
    )
    for verify, warnings in ((False, 1), (True, 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(event | {"tls": {"verify": verify}})],
            cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "IMAPCHECK_DEFINITIONS": str(tmp_path), "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "1",
                 "IMAPCHECK_ALLOW_INLINE_DEFINITIONS": "true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len([line for line in lines if line.get("level") == "WARNING"]) == warnings, lines
        facts = next(line["result"] for line in lines if "result" in line)["server"]["tls"]
        assert facts["verified"] is False


@pytest.mark.parametrize(
    ("change", "paused"),
    [
        ({}, True),
        ({"name": "another-check"}, True),
        ({"server": "imaps://mail.example:1993/"}, True),
        ({"server": "imap://mail.example/"}, True),
        ({"authentication": "login"}, True),
        ({"authentication": "scram-sha-256"}, True),
        ({"server": "imaps://other.example/"}, False),
        ({"secret": "imapcheck/another"}, True),
    ],
)
def test_pause_is_of_one_mailbox(change: dict[str, Any], paused: bool) -> None:
    """All checks of one mailbox share it, whatever port, mechanism and secret; another server is another one."""
    data = {"name": "mail", "server": "imaps://mail.example/", "secret": "imapcheck/mail"}
    credentials = Credentials.model_validate({"username": "alice", "password": "stale"})
    guard = LoginGuard(lambda: START)
    refused = result("mail", failure(FailureType.AUTHENTICATION_FAILED, "authenticate"))
    guard.note(CheckDefinition.model_validate(data), credentials, "v1", refused)
    other = CheckDefinition.model_validate(data | change)
    assert (guard.pause(other, credentials, "v1") is not None) is paused
    assert guard.pause(other, credentials, "v2") is None
    assert guard.pause(other, credentials.model_copy(update={"username": "bob"}), "v1") is None
    assert guard.pause(other, None, "v1") is None


def test_our_own_shortage_names_the_check_and_starts_no_pause(settings: Settings, monkeypatch: Any) -> None:
    """An error of the monitor, which the handler counts: no verdict, and nothing to withhold."""

    def exhausted(*_: Any, **__: Any) -> None:
        raise OutOfResources("too many open files")

    invocation = Invocation(settings, secrets=OneSecret(), guard=LoginGuard(Clock()))
    with monkeypatch.context() as short:
        short.setattr("imapcheck.aws.invocation.run_check", exhausted)
        with pytest.raises(OutOfResources, match="check mail: too many open files"):
            invocation.run({"check": "mail"}, 60)
    failure = invocation.run({"check": "mail"}, 60).result.failure
    assert failure is not None
    assert failure.type == "authentication_failed"


WAYS_IN: list[dict[str, Any]] = [
    {}, {"authentication": "login"}, {"authentication": "scram-sha-256"}, {"authentication": "cram-md5"},
    {"server": "imap://mail.example/"},
]  # fmt: skip
REFUSED = result("mail", failure(FailureType.AUTHENTICATION_FAILED, "authenticate"))
MAILBOX = {"name": "mail", "server": "imaps://mail.example/", "secret": "imapcheck/mail"}


def test_a_day_of_five_checks_of_one_mailbox_stays_below_a_hundred_refused_logins() -> None:
    """Whatever locks the account counts them together."""
    clock, logins = Clock(), 0
    guard = LoginGuard(clock)
    credentials = Credentials.model_validate({"username": "alice", "password": "stale"})
    definitions = [CheckDefinition.model_validate(MAILBOX | change) for change in WAYS_IN]
    for minute in range(24 * 60):
        clock.now = START + timedelta(minutes=minute)
        for definition in definitions:
            if guard.pause(definition, credentials, "v1") is None:
                logins += 1
                guard.note(definition, credentials, "v1", REFUSED)
    assert 40 <= logins <= 100


@pytest.mark.parametrize("good_first", [True, False])
def test_a_way_in_that_is_always_refused_pauses_no_other_that_works(good_first: bool) -> None:
    """A server without CRAM-MD5 passwords: its check is told, seldom tried, and the other check stays green."""
    clock, refused, withheld = Clock(), 0, 0
    guard = LoginGuard(clock)
    credentials = Credentials.model_validate({"username": "alice", "password": "right"})
    good, bad = (CheckDefinition.model_validate(MAILBOX | {"authentication": name}) for name in ("plain", "cram-md5"))
    for minute in range(24 * 60):
        clock.now = START + timedelta(minutes=minute)
        for definition in (good, bad) if good_first else (bad, good):
            if guard.pause(definition, credentials, "v1") is not None:
                withheld += definition is good
            elif definition is good:
                guard.note(good, credentials, "v1", result("mail"))
            else:
                refused += 1
                guard.note(bad, credentials, "v1", REFUSED)
    assert refused <= 100
    assert withheld <= 2
