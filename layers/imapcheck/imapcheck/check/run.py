"""`run_check`: the one way in. A definition and credentials go in, a frozen result comes out."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imapcheck.check.facts import exceeded, message_facts, search_facts, server_facts, warnings
from imapcheck.check.steps import Run, logout, plan
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.server import canonical_host
from imapcheck.errors import Category, CheckFailure, CredentialsError, DefinitionError, FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.login.mechanisms import Mechanism, mechanism_for
from imapcheck.network.tls import TlsContext, client_context
from imapcheck.result import CheckResult, Failure, StepName, StepResult
from imapcheck.text import one_line
from imapcheck.trace import NOT_REACHED, Deadline, Hook, Tracer, total_ms
from imapcheck.transcript import Redactor, Transcript

if TYPE_CHECKING:
    from imapcheck.check.message import Draft
    from imapcheck.login.oauth import Token

_PAUSE_BETWEEN_ATTEMPTS = 1.0
_LEAST_SHARE = 0.5
_LOGOUT_AFTER_FAILURE = 1.0
_LOGOUT = 5.0
_BEARER = ("xoauth2", "oauthbearer")
_MAYBE_A_GLITCH = {Category.DNS, Category.CONNECTION, Category.TIMEOUT}


def run_check(
    definition: CheckDefinition,
    credentials: Credentials | None = None,
    *,
    hooks: Sequence[Hook] = (),
    deadline: float | None = None,
    login_pause: LoginPause | None = None,
    refuse_local_addresses: bool = False,
) -> CheckResult:
    """Run one check and say how it went. What the server or network does is in the result.

    `deadline` is a `time.monotonic()` value that the run ends by, whatever `definition.timeout` says;
    `hooks` receive each step's `StepStarted` and `StepFinished`; with `login_pause` the login is
    withheld (`authentication_paused`); `refuse_local_addresses` keeps a check inside Lambda away from
    its runtime API. Raises `CredentialsError` and `DefinitionError` for what we do wrong.
    """
    _require_credentials(definition, credentials)
    context = _context(definition)
    ends = Deadline.after(definition.timeout)
    if deadline is not None:
        ends = Deadline(min(ends.at, deadline))
    started_at = datetime.now(UTC)
    order = _Order(
        definition, credentials, None, context, _draft(definition), login_pause, refuse_local_addresses, tuple(hooks)
    )
    order = replace(order, token=_token(order, ends))
    attempt, earlier = _attempts(order, ends)
    if (again := _renewed(order, attempt, ends)) is not None and attempt.failure is not None:
        earlier.append(attempt.failure)
        order, attempt = again, _attempt(again, ends)
        _forgotten(order, attempt)
    duration_ms = total_ms(attempt.steps)
    passed = exceeded(definition, attempt.steps, duration_ms)
    return CheckResult(
        check=definition.name,
        run_id=str(uuid.uuid4()),
        started_at=started_at,
        available=attempt.failure is None,
        slow=attempt.failure is None and bool(passed),
        duration_ms=duration_ms,
        attempts=len(earlier) + 1,
        earlier_failures=tuple(earlier),
        server=server_facts(attempt.run),
        steps=attempt.steps,
        failure=attempt.failure,
        search=search_facts(attempt.run),
        new_message=message_facts(attempt.run),
        token_ms=order.token.milliseconds if order.token is not None else None,
        transcript=attempt.run.transcript.lines(),
        failures=attempt.failures,
        warnings=warnings(attempt.run),
        exceeded=passed,
    )


@dataclass(frozen=True)
class _Order:
    """What every attempt of a run shares."""

    definition: CheckDefinition
    credentials: Credentials | None
    token: "Token | None"
    context: TlsContext | None
    draft: "Draft | None"
    login_pause: LoginPause | None
    refuse_local_addresses: bool
    hooks: tuple[Hook, ...]


@dataclass(frozen=True)
class _Attempt:
    """One attempt that has ended."""

    run: Run
    failures: tuple[Failure, ...]
    steps: tuple[StepResult, ...]

    @property
    def failure(self) -> Failure | None:
        """The first: why the run was unavailable."""
        return self.failures[0] if self.failures else None


def _require_credentials(definition: CheckDefinition, credentials: Credentials | None) -> None:
    if definition.authentication == "none":
        return
    if credentials is None:
        raise CredentialsError(f"{definition.label}: authentication {definition.authentication} needs credentials")
    if definition.authentication not in _BEARER:
        credentials.require_password()
    if credentials.host is None:
        return
    try:
        host = canonical_host(credentials.host)
    except ValueError:
        host = credentials.host
    if host != definition.host:
        raise CredentialsError(
            f"{definition.label}: the credentials were made for host {one_line(credentials.host, 100)!r},"
            f" the definition's server is {definition.host!r}"
        )


def _token(order: "_Order", ends: Deadline) -> "Token | None":
    """The access token of an OAuth2 login; a login that is withheld needs none."""
    if order.credentials is None or order.definition.authentication not in _BEARER or order.login_pause is not None:
        return None
    from imapcheck.login.oauth import access_token  # only OAuth2 checks pay for loading it

    return access_token(order.credentials, ends, refuse_local_addresses=order.refuse_local_addresses)


def _context(definition: CheckDefinition) -> TlsContext | None:
    if definition.tls_mode == "none":
        return None
    tls = definition.tls
    try:
        return client_context(verify=tls.verify, minimum_version=tls.minimum_version, ca_path=definition.ca_path)
    except DefinitionError as error:
        raise DefinitionError(f"{definition.label}: {error}") from error


def _draft(definition: CheckDefinition) -> "Draft | None":
    if definition.new_message is None:
        return None
    from imapcheck.check.message import Draft  # the email package is loaded only where mail is written

    return Draft(definition.new_message, definition.label)


def _mechanism(order: "_Order") -> Mechanism | None:
    definition = order.definition
    if definition.authentication == "none" or order.credentials is None:
        return None
    token = order.token.value if order.token is not None else None
    return mechanism_for(definition.authentication, order.credentials, token, definition.host, definition.port)


def _renewed(order: "_Order", attempt: "_Attempt", ends: Deadline) -> "_Order | None":
    """After a cached token was refused: the order with another one, as the old may have been revoked."""
    if not _forgotten(order, attempt) or order.token is None or not order.token.cached:
        return None
    return replace(order, token=_token(order, ends))


def _forgotten(order: "_Order", attempt: "_Attempt") -> bool:
    """Whether the token was refused; a new one is dropped too, else the next run would try it and then another."""
    refused = attempt.failure is not None and attempt.failure.type is FailureType.AUTHENTICATION_FAILED
    if not refused or order.token is None or order.credentials is None:
        return False
    from imapcheck.login.oauth import forget

    forget(order.credentials)
    return True


def _attempts(order: "_Order", ends: Deadline) -> "tuple[_Attempt, list[Failure]]":
    """Attempts up to the first that is not worth repeating; returns it and the failures before it."""
    retries, earlier = order.definition.retries, list[Failure]()
    while True:
        attempt = _attempt(order, _share(ends, retries - len(earlier)))
        if attempt.failure is None or not _worth_another(attempt, retries - len(earlier), ends):
            return attempt, earlier
        earlier.append(attempt.failure)
        time.sleep(min(_PAUSE_BETWEEN_ATTEMPTS, ends.remaining()))


def _share(ends: Deadline, retries_left: int) -> Deadline:
    """An attempt's part of what is left, so that a time-out leaves room for the attempts still allowed."""
    share = (ends.remaining() - retries_left * _PAUSE_BETWEEN_ATTEMPTS) / (retries_left + 1)
    return ends.within(share) if retries_left and share >= _LEAST_SHARE else ends


def _worth_another(attempt: _Attempt, retries_left: int, ends: Deadline) -> bool:
    """After what may be a glitch, never after APPEND was sent, and only where there is time."""
    failure = attempt.failure
    if failure is None or retries_left <= 0 or attempt.run.append_sent:
        return False
    glitch = failure.category in _MAYBE_A_GLITCH or failure.type is FailureType.AUTHENTICATION_UNAVAILABLE
    return glitch and ends.remaining() > _PAUSE_BETWEEN_ATTEMPTS


def _attempt(order: _Order, ends: Deadline) -> _Attempt:
    definition = order.definition
    redactor = Redactor(_secrets(order))
    run = Run(
        definition=definition,
        credentials=order.credentials,
        context=order.context,
        mechanism=_mechanism(order),
        draft=order.draft,
        login_pause=order.login_pause,
        refuse_local_addresses=order.refuse_local_addresses,
        deadline=ends,
        redactor=redactor,
        transcript=Transcript(redactor),
        tracer=Tracer(order.hooks, redactor.clean_text),
    )
    try:
        failures = _walk(run)
        _leave(run, bool(failures))
        return _Attempt(run, failures, run.tracer.results())
    finally:
        if run.opened is not None:
            run.opened.wire.close()


def _secrets(order: _Order) -> tuple[str, ...]:
    held = order.credentials.secret_values() if order.credentials is not None else ()
    return (*held, order.token.value) if order.token is not None else held


def _walk(run: Run) -> tuple[Failure, ...]:
    """Run the planned steps; returns the failures. After one that ends the session the rest is not reached."""
    failures: list[Failure] = []
    ended = False
    for name, step in plan(run.definition):
        if ended:
            if not run.tracer.has(name):
                run.tracer.skip(name, NOT_REACHED)
            continue
        try:
            step(run)
        except CheckFailure as failure:
            failures.append(_failure(run, failure, name))
            ended = failure.ends_session
    return tuple(failures)


def _failure(run: Run, failure: CheckFailure, planned: StepName) -> Failure:
    """The step is the one that failed: CAPABILITY is asked again within what `tls` and `authenticate` plan."""
    return Failure(
        step=run.tracer.step_of(failure) or planned,
        type=failure.type,
        category=failure.type.category,
        detail=one_line(run.redactor.clean_text(failure.detail)),
        response_code=failure.response_code,
        advice=failure.type.advice,
    )


def _leave(run: Run, failed: bool) -> None:
    """LOGOUT wherever the connection is usable, briefly after a failure."""
    if run.opened is None or not run.opened.usable:
        run.tracer.skip("logout", NOT_REACHED)
        return
    logout(run, run.deadline.within(_LOGOUT_AFTER_FAILURE if failed else _LOGOUT))
