"""`run_check`: the one way in. A definition and credentials go in, a frozen result comes out."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imapcheck.check.attempt import Ended, make_attempt
from imapcheck.check.facts import exceeded, message_facts, quota_facts, search_facts, server_facts, warnings
from imapcheck.check.state import Prepared
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.server import canonical_host
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.failures import Category, FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.network.tls import TlsContext, client_context
from imapcheck.result import CheckResult, Failure
from imapcheck.trace import Deadline, Hook, total_ms
from imapcheck.transcript import Redactor
from imapcheck.wording import failure_line

if TYPE_CHECKING:
    from imapcheck.check.message import Draft
    from imapcheck.check.observed import Observed
    from imapcheck.login.oauth import Token

_PAUSE_BETWEEN_ATTEMPTS = 1.0
_LEAST_SHARE = 0.5
_BEARER = ("xoauth2", "oauthbearer")
_SERVER_NOT_HEARD = {Category.DNS, Category.CONNECTION, Category.TIMEOUT}


def run_check(
    definition: CheckDefinition,
    credentials: Credentials | None = None,
    *,
    hooks: Sequence[Hook] = (),
    deadline: float | None = None,
    login_pause: LoginPause | None = None,
    refuse_local_addresses: bool = False,
    observed: "Observed | None" = None,
    keep_transcript: bool = True,
) -> CheckResult:
    """Run one check and say how it went. What the server or network does is in the result.

    `deadline` is a `time.monotonic()` value that the run ends by, whatever `definition.timeout` says;
    `hooks` receive each step's `StepStarted` and `StepFinished`; with `login_pause` the login is
    withheld (`authentication_paused`); `refuse_local_addresses` keeps a check inside Lambda away from
    its runtime API; `observed` is filled with what the server said of itself; without
    `keep_transcript` that of an available run is empty, which saves laying it out. Raises `CredentialsError`,
    `DefinitionError` and `OutOfResources` for what is wrong on our side.
    """
    _require_credentials(definition, credentials)
    context = _context(definition)
    ends = Deadline.after(definition.timeout)
    if deadline is not None:
        ends = Deadline(min(ends.at, deadline))
    started_at = datetime.now(UTC)
    asked = Prepared(
        definition, credentials, None, context, _draft(definition), login_pause, refuse_local_addresses, tuple(hooks)
    )
    asked = replace(asked, token=_token(asked, ends))
    ended, earlier = _attempts(asked, ends)
    _forget_if_refused(asked, ended)
    if _refused_a_kept_token(asked, ended):
        asked = replace(asked, token=_token(asked, ends))  # the old one may have been revoked
        ended = _tried_again(asked, ended, ends, earlier)
    if observed is not None:
        observed.take(ended.attempt)
    transcript = ended.attempt.transcript.lines() if keep_transcript or ended.failure is not None else ()
    return _result(started_at, asked, ended, earlier, transcript)


def _result(
    started_at: datetime, asked: Prepared, ended: Ended, earlier: Sequence[Failure], transcript: tuple[str, ...]
) -> CheckResult:
    definition, learnt, redactor = asked.definition, ended.attempt.learnt, ended.attempt.redactor
    duration_ms = total_ms(ended.steps)
    passed = exceeded(definition, ended.steps, duration_ms)
    return CheckResult(
        check=definition.name,
        run_id=str(uuid.uuid4()),
        started_at=started_at,
        available=ended.failure is None,
        slow=ended.failure is None and bool(passed),
        duration_ms=duration_ms,
        attempts=len(earlier) + 1,
        earlier_failures=tuple(earlier),
        server=server_facts(definition, learnt, redactor),
        steps=ended.steps,
        failure=ended.failure,
        search=search_facts(learnt),
        new_message=message_facts(learnt, redactor),
        token_ms=asked.token.milliseconds if asked.token is not None else None,
        transcript=transcript,
        failures=ended.failures,
        warnings=warnings(definition, learnt, ended.alerts, redactor),
        exceeded=passed,
        quota=quota_facts(learnt, redactor),
    )


def _require_credentials(definition: CheckDefinition, credentials: Credentials | None) -> None:
    if not definition.logs_in:
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
            f"{definition.label}: the credentials were made for host {_shown_host(credentials, credentials.host)},"
            f" the definition's server is {definition.host!r}"
        )


def _shown_host(credentials: Credentials, host: str) -> str:
    """The host of the credentials for an error: whoever put a whole URL there may have put a password in it."""
    if "@" in host:
        return "text with an @"
    return repr(Redactor(credentials.secret_values()).clean_line(host, 100))


def _token(asked: Prepared, ends: Deadline) -> "Token | None":
    """The access token of an OAuth2 login; a login that is withheld needs none."""
    if asked.credentials is None or asked.definition.authentication not in _BEARER or asked.login_pause is not None:
        return None
    from imapcheck.login.oauth import access_token  # only OAuth2 checks pay for loading it

    return access_token(asked.credentials, ends, refuse_local_addresses=asked.refuse_local_addresses)


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


def _refused(ended: Ended) -> bool:
    return ended.failure is not None and ended.failure.type is FailureType.AUTHENTICATION_FAILED


def _refused_a_kept_token(asked: Prepared, ended: Ended) -> bool:
    return _refused(ended) and asked.token is not None and asked.token.cached


def _tried_again(asked: Prepared, refused: Ended, ends: Deadline, earlier: list[Failure]) -> Ended:
    """Another attempt, with a new token. If it is cut short before the server has judged it, the refusal stands."""
    ended = make_attempt(asked, ends)
    # A new one that is refused is dropped too, else the next run would try it and then another.
    _forget_if_refused(asked, ended)
    assert refused.failure is not None
    earlier.append(refused.failure)
    cut_short = ended.failure
    if cut_short is None or cut_short.category not in _SERVER_NOT_HEARD or _logged_in(ended):
        return ended
    told = f"; the attempt with a new token: {failure_line(cut_short.step, cut_short.type, cut_short.detail)}"
    # The server may repeat the old token, which the redactor of the second attempt does not know.
    verdict = replace(refused.failure, detail=refused.attempt.redactor.clean_line(refused.failure.detail + told))
    return replace(refused, failures=(verdict, *refused.failures[1:]))


def _logged_in(ended: Ended) -> bool:
    return any(step.name == "authenticate" and step.status == "passed" for step in ended.steps)


def _forget_if_refused(asked: Prepared, ended: Ended) -> None:
    """Drop a refused token from the cache, so that no run tries it again."""
    if _refused(ended) and asked.token is not None and asked.credentials is not None:
        from imapcheck.login.oauth import forget  # only OAuth2 checks pay for loading it

        forget(asked.credentials)


def _attempts(asked: Prepared, ends: Deadline) -> tuple[Ended, list[Failure]]:
    """Attempts up to the first that is not worth repeating; returns it and the failures before it."""
    retries, earlier = asked.definition.retries, list[Failure]()
    while True:
        ended = make_attempt(asked, _share(ends, retries - len(earlier)))
        if ended.failure is None or not _worth_another(ended, retries - len(earlier), ends):
            return ended, earlier
        earlier.append(ended.failure)
        time.sleep(min(_PAUSE_BETWEEN_ATTEMPTS, ends.remaining()))


def _share(ends: Deadline, retries_left: int) -> Deadline:
    """An attempt's part of what is left, so that a time-out leaves room for the attempts still allowed."""
    share = (ends.remaining() - retries_left * _PAUSE_BETWEEN_ATTEMPTS) / (retries_left + 1)
    return ends.within(share) if retries_left and share >= _LEAST_SHARE else ends


def _worth_another(ended: Ended, retries_left: int, ends: Deadline) -> bool:
    """After what may be a glitch, never after APPEND was sent, and only where there is time."""
    failure = ended.failure
    if failure is None or not ended.passes or ended.attempt.learnt.append_sent:
        return False
    return retries_left > 0 and ends.remaining() > _PAUSE_BETWEEN_ATTEMPTS
