"""A message that is really sent, and its arrival: on a second connection, while the first one watches the mailbox."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address

from imapcheck.check.bounce import diagnosis
from imapcheck.check.refusals import LoginAnswer, refused_login
from imapcheck.check.route import authentication_of
from imapcheck.check.sending import Arrived, RoundTrip
from imapcheck.check.state import Attempt
from imapcheck.check.steps import reading
from imapcheck.check.steps.connection import without_local
from imapcheck.check.steps.login import paused, with_hint
from imapcheck.check.watch import Watch
from imapcheck.definition.addresses import parse_address
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.encoder import decode_mailbox
from imapcheck.imap.mailboxes import by_special_use
from imapcheck.network.resolver import Address, resolve
from imapcheck.network.transport import Wire
from imapcheck.network.transport import connect as tcp_connect
from imapcheck.smtp.reply import Reply
from imapcheck.smtp.session import SmtpSession
from imapcheck.trace import Deadline, StepRecord
from imapcheck.wording import clock, length

_JUNK_SECONDS = 5.0
_LAST_LOOK_SECONDS = 2.0
"""What is kept of the run's time for a last look and LOGOUT."""
_FAREWELL_SECONDS = 0.5
_NOT_UNDERSTOOD = {500, 501, 502, 503}
_NO_SUCH_LOGIN = {504, 530, 534, 538}


def examine(attempt: Attempt) -> None:
    """Open the watched mailbox, then the one in which the message should arrive, and wait there for news."""
    reading.examine(attempt)
    send, learnt = attempt.sending.definition, attempt.learnt
    with attempt.tracer.step("examine") as step:
        mailbox = reading.named_mailbox(attempt, send.mailbox, "send.mailbox")
        if mailbox != learnt.watched:
            reading.open_mailbox(attempt, step, mailbox)
        watch = Watch(attempt.session, mailbox, attempt.sending.run_id, reads_bounces=_reads_bounces(attempt))
        learnt.round_trip = RoundTrip(watch)
        learnt.utf8_names = attempt.session.utf8_names
        watch.begin(step, by_special_use(learnt.listed, "\\junk"))


def _reads_bounces(attempt: Attempt) -> bool:
    """Whether a bounce would come to the mailbox that is watched: user names are addresses, or what stands before @."""
    send, credentials = attempt.sending.definition, attempt.asked.credentials
    sender, recipient = parse_address(send.from_), parse_address(send.to)
    username = credentials.username.lower() if credentials is not None else None
    own = {sender.addr_spec.lower(), sender.username.lower()}
    return sender.addr_spec.lower() == recipient.addr_spec.lower() or username in own


def send_connect(attempt: Attempt) -> None:
    """Resolve, connect, and unless TLS comes first wait for the banner and say EHLO."""
    send = attempt.sending.definition
    with attempt.tracer.step("send_connect") as step:
        addresses = _addresses(attempt, step)
    addresses = without_local(attempt, addresses, "send.server", send.host, "send_connect")
    with attempt.tracer.step("send_connect") as step:
        connected = tcp_connect(addresses, send.port, attempt.deadline)
        wire = Wire(connected.socket, attempt.deadline, attempt.tracer.moved)
        attempt.sender = SmtpSession(wire, attempt.redactor, attempt.transcript, _literal(connected.local))
        if connected.unreachable:
            step.note("no connection to " + ", ".join(map(str, connected.unreachable)))
        if send.tls_mode != "implicit":
            _greet(attempt.sender)


def _addresses(attempt: Attempt, step: StepRecord) -> list[Address]:
    send = attempt.sending.definition
    if send.host_is_address:
        return [ip_address(send.host)]
    resolved = resolve(send.host, attempt.deadline)
    step.leave_out(resolved.overhead)
    return resolved.addresses


def _literal(address: Address) -> str:
    """What a client without a name of its own says in EHLO (RFC 5321 section 4.1.3)."""
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _greet(sender: SmtpSession) -> None:
    sender.banner()
    sender.ehlo()


def send_tls(attempt: Attempt) -> None:
    """TLS from the start or by STARTTLS, and EHLO in it: what was offered in clear text counts for nothing."""
    sending, sender = attempt.sending, attempt.sender
    send = sending.definition
    assert sender is not None
    assert sending.context is not None
    implicit = send.tls_mode == "implicit"
    with attempt.tracer.step("send_tls"):
        if not implicit:
            sender.starttls()
        sender.start_tls(sending.context, send.tls.server_name or send.host, implicit=implicit)
    with attempt.tracer.step("send_connect"):
        if implicit:
            _greet(sender)
        else:
            sender.ehlo()


def send_authenticate(attempt: Attempt) -> None:
    """Log in to the sending server."""
    sending, sender = attempt.sending, attempt.sender
    mechanism, credentials = sending.mechanism(), sending.credentials
    assert sender is not None
    assert mechanism is not None
    assert credentials is not None
    with attempt.tracer.step("send_authenticate") as step:
        if mechanism.name not in sender.extensions.get("AUTH", ()):
            offered = ", ".join(sender.mechanisms()) or "no mechanism"
            raise CheckFailure(
                FailureType.MECHANISM_NOT_OFFERED, f"the server does not offer {mechanism.name}: it offers {offered}"
            )
        if sending.login_pause is not None:
            raise paused(sending.login_pause)
        reply = sender.authenticate(mechanism, step.aside)
        if not reply.ok:
            with step.aside():  # words are looked up in long lists
                explained = mechanism.explain()
                failure = reply.rejected(_login_verdict(reply, explained), f" ({explained})" if explained else "")
                raise with_hint(failure, credentials)


def _login_verdict(reply: Reply, explained: str | None) -> FailureType:
    """What a refused AUTH means (RFC 4954 section 6): the code decides, and words where it says nothing."""
    if reply.transient:
        return FailureType.AUTHENTICATION_UNAVAILABLE
    if reply.code in _NO_SUCH_LOGIN:
        return FailureType.MECHANISM_NOT_OFFERED
    if reply.enhanced == "5.7.8":
        return FailureType.AUTHENTICATION_FAILED
    told = refused_login(None, f"{reply.said} {explained or ''}")
    if told is LoginAnswer.UNAVAILABLE:
        return FailureType.AUTHENTICATION_UNAVAILABLE
    unclear = told is LoginAnswer.UNCLEAR and reply.code in _NOT_UNDERSTOOD
    return FailureType.COMMAND_REJECTED if unclear else FailureType.AUTHENTICATION_FAILED


def submit(attempt: Attempt) -> None:
    """Hand the message over. Once its body goes out, no attempt of this run hands it over again."""
    sending, sender, trip = attempt.sending, attempt.sender, attempt.learnt.round_trip
    assert sender is not None
    assert trip is not None
    trip.dated = datetime.now(UTC)
    message = sending.draft.dated(trip.dated)
    sender_address, recipient = (
        parse_address(text).addr_spec for text in (sending.definition.from_, sending.definition.to)
    )
    with attempt.tracer.step("submit") as step:
        _require(sender.mail(sender_address))
        _require(sender.rcpt(recipient))
        _require(sender.data())
        trip.body_sent = True
        if attempt.extends_to is not None:  # no other attempt follows this one
            attempt.deadline = sender.wire.deadline = attempt.session.wire.deadline = attempt.extends_to
        reply = sender.message(message.octets)
        _require(reply)
        step.note(reply.words)
    trip.accepted_at, trip.accepted_on = attempt.tracer.moved_at or time.perf_counter(), datetime.now(UTC)
    trip.queued_as = reply.queue_id
    sender.quit()


def _require(reply: Reply) -> None:
    if reply.code >= 400:
        raise reply.rejected(FailureType.SUBMISSION_DEFERRED if reply.transient else FailureType.SUBMISSION_REFUSED)


def arrival(attempt: Attempt) -> None:
    """Wait for the message where it should arrive, and look where it should not."""
    trip, within = attempt.learnt.round_trip, attempt.sending.definition.within.total_seconds()
    assert trip is not None
    try:
        with attempt.tracer.step("arrival") as step:
            ends = Deadline(min(Deadline.after(within).at, attempt.deadline.at - _LAST_LOOK_SECONDS))
            trip.arrived = _awaited(attempt, trip, step, ends)
            if trip.arrived is None:
                raise _not_arrived(attempt, trip, cut_short=ends.at == attempt.deadline.at - _LAST_LOOK_SECONDS)
            if trip.arrived.mailbox == trip.watch.junk:
                raise _in_junk(attempt, trip.arrived)
            step.note(f"in {_name(attempt, trip.arrived.mailbox)}")
    finally:
        leave(attempt)


def search(attempt: Attempt) -> None:
    """Search, once the mailbox is open again that the definition's search is about."""
    trip, learnt = attempt.learnt.round_trip, attempt.learnt
    if trip is not None and trip.watch.opened != learnt.watched:
        with attempt.tracer.step("examine") as step:
            reading.open_mailbox(attempt, step, learnt.watched)
    reading.search(attempt)


def leave(attempt: Attempt) -> None:
    """End the session with the sending server, and IDLE where a failure has left it on."""
    trip, sender = attempt.learnt.round_trip, attempt.sender
    if sender is not None:
        sender.wire.deadline = attempt.deadline.within(_FAREWELL_SECONDS)
        sender.quit()
        sender.farewell()
    if trip is not None and attempt.session.usable:
        # A failure here makes the session unusable, which is all that LOGOUT asks; the one before it is reported.
        with suppress(CheckFailure):
            trip.watch.pause()


def _awaited(attempt: Attempt, trip: RoundTrip, step: StepRecord, ends: Deadline) -> Arrived | None:
    """Until `ends`: wait for news, and look; into junk, and without news, every five seconds."""
    watch, tracer = trip.watch, attempt.tracer
    pushed_at: float | None = None

    def since(moment: float | None) -> float:
        return max(0.0, (moment or time.perf_counter()) - (trip.accepted_at or 0.0))

    due = Deadline.after(_JUNK_SECONDS)
    while True:
        if watch.hears_of_mail(Deadline(min(due.at, ends.at))):
            pushed_at = tracer.moved_at if watch.idles else None
        elif due.remaining() and ends.remaining():
            continue
        watch.pause()
        header, mailbox = watch.look(step, watch.mailbox), watch.mailbox
        if header is None and watch.junk is not None and not (due.remaining() and ends.remaining()):
            header, mailbox = watch.look_into_junk(step), watch.junk
        if header is not None:
            pushed = since(pushed_at) if pushed_at is not None and mailbox == watch.mailbox else None
            return Arrived(mailbox, header, since(tracer.moved_at), pushed)
        if watch.returned is not None or not ends.remaining():
            return None
        pushed_at = None
        if not due.remaining():
            due = Deadline.after(_JUNK_SECONDS)
        watch.listen(step)


def _not_arrived(attempt: Attempt, trip: RoundTrip, *, cut_short: bool) -> CheckFailure:
    send, watch = attempt.sending.definition, trip.watch
    queued = f", queued as {trip.queued_as}" if trip.queued_as else ""
    accepted = trip.accepted_on or datetime.now(UTC)
    taken = f"accepted by {send.host} at {clock(accepted, accepted, seconds=True)}{queued}"
    if watch.returned is not None:
        reason = diagnosis(watch.returned)
        return CheckFailure(FailureType.NOT_DELIVERED, f"{taken}, and returned: {reason or 'without a reason'}")
    waited = length((time.perf_counter() - (trip.accepted_at or 0.0)) * 1000)
    if cut_short:
        return CheckFailure(FailureType.TIMEOUT, f"{taken}; the run's time ended {waited} later, before send.within")
    inbox = _name(attempt, watch.mailbox)
    places = f"neither in {inbox} nor in {_name(attempt, watch.junk)}" if watch.junk else f"not in {inbox}"
    return CheckFailure(FailureType.NOT_DELIVERED, f"{taken}; {places} after {waited}")


def _in_junk(attempt: Attempt, arrived: Arrived) -> CheckFailure:
    found = authentication_of(arrived.header)
    told = f"; {found.words}" if found is not None else ""
    where, when = _name(attempt, arrived.mailbox), length(arrived.seconds * 1000)
    return CheckFailure(FailureType.DELIVERED_TO_JUNK, f"arrived in {where} after {when}{told}")


def _name(attempt: Attempt, mailbox: bytes) -> str:
    return attempt.redactor.clean_line(decode_mailbox(mailbox, utf8=attempt.learnt.utf8_names), 100)
