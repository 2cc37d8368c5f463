"""What an attempt has learnt, as the facts of the result; whatever the server worded is redacted here."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from imapcheck.check.state import Learnt
from imapcheck.definition.model import CheckDefinition
from imapcheck.delivery import DeliveryFacts
from imapcheck.imap.encoder import decode_mailbox
from imapcheck.login.credentials import Credentials
from imapcheck.network.tls import weaknesses
from imapcheck.result import (
    Exceeded,
    NewMessageFacts,
    QuotaFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
    judged_total,
)
from imapcheck.text import one_line
from imapcheck.transcript import Redactor
from imapcheck.wording import date, elapsed, expires, percent

_MOST_ADDRESSES = 20
_EXPIRE_SOON_DAYS = 30


def exceeded(definition: CheckDefinition, steps: Iterable[StepResult], duration_ms: float) -> tuple[Exceeded, ...]:
    """The definition's thresholds that some step, or the whole, took longer than; not by an unanswered LOGOUT."""
    steps = tuple(steps)
    counted = (step for step in steps if step.name != "logout" or step.status != "refused")
    times: dict[str, float] = {step.name: step.duration_ms or 0.0 for step in counted}
    times["total"] = judged_total(steps, duration_ms)
    return tuple(
        Exceeded(name, limit, times[name])
        for name, limit in definition.thresholds.items()
        if times.get(name, 0.0) > limit
    )


def warnings(
    definition: CheckDefinition, learnt: Learnt, alerts: Iterable[str], redactor: Redactor
) -> tuple[ResultWarning, ...]:
    """What will need a person although the server may work; `alerts` are what it wants shown."""
    found = [*_certificate_warnings(definition, learnt.tls, redactor), *_tls_warnings(learnt.tls)]
    found += _address_warnings(learnt)
    found += [ResultWarning("server_alert", words) for words in alerts]
    quota = quota_facts(learnt, redactor)
    if quota is not None and definition.quota is not None and quota.used_percent >= definition.quota.warn_percent:
        used, limit = percent(quota.used_percent), percent(definition.quota.warn_percent)
        found.append(ResultWarning("quota", f"{quota.resource} is {used} full, at or above {limit}"))
    if learnt.empty_uid is not None:
        detail = f"message {learnt.empty_uid} matched by its text and came empty: it was not really read"
        found.append(ResultWarning("empty_message", detail))
    found += _message_warnings(learnt)
    return tuple(found)


def delivery_warnings(delivery: DeliveryFacts | None) -> tuple[ResultWarning, ...]:
    """What the receiving server's own look at a sent message calls failed."""
    found = delivery.authentication if delivery is not None else None
    if found is None or "fail" not in (found.spf, found.dkim, found.dmarc):
        return ()
    return (ResultWarning("delivery_authentication", f"the receiving server found {found.words}"),)


def credentials_warnings(credentials: Credentials | None, now: datetime) -> Iterator[ResultWarning]:
    """What proves the user ends soon: as far as somebody has noted when."""
    for whose, held in (("", credentials), ("of the sending login, ", credentials and credentials.send)):
        if held is None or held.expires is None:
            continue
        left = (held.expires - now).total_seconds() / 86_400
        if left <= _EXPIRE_SOON_DAYS:
            detail = f"{whose}{expires(left)}, on {date(held.expires, now)}: renew them and their expires_at"
            yield ResultWarning("credentials_expire_soon", detail)


def _message_warnings(learnt: Learnt) -> Iterator[ResultWarning]:
    if learnt.never_fetched:
        detail = "each newest match vanished before it could be fetched: none was read"
        yield ResultWarning("mailbox_in_use", detail)
    if learnt.seconds_ahead is not None:
        ahead = elapsed(timedelta(seconds=learnt.seconds_ahead))
        detail = f"the newest match is dated {ahead} ahead of this machine's clock: its age says nothing of delivery"
        yield ResultWarning("future_message", detail)


def _certificate_warnings(
    definition: CheckDefinition, tls: TlsFacts | None, redactor: Redactor
) -> Iterator[ResultWarning]:
    if tls is None or definition.tls_mode == "none":
        return
    left, least = tls.certificate_days_remaining, definition.alarms.certificate_days
    if not definition.tls.verify:
        yield ResultWarning("certificate_unverified", "tls.verify is false: the certificate was not verified")
    elif tls.verified and left is not None and left < least:
        whose = f"{tls.certificate_expiring} in the chain " if tls.certificate_expiring is not None else ""
        at = tls.certificate_expires_at
        on = "" if at is None else f", on {date(datetime.fromisoformat(at), datetime.now(UTC))}"
        detail = f"{whose}{expires(left)}{on}"
        yield ResultWarning("certificate_expires_soon", redactor.clean_line(detail))


def _address_warnings(learnt: Learnt) -> Iterator[ResultWarning]:
    """Clients that come to a dead address first wait, or fail."""
    if learnt.address is not None and learnt.dead:
        dead = "; ".join(f"{address}: {why}" for address, why in learnt.dead[:_MOST_ADDRESSES])
        yield ResultWarning("address_unreachable", one_line(f"{learnt.address} answers, but not {dead}"))


def _tls_warnings(tls: TlsFacts | None) -> Iterator[ResultWarning]:
    """Mail clients still connect, and newer ones will not for ever."""
    if tls is not None and (old := weaknesses(tls.version, tls.cipher)):
        yield ResultWarning("weak_tls", f"TLS 1.2 with {tls.cipher}: {'; '.join(old)}")


def quota_facts(learnt: Learnt, redactor: Redactor) -> QuotaFacts | None:
    """The fullest resource; None where it was not asked for, or there is no limit."""
    if learnt.quota is None:
        return None
    return QuotaFacts(learnt.quota.used_percent(), redactor.show(learnt.quota.name, 80))


def server_facts(definition: CheckDefinition, learnt: Learnt, redactor: Redactor) -> ServerFacts:
    """Where the connection went and how it was protected."""
    return ServerFacts(
        host=definition.host,
        port=definition.port,
        address=None if learnt.address is None else str(learnt.address),
        unreachable_addresses=tuple(map(str, learnt.unreachable[:_MOST_ADDRESSES])),
        tls=None if learnt.tls is None else _clean(learnt.tls, redactor),
    )


def _clean(tls: TlsFacts, redactor: Redactor) -> TlsFacts:
    """A certificate's names are the server's words: a hostile one may put anything there."""
    subject, issuer, expiring = (
        None if name is None else redactor.clean_line(name)
        for name in (tls.certificate_subject, tls.certificate_issuer, tls.certificate_expiring)
    )
    names = tuple(redactor.clean_line(name) for name in tls.certificate_names)
    return replace(
        tls,
        certificate_subject=subject,
        certificate_issuer=issuer,
        certificate_names=names,
        certificate_expiring=expiring,
    )


def search_facts(learnt: Learnt) -> SearchFacts | None:
    """None where no search was answered."""
    if learnt.matches is None:
        return None
    return SearchFacts(learnt.matches.count, learnt.matches.highest, learnt.age_seconds, learnt.fetched_octets)


def message_facts(learnt: Learnt, redactor: Redactor) -> NewMessageFacts | None:
    """None if no mailbox to file in was found and no earlier message of this check was seen."""
    if learnt.sent is None and learnt.delivery_seconds is None:
        return None
    return NewMessageFacts(
        mailbox=None
        if learnt.sent is None
        else redactor.clean_line(decode_mailbox(learnt.sent, utf8=learnt.utf8_names)),
        message_id=learnt.message_id,
        uid_validity=learnt.appended.uid_validity if learnt.appended is not None else None,
        uid=learnt.appended.uid if learnt.appended is not None else None,
        removed=learnt.removed,
        delivery_seconds=learnt.delivery_seconds,
    )
