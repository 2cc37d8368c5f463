"""The lock-out guard: what counts as a try, whose pause a success ends, clocks that jump, single calls of the CLI."""

import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.check.guarded_logins import GuardedLogins
from imapcheck.check.login_pause import MOST_REFUSED, PAUSES, LoginGuard, Refusal, mailbox_of
from imapcheck.cli.login_file import MOST_MAILBOXES, RefusalFile
from imapcheck.cli.private_files import state_folder
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from support import forked
from support.certificates import Certificates
from support.results import failure, result
from support.wire_server import Exchange, WireServer, close

START = datetime(2026, 11, 23, tzinfo=UTC)
MAILBOX = CheckDefinition.model_validate({"name": "mail", "server": "imaps://mail.example/", "secret": "imapcheck/a"})
ALICE = Credentials.model_validate({"username": "alice", "password": "stale-canary"})
REFUSED = result("mail", failure(FailureType.AUTHENTICATION_FAILED, "authenticate"))
GOOD = result("mail")
type Write = Callable[[str, dict[str, Any]], Path]


def ended(type: FailureType, step: str = "authenticate") -> Any:
    return result("mail", failure(type, step))  # type: ignore[arg-type]


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


class Table:
    """A table that several guards share, and that can be out of reach."""

    def __init__(self) -> None:
        self.kept: dict[str, Refusal] = {}
        self.works = True

    def get(self, mailbox: str, _: datetime) -> tuple[bool, Refusal | None]:
        return (True, self.kept.get(mailbox)) if self.works else (False, None)

    def put(self, mailbox: str, refusal: Refusal) -> bool:
        if self.works:
            self.kept[mailbox] = refusal
        return self.works

    def delete(self, mailbox: str) -> None:
        if self.works:
            self.kept.pop(mailbox, None)


def tries_of_a_day(answers: Callable[[int, str], Any], versions: tuple[str, ...] = ("v",), every: int = 5) -> int:
    clock, tries = Clock(), 0
    guard = LoginGuard(clock)
    for minute in range(0, 24 * 60, every):
        for version in versions:
            clock.now = START + timedelta(minutes=minute)
            if guard.pause(MAILBOX, ALICE, version) is None:
                guard.note(MAILBOX, ALICE, version, answers(tries, version))
                tries += 1
    return tries


@pytest.mark.parametrize(
    "type",
    [
        FailureType.CONNECTION_LOST, FailureType.TIMEOUT, FailureType.PROTOCOL_ERROR, FailureType.COMMAND_REJECTED,
        FailureType.AUTHENTICATION_UNAVAILABLE, FailureType.AUTHENTICATION_FAILED,
    ],
)  # fmt: skip
def test_after_a_refusal_a_login_that_ends_without_ok_counts_as_a_try(type: FailureType) -> None:
    """A server that has had enough hangs up, is silent or says that it is busy."""
    assert 40 <= tries_of_a_day(lambda tries, _: REFUSED if tries == 0 else ended(type)) <= 60


def test_without_a_refusal_an_unanswered_login_starts_no_pause() -> None:
    assert tries_of_a_day(lambda *_: ended(FailureType.CONNECTION_LOST)) == 288


@pytest.mark.parametrize(
    ("type", "step"),
    [
        (FailureType.CONNECTION_REFUSED, "connect"),
        (FailureType.TIMEOUT, "greeting"),
        (FailureType.MECHANISM_NOT_OFFERED, "authenticate"),
    ],
)
def test_what_ended_before_the_login_was_sent_is_no_try(type: FailureType, step: str) -> None:
    """An outage in between must not make the pause longer."""
    clock = Clock()
    guard = LoginGuard(clock)
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    for _ in range(10):
        clock.now += PAUSES[0]
        assert guard.pause(MAILBOX, ALICE, "v") is None
        guard.note(MAILBOX, ALICE, "v", result("mail", failure(type, step)))  # type: ignore[arg-type]


def test_three_secrets_with_the_same_wrong_password_are_one_mailbox() -> None:
    assert 40 <= tries_of_a_day(lambda *_: REFUSED, ("a", "b", "c")) <= 60


def test_a_success_ends_only_the_pause_of_its_own_credentials() -> None:
    """Beside a check with the right password a stale one is still withheld; it is not sent 288 times a day."""
    answers = {"stale": REFUSED, "right": GOOD}
    assert 288 + 40 <= tries_of_a_day(lambda _, version: answers[version], ("stale", "right")) <= 288 + 60


def test_success_of_the_refused_credentials_ends_the_pause() -> None:
    clock = Clock()
    guard = LoginGuard(clock, table := Table())
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    clock.now += PAUSES[0]
    assert guard.pause(MAILBOX, ALICE, "v") is None
    guard.note(MAILBOX, ALICE, "v", GOOD)
    assert guard.pause(MAILBOX, ALICE, "v") is None
    assert table.kept == {}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=1), timedelta(days=4000)])
@pytest.mark.parametrize("refusals", [1, 2, 3, 4, 9])
def test_no_pause_outlasts_its_own_length_when_the_clock_is_set_back(
    shared: bool, back: timedelta, refusals: int
) -> None:
    clock = Clock()
    guard = LoginGuard(clock, Table() if shared else None)
    for _ in range(refusals):
        guard.note(MAILBOX, ALICE, "v", REFUSED)
    clock.now -= back
    longest = PAUSES[min(refusals, len(PAUSES)) - 1]
    set_back = clock.now
    while (pause := guard.pause(MAILBOX, ALICE, "v")) is not None:
        assert pause.retry_at <= set_back + longest
        clock.now += timedelta(seconds=30)
    assert clock.now <= set_back + longest


def test_credentials_refused_long_ago_do_not_lengthen_the_pause_of_others() -> None:
    clock = Clock()
    guard = LoginGuard(clock)
    for _ in range(9):
        guard.note(MAILBOX, ALICE, "old", REFUSED)
    clock.now += timedelta(hours=5)
    guard.note(MAILBOX, ALICE, "new", REFUSED)
    pause = guard.pause(MAILBOX, ALICE, "new")
    assert pause is not None
    assert pause.retry_at == clock.now + PAUSES[0]


def test_refusals_of_many_credentials_are_bounded() -> None:
    guard = LoginGuard(Clock(), table := Table())
    for number in range(200):
        guard.note(MAILBOX, ALICE, str(number), REFUSED)
    [kept] = table.kept.values()
    assert len(kept.refused) == MOST_REFUSED
    assert guard.pause(MAILBOX, ALICE, "199") is not None


def test_of_several_tries_at_once_only_one_is_let_through() -> None:
    """Ten checks of one mailbox, when the pause is over: one finds out for all."""
    clock = Clock()
    guard = LoginGuard(clock)
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    clock.now += PAUSES[0]
    with ThreadPoolExecutor(10) as pool:
        pauses = list(pool.map(lambda _: guard.pause(MAILBOX, ALICE, "v"), range(10)))
    assert pauses.count(None) == 1
    clock.now += timedelta(minutes=10)  # and where that one never came back, the next is let through
    assert guard.pause(MAILBOX, ALICE, "v") is None


def test_refused_credentials_are_tried_once_a_run() -> None:
    """`retries` would send them again where the server hangs up."""
    definition = MAILBOX.model_copy(update={"retries": 2})
    guard = LoginGuard(Clock())
    assert GuardedLogins(guard, definition, ALICE, lambda _: "v").definition.retries == 2
    guard.note(definition, ALICE, "v", REFUSED)
    assert GuardedLogins(guard, definition, ALICE, lambda _: "v").definition.retries == 0
    assert GuardedLogins(guard, definition, ALICE, lambda _: "w").definition.retries == 2


def test_what_the_table_did_not_take_is_not_ended_by_its_silence() -> None:
    """Shared once, ended elsewhere, then refused while the table was away: that one is memory's own."""
    clock = Clock()
    guard, other = LoginGuard(clock, table := Table()), LoginGuard(clock, table)
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    clock.now += PAUSES[0]
    assert other.pause(MAILBOX, ALICE, "v") is None
    other.note(MAILBOX, ALICE, "v", GOOD)
    assert guard.pause(MAILBOX, ALICE, "v") is None
    table.works = False
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    table.works = True
    assert guard.pause(MAILBOX, ALICE, "v") is not None
    table.works = False
    assert guard.pause(MAILBOX, ALICE, "v") is not None


def test_success_here_ends_what_is_shared_and_a_later_refusal_of_ours_stays() -> None:
    """The mailbox is no longer taken for one that the table knows of."""
    clock = Clock()
    guard = LoginGuard(clock, table := Table())
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    guard.note(MAILBOX, ALICE, "v", GOOD)
    assert table.kept == {}
    table.works = False
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    table.works = True
    assert guard.pause(MAILBOX, ALICE, "v") is not None


def test_way_in_that_worked_and_is_refused_later_is_withheld_like_any_other() -> None:
    """That it once went well beside a refused one is no license for ever."""
    clock = Clock()
    guard = LoginGuard(clock)
    other = MAILBOX.model_copy(update={"authentication": "cram-md5"})
    guard.note(other, ALICE, "v", REFUSED)
    guard.note(MAILBOX, ALICE, "v", GOOD)
    assert guard.pause(MAILBOX, ALICE, "v") is None
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    assert guard.pause(MAILBOX, ALICE, "v") is not None


def test_one_that_only_obeys_leaves_no_pause_behind() -> None:
    """Instant tests of the function."""
    clock = Clock()
    guard = LoginGuard(clock, table := Table())
    watching = guard.obeyed_only()
    watching.note(MAILBOX, ALICE, "v", REFUSED)
    assert guard.pause(MAILBOX, ALICE, "v") is None
    assert table.kept == {}
    guard.note(MAILBOX, ALICE, "v", REFUSED)
    assert guard.obeyed_only().pause(MAILBOX, ALICE, "v") is not None


def test_mailbox_is_protocol_host_and_user() -> None:
    other = MAILBOX.model_copy(update={"secret": "imapcheck/b"})
    assert mailbox_of(MAILBOX, ALICE) == mailbox_of(other, ALICE.model_copy(update={"username": "Alice"}))
    assert mailbox_of(MAILBOX, ALICE) != mailbox_of(MAILBOX, ALICE, "smtp")
    assert mailbox_of(MAILBOX, ALICE) != mailbox_of(MAILBOX, ALICE.model_copy(update={"username": "bob"}))


# --- the file of single calls ---------------------------------------------------------------------------------------


@pytest.fixture
def counted(server_context: Any) -> Iterator[tuple[WireServer, list[bytes]]]:
    logins: list[bytes] = []

    def count(exchange: Exchange) -> bool:
        logins.append(exchange.line)
        return True

    with WireServer(script={"AUTHENTICATE": count}, tls=server_context) as server:
        yield server, logins


@pytest.fixture
def stale(counted: Any, certificates: Certificates, write_definition: Write, tmp_path: Path) -> list[str]:
    content = {"server": f"imaps://localhost:{counted[0].port}/", "tls": {"ca_file": str(certificates.ca)}}
    (tmp_path / "secret").write_text('{"username": "alice", "password": "stale-canary", "host": "localhost"}')
    (tmp_path / "secret").chmod(0o600)
    return [str(write_definition("mail", content)), "--credentials", str(tmp_path / "secret"), "--json"]


def call(*words: str, **environment: str) -> tuple[str | None, int, str]:
    """Failure type, exit status and standard error of one call."""
    done = forked.imapcheck("run", *words, environment={**os.environ, **environment})
    found = json.loads(done.stdout)
    return (found["failure"] or {}).get("type"), done.returncode, done.stderr


def kept_file() -> Path:
    return Path(os.environ["XDG_STATE_HOME"], "imapcheck", "refused-logins.json")


def test_single_calls_share_the_pause_and_new_credentials_are_tried(stale: list[str], counted: Any) -> None:
    _, logins = counted
    assert call(*stale)[:2] == ("authentication_failed", 1)
    assert call(*stale)[:2] == ("authentication_paused", 1)
    assert len(logins) == 1
    secret = Path(stale[2])
    secret.write_text(secret.read_text().replace("stale-canary", "other-canary"))
    assert call(*stale)[0] == "authentication_failed"
    assert len(logins) == 2
    assert stat.S_IMODE(kept_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(kept_file().parent.stat().st_mode) == 0o700
    text = kept_file().read_text()
    assert not any(word in text for word in ("canary", "alice", "localhost"))


def test_no_guard_logs_in_and_its_success_ends_the_pause(stale: list[str], counted: Any) -> None:
    server, logins = counted
    call(*stale)
    assert call(*stale, "--no-guard")[0] == "authentication_failed"
    server.dialect.check_password = False
    assert call(*stale)[0] == "authentication_paused"
    assert call(*stale, "--no-guard")[0] is None
    assert call(*stale)[0] is None
    assert len(logins) == 4
    assert json.loads(kept_file().read_text())["refusals"] == {}


def test_call_without_a_refusal_leaves_no_file(stale: list[str], counted: Any) -> None:
    counted[0].dialect.check_password = False
    assert call(*stale)[:2] == (None, 0)
    assert not kept_file().exists()


LAST_DAY = {"first_at": START.isoformat(), "latest_at": "9999-12-31T23:30:00+00:00", "count": 1, "refused": []}
BROKEN: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda path: path.write_text("{"),
    "a list": lambda path: path.write_text("[]"),
    "something else": lambda path: path.write_text('{"salt": "00", "refusals": {"m": {"count": "x"}}}'),
    "a time after which no day comes": lambda path: path.write_text(
        json.dumps({"salt": "00", "refusals": {mailbox_of(MAILBOX, ALICE): LAST_DAY}})
    ),
    "no salt": lambda path: path.write_text('{"refusals": {}}'),
    "not a number": lambda path: path.write_text('{"salt": "00", "refusals": NaN}'),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "endless nesting": lambda path: path.write_text("[" * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a link": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": lambda path: os.mkfifo(path),
    "too long": lambda path: path.write_bytes(b" " * (9 << 20)),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_file_that_cannot_be_read_is_no_guard_and_one_warning(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "refused-logins.json"
    BROKEN[broken](path)
    warnings: list[str] = []
    guard = LoginGuard(Clock(), file := RefusalFile(tmp_path, warnings.append))
    assert guard.pause(MAILBOX, ALICE, lambda: file.version(ALICE)) is None
    guard.note(MAILBOX, ALICE, lambda: file.version(ALICE), REFUSED)
    assert guard.pause(MAILBOX, ALICE, lambda: file.version(ALICE)) is not None  # within the call there is one
    assert len(warnings) == 1
    assert str(path) in warnings[0]


def test_lock_that_a_stopped_call_holds_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs no other call."""
    monkeypatch.setattr("imapcheck.cli.login_file._LOCK_TRIES", 3)
    warnings: list[str] = []
    file = RefusalFile(tmp_path, warnings.append)
    with (tmp_path / "refused-logins.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not file.put("m", Refusal(START, START, 1, ()))
    assert len(warnings) == 1
    assert "lock" in warnings[0]


def test_no_home_is_no_guard_and_one_warning(monkeypatch: pytest.MonkeyPatch, stale: list[str]) -> None:
    def homeless() -> Path:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "home", homeless)
        assert state_folder({}) is None
    warnings: list[str] = []
    file = RefusalFile(None, warnings.append)
    assert file.get("m", START) == (False, None)
    assert not file.put("m", Refusal(START, START, 1, (("v", "plain 993"),)))
    assert len(warnings) == 1
    type, status, error = call(*stale, XDG_STATE_HOME="/proc/nowhere")
    assert (type, status) == ("authentication_failed", 1)
    assert error.count("warning") == 1


def test_state_folder_is_as_the_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    assert state_folder({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/imapcheck")
    assert state_folder({"XDG_STATE_HOME": "relative"}) == Path("/home/alice/.local/state/imapcheck")
    assert state_folder({}) == Path("/home/alice/.local/state/imapcheck")


def test_file_keeps_the_latest_thousand_for_a_day(tmp_path: Path) -> None:
    file = RefusalFile(tmp_path, pytest.fail)
    refusal = Refusal(START, START, 1, (("v", "plain 993"),))
    content = {str(n): {"first_at": "2026-11-22T00:00:00+00:00", "latest_at": f"2026-11-22T00:00:{n % 60:02d}+00:00",
                        "count": 1, "refused": []} for n in range(MOST_MAILBOXES + 50)}  # fmt: skip
    (tmp_path / "refused-logins.json").write_text(json.dumps({"salt": "00", "refusals": content}))
    file.put("m", refusal)
    kept = json.loads((tmp_path / "refused-logins.json").read_text())["refusals"]
    assert len(kept) == MOST_MAILBOXES
    assert file.get("m", START) == (True, refusal)
    assert file.get("m", START + timedelta(days=1)) == (True, None)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_several_calls_at_once_lose_no_refusal(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def one(number: int) -> None:
        file = RefusalFile(tmp_path, pytest.fail)
        barrier.wait()
        file.put(str(number), Refusal(START, START, 1, (("v", "plain 993"),)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    kept = RefusalFile(tmp_path, pytest.fail)
    assert all(kept.get(str(number), START)[1] is not None for number in range(8))


def test_versions_are_equal_across_calls_and_differ_by_password_alone(tmp_path: Path) -> None:
    first, second = RefusalFile(tmp_path, pytest.fail), RefusalFile(tmp_path, pytest.fail)
    assert first.version(ALICE) == second.version(ALICE)
    assert first.version(ALICE) == second.version(ALICE.model_copy(update={"host": "mail.example"}))
    other = Credentials.model_validate({"username": "alice", "password": "another"})
    assert first.version(ALICE) != second.version(other)


def test_server_that_hangs_up_after_a_refusal_is_left_alone_by_single_calls(stale: list[str], counted: Any) -> None:
    """The second try, when the pause is over, is a try whatever the server does with it."""
    server, _ = counted
    call(*stale)
    content = json.loads(kept_file().read_text())
    [refusal] = content["refusals"].values()
    refusal["latest_at"] = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    kept_file().write_text(json.dumps(content))
    server.script["AUTHENTICATE"] = close
    assert call(*stale)[0] == "connection_lost"
    assert call(*stale)[0] == "authentication_paused"
    [refusal] = json.loads(kept_file().read_text())["refusals"].values()
    assert refusal["count"] == 2
