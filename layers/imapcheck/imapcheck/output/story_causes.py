"""How a story words a failure: its first word, its headline, what it means, and what to do."""

from imapcheck.failures import FailureType
from imapcheck.output.story_facts import Run, Watched
from imapcheck.output.story_words import seconds
from imapcheck.steps import STEPS

DOWN = "DOWN"
_PROVIDER = " If the server is not yours, ask its provider."


def behind(step: str) -> str:
    """What a step stands or falls with."""
    return STEPS[step].behind if step in STEPS else "the mail server"


def type_of(name: object) -> FailureType | None:
    """The failure type of that name; null for one that is not known."""
    return next((type for type in FailureType if type.value == name), None)


def may_have_changed(run: Run) -> bool:
    """Whether asking what has changed leads anywhere: time alone ends a certificate."""
    return run.type != FailureType.CERTIFICATE_EXPIRED


def word_of(run: Run) -> str:
    """The first word: DOWN, unless all that failed leaves the server itself in order."""
    types = [type_of(run.type), *(type_of(item.get("type")) for item in run.later_failures)]
    words = [DOWN if type is None else type.word for type in types]
    return DOWN if DOWN in words else words[0]


def headline_of(run: Run, watched: Watched) -> str:
    """`connection refused`: for a subject."""
    type, step = type_of(run.type), run.step or "the run"
    return f"{run.step or 'run'} failed" if type is None else _named(type.headline.format(step=step), run, watched)


def meaning_of(run: Run, watched: Watched) -> str:
    """What it means in this case, as ` - the server refused ..`; nothing where the detail says it."""
    type = type_of(run.type)
    if type is None:
        return ""
    if type is FailureType.TIMEOUT:
        told = _waited(run, watched)
    else:
        meaning = f"{type.meaning[0].lower()}{type.meaning[1:].rstrip('.')}"
        told = meaning if type.in_story is None else type.in_story
        told = _named(told, run, watched)
    return f" - {told}" if told else ""


def _waited(run: Run, watched: Watched) -> str:
    took = run.step_ms.get(run.step or "")
    waited = "" if took is None else f"waited {seconds(took)}"
    limit = "" if watched.timeout is None else f"the whole run may take {watched.timeout:g} s"
    return "; ".join(filter(None, (waited, limit)))


def advice_of(run: Run, watched: Watched, *, worked_before: bool) -> str | None:
    """What to do first, with the names of this check; where it worked before, the server's provider may know more."""
    type = type_of(run.type)
    advice = run.advice or (type.advice if type is not None else None)
    if advice is None:
        return None
    ask = _PROVIDER if worked_before and type is not None and type.hosted else ""
    return f"{_named(advice, run, watched)}{ask}"


def _named(text: str, run: Run, watched: Watched) -> str:
    """`text` with the names of this check in place of general words (`imapcheck.failures`)."""
    if watched.secret is not None:
        secret = f"the secret {watched.secret} (AWS Secrets Manager)" if watched.secret else "the secret"
        text = text.replace("the secret or the credentials file", "the secret").replace("the secret", secret, 1)
    if watched.file:
        text = text.replace("the definition", watched.file)
    if watched.mailbox is not None and run.step == "examine":
        text = text.replace("such mailbox", f"mailbox {watched.mailbox}")
    return text.replace("what the failed step needs", behind(run.step or ""))
