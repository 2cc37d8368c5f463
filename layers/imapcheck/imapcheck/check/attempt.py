"""One attempt: the planned steps in order, the failures among them, and LOGOUT."""

from dataclasses import dataclass

from imapcheck.advice import advice_for
from imapcheck.check.plan import plan
from imapcheck.check.state import Attempt, Prepared
from imapcheck.check.steps.connection import logout
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.login.mechanisms import Mechanism, mechanism_for
from imapcheck.result import Failure, StepResult
from imapcheck.steps import STEPS, StepName
from imapcheck.trace import NOT_REACHED, Deadline, Tracer
from imapcheck.transcript import Redactor, Transcript

_LOGOUT_AFTER_FAILURE = 1.0
_LOGOUT = 5.0


@dataclass(frozen=True)
class Ended:
    """An attempt that has ended."""

    attempt: Attempt
    failures: tuple[Failure, ...]
    steps: tuple[StepResult, ...]
    passes: bool = False
    """The failure may be gone a second later."""

    @property
    def alerts(self) -> tuple[str, ...]:
        """The words that the server wants shown."""
        return self.attempt.opened.alerts if self.attempt.opened is not None else ()

    @property
    def failure(self) -> Failure | None:
        """The first: why the run was unavailable."""
        return self.failures[0] if self.failures else None


def make_attempt(asked: Prepared, ends: Deadline, extends_to: Deadline | None = None) -> Ended:
    """Run one attempt up to LOGOUT, by `ends`, or by `extends_to` once no other attempt can follow.

    What the server does is in what is returned.
    """
    redactor = Redactor(_secrets(asked))
    attempt = Attempt(
        asked=asked,
        deadline=ends,
        tracer=Tracer(asked.hooks, redactor.clean_line),
        redactor=redactor,
        transcript=Transcript(redactor),
        mechanism=_mechanism(asked),
        extends_to=extends_to,
    )
    try:
        failures = _walk(attempt)
        _leave(attempt, bool(failures))
        told = tuple(_failure(attempt, failure, planned) for failure, planned in failures)
        return Ended(attempt, told, attempt.tracer.results(), passes=bool(failures) and failures[0][0].passes)
    finally:
        if attempt.opened is not None:
            attempt.opened.wire.close()
        if attempt.sender is not None:
            attempt.sender.wire.close()


def _secrets(asked: Prepared) -> tuple[str, ...]:
    held = asked.credentials.secret_values() if asked.credentials is not None else ()
    sending = asked.sending
    if sending is not None and sending.credentials is not None:
        held += sending.credentials.secret_values()
    tokens = (asked.token, sending.token if sending is not None else None)
    return (*held, *(token.value for token in tokens if token is not None))


def _mechanism(asked: Prepared) -> Mechanism | None:
    definition = asked.definition
    if not definition.logs_in or asked.credentials is None:
        return None
    token = asked.token.value if asked.token is not None else None
    return mechanism_for(definition.authentication, asked.credentials, token, definition.host, definition.port)


def _walk(attempt: Attempt) -> list[tuple[CheckFailure, StepName]]:
    """Run the planned steps; returns the failures, each with the step that was planned.

    After one that ends the session the rest is not reached.
    """
    failures: list[tuple[CheckFailure, StepName]] = []
    ended = False
    for name, step in plan(attempt.asked.definition):
        if ended:
            attempt.tracer.skip(name, NOT_REACHED)
            continue
        try:
            step(attempt)
        except CheckFailure as failure:
            failures.append((failure, name))
            ended = failure.ends_session
    return failures


def _failure(attempt: Attempt, failure: CheckFailure, planned: StepName) -> Failure:
    """The step is the one that failed: CAPABILITY is asked again within what `tls` and `authenticate` plan."""
    step = attempt.tracer.step_of(failure) or planned
    detail = attempt.redactor.clean_line(failure.detail)
    return Failure(
        step=step,
        type=failure.type,
        category=failure.type.category,
        detail=detail,
        response_code=failure.response_code,
        advice=failure.advice or _advice(attempt, failure.type, step, detail),
    )


def _advice(attempt: Attempt, type: FailureType, step: StepName, detail: str) -> str:
    """What to do first, where the failed command knows no better."""
    definition = attempt.asked.definition
    if "send" not in STEPS[step].needs:
        return advice_for(type, detail, definition.authentication)
    return _for_sending(advice_for(type, detail, None if definition.send is None else definition.send.authentication))


def _for_sending(advice: str) -> str:
    """Advice about the mailbox's server with the keys of the sending one."""
    for here, there in (("imaps://", "smtps://"), (" tls.", " send.tls."), ("(tls.", "(send.tls.")):
        advice = advice.replace(here, there)
    return advice.replace("set authentication ", "set send.authentication ")


def _leave(attempt: Attempt, failed: bool) -> None:
    """LOGOUT wherever the connection is usable, briefly after a failure."""
    if attempt.asked.sending is not None and attempt.opened is not None:
        from imapcheck.check.steps import sending  # few ask for it

        attempt.session.wire.deadline = attempt.deadline.within(_LOGOUT_AFTER_FAILURE if failed else _LOGOUT)
        sending.leave(attempt)
    if attempt.opened is None or not attempt.opened.usable:
        attempt.tracer.skip("logout", NOT_REACHED)
        return
    logout(attempt, attempt.deadline.within(_LOGOUT_AFTER_FAILURE if failed else _LOGOUT))
