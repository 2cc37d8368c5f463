"""How a story words a failure: its first word, its headline, what it means, and what to do."""

import re

from imapcheck.alarms.spell import type_of
from imapcheck.definition.secret import place_of
from imapcheck.failures import FailureType
from imapcheck.result import Asked, CheckResult
from imapcheck.steps import STEPS
from imapcheck.wording import length

DOWN = "DOWN"
_PROVIDER = " If the server is not yours, ask its provider."


_SENDING = {step.name for step in STEPS.values() if "send" in step.needs} - {"arrival"}


def behind(step: str) -> str:
    """What a step stands or falls with."""
    return STEPS[step].behind if step in STEPS else "the mail server"


def may_have_changed(run: CheckResult) -> bool:
    """Whether asking what has changed leads anywhere: time alone ends a certificate."""
    return type_of(run) is not FailureType.CERTIFICATE_EXPIRED


def word_of(run: CheckResult) -> str:
    """The first word: DOWN, unless all that failed leaves the server itself in order."""
    words = [failure.type.word for failure in run.failures]
    return words[0] if words and DOWN not in words else DOWN


def headline_of(run: CheckResult, asked: Asked) -> str:
    """`connection refused`: for a subject."""
    if run.failure is None:
        return "run failed"
    headline = _named(run.failure.type.headline.format(step=run.failure.step), run, asked)
    # The mailbox's server works where the sending one refuses a login, say: a subject must not mix them up.
    return f"sending: {headline}" if run.failure.step in _SENDING and not re.search("sen[dt]", headline) else headline


def meaning_of(run: CheckResult, asked: Asked) -> str:
    """What it means in this case, as ` - the server refused ..`; nothing where the detail says it."""
    if run.failure is None:
        return ""
    type, step = run.failure.type, run.failure.step
    if type is FailureType.TIMEOUT:
        told = _waited(run.step_ms.get(step), asked)
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
    if run.failure is None:
        return None
    ask = _PROVIDER if worked_before and run.failure.type.hosted else ""
    return f"{_named(run.failure.advice, run, asked)}{ask}"


def _named(text: str, run: CheckResult, asked: Asked) -> str:
    """`text` with the names of this check in place of general words (`imapcheck.failures`)."""
    step = "" if run.failure is None else run.failure.step
    named = asked.send_secret if step == "send_authenticate" else asked.secret
    if named is not None:
        secret = f"the secret {named} ({place_of(named).store})" if named else "the secret"
        text = text.replace("the secret or the credentials file", "the secret").replace("the secret", secret, 1)
    if asked.file:
        text = text.replace("the definition", asked.file)
    if asked.mailbox is not None and step == "examine":
        text = text.replace("such mailbox", f"mailbox {asked.mailbox}")
    return text.replace("what the failed step needs", behind(step))
