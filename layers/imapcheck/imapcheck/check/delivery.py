"""What became of a message that was sent, as the facts of the result; whatever others worded is redacted here."""

from datetime import UTC, datetime

from imapcheck.check.route import authentication_of, hops_of
from imapcheck.check.sending import RoundTrip
from imapcheck.delivery import DeliveryFacts
from imapcheck.imap.encoder import decode_mailbox
from imapcheck.trace import milliseconds
from imapcheck.transcript import Redactor


def delivery_facts(trip: RoundTrip, *, utf8_names: bool, redactor: Redactor) -> DeliveryFacts | None:
    """None where no message was accepted."""
    arrived = trip.arrived
    if trip.accepted_at is None:
        return None
    if arrived is None:
        return DeliveryFacts(trip.queued_as)
    return DeliveryFacts(
        queued_as=trip.queued_as,
        mailbox=redactor.clean_line(decode_mailbox(arrived.mailbox, utf8=utf8_names)),
        arrival_ms=milliseconds(arrived.seconds),
        pushed_ms=None if arrived.pushed_seconds is None else milliseconds(arrived.pushed_seconds),
        hops=hops_of(arrived.header, trip.dated or datetime.now(UTC), redactor),
        authentication=authentication_of(arrived.header),
    )
