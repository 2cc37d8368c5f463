"""The login, and ID for servers that want to know who asks."""

from imapcheck.check.state import Attempt
from imapcheck.check.steps.connection import capability
from imapcheck.errors import CheckFailure, FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.session import ImapSession
from imapcheck.login.credentials import LoginPause
from imapcheck.result import isoformat
from imapcheck.trace import StepRecord
from imapcheck.version import VERSION

# RFC 5530 section 3 and RFC 9051 section 7.1: these say that the login could not be decided.
_LOGIN_DOWN = {"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "THROTTLED"}


def authenticate(attempt: Attempt) -> None:
    """Log in; then CAPABILITY again unless the server volunteered it."""
    with attempt.tracer.step("authenticate") as step:
        if attempt.session.preauthenticated:
            raise CheckFailure(
                FailureType.PROTOCOL_ERROR, "the server greeted with PREAUTH: the login could not be tested"
            )
        volunteered = _log_in(attempt, step)
    if not volunteered:
        capability(attempt)


def _log_in(attempt: Attempt, step: StepRecord) -> bool:
    """Log in; returns whether the server volunteered its capabilities."""
    session, mechanism, credentials = attempt.session, attempt.mechanism, attempt.asked.credentials
    assert credentials is not None
    assert mechanism is not None
    offered = session.offers(f"AUTH={mechanism.name}")
    if not offered and not (mechanism.name == "LOGIN" and not session.offers("LOGINDISABLED")):
        raise _not_offered(session, mechanism.name)
    if attempt.asked.login_pause is not None:
        raise _paused(attempt.asked.login_pause)
    if offered:
        completion, volunteered = session.authenticate(mechanism, step.aside)
    else:
        completion, volunteered = session.login(credentials.username, credentials.require_password())
    if not completion.ok:
        raise _refused_login(completion, mechanism.explain())
    return volunteered


def _not_offered(session: ImapSession, mechanism: str) -> CheckFailure:
    offered = ", ".join(session.mechanisms()) or "no mechanism"
    reason = " and disables LOGIN" if session.offers("LOGINDISABLED") else ""
    return CheckFailure(
        FailureType.MECHANISM_NOT_OFFERED, f"the server does not offer {mechanism}: it offers {offered}{reason}"
    )


def _paused(pause: LoginPause) -> CheckFailure:
    return CheckFailure(
        FailureType.AUTHENTICATION_PAUSED,
        f"the login was withheld so that the mailbox is not locked out: first refused at"
        f" {isoformat(pause.first_refused_at)}, tried again at {isoformat(pause.retry_at)}, or when the credentials"
        " change",
    )


def _refused_login(completion: Completion, explanation: str | None) -> CheckFailure:
    advice = f" ({explanation})" if explanation else ""
    if completion.status == "BAD":
        return completion.rejected(FailureType.COMMAND_REJECTED, advice)
    if completion.code in _LOGIN_DOWN:
        return completion.rejected(FailureType.AUTHENTICATION_UNAVAILABLE, advice)
    if completion.code == "PRIVACYREQUIRED":
        return completion.rejected(FailureType.MECHANISM_NOT_OFFERED, advice)
    return completion.rejected(FailureType.AUTHENTICATION_FAILED, advice)


def identify(attempt: Attempt) -> None:
    """ID, for servers that want to know who asks."""
    with attempt.tracer.step("id") as step:
        if attempt.asked.definition.authentication == "none":
            step.skip("sent only after a login")
        elif not attempt.session.offers("ID"):
            step.skip("server does not offer ID")
        else:
            completion = attempt.session.id(VERSION)
            if not completion.ok:
                step.refuse(completion.words)
