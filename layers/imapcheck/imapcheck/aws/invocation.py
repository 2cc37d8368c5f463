"""One invocation's way from event to result: which definition, whose credentials, how much time."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from imapcheck.aws.ahead import ask_ahead
from imapcheck.aws.event import Events
from imapcheck.aws.pause_table import PauseTable
from imapcheck.aws.preload import load_modules, places_named, secret_stores
from imapcheck.aws.secrets import SecretReader, read_logins
from imapcheck.aws.settings import Settings
from imapcheck.check.guarded_logins import GuardedLogins
from imapcheck.check.login_pause import LoginGuard
from imapcheck.check.run import run_check
from imapcheck.check.warm_up import warm_up
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.secret import place_of
from imapcheck.errors import CredentialsError, ImapcheckError, NoTimeLeft, OutOfResources
from imapcheck.failures import Category, FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult
from imapcheck.wording import length

if TYPE_CHECKING:
    from imapcheck.aws.places import Places

_LOG = logging.getLogger("imapcheck")

RESERVED_SECONDS = 2.0
"""What is kept of Lambda's time to log, publish and return."""
_LEAST_SECONDS = 1.0
_REFUSED = (FailureType.AUTHENTICATION_FAILED, FailureType.AUTHENTICATION_PAUSED)


class RunOutcome(NamedTuple):
    """A result, what it was asked by, and what the log should warn of; `stamp` is the time of its metrics."""

    result: CheckResult
    definition: CheckDefinition
    instant_test: bool
    cold_start: bool
    stamp: datetime
    warnings: tuple[str, ...]


class Invocation:
    """What lives as long as the Lambda environment: definitions, cached secrets, paused logins."""

    def __init__(
        self, settings: Settings, *, secrets: SecretReader | None = None, guard: LoginGuard | None = None
    ) -> None:
        self._settings = settings
        self._events = Events(settings)
        self._secrets = secrets or SecretReader()
        self._table = PauseTable(settings.pause_table) if settings.pause_table is not None else None
        self._guard = guard or LoginGuard(table=self._table)
        self._cold = True

    def prepare(self) -> None:
        """Do in INIT what the first run would do first: load modules, make contexts, clients and connections.

        Lambda lends INIT a whole processor, and the first run only its share.
        What goes wrong here is tried again, and reported, where a run needs it.
        """
        try:
            texts = self._events.texts()
            load_modules(texts)
            definitions = self._events.read_ahead()
            for definition in definitions:
                warm_up(definition)
            stores = secret_stores(texts)
            for store in stores:
                self._secrets.connect(store)
            if stores and self._table is not None:
                self._table.connect()
            if places := places_named(texts) - {self._settings.region}:
                self._places.connect(places)
            ask_ahead(self._questions(definitions))
        except Exception as error:  # noqa: BLE001 - an INIT that raises would take every check along
            _LOG.warning("not all could be prepared in INIT: %s", type(error).__name__)

    def _questions(self, definitions: Sequence[CheckDefinition]) -> list[Callable[[], object]]:
        """One to each store of secrets, the first that a check of `definitions` will ask, and one to the table."""
        named = {
            place_of(definition.secret).store: definition
            for definition in reversed(definitions)
            if definition.logs_in and definition.secret is not None
        }
        asked: list[Callable[[], object]] = [partial(self._credentials, definition) for definition in named.values()]
        if asked and self._table is not None:
            asked.append(self._table.open)
        return asked

    def run(self, event: object, remaining_seconds: float) -> RunOutcome:
        """Run the check that `event` asks for within what Lambda has left.

        Raises `DefinitionError` and `CredentialsError`, which name the check and the secret, `NoTimeLeft` and
        `OutOfResources`.
        """
        ends = time.monotonic() + remaining_seconds - RESERVED_SECONDS
        cold, self._cold = self._cold, False
        request = self._events.request(event)
        definition = request.definition
        places = () if request.instant_test else self._places_of(definition)
        deadline = ends - self._places.longest_wait_seconds if places else ends
        credentials = self._credentials(definition)
        guard = self._guard.obeyed_only() if request.instant_test else self._guard
        result = self._check(definition, credentials, deadline, guard)
        warnings = [_UNVERIFIED] if definition.tls_mode != "none" and not definition.tls.verify else []
        if credentials is not None and result.failure is not None and result.failure.type in _REFUSED:
            result = self._once_more(definition, credentials, result, deadline, guard, warnings)
        if places:
            result = self._places.judged(definition, result, places, ends - time.monotonic())
        stamp = request.scheduled_at or result.started_at
        return RunOutcome(result, definition, request.instant_test, cold, stamp, tuple(warnings))

    def _places_of(self, definition: CheckDefinition) -> tuple[str, ...]:
        return () if definition.schedule is None else definition.schedule.places_beside(self._settings.region)

    @cached_property
    def _places(self) -> "Places":
        from imapcheck.aws.places import Places  # few ask for it

        return Places(f"{self._settings.stack}-place", self._settings.region)

    def _credentials(self, definition: CheckDefinition, *, fresh: bool = False) -> Credentials | None:
        if not definition.logs_in:
            return None
        if definition.secret is None:
            raise CredentialsError(
                f"check {definition.label}: secret: missing; authentication {definition.authentication} needs one"
            )
        try:
            return read_logins(self._secrets, definition, fresh=fresh, needs_host=True)
        except CredentialsError as error:
            raise CredentialsError(f"check {definition.label}: {error}") from None

    def _check(
        self, definition: CheckDefinition, credentials: Credentials | None, deadline: float, guard: LoginGuard
    ) -> CheckResult:
        logins = GuardedLogins(guard, definition, credentials, lambda login: self._secrets.version(login.secret or ""))
        left = deadline - time.monotonic()
        if left < _LEAST_SECONDS:
            raise NoTimeLeft(f"check {definition.label}: Lambda had no time left to look at the server")
        try:
            result = run_check(
                logins.definition,
                credentials,
                deadline=deadline,
                login_pause=logins.pause("authenticate"),
                send_pause=logins.pause("send_authenticate"),
                refuse_local_addresses=not self._settings.allow_local_addresses,
                keep_transcript=False,
            )
        except CredentialsError as error:
            raise CredentialsError(f"check {definition.label}: secret {definition.secret}: {error}") from None
        except OutOfResources as error:
            raise OutOfResources(f"check {definition.label}: {error}") from error
        logins.note(result)
        if left < definition.timeout and result.failure is not None and result.failure.category is Category.TIMEOUT:
            raise NoTimeLeft(
                f"check {definition.label}: Lambda had {length(left * 1000)} left, the definition's timeout is"
                f" {length(definition.timeout * 1000)}: not enough to say that the server does not answer"
            )
        return result

    def _once_more(
        self,
        definition: CheckDefinition,
        used: Credentials,
        refused: CheckResult,
        deadline: float,
        guard: LoginGuard,
        warnings: list[str],
    ) -> CheckResult:
        """A rotated password costs no false alarm: read past the cache, try again if it is another one.

        What goes wrong on our side from here on does not take back what the server has said.
        """
        try:
            fresh = self._credentials(definition, fresh=True)
            if fresh is None or fresh == used:
                return refused
            return self._check(definition, fresh, deadline, guard).after(refused)
        except ImapcheckError as error:
            warnings.append(f"the login was not tried again with a fresh secret: {error}")
            return refused


_UNVERIFIED = "tls.verify is false: the server's certificate was not verified"
