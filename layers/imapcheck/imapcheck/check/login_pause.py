"""Withholding a login that was refused, so that a stale password does not lock the mailbox out.

After a refusal logins are withheld for 1, 5, 15, then 30 minutes at a time. All checks that log in to a mailbox
share the pause, by whatever mechanism and port and from whatever secret, and where there is a table all processes.
Credentials that were not refused are tried at once, and a success ends the pause of its own credentials alone. A
login that is not answered counts as a try once one was refused: servers that have had enough hang up.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult

type LoginStep = Literal["authenticate", "send_authenticate"]
_PROTOCOLS: dict[LoginStep, str] = {"authenticate": "imap", "send_authenticate": "smtp"}
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))
MOST_REFUSED = 20
"""Of credentials and ways in that are remembered of a mailbox."""
_FORGOTTEN_AFTER = timedelta(hours=2)
"""Without a try: what is refused then is counted from one again."""
KEPT = timedelta(days=1)
"""In a table, which forgets later than we do."""
_LONGEST_RUN = timedelta(minutes=3)
_NOT_TRIED = (FailureType.AUTHENTICATION_PAUSED, FailureType.MECHANISM_NOT_OFFERED)

type Version = str | Callable[[], str]
"""What tells one set of credentials from another; called only where a refusal is known, as it may be costly."""


class Server(Protocol):
    """Where one logs in, and how: a definition, or its `send`."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def authentication(self) -> str: ...


@dataclass(frozen=True)
class Refusal:
    """Since when and how often the logins to a mailbox were refused.

    `refused` are the credentials' versions and the ways in that were, such as `("v1", "plain 993")`, the latest last.
    """

    first_at: datetime
    latest_at: datetime
    count: int
    refused: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, first_at: str, latest_at: str, count: str | int, refused: Iterable[Sequence[object]]) -> "Refusal":
        """One from the values that a table keeps. Raises `ValueError` or `TypeError` where they are none."""
        first, latest = (datetime.fromisoformat(text).astimezone(UTC) for text in (first_at, latest_at))
        ways = tuple((str(version), str(way)) for version, way in refused)
        return cls(first, latest, max(1, int(count)), ways[-MOST_REFUSED:])

    def ways(self, version: str) -> frozenset[str]:
        """The ways in that were refused to these credentials."""
        return frozenset(way for known, way in self.refused if known == version)


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
    """Remembers refused logins by mailbox and version of the credentials: in memory, and in the table if any.

    Refusals from before `obeyed_from` withhold nothing: somebody has unlocked the account.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        table: RefusalTable | None = None,
        obeyed_from: datetime | None = None,
    ) -> None:
        self._now, self._table, self._obeyed_from = now, table, obeyed_from
        self._refusals: dict[str, Refusal] = {}
        self._shared: set[str] = set()
        self._working: dict[tuple[str, str], str] = {}
        self._trying: dict[str, datetime] = {}
        self._lock = threading.RLock()

    def pause(
        self, server: Server, credentials: Credentials | None, version: Version, step: LoginStep = "authenticate"
    ) -> LoginPause | None:
        """The pause in force for this login, or None: then it may be tried, and `note` wants to hear of it."""
        if credentials is None:
            return None
        with self._lock:
            mailbox, way = mailbox_of(server, credentials, _PROTOCOLS[step]), _way_in(server)
            refusal = self._known(mailbox)
            if refusal is None or not (ways := refusal.ways(version := _text_of(version))):
                return None
            if self._working.get((mailbox, way)) == version or self._is_forgiven(refusal):
                return None
            now, retry_at = self._now(), _retry_at(refusal, way in ways)
            if now >= retry_at:
                began, self._trying[mailbox] = self._trying.get(mailbox), now
                if began is None or not began <= now < began + _LONGEST_RUN:
                    return None
                self._trying[mailbox], retry_at = (
                    began,
                    began + PAUSES[0],
                )  # one of several tries, and they learn from it
            return LoginPause(refusal.first_at, retry_at)

    def is_on_trial(
        self, server: Server, credentials: Credentials | None, version: Version, step: LoginStep = "authenticate"
    ) -> bool:
        """Credentials that were refused before are tried once a run, and no more."""
        return credentials is not None and self._was_refused(mailbox_of(server, credentials, _PROTOCOLS[step]), version)

    def obeyed_only(self) -> "LoginGuard":
        """One that withholds what this one would, and learns nothing: a test leaves no pause for others."""
        return _Observer(self)

    def _was_refused(self, mailbox: str, version: Version) -> bool:
        refusal = self._refusals.get(mailbox)
        return refusal is not None and bool(refusal.ways(_text_of(version)))

    def note(
        self,
        server: Server,
        credentials: Credentials | None,
        version: Version,
        result: CheckResult,
        step: LoginStep = "authenticate",
    ) -> None:
        """Learn from a result: a refusal starts or lengthens the pause, a login that went well ends it."""
        if credentials is None:
            return
        with self._lock:
            mailbox, way = mailbox_of(server, credentials, _PROTOCOLS[step]), _way_in(server)
            self._trying.pop(mailbox, None)
            made, failure = result.step(step), result.failure
            failed = failure is not None and failure.step == step
            if failure is not None and failed and failure.type is FailureType.AUTHENTICATION_FAILED:
                self._refused(mailbox, way, _text_of(version))
            elif failure is not None and failed:
                if failure.type not in _NOT_TRIED and self._was_refused(mailbox, version):
                    self._refused(mailbox, way, _text_of(version))
            elif made is not None and made.status == "passed":
                self._accepted(mailbox, way, version)

    def _is_forgiven(self, refusal: Refusal) -> bool:
        return self._obeyed_from is not None and refusal.latest_at < self._obeyed_from

    def _known(self, mailbox: str) -> Refusal | None:
        """The latest refusal that memory or table knows of; memory then knows it too.

        What was shared and is gone from the table was ended by a login elsewhere. One that a clock dates ahead of
        ours happened now, so that no pause outlasts its own length.
        """
        own, now = self._refusals.get(mailbox), self._now()
        answered, shared = self._table.get(mailbox, now) if self._table is not None else (False, None)
        if shared is not None and (own is None or shared.latest_at >= own.latest_at):
            self._refusals[mailbox] = shared
            self._shared.add(mailbox)
        elif answered and shared is None and mailbox in self._shared:
            self._refusals.pop(mailbox, None)
            self._shared.discard(mailbox)
        known = self._refusals.get(mailbox)
        if known is not None and known.latest_at > now:
            self._keep(mailbox, replace(known, first_at=min(known.first_at, now), latest_at=now))
        return self._refusals.get(mailbox)

    def _accepted(self, mailbox: str, way: str, version: Version) -> None:
        """A login that goes well ends the pause of its credentials, unless they were refused on another way in.

        That one stays refused, else each success here would send it to the server again; this one is paused no more.
        """
        refusal = self._refusals.get(mailbox)
        if refusal is None or not (ways := refusal.ways(used := _text_of(version))):
            return
        if way not in ways:
            self._working[mailbox, way] = used
            return
        others = tuple(pair for pair in refusal.refused if pair[0] != used)
        if others:
            self._keep(mailbox, replace(refusal, refused=others))
            return
        del self._refusals[mailbox]
        if self._table is not None:
            self._shared.discard(mailbox)
            self._table.delete(mailbox)

    def _refused(self, mailbox: str, way: str, version: str) -> None:
        now, before = self._now(), self._refusals.get(mailbox)
        self._working.pop((mailbox, way), None)
        if before is None or (not before.ways(version) and now - before.latest_at > _FORGOTTEN_AFTER):
            before = Refusal(now, now, 0, ())
        refused = [pair for pair in before.refused if pair != (version, way)][1 - MOST_REFUSED :]
        self._keep(mailbox, Refusal(before.first_at, now, before.count + 1, (*refused, (version, way))))

    def _keep(self, mailbox: str, refusal: Refusal) -> None:
        self._refusals[mailbox] = refusal
        if self._table is not None and self._table.put(mailbox, refusal):
            self._shared.add(mailbox)
        else:
            self._shared.discard(mailbox)


class _Observer(LoginGuard):
    def __init__(self, guard: LoginGuard) -> None:
        super().__init__(guard._now, guard._table, guard._obeyed_from)  # noqa: SLF001 - of this very class
        self._refusals, self._shared = dict(guard._refusals), set(guard._shared)  # noqa: SLF001 - see above
        self._working = dict(guard._working)  # noqa: SLF001 - see above

    def note(self, *_: object) -> None:
        """Nothing is learnt."""


def mailbox_of(server: Server, credentials: Credentials, protocol: str = "imap") -> str:
    """A digest of names alone; nothing of it is secret. What locks an account counts refusals by any way in."""
    parts = (protocol, server.host, credentials.username.casefold())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _text_of(version: Version) -> str:
    return version if isinstance(version, str) else version()


def _retry_at(refusal: Refusal, refused_this_way: bool) -> datetime:
    """A way in that was not refused itself waits for the shortest pause: it may be one that works."""
    step = min(refusal.count, len(PAUSES)) - 1 if refused_this_way else 0
    return refusal.latest_at + PAUSES[step]


def _way_in(server: Server) -> str:
    """`plain 993`."""
    return f"{server.authentication} {server.port}"
