"""Withholding a login that was refused, so that a stale password does not lock the mailbox out.

After a refusal logins are withheld for 1, 5, 15, then 30 minutes at a time. All checks and environments that log
in to a mailbox share the pause through a table; other credentials or a success end it at once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from imapcheck.aws.pause_table import PauseTable, Refusal
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))


class LoginGuard:
    """Remembers refused logins by mailbox and version of the credentials: in memory, and in the table if any."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), table: PauseTable | None = None
    ) -> None:
        self._now = now
        self._table = table
        self._refusals: dict[str, Refusal] = {}
        self._shared: set[str] = set()

    def pause(self, definition: CheckDefinition, credentials: Credentials | None, version: str) -> LoginPause | None:
        """The pause in force for this login, or None."""
        if credentials is None:
            return None
        refusal = self._known(_mailbox(definition, credentials))
        if refusal is None or refusal.version != version or self._now() >= (retry_at := _retry_at(refusal)):
            return None
        return LoginPause(refusal.first_at, retry_at)

    def note(
        self, definition: CheckDefinition, credentials: Credentials | None, version: str, result: CheckResult
    ) -> None:
        """Learn from a result: a refusal starts or lengthens the pause, a login that went well ends it."""
        if credentials is None:
            return
        mailbox, step = _mailbox(definition, credentials), result.step("authenticate")
        if result.failure is not None and result.failure.type is FailureType.AUTHENTICATION_FAILED:
            self._refused(mailbox, version)
        elif step is not None and step.status == "passed":
            self._accepted(mailbox)

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

    def _accepted(self, mailbox: str) -> None:
        if self._refusals.pop(mailbox, None) is not None and self._table is not None:
            self._shared.discard(mailbox)
            self._table.delete(mailbox)

    def _refused(self, mailbox: str, version: str) -> None:
        now, before = self._now(), self._refusals.get(mailbox)
        if before is not None and before.version == version:
            refusal = replace(before, latest_at=now, count=before.count + 1)
        else:
            refusal = Refusal(now, now, 1, version)
        self._refusals[mailbox] = refusal
        if self._table is not None and self._table.put(mailbox, refusal):
            self._shared.add(mailbox)
        else:
            self._shared.discard(mailbox)


def _retry_at(refusal: Refusal) -> datetime:
    return refusal.latest_at + PAUSES[min(refusal.count, len(PAUSES)) - 1]


def _mailbox(definition: CheckDefinition, credentials: Credentials) -> str:
    """A digest of names alone; nothing of it is secret."""
    parts = (
        definition.host,
        str(definition.port),
        definition.authentication,
        definition.secret or "",
        credentials.username,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
