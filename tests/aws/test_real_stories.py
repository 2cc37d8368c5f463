"""Stories of log lines that real runs against real servers wrote, formatted by the function's own logger."""

import io
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.kinds import SLOW, UNAVAILABLE
from imapcheck.aws import evidence
from imapcheck.aws.run_log import FINISHED, run_fields
from imapcheck.wording import clock, date, elapsed
from support.alarm_events import alarm_message
from support.alarm_stack import Stack
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.wire_server import Dialect, WireServer, delay

pytestmark = pytest.mark.server

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
WRONG = "wr0ng-c4nary"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_WAIT_SECONDS", 0.01)


@pytest.fixture
def run(certificates: Certificates) -> Callable[..., CheckResult]:
    """One real run of the check `gmail` against a port of this machine."""

    def one(port: int, password: str = PASSWORD, **fields: Any) -> CheckResult:
        data = {"name": "gmail", "server": f"imaps://localhost:{port}/", "tls": {"ca_file": str(certificates.ca)}}
        secret = {"username": "monitor", "password": password, "host": "localhost"}
        return run_check(CheckDefinition.model_validate(data | fields), Credentials.model_validate(secret))

    return one


def logged(result: CheckResult, minutes: float) -> tuple[datetime, str]:
    """The line as the function writes it, for a run that began so many minutes before the alarm."""
    at = NOW - timedelta(minutes=minutes, seconds=30)
    stream = io.StringIO()
    logger = Logger(service=f"story-{id(stream)}", stream=stream)
    moved = replace(result, started_at=at, run_id=str(uuid.uuid4()))
    logger.info(FINISHED, **run_fields(moved, instant_test=False, cold_start=False))
    return at + timedelta(milliseconds=result.duration_ms), stream.getvalue().strip()


@pytest.fixture
def told(stack: Stack) -> Callable[..., str]:
    """The text that people get: an alarm over the good runs before and the bad ones."""

    def story(bad: CheckResult, good: CheckResult, kind: AlarmKind = UNAVAILABLE) -> str:
        lines = [logged(bad, minutes) for minutes in (0, 5, 10)] + [logged(good, minutes) for minutes in (15, 20, 25)]
        stack.log(lines)
        assert stack.deliver(alarm_message(kind, NOW)) == []
        [sent] = stack.sent
        assert PASSWORD not in json.dumps(sent.forms)
        assert all(len(line) <= 80 or "https://" in line for line in sent.text.splitlines())
        return sent.text

    return story


@pytest.fixture
def good(run: Callable[..., CheckResult], dovecot: Dovecot) -> CheckResult:
    result = run(dovecot.imaps, new_message=NEW_MESSAGE)
    assert result.available
    return result


def begins(text: str, why: str, word: str = "DOWN") -> None:
    """Verdict, since when and the last good; then the reason."""
    what, when, reason = text.splitlines()[:3]
    assert what.startswith(f"{word}  gmail")
    since, last = NOW - timedelta(minutes=10, seconds=30), NOW - timedelta(minutes=15, seconds=30)
    lasted = elapsed(NOW - since)
    assert when == f"since {date(since, NOW)} ({lasted}): the last 3 runs failed; last good {clock(last, NOW)}"
    assert reason.startswith(why)


def test_login_refused(told: Any, run: Any, good: CheckResult, dovecot: Dovecot) -> None:
    """Dovecot's own words, its end of the transcript, the password nowhere."""
    text = told(run(dovecot.imaps, password=WRONG), good)
    begins(text, "authenticate: authentication_failed - ")
    assert "[AUTHENTICATIONFAILED] Authentication failed." in text
    assert "AUTHENTICATE PLAIN ********" in text
    assert "authenticate " in text
    assert WRONG not in text
    assert "Put the right password into the secret" in " ".join(text.split())


def test_server_stopped(told: Any, run: Any, good: CheckResult, certificates: Certificates) -> None:
    """A port that nobody listens on any more."""
    with WireServer(tls=certificates.server_context()) as gone:
        port = gone.port
    text = told(run(port), good)
    begins(text, "connect: connection_refused - ")
    assert "whether the mail service runs" in " ".join(text.split())
    assert "Transcript" not in text


def test_certificate_expired(told: Any, run: Any, good: CheckResult, certificates: Certificates) -> None:
    """With the date, from the certificate that was refused."""
    with WireServer(tls=certificates.server_context("expired")) as server:
        text = told(run(server.port), good)
    begins(text, "tls: certificate_expired - ")
    expired = datetime.now(UTC) - timedelta(days=2)
    assert f"valid until {expired.day} {expired:%b %Y}" in " ".join(text.split())
    assert "certificate for localhost" in text
    assert "Certificate: " not in text


def test_no_match(told: Any, run: Any, good: CheckResult, dovecot: Dovecot) -> None:
    """The server works; the message is not there."""
    text = told(run(dovecot.imaps, search="no such subject here"), good)
    begins(text, "search: no_match - ", "MAIL MISSING")
    assert "no such subject here" in text
    assert "logout" in text


def test_slow(told: Any, run: Any, good: CheckResult, certificates: Certificates) -> None:
    """A login that takes half a second more than it may."""
    script = {"AUTHENTICATE": delay(0.6)}
    dialect = Dialect(username="monitor", password=PASSWORD)
    with WireServer(dialect, script, tls=certificates.server_context()) as server:
        bad = run(server.port, thresholds={"authenticate": 300})
    assert bad.slow, bad
    text = told(bad, good, SLOW)
    assert "slow: works, but authenticate took " in text
    assert " (limit 300 ms) in the last run" in " ".join(text.split())
    assert "Grew most: authenticate, " in " ".join(text.split())
