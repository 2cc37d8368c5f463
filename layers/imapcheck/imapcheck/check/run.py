"""`run_check`: the one way in. A definition and credentials go in, a frozen result comes out."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imapcheck.check.attempt import Ended, make_attempt
from imapcheck.check.facts import (
    credentials_warnings,
    delivery_warnings,
    exceeded,
    message_facts,
    quota_facts,
    search_facts,
    server_facts,
    warnings,
)
from imapcheck.check.ready import require_credentials, tls_context, token_for
from imapcheck.check.state import Learnt, Prepared
from imapcheck.definition.model import CheckDefinition
from imapcheck.delivery import DeliveryFacts
from imapcheck.failures import Category, FailureType
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.result import CheckResult, Failure
from imapcheck.steps import StepName
from imapcheck.trace import Deadline, Hook, total_ms
from imapcheck.transcript import Redactor
from imapcheck.wording import failure_line

if TYPE_CHECKING:
    from imapcheck.check.message import Draft
    from imapcheck.check.observed import Observed
    from imapcheck.check.sending import Sending

_PAUSE_BETWEEN_ATTEMPTS = 1.0
_LEAST_SHARE = 0.5
_SERVER_NOT_HEARD = {Category.DNS, Category.CONNECTION, Category.TIMEOUT}


def run_check(
    definition: CheckDefinition,
    credentials: Credentials | None = None,
    *,
    hooks: Sequence[Hook] = (),
    deadline: float | None = None,
    login_pause: LoginPause | None = None,
    send_pause: LoginPause | None = None,
    refuse_local_addresses: bool = False,
    observed: "Observed | None" = None,
    keep_transcript: bool = True,
) -> CheckResult:
    """Run one check and say how it went. What the server or network does is in the result.

    `deadline` is a `time.monotonic()` value that the run ends by, whatever `definition.timeout` says;
    `hooks` receive each step's `StepStarted` and `StepFinished`; with `login_pause` the login is withheld
    (`authentication_paused`), with `send_pause` that of the sending server; `refuse_local_addresses` keeps a check
    inside Lambda away from its runtime API; `observed` is filled with what the server said of itself; without
    `keep_transcript` that of an available run is empty, which saves laying it out. Raises `CredentialsError`,
    `DefinitionError` and `OutOfResources` for what is wrong on our side.
    """
    if definition.logs_in:
        require_credentials(credentials, definition.authentication, definition.host, definition.label)
    context = tls_context(definition.tls, definition.tls_mode, definition.ca_path, definition.label)
    run_id = str(uuid.uuid4())
    sending = _sending(definition, credentials, run_id, send_pause)
    ends = Deadline.after(definition.timeout)
    if deadline is not None:
        ends = Deadline(min(ends.at, deadline))
    started_at = datetime.now(UTC)
    asked = Prepared(
        definition, credentials, None, context, _draft(definition), login_pause, refuse_local_addresses, tuple(hooks),
        sending,
    )  # fmt: skip
    asked = _with_tokens(asked, ends)
    ended, earlier = _attempts(asked, ends)
    _forget_if_refused(asked, ended)
    if _refused_a_kept_token(asked, ended):
        asked = _with_tokens(asked, ends)  # the old one may have been revoked
        ended = _tried_again(asked, ended, ends, earlier)
    if observed is not None:
        observed.take(ended.attempt)
    transcript = ended.attempt.transcript.lines() if keep_transcript or ended.failure is not None else ()
    return _result(run_id, started_at, asked, ended, earlier, transcript)


def _result(
    run_id: str,
    started_at: datetime,
    asked: Prepared,
    ended: Ended,
    earlier: Sequence[Failure],
    transcript: tuple[str, ...],
) -> CheckResult:
    definition, learnt, redactor = asked.definition, ended.attempt.learnt, ended.attempt.redactor
    duration_ms = total_ms(ended.steps)
    delivery = _delivery(learnt, redactor)
    passed = exceeded(definition, ended.steps, duration_ms)
    return CheckResult(
        check=definition.name,
        run_id=run_id,
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
        warnings=(
            *warnings(definition, learnt, ended.alerts, redactor),
            *delivery_warnings(delivery),
            *credentials_warnings(asked.credentials, started_at),
        ),
        exceeded=passed,
        quota=quota_facts(learnt, redactor),
        delivery=delivery,
    )


def _delivery(learnt: Learnt, redactor: Redactor) -> DeliveryFacts | None:
    if learnt.round_trip is None:
        return None
    from imapcheck.check.delivery import delivery_facts  # few ask for it

    return delivery_facts(learnt.round_trip, utf8_names=learnt.utf8_names, redactor=redactor)


def _with_tokens(asked: Prepared, ends: Deadline) -> Prepared:
    """With the access tokens of OAuth2 logins; a login that is withheld needs none."""
    refuse_local = asked.refuse_local_addresses
    sending = asked.sending and asked.sending.with_token(ends, refuse_local_addresses=refuse_local)
    if asked.login_pause is not None:
        return replace(asked, sending=sending)
    authentication = asked.definition.authentication
    token = token_for(asked.credentials, authentication, ends, refuse_local_addresses=refuse_local)
    return replace(asked, token=token, sending=sending)


def _sending(
    definition: CheckDefinition, credentials: Credentials | None, run_id: str, pause: LoginPause | None
) -> "Sending | None":
    if not definition.sends:
        return None
    from imapcheck.check.sending import sending_of  # few ask for it

    return sending_of(definition, credentials, run_id, pause)


def _draft(definition: CheckDefinition) -> "Draft | None":
    if definition.new_message is None:
        return None
    from imapcheck.check.message import Draft  # the email package is loaded only where mail is written

    return Draft(definition.new_message, definition.label)


def _refused(ended: Ended) -> bool:
    return ended.failure is not None and ended.failure.type is FailureType.AUTHENTICATION_FAILED


def _refused_login(asked: Prepared, ended: Ended) -> "Prepared | Sending | None":
    """Whose login was refused: the one that reads, or the one that sends."""
    if not _refused(ended):
        return None
    return asked.sending if ended.failure is not None and ended.failure.step == "send_authenticate" else asked


def _refused_a_kept_token(asked: Prepared, ended: Ended) -> bool:
    login = _refused_login(asked, ended)
    return login is not None and login.token is not None and login.token.cached


def _tried_again(asked: Prepared, refused: Ended, ends: Deadline, earlier: list[Failure]) -> Ended:
    """Another attempt, with a new token. If it is cut short before the server has judged it, the refusal stands."""
    ended = make_attempt(asked, ends, ends)
    # A new one that is refused is dropped too, else the next run would try it and then another.
    _forget_if_refused(asked, ended)
    assert refused.failure is not None
    earlier.append(refused.failure)
    cut_short = ended.failure
    if cut_short is None or cut_short.category not in _SERVER_NOT_HEARD or _logged_in(ended, refused.failure.step):
        return ended
    told = f"; the attempt with a new token: {failure_line(cut_short.step, cut_short.type, cut_short.detail)}"
    # The server may repeat the old token, which the redactor of the second attempt does not know.
    verdict = replace(refused.failure, detail=refused.attempt.redactor.clean_line(refused.failure.detail + told))
    return replace(refused, failures=(verdict, *refused.failures[1:]))


def _logged_in(ended: Ended, login: StepName) -> bool:
    return any(step.name == login and step.status == "passed" for step in ended.steps)


def _forget_if_refused(asked: Prepared, ended: Ended) -> None:
    """Drop a refused token from the cache, so that no run tries it again."""
    login = _refused_login(asked, ended)
    if login is not None and login.token is not None and login.credentials is not None:
        from imapcheck.login.oauth import forget  # only OAuth2 checks pay for loading it

        forget(login.credentials)


def _attempts(asked: Prepared, ends: Deadline) -> tuple[Ended, list[Failure]]:
    """Attempts up to the first that is not worth repeating; returns it and the failures before it."""
    retries, earlier = asked.definition.retries, list[Failure]()
    while True:
        ended = make_attempt(asked, _share(ends, retries - len(earlier)), ends)
        if ended.failure is None or not _worth_another(ended, retries - len(earlier), ends):
            return ended, earlier
        earlier.append(ended.failure)
        time.sleep(min(_PAUSE_BETWEEN_ATTEMPTS, ends.remaining()))


def _share(ends: Deadline, retries_left: int) -> Deadline:
    """An attempt's part of what is left, so that a time-out leaves room for the attempts still allowed."""
    share = (ends.remaining() - retries_left * _PAUSE_BETWEEN_ATTEMPTS) / (retries_left + 1)
    return ends.within(share) if retries_left and share >= _LEAST_SHARE else ends


def _worth_another(ended: Ended, retries_left: int, ends: Deadline) -> bool:
    """After what may be a glitch, never after a message was filed or sent, and only where there is time."""
    failure, learnt = ended.failure, ended.attempt.learnt
    written = learnt.append_sent or (learnt.round_trip is not None and learnt.round_trip.body_sent)
    if failure is None or not ended.passes or written:
        return False
    return retries_left > 0 and ends.remaining() > _PAUSE_BETWEEN_ATTEMPTS
