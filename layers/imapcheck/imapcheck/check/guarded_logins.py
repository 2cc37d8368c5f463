"""A check's logins under a guard: the one that reads, and the one that sends."""

from collections.abc import Callable
from typing import NamedTuple

from imapcheck.check.login_pause import LoginGuard, LoginStep, Server, Version
from imapcheck.check.ready import sender_login
from imapcheck.definition.model import CheckDefinition
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult


class GuardedLogin(NamedTuple):
    """One login: where, with what, in which step, and the secret that it comes from."""

    server: Server
    credentials: Credentials
    step: LoginStep
    secret: str | None


class GuardedLogins:
    """What one run may do: `definition` as it is run, and `pause` of each login; `note` learns from its result."""

    def __init__(
        self,
        guard: LoginGuard,
        definition: CheckDefinition,
        credentials: Credentials | None,
        version_of: Callable[[GuardedLogin], Version],
    ) -> None:
        self._guard = guard
        self._logins = [(login, version_of(login)) for login in _logins(definition, credentials)]
        self._pauses = {
            login.step: guard.pause(login.server, login.credentials, version, login.step)
            for login, version in self._logins
        }
        self.definition = definition
        if any(
            guard.is_on_trial(login.server, login.credentials, version, login.step) for login, version in self._logins
        ):
            self.definition = definition.model_copy(update={"retries": 0})

    def pause(self, step: LoginStep) -> LoginPause | None:
        """The pause in force for the login of that step, or None."""
        return self._pauses.get(step)

    def note(self, result: CheckResult) -> None:
        """A refusal starts or lengthens the pause of its login, a login that went well ends it."""
        for login, version in self._logins:
            self._guard.note(login.server, login.credentials, version, result, login.step)


def _logins(definition: CheckDefinition, credentials: Credentials | None) -> list[GuardedLogin]:
    """The login that reads, then the one that sends, if there is one."""
    if credentials is None or not definition.logs_in:
        return []
    reader = credentials.model_copy(update={"send": None})
    logins, send = [GuardedLogin(definition, reader, "authenticate", definition.secret)], definition.send
    if send is not None and send.logs_in and (held := sender_login(definition, credentials)) is not None:
        logins.append(GuardedLogin(send, held, "send_authenticate", definition.send_secret))
    return logins
