"""A real Dovecot whose mailbox another client is at work in, whose quota is told, whose mailboxes are missing."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from imapclient import IMAPClient

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.trace import StepStarted
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot
from support.mailbox_probe import Probe

pytestmark = pytest.mark.server

type Check = Callable[..., CheckResult]


@pytest.fixture
def check(dovecot: Dovecot, certificates: Certificates) -> Check:
    """Run a check as `monitor`, or who is named; `hooks` as `run_check` takes them."""

    def run(username: str = "monitor", hooks: Any = (), **fields: Any) -> CheckResult:
        server = f"imaps://localhost:{dovecot.imaps}"
        data = {"name": "dovecot", "server": server, "tls": {"ca_file": str(certificates.ca)}, **fields}
        secret = {"username": username, "password": PASSWORD, "host": "localhost"}
        return run_check(CheckDefinition.model_validate(data), Credentials.model_validate(secret), hooks=hooks)

    return run


@pytest.fixture
def other(dovecot: Dovecot, certificates: Certificates, probe: Probe) -> Iterator[IMAPClient]:
    """A second client of the same mailbox, INBOX open for writing; `probe` has emptied it."""
    import ssl

    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client = IMAPClient("localhost", dovecot.imaps, ssl=True, ssl_context=context)
    client.plain_login("monitor", PASSWORD)
    client.select_folder("INBOX")
    yield client
    client.logout()


def needle(number: int) -> bytes:
    return b"Subject: needle %d\r\n\r\n" % number + b"x" * number


@pytest.mark.parametrize("way", ["expunge", "move"])
@pytest.mark.parametrize("left", [0, 1, 3])
def test_newest_match_goes_between_search_and_fetch(
    check: Check, probe: Probe, other: IMAPClient, way: str, left: int
) -> None:
    """What is left is found and fetched; nothing left is no match, and no broken server."""
    for number in range(left + 1):
        probe.put("INBOX", needle(number + 1))

    def interfere(event: object) -> None:
        if isinstance(event, StepStarted) and event.step == "fetch":
            other.noop()
            newest = max(other.search("ALL"), default=0)
            if newest and len(other.search("ALL")) > left:
                if way == "move":
                    other.move([newest], "Trash")
                else:
                    other.delete_messages([newest])
                    other.expunge([newest])

    result = check(search="needle", hooks=[interfere])
    fetched = [line for line in result.transcript if "UID FETCH" in line]
    if left:
        assert result.available, (result.failure, result.transcript)
        assert result.search is not None
        assert (result.search.matches, result.search.size_bytes) == (left, len(needle(left)))
        assert len(fetched) == 2
    else:
        assert result.failure is not None
        assert (result.failure.step, result.failure.type) == ("search", "no_match")


def test_runs_beside_a_client_that_never_rests(check: Check, probe: Probe, other: IMAPClient) -> None:
    """Ten runs while another client files and expunges without a pause: each run finds what is there.

    Its own matches live for longer than a search and a fetch take here, else two in a row may go, which is a failure.
    """
    probe.put("INBOX", needle(5))
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            other.append("INBOX", needle(9))
            stop.wait(0.2)
            if found := other.search(["SUBJECT", "needle 9"]):
                other.delete_messages(found)
                other.expunge(found)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        results = [check(search="needle") for _ in range(10)]
    finally:
        stop.set()
        worker.join(30)
    assert [result.failure for result in results if result.failure is not None] == []


def test_quota_of_a_real_mailbox(check: Check, probe: Probe) -> None:
    """Dovecot's quota plugin; a full mailbox warns, and still can be searched."""
    result = check(search={"subject": "x", "min_matches": 0}, quota={"warn_percent": 90})
    assert result.available, result.failure
    assert result.quota is not None
    assert result.quota.resource in ("STORAGE", "MESSAGE")
    assert 0 <= result.quota.used_percent < 50
    step = result.step("quota")
    assert step is not None
    assert step.status == "passed"
    full = check("full", quota={"warn_percent": 1}, new_message=NEW_MESSAGE | {"message": "x" * 3000})
    assert full.failure is not None
    assert full.failure.type == "over_quota"


@pytest.mark.parametrize("step", ["examine", "append"])
def test_missing_mailbox_on_a_real_server(check: Check, probe: Probe, step: str) -> None:
    """By whatever Dovecot says of it."""
    fields: dict[str, Any] = {"search": {"subject": "x", "mailbox": "Nowhere/at all"}}
    if step == "append":
        fields = {"new_message": NEW_MESSAGE | {"mailbox": "Nowhere/at all"}}
    result = check(**fields)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == (step, "mailbox_not_found")
