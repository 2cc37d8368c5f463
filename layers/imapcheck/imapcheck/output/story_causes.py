# ruff: noqa: E501 - a table
"""How a story tells each type of failure: the first word, a headline, and where to look if it worked before."""

from collections.abc import Mapping
from dataclasses import dataclass

from imapcheck.errors import FailureType
from imapcheck.output.story_facts import type_of
from imapcheck.output.story_words import seconds
from imapcheck.result import Asked, CheckResult, StepName

DOWN = "DOWN"
_PROVIDER = " Not your server? Ask the provider."


@dataclass(frozen=True)
class Cause:
    """`why` stands in place of the type's meaning, empty where the detail says it all; `look` is for what worked before.

    `{step}`, `{behind}`, `{mailbox}`, `{secret}` and `{file}` are filled in. `hosted`: the server's provider may help.
    """

    headline: str
    look: str
    why: str | None = None
    word: str = DOWN
    hosted: bool = True


_REFUSED_CERTIFICATE = "the check refused the certificate and sent no password"
_LOGIN = "Was the password changed, or the account locked? Put the right password into {secret}; the next run takes it."
_CAUSES: Mapping[FailureType, Cause] = {
    FailureType.NAME_NOT_RESOLVED: Cause("no such name in DNS", "See whether the DNS record was changed or deleted, or the domain has lapsed.", ""),
    FailureType.RESOLVER_FAILED: Cause("DNS gives no answer", "Look the name up from another network: no answer there either? Then the zone's name servers. An answer? Then the resolver of the check's network."),
    FailureType.CONNECTION_REFUSED: Cause("connection refused", "See whether the mail service runs and listens; then firewall and load balancer.", "no service is there, or a firewall rejects"),
    FailureType.NETWORK_UNREACHABLE: Cause("no route to the server", "Look at routes, firewalls and security groups between the check and the server.", ""),
    FailureType.CONNECTION_LOST: Cause("connection lost in {step}", "See in the server's log what it did when the run failed: a restart, a shutdown, a crash, a limit, a load balancer."),
    FailureType.CERTIFICATE_EXPIRED: Cause("certificate expired", "Renew it and reload the mail server; then see why nobody had renewed it.", _REFUSED_CERTIFICATE),
    FailureType.CERTIFICATE_NOT_YET_VALID: Cause("certificate not yet valid", "See which certificate was installed, and whether its dates and the clocks are right.", _REFUSED_CERTIFICATE),
    FailureType.CERTIFICATE_NAME_MISMATCH: Cause("certificate is for other names", "If nobody changed certificate or DNS, the wrong machine may be answering: see where the name leads and which certificate is loaded there.", _REFUSED_CERTIFICATE),
    FailureType.CERTIFICATE_UNTRUSTED: Cause("certificate not trusted", "See which certificate was installed; serve its intermediate certificates with it.", _REFUSED_CERTIFICATE),
    FailureType.CERTIFICATE_INVALID: Cause("certificate invalid", "See which certificate was installed; issue a new one without that fault.", _REFUSED_CERTIFICATE),
    FailureType.TLS_HANDSHAKE_FAILED: Cause("TLS handshake failed", "See whether TLS versions, ciphers or client certificates were changed on the server or a proxy before it.", "the two sides could not agree on TLS"),
    FailureType.STARTTLS_UNAVAILABLE: Cause("no STARTTLS", "See whether STARTTLS was switched off; if not, somebody in between may be taking it away.", "the check sent no password"),
    FailureType.AUTHENTICATION_FAILED: Cause("login refused", _LOGIN, "the server refused the login"),
    FailureType.AUTHENTICATION_UNAVAILABLE: Cause("the server cannot check logins", "Look at the directory or database behind the logins and at its connection limits; leave the password alone."),
    FailureType.AUTHENTICATION_PAUSED: Cause("login paused after a refusal", _LOGIN, "the check did not log in, as more tries could lock the account"),
    FailureType.MECHANISM_NOT_OFFERED: Cause("login mechanism not offered", "See what was changed in the server's login settings; if it is to stay, set authentication in {file} to what is offered.", ""),
    FailureType.GREETING_REJECTED: Cause("turned away at the greeting", "Read the server's words: maintenance, too many connections, or a block list.", "the server turned the check away before the login"),
    FailureType.NOT_IMAP: Cause("something else answers on that port", "See which service or proxy took over the port, or where it is forwarded to.", "something else answers on that port"),
    FailureType.PROTOCOL_ERROR: Cause("broken answer to {step}", "See whether the server or a proxy before it was updated; the transcript has the answer."),
    FailureType.COMMAND_REJECTED: Cause("the server refused {step}", "See in the server's log why it refused when the run failed.", "the server refused a command that must work"),
    FailureType.MAILBOX_NOT_FOUND: Cause("the account sees no {mailbox}", "See who renamed, moved or deleted it, or took away the rights to it, and restore it. Was it moved on purpose? Then name the new one in {file}.", "the server works; the account sees no {mailbox}", "MAILBOX MISSING", hosted=False),
    FailureType.OVER_QUOTA: Cause("no room for a new message", "Make room in the mailbox or raise its quota; then see what filled it.", "the server works; the mailbox has no room left", "MAILBOX FULL"),
    FailureType.NO_MATCH: Cause("fewer messages found than expected", "Look in the account's archive, junk and trash. Not there? See in the server's log who moved or deleted it, or ask for it to be sent again.", "the server works", "MAIL MISSING", hosted=False),
    FailureType.TOO_OLD: Cause("the newest message is too old", "Look at the server's delivery queue and at the junk folder; if it is in neither, ask the sender.", "the server works", "NO NEW MAIL", hosted=False),
    FailureType.MESSAGE_TOO_LARGE: Cause("the newest message is too large", "Look at the newest match: who sends such mail? If it is expected, raise search.max_size in {file}.", "the server works", "MAIL TOO LARGE", hosted=False),
    FailureType.TIMEOUT: Cause("no complete answer to {step}", "Look at load, disk and network of {behind}; repeat the check by hand."),
}  # fmt: skip
BEHIND: Mapping[str, str] = {
    "dns": "the resolver and the zone's name servers",
    "authenticate": "the login service",
    **dict.fromkeys(("id", "logout"), "the mail server"),
    **dict.fromkeys(("connect", "tls", "greeting", "capability", "starttls"), "the host and the way to it"),
    **dict.fromkeys(
        ("namespace", "list", "examine", "search", "fetch", "append", "cleanup", "quota", "locate_sent"),
        "the mail store",
    ),
}


def behind(step: str) -> str:
    """What a step stands or falls with."""
    return BEHIND.get(step, "the mail server")


def may_have_changed(run: CheckResult) -> bool:
    """Whether asking what has changed leads anywhere: time alone ends a certificate."""
    return type_of(run) is not FailureType.CERTIFICATE_EXPIRED


def word_of(run: CheckResult) -> str:
    """The first word: DOWN, unless all that failed leaves the server itself in order."""
    words = [_CAUSES[failure.type].word for failure in run.failures]
    return words[0] if words and DOWN not in words else DOWN


def headline_of(run: CheckResult, asked: Asked) -> str:
    """`connection refused`: for a subject."""
    return "run failed" if run.failure is None else _filled(_CAUSES[run.failure.type].headline, run.failure.step, asked)


def meaning_of(run: CheckResult, asked: Asked) -> str:
    """What it means in this case, as ` - the server refused ..`; nothing where the detail says it."""
    if run.failure is None:
        return ""
    type, step = run.failure.type, run.failure.step
    if type is FailureType.TIMEOUT:
        told = _waited(run.step_ms.get(step), asked)
    else:
        why = _CAUSES[type].why
        told = f"{type.meaning[0].lower()}{type.meaning[1:].rstrip('.')}" if why is None else _filled(why, step, asked)
    return f" - {told}" if told else ""


def _waited(took: float | None, asked: Asked) -> str:
    waited = "" if took is None else f"waited {seconds(took)}"
    limit = "" if asked.timeout is None else f"the whole run may take {asked.timeout:g} s"
    return "; ".join(filter(None, (waited, limit)))


def advice_of(run: CheckResult, asked: Asked, *, worked_before: bool) -> str | None:
    """Where to look for what changed; for what never worked the failure's own advice, with the secret's name."""
    failure = run.failure
    if failure is None:
        return None
    if worked_before:
        cause = _CAUSES[failure.type]
        return f"{_filled(cause.look, failure.step, asked)}{_PROVIDER if cause.hosted else ''}"
    if asked.secret is None:
        return failure.advice
    named = failure.advice.replace("the secret or the credentials file", "the secret")
    return named.replace("the secret", _secret(asked), 1)


def _secret(asked: Asked) -> str:
    return f"the secret {asked.secret} (AWS Secrets Manager)" if asked.secret else "the secret"


def _filled(text: str, step: StepName, asked: Asked) -> str:
    known = asked.mailbox is not None and step == "examine"
    return text.format(
        step=step,
        behind=behind(step),
        mailbox=f"mailbox {asked.mailbox}" if known else "such mailbox",
        secret=_secret(asked),
        file=asked.file or "the definition",
    )
