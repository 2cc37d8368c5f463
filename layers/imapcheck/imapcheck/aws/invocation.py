"""One invocation's way from event to result: which definition, whose credentials, how much time."""

import time
from dataclasses import dataclass
from pathlib import Path

from imapcheck.aws.login_pause import LoginGuard
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.check.run import run_check
from imapcheck.definition.files import load_definition, parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import CredentialsError, DefinitionError, FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult

RESERVED_SECONDS = 2.0
"""What is kept of Lambda's time to log, publish and return."""


@dataclass(frozen=True)
class RunOutcome:
    """A result, whether it is a deployed check's, and what the log should warn of."""

    result: CheckResult
    named: bool
    warning: str | None


class Invocation:
    """What lives as long as the Lambda environment: definitions, cached secrets, paused logins."""

    def __init__(
        self, settings: Settings, *, secrets: SecretReader | None = None, guard: LoginGuard | None = None
    ) -> None:
        self._settings = settings
        self._secrets = secrets or SecretReader()
        self._guard = guard or LoginGuard()
        self._definitions: dict[str, CheckDefinition] = {}

    def run(self, event: object, remaining_seconds: float) -> RunOutcome:
        """Run the check that `event` asks for within what Lambda has left.

        Raises `DefinitionError` and `CredentialsError`, which name the check and the secret.
        """
        deadline = time.monotonic() + max(remaining_seconds - RESERVED_SECONDS, 0.0)
        definition, named = self._definition(event)
        credentials = self._credentials(definition)
        result = self._check(definition, credentials, deadline)
        if _refused(result) and credentials is not None:
            result = self._once_more(definition, credentials, result, deadline)
        return RunOutcome(result, named, _warning(definition))

    def _definition(self, event: object) -> tuple[CheckDefinition, bool]:
        if not isinstance(event, dict):
            raise DefinitionError('event: expected {"check": NAME} or a whole definition')
        if "check" not in event:
            definition = parse_definition(event, source="event", directory=self._settings.definitions)
            if definition.name is None:
                raise DefinitionError("event: name: found nothing, expected a name: an inline definition needs one")
            return definition, False
        if set(event) != {"check"}:
            raise DefinitionError('event: expected "check" alone, or a whole definition without it')
        return self._deployed(event["check"]), True

    def _deployed(self, name: object) -> CheckDefinition:
        if not isinstance(name, str) or name not in (known := _names(self._settings.definitions)):
            raise DefinitionError(f"check {_shown(name)}: not among the deployed definitions: {', '.join(known)}")
        if name not in self._definitions:
            self._definitions[name] = load_definition(self._settings.definitions / f"{name}.json")
        return self._definitions[name]

    def _credentials(self, definition: CheckDefinition, *, fresh: bool = False) -> Credentials | None:
        if definition.authentication == "none":
            return None
        if definition.secret is None:
            raise CredentialsError(
                f"check {definition.label}: secret: missing; authentication {definition.authentication} needs one"
            )
        try:
            return self._secrets.read(definition.secret, fresh=fresh, needs_host=True)
        except CredentialsError as error:
            raise CredentialsError(f"check {definition.label}: {error}") from None

    def _check(self, definition: CheckDefinition, credentials: Credentials | None, deadline: float) -> CheckResult:
        try:
            result = run_check(
                definition,
                credentials,
                deadline=deadline,
                login_pause=self._guard.pause(definition, credentials),
                refuse_local_addresses=not self._settings.allow_local_addresses,
            )
        except CredentialsError as error:
            raise CredentialsError(f"check {definition.label}: secret {definition.secret}: {error}") from None
        self._guard.note(definition, credentials, result)
        return result

    def _once_more(
        self, definition: CheckDefinition, used: Credentials, refused: CheckResult, deadline: float
    ) -> CheckResult:
        """A rotated password costs no false alarm: read past the cache, try again if it is another one."""
        fresh = self._credentials(definition, fresh=True)
        if fresh is None or fresh == used:
            return refused
        return self._check(definition, fresh, deadline).after(refused)


def _refused(result: CheckResult) -> bool:
    failure = result.failure
    return failure is not None and failure.type in (
        FailureType.AUTHENTICATION_FAILED,
        FailureType.AUTHENTICATION_PAUSED,
    )


def _warning(definition: CheckDefinition) -> str | None:
    if definition.tls_mode != "none" and not definition.tls.verify:
        return "tls.verify is false: the server's certificate was not verified"
    return None


def _names(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.glob("*.json"))


def _shown(name: object) -> str:
    return repr(name)[:60]
