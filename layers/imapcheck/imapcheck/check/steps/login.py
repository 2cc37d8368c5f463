"""The login, and ID for servers that want to know who asks."""

from imapcheck.check.refusals import LoginAnswer, refused_login
from imapcheck.check.state import Attempt
from imapcheck.check.steps.connection import capability
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.session import ImapSession
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.trace import StepRecord
from imapcheck.version import VERSION
from imapcheck.wording import date

_OTHERS_WITH_PASSWORD = {"PLAIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"}
_TYPES = {
    LoginAnswer.REFUSED: FailureType.AUTHENTICATION_FAILED,
    LoginAnswer.UNAVAILABLE: FailureType.AUTHENTICATION_UNAVAILABLE,
    LoginAnswer.NEEDS_TLS: FailureType.MECHANISM_NOT_OFFERED,
}


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
        raise _not_offered(session, mechanism.name, credentials)
    if attempt.asked.login_pause is not None:
        raise paused(attempt.asked.login_pause)
    try:
        if offered:
            completion, volunteered = session.authenticate(
                mechanism, step.aside, lambda answer: _is_refused(answer, session.asides), step.remark
            )
        else:
            completion, volunteered = session.login(credentials.username, credentials.require_password())
    except CheckFailure as failure:
        with step.aside():
            raise with_hint(_refused_by_bye(session, failure), credentials) from failure
    if not completion.ok:
        with step.aside():  # words are looked up in long lists
            raise with_hint(_refused_login(completion, session.asides, mechanism.explain()), credentials)
    return volunteered


def _is_refused(completion: Completion, asides: tuple[Completion, ...]) -> bool:
    """A server may refuse a password by BAD: its words or code say so, or what it said besides."""
    return any(refused_login(said.code, said.said) is LoginAnswer.REFUSED for said in (completion, *asides))


def with_hint(failure: CheckFailure, credentials: Credentials) -> CheckFailure:
    """What was pasted with a blank, a line end or worse is hard to see, and a password is shown nowhere."""
    if failure.type is FailureType.AUTHENTICATION_FAILED and credentials.oddities:
        failure.detail += f" ({'; '.join(credentials.oddities)})"
    return failure


def _not_offered(session: ImapSession, mechanism: str, credentials: Credentials) -> CheckFailure:
    """LOGIN is no mechanism, so that a server which lists none for a password may take one all the same."""
    offered, disabled = session.mechanisms(), session.offers("LOGINDISABLED")
    reason = " and disables LOGIN" if disabled else ""
    by_login = "LOGIN" in offered or not disabled
    only_login = by_login and credentials.password is not None and not _OTHERS_WITH_PASSWORD & set(offered)
    hint = "; a user name and password can go by LOGIN: set authentication: login" if only_login else ""
    return CheckFailure(
        FailureType.MECHANISM_NOT_OFFERED,
        f"the server does not offer {mechanism}: it offers {', '.join(offered) or 'no mechanism'}{reason}{hint}",
    )


def paused(pause: LoginPause) -> CheckFailure:
    """The failure of a login that is withheld."""
    first, again = pause.first_refused_at, pause.retry_at
    return CheckFailure(
        FailureType.AUTHENTICATION_PAUSED,
        f"first refused {date(first, again)}; the next try comes {date(again, first)},"
        " or as soon as the credentials change",
    )


def _refused_login(completion: Completion, asides: tuple[Completion, ...], explanation: str | None) -> CheckFailure:
    """By the answer itself, else by what the server said besides, or in a challenge.

    BAD without a reason is not a refusal of a password. What was said besides is shown where it decided.
    """
    advice = f" ({explanation})" if explanation else ""
    untold = FailureType.COMMAND_REJECTED if completion.status == "BAD" else FailureType.AUTHENTICATION_FAILED
    told, aside = refused_login(completion.code, completion.said), None
    if told is LoginAnswer.UNCLEAR:
        aside = next((said for said in asides if _verdict(said) is not LoginAnswer.UNCLEAR), None)
        told = refused_login(None, explanation or "") if aside is None else _verdict(aside)
    type = _TYPES.get(told, untold)
    if aside is None:
        return completion.rejected(type, advice)
    failure = completion.rejected(type, f" after {aside.words}{advice}")
    failure.response_code = failure.response_code or aside.public_code
    return failure


def _verdict(aside: Completion) -> LoginAnswer:
    """What an untagged response says of a login. BYE's words may be a farewell: only a refusal in them counts."""
    verdict = refused_login(aside.code, aside.said)
    by_words = verdict is not refused_login(aside.code, "")
    return LoginAnswer.UNCLEAR if aside.status == "BYE" and by_words and verdict is LoginAnswer.UNAVAILABLE else verdict


def _refused_by_bye(session: ImapSession, failure: CheckFailure) -> CheckFailure:
    """A server may refuse a login by leaving: with BYE and the reason instead of the tagged answer."""
    lost = failure.type is FailureType.CONNECTION_LOST
    refusals = (said for said in session.asides if lost and refused_login(said.code, said.said) is LoginAnswer.REFUSED)
    refusal = next(refusals, None)
    return failure if refusal is None else refusal.rejected(FailureType.AUTHENTICATION_FAILED)


def identify(attempt: Attempt) -> None:
    """ID, for servers that want to know who asks."""
    with attempt.tracer.step("id") as step:
        if not attempt.session.offers("ID"):
            step.skip("server does not offer ID")
        else:
            completion = attempt.session.id(VERSION)
            if not completion.ok:
                step.refuse(completion.words)
