"""How a story words a failure: its first word, its headline, what it means, and what to do."""

from imapcheck.advice import OAUTH, advice_for, headline_for, server_says_why
from imapcheck.asked import Asked
from imapcheck.definition.secret import place_of
from imapcheck.failures import DOWN, SENDING_DOWN, Category, FailureType
from imapcheck.result import CheckResult
from imapcheck.steps import STEPS
from imapcheck.wording import length

_UNSTABLE = "UNSTABLE"
PROVIDER = " If you do not run this server, forward this message to its provider."
_NOTHING_CHANGED = frozenset({FailureType.CERTIFICATE_EXPIRED, FailureType.OVER_QUOTA, FailureType.TOO_OLD})
"""Time alone brings these about."""
_GENERIC = frozenset(type.advice for type in FailureType)


_SENDING = {step.name for step in STEPS.values() if "send" in step.needs} - {"arrival"}


def failed_sending(run: CheckResult) -> bool:
    """Whether the run failed at the server that messages are sent through."""
    return run.reason is not None and run.reason.step in _SENDING


def mechanism_of(run: CheckResult, asked: Asked) -> str | None:
    """The mechanism of the server at which the run failed."""
    return asked.send_authentication if failed_sending(run) else asked.authentication


def behind(step: str) -> str:
    """What a step stands or falls with."""
    return STEPS[step].behind if step in STEPS else "the mail server"


def may_have_changed(run: CheckResult) -> bool:
    """Whether asking what has changed leads anywhere."""
    failure = run.reason
    if failure is None or failure.type in _NOTHING_CHANGED:
        return False
    return not server_says_why(failure.type, failure.detail)


def word_of(run: CheckResult, *, unbroken: bool = True) -> str:
    """The first word: DOWN, unless all that failed leaves the mailbox's server in order; UNSTABLE among good runs."""
    word = DOWN if run.reason is None else run.reason.type.word
    if word != DOWN:
        return word
    if failed_sending(run):
        return SENDING_DOWN
    return DOWN if unbroken else _UNSTABLE


def server_of(run: CheckResult | None, asked: Asked) -> str | None:
    """The URL of the server that failed: the mailbox's, or the one that messages are sent through."""
    sending = run is not None and failed_sending(run) and asked.send_server is not None
    return asked.send_server if sending else asked.server


def headline_of(run: CheckResult, asked: Asked) -> str:
    """`connection refused`: for a subject."""
    failure = run.reason
    if failure is None:
        return "run failed"
    general = headline_for(failure.type, failure.detail, mechanism_of(run, asked))
    return _named(general.format(step=failure.step), run, asked)


def meaning_of(run: CheckResult, asked: Asked) -> str:
    """What it means in this case, as ` - the server refused ..`; nothing where the detail says it."""
    if run.reason is None:
        return ""
    type, step = run.reason.type, run.reason.step
    if type is FailureType.TIMEOUT:
        told = _waited(run.step_ms.get(step), asked)
    elif type is FailureType.AUTHENTICATION_FAILED and mechanism_of(run, asked) in OAUTH:
        told = "the mail server refused the access token"
    else:
        meaning = f"{type.meaning[0].lower()}{type.meaning[1:].rstrip('.')}"
        told = meaning if type.in_story is None else type.in_story
        told = _named(told, run, asked)
    return f" - {told}" if told else ""


def _waited(took: float | None, asked: Asked) -> str:
    waited = "" if took is None else f"waited {length(took)}"
    limit = "" if asked.timeout is None else f"the whole run may take {length(asked.timeout * 1000)}"
    return "; ".join(filter(None, (waited, limit)))


def advice_of(run: CheckResult, asked: Asked, *, worked_before: bool) -> str | None:
    """What to do first, with the names of this check; where it worked before, the server's provider may know more."""
    failure = run.reason
    if failure is None:
        return None
    ask = PROVIDER if worked_before and failure.type.hosted else ""
    # Whoever made the result may have known no more than the type.
    generic = failure.advice in _GENERIC
    advice = failure.advice if not generic else advice_for(failure.type, failure.detail, mechanism_of(run, asked))
    return f"{_named(advice, run, asked)}{ask}"


def unstable_advice(run: CheckResult, asked: Asked, failed_at: str, good_at: str) -> str | None:
    """What to do about a server that serves some runs and not others; the times are those of two such runs."""
    failure = run.reason
    if failure is None or failure.type.word != DOWN:
        return advice_of(run, asked, worked_before=True)
    generic = failure.type.advice == advice_for(failure.type, failure.detail, mechanism_of(run, asked))
    if not generic and failure.type.category is not Category.AUTHENTICATION:
        return advice_of(run, asked, worked_before=True)
    match failure.type.category:
        case Category.AUTHENTICATION:
            first = (
                f"Keep the credentials: the server accepted them at {good_at}. Check whether all servers behind this"
                f" name know the account and reach the login service (their logs at {failed_at})."
            )
        case Category.DNS:
            first = (
                "Query each name server of the zone, then the resolver of the check's network: some lookups are"
                " answered and some are not."
            )
        case Category.SSL:
            first = (
                f"Check the certificate and TLS settings at every address of the name: some sessions succeed, so one of"
                f" several servers probably differs ({failed_at} failed, {good_at} was good)."
            )
        case _:
            first = (
                f"Check whether the mail service restarts or hits a limit (its log at {failed_at}), then each server"
                " behind the load balancer. Some runs succeed, so this is not a full outage."
            )
    return f"{first}{PROVIDER}"


def _named(text: str, run: CheckResult, asked: Asked) -> str:
    """`text` with the names of this check in place of general words (`imapcheck.failures`)."""
    step = "" if run.reason is None else run.reason.step
    named = asked.send_secret if step == "send_authenticate" else asked.secret
    if named is not None:
        secret = f"the secret {named} ({place_of(named).store})" if named else "the secret"
        text = text.replace("the secret or the credentials file", "the secret").replace("the secret", secret, 1)
    if asked.file:
        text = text.replace("the definition", asked.file)
    if asked.mailbox is not None and step == "examine":
        text = text.replace("such mailbox", f"mailbox {asked.mailbox}")
    return text.replace("behind the failed step", f"of {behind(step)}")
