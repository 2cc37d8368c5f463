"""Withholding a login that was refused, so that a stale password does not lock the mailbox out.

After a refusal logins are withheld for 1, 5, 15, then 30 minutes at a time. The state lives in the
Lambda environment's memory; other credentials or a success end the pause at once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))


@dataclass(frozen=True)
class _Refusal:
    """Since when and how often one login was refused."""

    first_at: datetime
    latest_at: datetime
    count: int

    def retry_at(self) -> datetime:
        return self.latest_at + PAUSES[min(self.count, len(PAUSES)) - 1]


class LoginGuard:
    """Remembers refused logins by host, port, mechanism, user and a digest of the credentials."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._refusals: dict[bytes, _Refusal] = {}

    def pause(self, definition: CheckDefinition, credentials: Credentials | None) -> LoginPause | None:
        """The pause in force for this login, or None."""
        refusal = self._refusals.get(_key(definition, credentials)) if self._refusals else None
        if refusal is None or self._now() >= refusal.retry_at():
            return None
        return LoginPause(refusal.first_at, refusal.retry_at())

    def note(self, definition: CheckDefinition, credentials: Credentials | None, result: CheckResult) -> None:
        """Learn from a result: a refusal starts or lengthens the pause, a login that went well ends it."""
        failure = result.failure
        if failure is not None and failure.type is FailureType.AUTHENTICATION_FAILED:
            key, now = _key(definition, credentials), self._now()
            before = self._refusals.get(key)
            count = before.count + 1 if before is not None else 1
            self._refusals[key] = _Refusal(before.first_at if before is not None else now, now, count)
        elif self._refusals:
            step = result.step("authenticate")
            if step is not None and step.status == "passed":
                self._refusals.pop(_key(definition, credentials), None)


def _key(definition: CheckDefinition, credentials: Credentials | None) -> bytes:
    """A digest, so that the memory holds no secret of its own."""
    parts = [definition.host, str(definition.port), definition.authentication]
    if credentials is not None:
        parts += [credentials.username, *credentials.secret_values()]
    return hashlib.sha256("\0".join(parts).encode()).digest()
