"""Whole sessions cut, and with one octet changed, at offsets all over what the server says."""

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import REFERENCE, Connection, Dialect, Session

type Mutation = Literal["cut", "flip", "insert", "delete", "none"]
DIALECTS = (REFERENCE, "IMAP4rev1 AUTH=CRAM-MD5", "IMAP4rev2 AUTH=CRAM-MD5", f"{REFERENCE} X-GM-EXT-1 MOVE")
OURS_OLD = 1


class MutatingServer(MailServer):
    """Changes what it sends at `offset` of its octets; `sent` counts them. TLS is off, as the offsets are below it."""

    mutation: Mutation = "none"
    offset = 0
    octet = 0
    sent = 0

    def session(self, connection: Connection) -> Session:
        send = connection.send

        def mutated(data: bytes) -> None:
            at, self.sent = self.offset - self.sent, self.sent + len(data)
            if self.mutation == "none" or not 0 <= at < len(data):
                send(data)
                return
            changed = {"flip": bytes([self.octet]), "insert": bytes([self.octet]) + data[at : at + 1]}
            send(data[:at] + changed.get(self.mutation, b""))
            if self.mutation == "cut":
                connection.close()
            send(data[at + 1 :])

        connection.send = mutated  # type: ignore[method-assign]
        return super().session(connection)


def mailboxes() -> MailStore:
    """One message to find, one of ours to clean up, one of another check's that must stay."""
    inbox, sent = Box(), Box()
    inbox.put(b"Subject: needle\r\n\r\nbody-canary-4711\r\n")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    sent.put(b"Subject: IMAP testing\r\nX-Imapcheck: wire\r\n\r\nx\r\n", long_ago)
    sent.put(b"Subject: IMAP testing\r\nX-Imapcheck: other\r\n\r\nx\r\n", long_ago)
    return MailStore(
        {"INBOX": inbox, "Sent": sent, "[Special]": Box(closed="\\Noselect"), "[Special]/Bin": Box(special="\\Trash")}
    )


def session(capabilities: str, mutation: Mutation, offset: int, octet: int) -> tuple[CheckResult, int]:
    """A full check through one mutation; returns its result and how many octets the server sent."""
    store = mailboxes()
    with MutatingServer(store, Dialect(capabilities=capabilities)) as server:
        server.mutation, server.offset, server.octet = mutation, offset, octet
        definition = CheckDefinition.model_validate(
            {
                "name": "wire",
                "server": f"imap://localhost:{server.port}",
                "tls": {"mode": "none"},
                "authentication": "cram-md5",
                "timeout": 1,
                "identify": True,
                "search": {"subject": "needle", "max_age": "52w"},
                "new_message": NEW_MESSAGE | {"keep_for": "1d"},
            }
        )
        credentials = Credentials.model_validate({"username": "alice", "password": "canary-pa55word"})
        started = time.monotonic()
        result = run_check(definition, credentials)
        elapsed = time.monotonic() - started
    where = f"{mutation} at octet {offset}, {octet:#04x}"
    output = json.dumps(result.to_dict())
    assert "canary" not in output, where
    assert elapsed < 10, where  # of its one second, on a machine that has other things to do
    assert result.available is (result.failure is None), where
    assert {1, 2} - set(store["Sent"].uids()) <= {OURS_OLD}, where
    assert store["INBOX"].uids() == [1], where
    assert not store["INBOX"].mails[0].flags, where
    return result, server.sent


def sample(seed: int, count: int, mutations: tuple[Mutation, ...]) -> Callable[[str], list[Any]]:
    """`count` seeded (mutation, offset, octet) within what an undisturbed session of a dialect says."""

    def within(capabilities: str) -> list[Any]:
        chance = random.Random(seed)
        result, total = session(capabilities, "none", 0, 0)
        assert result.available, result.failure
        grammar = b'(){}*+ \r\n\\"09[]\x00\xff'
        return [
            (chance.choice(mutations), chance.randrange(total), chance.choice([chance.randrange(256), *grammar]))
            for _ in range(count)
        ]

    return within


def assert_cut_is_told(result: CheckResult, offset: int) -> None:
    """A cut session is unavailable, unless all that was asked for had passed before the cut."""
    where = f"cut at octet {offset}"
    if result.failure is None:
        last = {step.name: step.status for step in result.steps}
        assert "refused" in (last["cleanup"], last["logout"]) or last["logout"] == "passed", where
        assert last["append"] == "passed", where
    else:
        assert result.failure.type in ("connection_lost", "timeout"), where


@pytest.mark.parametrize("capabilities", DIALECTS)
def test_cut_session_is_told_on_its_step(capabilities: str) -> None:
    """A seeded sample of offsets; every offset is in the long run."""
    for mutation, offset, octet in sample(11, 25, ("cut",))(capabilities):
        assert_cut_is_told(session(capabilities, mutation, offset, octet)[0], offset)


@pytest.mark.parametrize("capabilities", DIALECTS)
def test_changed_octet_never_raises_hangs_leaks_or_loses_mail(capabilities: str) -> None:
    """Flipped, inserted, deleted: a result in time, and nothing removed that was not ours."""
    for mutation, offset, octet in sample(12, 40, ("flip", "insert", "delete"))(capabilities):
        session(capabilities, mutation, offset, octet)


@pytest.mark.long
@pytest.mark.parametrize("capabilities", DIALECTS)
def test_cut_at_every_offset(capabilities: str) -> None:
    """Every single octet of the session is the last one once."""
    _, total = session(capabilities, "none", 0, 0)
    for offset in range(total):
        assert_cut_is_told(session(capabilities, "cut", offset, 0)[0], offset)


@pytest.mark.long
@pytest.mark.parametrize("capabilities", DIALECTS)
def test_flip_at_every_offset(capabilities: str) -> None:
    """Every octet of the session is flipped once, to a seeded other one."""
    chance = random.Random(13)
    _, total = session(capabilities, "none", 0, 0)
    for offset in range(total):
        session(capabilities, "flip", offset, chance.randrange(256))
