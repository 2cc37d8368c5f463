"""The full check on Dovecot; a second connection proves what it did to the mailbox and what not."""

import json
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from support.certificates import Certificates
from support.dovecot import PASSWORD, USERS, Dovecot, bearer_token
from support.mailbox_probe import Probe, Snapshot

pytestmark = pytest.mark.server

FOUND = b"From: x@example.com\r\nSubject: the monitor's needle\r\n\r\nbody-canary-4711\r\n"


@pytest.fixture
def check(dovecot: Dovecot, certificates: Certificates) -> Callable[..., CheckResult]:
    """Run a check as `monitor` (or who is named) against Dovecot."""

    def run(
        username: str = "monitor", password: str | None = None, starttls: bool = False, **fields: Any
    ) -> CheckResult:
        server = f"imap://localhost:{dovecot.imap}" if starttls else f"imaps://localhost:{dovecot.imaps}"
        data = {"name": "dovecot", "server": server, "tls": {"ca_file": str(certificates.ca)}, **fields}
        secret = {"username": username, "password": password or USERS.get(username), "host": "localhost"}
        return run_check(CheckDefinition.model_validate(data), Credentials.model_validate(secret))

    return run


def added(before: Snapshot, after: Snapshot) -> list[tuple[str, bytes]]:
    """What was appended, provided that nothing else changed: not a flag, not a message."""
    for mailbox, messages in before.items():
        for uid, message in messages.items():
            assert after[mailbox][uid] == message, f"{mailbox} {uid} changed"
    assert before.keys() == after.keys()
    return [
        (mailbox, message.octets)
        for mailbox, messages in after.items()
        for uid, message in messages.items()
        if uid not in before[mailbox]
    ]


@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"])
def test_full_check_appends_one_message_and_changes_nothing_else(
    check: Callable[..., CheckResult], probe: Probe, authentication: str, starttls: bool
) -> None:
    """Every password mechanism, over TLS from the start and over STARTTLS."""
    probe.put("INBOX", FOUND)
    before = probe.snapshot()
    result = check(authentication=authentication, starttls=starttls, search="needle", new_message=NEW_MESSAGE)
    assert result.available, result.failure
    assert all(step.status == "passed" for step in result.steps), result.steps
    [(mailbox, message)] = added(before, probe.snapshot())
    assert mailbox == "Sent"
    assert result.new_message is not None
    assert result.new_message.message_id is not None
    assert result.new_message.message_id.encode() in message
    assert b"X-Imapcheck: dovecot\r\n" in message
    assert result.new_message.uid is not None
    assert result.search is not None
    assert result.search.size_bytes == len(FOUND)
    outputs = json.dumps(result.to_dict())
    assert PASSWORD not in outputs
    assert "body-canary" not in outputs
    assert f"{{{len(FOUND)} octets}}" in outputs


@pytest.mark.parametrize("authentication", ["xoauth2", "oauthbearer"])
def test_bearer_token_logs_in(dovecot: Dovecot, certificates: Certificates, probe: Probe, authentication: str) -> None:
    """OAuth2 through Dovecot's local validation; a token that expired is told as such."""
    definition = CheckDefinition.model_validate(
        {
            "name": "oauth",
            "server": f"imaps://localhost:{dovecot.imaps}",
            "authentication": authentication,
            "tls": {"ca_file": str(certificates.ca)},
        }
    )
    for lifetime, good in ((600, True), (-600, False)):
        token = bearer_token("monitor", lifetime)
        secret = Credentials.model_validate({"username": "monitor", "access_token": token})
        result = run_check(definition, secret)
        assert result.available is good, result.failure
        assert token not in json.dumps(result.to_dict())
        if result.failure is not None:
            assert result.failure.type == "authentication_failed"
            assert "status=" in result.failure.detail


@pytest.mark.parametrize("count", [0, 1, 3])
def test_matches_are_counted_and_the_newest_is_fetched(
    check: Callable[..., CheckResult], probe: Probe, count: int
) -> None:
    """0, 1 and 3 matches among other mail."""
    probe.put("INBOX", b"Subject: other\r\n\r\nx\r\n")
    for number in range(count):
        probe.put("INBOX", FOUND + b"x" * number)
    before = probe.snapshot()
    result = check(search=["needle", "monitor's"], new_message=NEW_MESSAGE)
    assert result.search is not None
    assert result.search.matches == count
    assert result.available is (count > 0)
    assert len(added(before, probe.snapshot())) == 1
    if count:
        assert result.search.uid == max(before["INBOX"])
        assert result.search.size_bytes == len(FOUND) + count - 1
    else:
        assert result.failure is not None
        assert (result.failure.step, result.failure.type) == ("search", "no_match")


@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_wrong_password_is_authentication_failed(
    check: Callable[..., CheckResult], probe: Probe, authentication: str
) -> None:
    """Told right, in the server's words, with the session closed politely and the mailbox untouched."""
    before = probe.snapshot()
    result = check(password="wr0ng-canary", authentication=authentication, search="x", new_message=NEW_MESSAGE)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert result.failure.response_code == "AUTHENTICATIONFAILED"
    assert "wr0ng-canary" not in json.dumps(result.to_dict())
    statuses = {step.name: (step.status, step.detail) for step in result.steps}
    assert statuses["search"] == ("skipped", "not reached")
    assert statuses["logout"][0] == "passed"
    assert added(before, probe.snapshot()) == []


@pytest.mark.parametrize("username", ["white space", "üser", "per%cent(x)*"])
@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5"])
def test_special_characters_in_user_and_password(
    check: Callable[..., CheckResult], username: str, authentication: str
) -> None:
    """Spaces, quotes, backslashes and characters outside ASCII."""
    result = check(username=username, authentication=authentication)
    assert result.available, result.failure
    assert USERS[username] not in "\n".join(result.transcript)


@pytest.mark.parametrize("username", ["monitor", "white space", "üser", "per%cent(x)*"])
def test_login_command_where_no_login_mechanism_is_offered(
    dovecot: Dovecot, certificates: Certificates, username: str
) -> None:
    """The LOGIN command itself takes the same names and passwords, as quoted strings or literals."""
    from imapcheck.imap.session import ImapSession
    from imapcheck.network.transport import Wire, connect
    from imapcheck.trace import Deadline
    from imapcheck.transcript import Redactor, Transcript

    redactor = Redactor((USERS[username],))
    transcript = Transcript(redactor)
    wire = Wire(connect([ip_address("127.0.0.1")], dovecot.imap, Deadline.after(5)).socket, Deadline.after(5))
    session = ImapSession(wire, redactor, transcript)
    session.greeting()
    completion, volunteered = session.login(username, USERS[username])
    session.logout()
    wire.close()
    assert completion.ok
    assert volunteered
    assert USERS[username] not in "\n".join(transcript.lines())
    assert "********" in "\n".join(transcript.lines())


def test_mailbox_name_outside_ascii(check: Callable[..., CheckResult], probe: Probe) -> None:
    """The message lands where the definition says, and nowhere else."""
    before = probe.snapshot()
    result = check(new_message=NEW_MESSAGE | {"mailbox": "Gesendetö"})
    assert result.available, result.failure
    [(mailbox, _)] = added(before, probe.snapshot())
    assert mailbox == "Gesendetö"


def test_missing_mailbox_and_full_quota_are_told_apart(check: Callable[..., CheckResult]) -> None:
    """TRYCREATE is `mailbox_not_found`, OVERQUOTA is `over_quota`."""
    missing = check(new_message=NEW_MESSAGE | {"mailbox": "Not There"}).failure
    full = check(username="full", new_message=NEW_MESSAGE | {"message": "x" * 5000}).failure
    assert missing is not None
    assert full is not None
    assert (missing.step, missing.type) == ("append", "mailbox_not_found")
    assert (full.step, full.type, full.response_code) == ("append", "over_quota", "OVERQUOTA")


@pytest.mark.parametrize(
    ("certificate", "type"),
    [
        ("expired", "certificate_expired"),
        ("not-yet-valid", "certificate_not_yet_valid"),
        ("wrong-host", "certificate_name_mismatch"),
        ("untrusted", "certificate_untrusted"),
        ("self-signed", "certificate_untrusted"),
        ("soon", None),
    ],
)
@pytest.mark.parametrize("starttls", [False, True])
def test_certificate_faults(
    certificates: Certificates,
    certificate: str,
    type: str | None,
    starttls: bool,
) -> None:
    """Each certificate fault is told apart, with TLS from the start and with STARTTLS."""
    with Dovecot(certificates, certificate) as server:
        url = f"imap://localhost:{server.imap}" if starttls else f"imaps://localhost:{server.imaps}"
        definition = CheckDefinition.model_validate(
            {"server": url, "authentication": "none", "tls": {"ca_file": str(certificates.ca)}}
        )
        result = run_check(definition)
    if type is None:
        assert result.available
        assert result.server.tls is not None
        assert result.server.tls.certificate_days_remaining == pytest.approx(3, abs=0.1)
    else:
        assert result.failure is not None
        assert (result.failure.step, result.failure.type, result.failure.category) == ("tls", type, "ssl")


def test_unverified_run_says_so_and_still_names_the_certificate(dovecot: Dovecot) -> None:
    """`verify: false` reads the leaf all the same and never says verified."""
    definition = CheckDefinition.model_validate(
        {"server": f"localhost:{dovecot.imaps}", "authentication": "none", "tls": {"verify": False}}
    )
    tls = run_check(definition).server.tls
    assert tls is not None
    assert not tls.verified
    assert tls.certificate_subject is not None
    assert "CN=localhost" in tls.certificate_subject
    assert tls.certificate_days_remaining is not None


def test_login_disabled_is_mechanism_not_offered(
    certificates: Certificates,
) -> None:
    """A server that takes no login on a clear connection is believed, and nothing is sent."""
    with Dovecot(certificates, listen="127.0.0.5", require_tls=True) as server:
        definition = CheckDefinition.model_validate(
            {"server": f"127.0.0.5:{server.imap}", "authentication": "cram-md5", "tls": {"mode": "none"}}
        )
        result = run_check(definition, Credentials.model_validate({"username": "monitor", "password": PASSWORD}))
    assert result.failure is not None
    assert result.failure.type == "mechanism_not_offered"
    assert "disables LOGIN" in result.failure.detail
