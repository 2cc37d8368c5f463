"""Structured random responses: whatever a server says, a check ends in a verdict and never in an exception of ours."""

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from conftest import NEW_MESSAGE
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.check.steps import connection
from imapcheck.errors import CheckFailure
from imapcheck.imap.session import ImapSession
from imapcheck.network.transport import Connected, Wire
from imapcheck.trace import Deadline
from imapcheck.transcript import Redactor, Transcript
from support.hostile_responses import Responses

CAPABILITIES = (
    b"IMAP4rev1 NAMESPACE SPECIAL-USE LIST-EXTENDED CONDSTORE ESEARCH UIDPLUS ID QUOTA WITHIN"
    b" AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256"
)
SECRET = "canary-pa55word"


@contextlib.contextmanager
def serving(data: bytes) -> Iterator[socket.socket]:
    """The client's end of a connection whose other end has sent `data` and no more."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        yield ours


def ignored(_: str) -> None:
    """What would stand in the detail of a step."""


type Command = tuple[str, Callable[[ImapSession], object]]
COMMANDS: list[Command] = [
    ("capability", lambda session: session.capability()),
    ("namespace", lambda session: session.namespace()),
    ("list", lambda session: session.list_mailboxes(b"*")),
    ("status", lambda session: session.examine(b"INBOX", ignored)),
    ("search", lambda session: session.search([b"ALL"], ignored, keep=5)),
    ("esearch", lambda session: session.search([b"ALL"], ignored)),
    ("fetch", lambda session: session.fetch(4, internal_date=True, limit=1000, keep=100)),
    ("fetch", lambda session: session.fetch_header([1, 2, 4], b"X-IMAPCHECK")),
    ("quota", lambda session: session.quota_root(b"INBOX")),
    ("vanished", lambda session: session.expunge([1, 2])),
    ("continuation", lambda session: session.append(b"Sent", b"x" * 10, lambda: None)),
    ("continuation", lambda session: session.login("alice", SECRET + "\xff")),
    ("id", lambda session: session.id("1")),
    ("status", lambda session: session.logout()),
]


def fuzz_commands(seed: int, wanted: int) -> int:
    """Feed at least `wanted` responses to single commands; returns how many there were."""
    source = random.Random(seed)
    responses, fed = Responses(source), 0
    while fed < wanted:
        kind, command = source.choice(COMMANDS)
        count = source.randrange(1, 12)
        data = responses.of_kind(b"A0002", kind, count) + responses.tagged(b"A0002")
        with serving(b"* CAPABILITY " + CAPABILITIES + b"\r\nA0001 OK\r\n" + data) as sock:
            redactor = Redactor((SECRET,))
            session = ImapSession(Wire(sock, Deadline.after(30)), redactor, Transcript(redactor))
            try:
                session.capability()
                command(session)
            except CheckFailure:
                pass  # a verdict
            except Exception as error:
                pytest.fail(f"seed {seed}, {kind}: {error!r} after {data!r}")
        fed += count + 1
    return fed


DIALOGUE: list[tuple[str, bytes]] = [
    ("capability", b"* CAPABILITY " + CAPABILITIES + b"\r\n%t OK\r\n"),
    ("continuation", b"+ PDFAeD4=\r\n%t OK [CAPABILITY " + CAPABILITIES + b"]\r\n"),
    ("id", b"* ID NIL\r\n%t OK\r\n"),
    ("namespace", b'* NAMESPACE (("" "/")) NIL NIL\r\n%t OK\r\n'),
    ("list", b'* LIST () "/" INBOX\r\n%t OK\r\n'),
    ("list", b'* LIST (\\Sent) "/" Sent\r\n%t OK\r\n'),
    ("list", b'* LIST () "/" Sent\r\n%t OK\r\n'),
    ("status", b"* 2 EXISTS\r\n%t OK [READ-ONLY]\r\n"),
    ("quota", b'* QUOTA "" (STORAGE 1 10)\r\n%t OK\r\n'),
    ("esearch", b'* ESEARCH (TAG "%t") UID ALL 2,4\r\n%t OK\r\n'),
    ("fetch", b'* 2 FETCH (UID 4 INTERNALDATE "23-Nov-2026 09:00:01 +0000" BODY[] {3}\r\nabc)\r\n%t OK\r\n'),
    ("list", b'* LIST () "/" Sent\r\n%t OK\r\n'),
    ("continuation", b"+ go\r\n%t OK [APPENDUID 1 2]\r\n"),
    ("status", b"%t OK [READ-WRITE]\r\n"),
    ("search", b"* SEARCH 1\r\n%t OK\r\n"),
    (
        "fetch",
        (
            b'* 1 FETCH (UID 1 INTERNALDATE " 1-Jan-2020 09:00:01 +0000" BODY[HEADER.FIELDS (X-IMAPCHECK)]'
            b' "X-Imapcheck: fuzz")\r\n%t OK\r\n'
        ),
    ),
    ("status", b"%t OK\r\n"),
    ("vanished", b"* 1 EXPUNGE\r\n%t OK\r\n"),
    ("status", b"* BYE\r\n%t OK\r\n"),
]
DEFINITION = CheckDefinition.model_validate(
    {
        "name": "fuzz", "server": "imap://127.0.0.1/", "authentication": "cram-md5", "tls": {"mode": "none"},
        "timeout": 30,
        "search": {"subject": "x", "max_age": "9999w"}, "identify": True, "quota": {},
        "new_message": NEW_MESSAGE | {"keep_for": "1d"},
    }
)  # fmt: skip
CREDENTIALS = Credentials.model_validate({"username": "alice", "password": SECRET})


def fuzz_runs(seed: int, wanted: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, set[str]]:
    """Whole checks, of whose dialogue some answers are random; returns how many responses, and which verdicts."""
    source = random.Random(seed)
    responses, fed, verdicts = Responses(source), 0, set[str]()
    while fed < wanted:
        hostile = set(source.sample(range(len(DIALOGUE)), k=source.choice([0, 1, 1, 1, 2, 3])))
        script = [b"* OK ready\r\n" if source.random() < 0.97 else responses.some(b"*", 1)]
        for number, (kind, usual) in enumerate(DIALOGUE):
            tag = b"A%04d" % (number + 1)
            answer = usual.replace(b"%t", tag)
            if number in hostile:
                count = source.randrange(1, 10)
                fed += count
                answer = responses.of_kind(tag, kind, count) + source.choice([answer, responses.tagged(tag)])
            fed += answer.count(b"\n")
            script.append(answer)
        with serving(b"".join(script)) as sock:
            reached = Connected(sock, ip_address("127.0.0.1"), ())
            monkeypatch.setattr(connection, "tcp_connect", lambda *_, reached=reached: reached)
            try:
                result = run_check(DEFINITION, CREDENTIALS)
            except Exception as error:
                pytest.fail(f"seed {seed}: {error!r} after {script!r}")
        verdicts.add(verdict_of(result))
    return fed, verdicts


def verdict_of(result: CheckResult) -> str:
    shown = str(result.to_dict())
    assert SECRET not in shown
    assert all(failure.detail.isprintable() and len(failure.detail) <= 400 for failure in result.failures)
    return "available" if result.failure is None else f"{result.failure.step} {result.failure.type}"


def test_fuzzed_commands() -> None:
    """A taste of what `make test-long` does at length."""
    assert fuzz_commands(1, 12_000) >= 12_000


def test_fuzzed_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole checks; the fuzz reaches the end of some and stops many others at every step."""
    fed, verdicts = fuzz_runs(1, 12_000, monkeypatch)
    assert fed >= 12_000
    assert "available" in verdicts
    assert len(verdicts) >= 15, verdicts


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 8))
def test_fuzzed_commands_at_length(seed: int) -> None:
    """600,000 responses to single commands."""
    print("\nresponses to single commands:", fuzz_commands(seed, 100_000))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 8))
def test_fuzzed_runs_at_length(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """300,000 responses to whole checks."""
    fed, verdicts = fuzz_runs(seed, 50_000, monkeypatch)
    print("\nresponses to whole checks:", fed, "verdicts:", len(verdicts))
