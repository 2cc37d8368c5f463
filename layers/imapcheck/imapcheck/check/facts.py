"""What a run has learnt, as the facts of its result; whatever the server worded is redacted here."""

from collections.abc import Iterable
from dataclasses import replace

from imapcheck.check.steps import Run
from imapcheck.definition.model import CheckDefinition
from imapcheck.imap.encoder import decode_mailbox
from imapcheck.result import (
    Exceeded,
    NewMessageFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
)
from imapcheck.text import one_line
from imapcheck.transcript import Redactor

_CERTIFICATE_DAYS = 14


def exceeded(definition: CheckDefinition, steps: Iterable[StepResult], duration_ms: float) -> tuple[Exceeded, ...]:
    """The definition's thresholds that some step, or the whole, took longer than."""
    times: dict[str, float] = {"total": duration_ms}
    times |= {step.name: step.duration_ms or 0.0 for step in steps}
    return tuple(
        Exceeded(name, limit, times[name])
        for name, limit in definition.thresholds.items()
        if times.get(name, 0.0) > limit
    )


def warnings(run: Run) -> tuple[ResultWarning, ...]:
    """What will need a person although the server may work."""
    tls = run.tls
    if tls is None or run.definition.tls_mode == "none":
        return ()
    if not run.definition.tls.verify:
        return (ResultWarning("certificate_unverified", "tls.verify is false: the certificate was not verified"),)
    days = tls.certificate_days_remaining
    if not tls.verified or days is None or days >= _CERTIFICATE_DAYS:
        return ()
    return (ResultWarning("certificate_expires_soon", f"expires in {days:g} days, at {tls.certificate_expires_at}"),)


def server_facts(run: Run) -> ServerFacts:
    """Where the connection went and how it was protected."""
    return ServerFacts(
        host=run.definition.host,
        port=run.definition.port,
        address=None if run.address is None else str(run.address),
        unreachable_addresses=tuple(map(str, run.unreachable)),
        tls=None if run.tls is None else _clean(run.tls, run.redactor),
    )


def _clean(tls: TlsFacts, redactor: Redactor) -> TlsFacts:
    """A certificate's names are the server's words: a hostile one may put anything there."""
    subject, issuer = (
        None if name is None else one_line(redactor.clean_text(name))
        for name in (tls.certificate_subject, tls.certificate_issuer)
    )
    names = tuple(one_line(redactor.clean_text(name)) for name in tls.certificate_names)
    return replace(tls, certificate_subject=subject, certificate_issuer=issuer, certificate_names=names)


def search_facts(run: Run) -> SearchFacts | None:
    """None where no search was answered."""
    if run.found is None:
        return None
    return SearchFacts(run.found.count, run.found.highest, run.age_seconds, run.fetched_octets)


def message_facts(run: Run) -> NewMessageFacts | None:
    """None where no place for a message was found and none of ours was seen."""
    if run.sent is None and run.delivery_seconds is None:
        return None
    return NewMessageFacts(
        mailbox=None if run.sent is None else one_line(run.redactor.clean_text(decode_mailbox(run.sent))),
        message_id=run.message_id,
        uid_validity=run.appended.uid_validity if run.appended is not None else None,
        uid=run.appended.uid if run.appended is not None else None,
        removed=run.removed,
        delivery_seconds=run.delivery_seconds,
    )
