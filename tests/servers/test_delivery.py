"""Delivery end to end: two Dovecots, and a forwarder that sends what lands in the one's sent mailbox."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from imapclient import IMAPClient

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.aws.metrics import metrics_of
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot

pytestmark = pytest.mark.server


class Forwarder(threading.Thread):
    """Watches the sent mailbox of one server and delivers each new message to the INBOX of the other."""

    def __init__(self, outgoing: Dovecot, incoming: Dovecot) -> None:
        super().__init__(daemon=True)
        self._ports = outgoing.imap, incoming.imap
        self._stop_asked = threading.Event()
        self.delivered = 0

    def run(self) -> None:
        clients = [IMAPClient("127.0.0.1", port, ssl=False) for port in self._ports]
        for client in clients:
            client.login("monitor", PASSWORD)
        sent, inbox = clients
        delivered: set[int] = set()
        while not self._stop_asked.wait(0.05):
            sent.select_folder("Sent", readonly=True)
            for uid in sent.search("ALL"):
                if uid not in delivered:
                    inbox.append("INBOX", sent.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])
                    delivered.add(uid)
                    self.delivered += 1
        for client in clients:
            client.logout()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(5)


def until[T](wanted: Callable[[], T], seconds: float = 30) -> T:
    """Ask again and again until the answer is one."""
    give_up = time.monotonic() + seconds
    while not (found := wanted()) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert found
    return found


@pytest.fixture
def pair(certificates: Certificates) -> Iterator[tuple[Dovecot, Dovecot]]:
    with Dovecot(certificates) as outgoing, Dovecot(certificates) as incoming:
        yield outgoing, incoming


def check(server: Dovecot, certificates: Certificates, **fields: Any) -> CheckResult:
    definition = CheckDefinition.model_validate(
        {
            "name": "delivery",
            "server": f"imaps://localhost:{server.imaps}",
            "tls": {"ca_file": str(certificates.ca)},
            **fields,
        }
    )
    return run_check(definition, Credentials.model_validate({"username": "monitor", "password": PASSWORD}))


def test_one_mailbox_whose_server_sends_what_is_filed(dovecot: Dovecot, certificates: Certificates, probe: Any) -> None:
    """The first run finds nothing and still sends; then mail flows; when delivery stops the check says too_old."""
    fields = {
        "new_message": NEW_MESSAGE | {"subject": "round trip"},
        "search": {"subject": "round trip", "max_age": "2s"},
    }
    forwarder = Forwarder(dovecot, dovecot)
    forwarder.start()
    first = check(dovecot, certificates, **fields)
    assert first.failure is not None
    assert first.failure.type == "no_match"
    assert first.new_message is not None
    assert first.new_message.uid is not None
    until(lambda: forwarder.delivered == 1)
    second = check(dovecot, certificates, **fields)
    forwarder.stop()
    assert second.available, second.failure
    assert second.new_message is not None
    assert second.new_message.delivery_seconds is not None
    assert 0 <= second.new_message.delivery_seconds < 10
    definition = CheckDefinition.model_validate({"server": "localhost"})
    assert {"DeliveryTime", "NewestMessageAge"} <= {metric.name for metric in metrics_of(second, definition)}

    def refused() -> CheckResult | None:
        run = check(dovecot, certificates, **fields)
        return None if run.available else run

    third = until(refused)
    assert third is not None
    assert third.failure is not None
    assert (third.failure.step, third.failure.type) == ("fetch", "too_old")
    assert third.new_message is not None
    assert third.new_message.uid is not None


def test_two_servers(pair: tuple[Dovecot, Dovecot], certificates: Certificates) -> None:
    """One check files on the sending server, another watches the receiving one."""
    outgoing, incoming = pair
    forwarder = Forwarder(outgoing, incoming)
    forwarder.start()
    watch = {"search": {"subject": "between servers", "max_age": "1h"}}
    assert check(incoming, certificates, **watch).failure is not None
    assert check(outgoing, certificates, new_message=NEW_MESSAGE | {"subject": "between servers"}).available
    until(lambda: forwarder.delivered == 1)
    result = check(incoming, certificates, **watch)
    forwarder.stop()
    assert result.available, result.failure
    assert result.search is not None
    assert result.search.age_seconds is not None
    assert result.new_message is None
