"""The round trip through a real Postfix, LMTP and Sieve into a real Dovecot."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot, require_dovecot
from support.mailbox_probe import Probe
from support.postfix import GREY, HELD, LOST, REFUSED, Postfix, require_postfix

pytestmark = pytest.mark.long
HERE = "monitor@example.test"
KEEP, TO_JUNK = "keep;\n", 'require "fileinto";\nfileinto "Junk";\n'


@pytest.fixture(scope="module")
def store(certificates: Certificates) -> Iterator[Dovecot]:
    require_dovecot()
    require_postfix()
    with Dovecot(certificates, receives=True) as server:
        server.filter(KEEP)
        yield server


@pytest.fixture(scope="module")
def postfix(certificates: Certificates, store: Dovecot) -> Iterator[Postfix]:
    with Postfix(certificates, store) as server:
        yield server


@pytest.fixture
def probe(store: Dovecot, certificates: Certificates) -> Iterator[Probe]:
    connection = Probe("localhost", store.imaps, str(certificates.ca), "monitor", PASSWORD)
    for mailbox in ("INBOX", "Junk"):
        connection.empty(mailbox)
    yield connection
    connection.close()


class Way:
    """Runs of one check through both servers."""

    def __init__(self, certificates: Certificates, store: Dovecot, postfix: Postfix) -> None:
        self._ca, self.store, self.postfix = str(certificates.ca), store, postfix
        login = {"username": "monitor", "password": PASSWORD, "host": "localhost"}
        self._credentials = Credentials.from_object(login | {"send": login}, source="test")

    def run(self, to: str = HERE, *, starttls: bool = False, password: str | None = None, **fields: Any) -> CheckResult:
        port = self.postfix.submission if starttls else self.postfix.submissions
        send = {
            "server": f"{'smtp' if starttls else 'smtps'}://localhost:{port}/",
            "from": HERE, "to": to, "within": "10s", "tls": {"ca_file": self._ca},
        }  # fmt: skip
        definition = CheckDefinition.model_validate(
            {
                "name": "way", "server": f"imaps://localhost:{self.store.imaps}/", "tls": {"ca_file": self._ca},
                "send": send | fields.pop("send", {}),
            }
            | fields
        )  # fmt: skip
        held = self._credentials
        if password is not None:
            sender = {"username": "monitor", "password": password, "host": "localhost"}
            held = held.model_copy(update={"send": Credentials.from_object(sender, source="test")})
        return run_check(definition, held)


@pytest.fixture
def way(certificates: Certificates, store: Dovecot, postfix: Postfix, probe: Probe) -> Way:
    store.filter(KEEP)
    return Way(certificates, store, postfix)


def told(result: CheckResult) -> tuple[str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value


def uids(probe: Probe, mailbox: str) -> list[int]:
    return sorted(probe.snapshot()[mailbox])


@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_delivered(way: Way, probe: Probe, starttls: bool, authentication: str) -> None:
    """Pushed by IDLE, with Postfix's queue id and both hops."""
    result = way.run(starttls=starttls, send={"authentication": authentication})
    assert result.available, (result.failure, result.transcript, way.postfix.log)
    delivery = result.delivery
    assert delivery is not None
    assert delivery.mailbox == "INBOX"
    assert delivery.pushed_ms is not None
    assert delivery.queued_as is not None
    assert f"{delivery.queued_as}: " in way.postfix.log
    first, *_, last = delivery.hops
    assert (first.by, first.with_, last.with_) == ("mx.example.test", "ESMTPSA", "LMTP")
    assert PASSWORD not in str(result.to_dict())


def test_in_junk_by_a_sieve_rule(way: Way) -> None:
    """As any filter does it."""
    way.store.filter(TO_JUNK)
    result = way.run(send={"within": "12s"})
    assert told(result) == ("arrival", "delivered_to_junk")
    assert result.delivery is not None
    assert result.delivery.mailbox == "Junk"


def test_lost(way: Way) -> None:
    """Accepted and thrown away: the queue id is what the log is searched for."""
    result = way.run(LOST, send={"within": "3s"})
    assert told(result) == ("arrival", "not_delivered")
    assert result.failure is not None
    assert result.delivery is not None
    assert f"queued as {result.delivery.queued_as}; neither in INBOX nor in Junk after 3 s" in result.failure.detail


def test_late_mail_is_not_taken_for_the_next_run_s(way: Way, probe: Probe) -> None:
    """It is held, given up, released, and arrives while the next run waits for its own."""
    assert told(way.run(HELD, send={"within": "2s"})) == ("arrival", "not_delivered")
    way.postfix.command("postsuper", "-H", "ALL")
    way.postfix.command("postqueue", "-f")
    assert told(way.run(HELD, send={"within": "4s"})) == ("arrival", "not_delivered")
    deadline = time.monotonic() + 20
    while not uids(probe, "INBOX") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(uids(probe, "INBOX")) == 1
    way.postfix.command("postsuper", "-d", "ALL")


@pytest.mark.parametrize(
    ("recipient", "type", "code", "words"),
    [
        (GREY, "submission_deferred", "4.2.0", "Greylisted, see you in five minutes"),
        (REFUSED, "submission_refused", "5.1.1", "User unknown"),
    ],
)
def test_greylisted_and_refused(way: Way, recipient: str, type: str, code: str, words: str) -> None:
    """In Postfix's words and with its enhanced status code."""
    result = way.run(recipient)
    assert told(result) == ("submit", type)
    assert result.failure is not None
    assert result.failure.response_code == code
    assert words in result.failure.detail


def test_unknown_user_bounces_and_the_bounce_is_read(way: Way) -> None:
    """Postfix takes it, Dovecot refuses it, and the report comes back to the sender's own mailbox."""
    result = way.run("nobody-here@example.test")
    assert told(result) == ("arrival", "not_delivered")
    assert result.failure is not None
    assert "and returned: 550 5.1.1" in result.failure.detail


def test_wrong_password_is_the_senders(way: Way) -> None:
    """And no other's."""
    result = way.run(password="wrong-canary")
    assert told(result) == ("send_authenticate", "authentication_failed")
    assert "wrong-canary" not in str(result.to_dict())


def test_cleanup_in_inbox_and_junk(way: Way, probe: Probe) -> None:
    """What two runs left is gone after a third; other people's mail is not."""
    assert way.run().available
    way.store.filter(TO_JUNK)
    assert told(way.run(send={"within": "7s"})) == ("arrival", "delivered_to_junk")
    way.store.filter(KEEP)
    time.sleep(6.1)  # INTERNALDATE is in whole seconds, and the newest message may be two of them old
    probe.put("INBOX", b"Subject: mine\r\n\r\nx\r\n")
    result = way.run(send={"keep_for": "6s"})
    assert result.available
    assert result.step("cleanup").detail == "INBOX: 1 removed; Junk: 1 removed"  # type: ignore[union-attr]
    assert len(uids(probe, "INBOX")) == 2
    assert uids(probe, "Junk") == []
