"""Withholding a login that was refused, so that a stale password does not lock the mailbox out.

After a refusal logins are withheld for 1, 5, 15, then 30 minutes at a time. All checks that log in to a mailbox
share the pause, by whatever mechanism and port, and where there is a table all processes; other credentials or a
success end it at once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from imapcheck.definition.model import CheckDefinition
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult

type LoginStep = Literal["authenticate", "send_authenticate"]

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))


@dataclass(frozen=True)
class Refusal:
    """Since when and how often the logins to a mailbox were refused; `version` is that of the credentials.

    `logins` are the ways in that were refused, such as `plain 993`.
    """

    first_at: datetime
    latest_at: datetime
    count: int
    version: str
    logins: frozenset[str]


class Server(Protocol):
    """Where one logs in: a definition, or its `send`."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def secret(self) -> str | None: ...

    @property
    def authentication(self) -> str: ...


class Login(NamedTuple):
    """One of a check's logins: the step that makes it, and the secret that it comes from."""

    server: Server
    credentials: Credentials
    step: LoginStep
    secret: str | None


def logins_of(definition: CheckDefinition, credentials: Credentials | None) -> list[Login]:
    """The login that reads, then the one that sends, if there is one."""
    if credentials is None or not definition.logs_in:
        return []
    logins, send = [Login(definition, credentials, "authenticate", definition.secret)], definition.send
    if send is not None and send.logs_in and (credentials.send is not None or definition.sends_as_it_reads):
        held = credentials.send or credentials
        logins.append(Login(send, held, "send_authenticate", send.secret or definition.secret))
    return logins


class RefusalTable(Protocol):
    """Refusals that several processes know of; no method raises."""

    def get(self, mailbox: str, now: datetime) -> tuple[bool, Refusal | None]:
        """Whether the table answered, and the refusal in force for the mailbox if there is one."""
        ...

    def put(self, mailbox: str, refusal: Refusal) -> bool:
        """Let every process know of the refusal; false where the table does not."""
        ...

    def delete(self, mailbox: str) -> None:
        """The login went well: nobody needs to wait."""
        ...


class LoginGuard:
    """Remembers refused logins by mailbox and version of the credentials: in memory, and in the table if any."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), table: RefusalTable | None = None
    ) -> None:
        self._now = now
        self._table = table
        self._refusals: dict[str, Refusal] = {}
        self._shared: set[str] = set()
        self._working: dict[tuple[str, str], str] = {}

    def pause(
        self, server: Server, credentials: Credentials | None, version: str, step: LoginStep = "authenticate"
    ) -> LoginPause | None:
        """The pause in force for this login, or None."""
        if credentials is None:
            return None
        mailbox, login = _mailbox(server, credentials, step), _login(server)
        refusal = self._known(mailbox)
        if refusal is None or refusal.version != version:
            return None
        if self._working.get((mailbox, login)) == version or self._now() >= (retry_at := _retry_at(refusal, login)):
            return None
        return LoginPause(refusal.first_at, retry_at)

    def note(
        self,
        server: Server,
        credentials: Credentials | None,
        version: str,
        result: CheckResult,
        step: LoginStep = "authenticate",
    ) -> None:
        """Learn from a result: a refusal starts or lengthens the pause, a login that went well ends it."""
        if credentials is None:
            return
        mailbox, login = _mailbox(server, credentials, step), _login(server)
        made, failure = result.step(step), result.failure
        if failure is not None and failure.type is FailureType.AUTHENTICATION_FAILED and failure.step == step:
            self._refused(mailbox, login, version)
        elif made is not None and made.status == "passed":
            self._accepted(mailbox, login, version)

    def _known(self, mailbox: str) -> Refusal | None:
        """The latest refusal that memory or table knows of; memory then knows it too.

        What was shared and is gone from the table was ended by a login elsewhere.
        """
        own = self._refusals.get(mailbox)
        answered, shared = self._table.get(mailbox, self._now()) if self._table is not None else (False, None)
        if shared is not None and (own is None or shared.latest_at >= own.latest_at):
            self._refusals[mailbox] = shared
            self._shared.add(mailbox)
        elif answered and shared is None and mailbox in self._shared:
            self._refusals.pop(mailbox, None)
            self._shared.discard(mailbox)
        return self._refusals.get(mailbox)

    def _accepted(self, mailbox: str, login: str, version: str) -> None:
        """A login that goes well ends the pause, unless the same credentials were refused on another way in.

        That one stays refused, else each success here would send it to the server again; this one is paused no more.
        """
        refusal = self._refusals.get(mailbox)
        if refusal is not None and refusal.version == version and login not in refusal.logins:
            self._working[mailbox, login] = version
        elif self._refusals.pop(mailbox, None) is not None and self._table is not None:
            self._shared.discard(mailbox)
            self._table.delete(mailbox)

    def _refused(self, mailbox: str, login: str, version: str) -> None:
        now, before = self._now(), self._refusals.get(mailbox)
        self._working.pop((mailbox, login), None)
        if before is not None and before.version == version:
            refusal = replace(before, latest_at=now, count=before.count + 1, logins=before.logins | {login})
        else:
            refusal = Refusal(now, now, 1, version, frozenset({login}))
        self._refusals[mailbox] = refusal
        if self._table is not None and self._table.put(mailbox, refusal):
            self._shared.add(mailbox)
        else:
            self._shared.discard(mailbox)


def _retry_at(refusal: Refusal, login: str) -> datetime:
    """A way in that was not refused itself waits for the shortest pause: it may be one that works."""
    step = min(refusal.count, len(PAUSES)) - 1 if login in refusal.logins else 0
    return refusal.latest_at + PAUSES[step]


def _mailbox(server: Server, credentials: Credentials, step: LoginStep) -> str:
    """A digest of names alone; nothing of it is secret. What locks an account counts refusals by any way in."""
    protocol = ("smtp",) if step == "send_authenticate" else ()
    parts = (*protocol, server.host, server.secret or "", credentials.username)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _login(server: Server) -> str:
    """The way in: `plain 993`."""
    return f"{server.authentication} {server.port}"
