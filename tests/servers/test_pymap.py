"""The full check on pymap, the embedded server of the demo: an IMAP implementation that is not Dovecot."""

import gc
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.cli.demo import demo_credentials, demo_definition, embedded_server
from support.mailbox_probe import Probe

STRANGE = b"Subject: =?utf-8?q?Pr=C3=BCfung?= of the needle\r\nFrom: a@example.com\r\n\r\nbody-canary-4711\r\n"


@dataclass
class Pymap:
    """The embedded server, its authority's directory, and a second connection to its one mailbox."""

    port: int
    directory: Path
    probe: Probe

    def check(self, **fields: Any) -> CheckResult:
        data = {"name": "pymap", "server": f"localhost:{self.port}", "tls": {"ca_file": "ca.pem"}, **fields}
        definition = CheckDefinition.model_validate(data, context={"directory": str(self.directory)})
        return run_check(definition, demo_credentials())


@pytest.fixture
def pymap(tmp_path: Path) -> Iterator[Pymap]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with embedded_server(authority) as port:
        credentials = demo_credentials()
        probe = Probe("localhost", port, str(tmp_path / "ca.pem"), credentials.username, credentials.require_password())
        yield Pymap(port, tmp_path, probe)
        probe.close()


@pytest.fixture
def unchanged_but_one(pymap: Pymap) -> Callable[[], tuple[str, int]]:
    """Say which one message is new since the start, provided that nothing else changed."""
    before = pymap.probe.snapshot()

    def look() -> tuple[str, int]:
        after = pymap.probe.snapshot()
        for mailbox, messages in before.items():
            assert {uid: after[mailbox][uid] for uid in messages} == messages
        assert after.keys() == before.keys()
        [new] = [(mailbox, uid) for mailbox in after for uid in after[mailbox].keys() - before[mailbox].keys()]
        return new

    return look


def test_full_check_on_pymap_appends_one_message_and_changes_nothing_else(
    pymap: Pymap, unchanged_but_one: Callable[[], tuple[str, int]]
) -> None:
    """Steps that pymap does not offer are skipped; the mailbox is otherwise as before."""
    result = run_check(demo_definition(pymap.port, str(pymap.directory)), demo_credentials())
    assert result.available, result.failure
    assert result.new_message is not None
    assert unchanged_but_one() == ("Sent", result.new_message.uid)
    namespace = result.step("namespace")
    assert namespace is not None
    assert namespace.status == "skipped"


@pytest.mark.parametrize("authentication", ["plain", "login"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_matches_are_counted_and_the_newest_is_fetched(pymap: Pymap, authentication: str, count: int) -> None:
    """0, 1 and 3 matches of a term outside ASCII; with none the message is filed all the same."""
    for number in range(count):
        pymap.probe.put("INBOX", STRANGE + b"x" * number)
    before = pymap.probe.snapshot()
    result = pymap.check(search=["Prüfung", "needle"], new_message=NEW_MESSAGE, authentication=authentication)
    after = pymap.probe.snapshot()
    assert result.search is not None
    assert result.search.matches == count
    assert result.available is (count > 0)
    assert (result.failure.type if result.failure else None) == (None if count else "no_match")
    if count:
        assert result.search.uid == max(before["INBOX"])
        assert result.search.size_bytes == len(STRANGE) + count - 1
    assert after["INBOX"] == before["INBOX"]
    assert len(after["Sent"]) == len(before["Sent"]) + 1


def test_wrong_password_and_missing_mechanism_are_told_apart(pymap: Pymap) -> None:
    """The mailbox is as it was."""
    before = pymap.probe.snapshot()
    definition = demo_definition(pymap.port, str(pymap.directory))
    refused = run_check(definition, Credentials.model_validate({"username": "demo", "password": "wr0ng-canary"}))
    missing = pymap.check(authentication="scram-sha-256", new_message=NEW_MESSAGE)
    assert refused.failure is not None
    assert (refused.failure.step, refused.failure.type) == ("authenticate", "authentication_failed")
    assert "wr0ng-canary" not in str(refused.to_dict())
    assert missing.failure is not None
    assert missing.failure.type == "mechanism_not_offered"
    assert pymap.probe.snapshot() == before


def test_clean_up_on_pymap_removes_the_old_message_only(pymap: Pymap) -> None:
    """UIDPLUS by another implementation than Dovecot's."""
    old = datetime.now(UTC) - timedelta(days=3)
    pymap.probe.put("Sent", b"Subject: IMAP testing\r\nX-Imapcheck: pymap\r\n\r\nx\r\n", old)
    pymap.probe.put("Sent", b"Subject: IMAP testing\r\nX-Imapcheck: other\r\n\r\nx\r\n", old)
    before = pymap.probe.snapshot()
    result = pymap.check(new_message=NEW_MESSAGE | {"keep_for": "1d"})
    after = pymap.probe.snapshot()
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.removed == 1
    assert len(before["Sent"].keys() - after["Sent"].keys()) == 1
    assert all(after["Sent"][uid] == mail for uid, mail in before["Sent"].items() if b"pymap" not in mail.octets)
    assert after["INBOX"] == before["INBOX"]


def test_embedded_server_ends_with_its_block(tmp_path: Path) -> None:
    """Port and thread are gone: a demo leaves nothing that listens."""
    authority, before = trustme.CA(), set(threading.enumerate())
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with embedded_server(authority) as port:
        assert run_check(demo_definition(port, str(tmp_path)), demo_credentials()).available
        servers = {thread for thread in threading.enumerate() if thread.name == "embedded IMAP server"} - before
    assert [thread.is_alive() for thread in servers] == [False]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", port), 5)


def test_session_survives_the_garbage_collector(pymap: Pymap) -> None:
    """The demo's connection is held by somebody: a collection at every step ends nothing."""
    definition = demo_definition(pymap.port, str(pymap.directory))

    def collect(_: object) -> None:
        gc.collect()

    result = run_check(definition, demo_credentials(), hooks=[collect])
    assert result.available, result.failure
