"""Filing a new message where sent mail belongs, and removing this check's own older ones."""

from datetime import timedelta
from typing import NamedTuple

from imapcheck.check.refusals import is_over_quota
from imapcheck.check.state import Attempt
from imapcheck.check.steps.reading import is_missing
from imapcheck.check.steps.rejection import rejected
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.encoder import decode_mailbox, encode_mailbox
from imapcheck.imap.mailboxes import by_special_use, sent_mailbox
from imapcheck.trace import StepRecord

_CLEANUP_SECONDS = 10.0


def locate_sent(attempt: Attempt) -> None:
    """Find where sent mail belongs, unless the definition says it."""
    mailbox, learnt = attempt.asked.new_message.mailbox, attempt.learnt
    learnt.utf8_names = attempt.session.utf8_names
    if mailbox is not None:
        learnt.sent = encode_mailbox(mailbox, utf8=attempt.session.utf8_names)
        attempt.tracer.skip("locate_sent", "new_message.mailbox is given")
    else:
        with attempt.tracer.step("locate_sent") as step:
            completion, listing = attempt.session.list_top_level(
                learnt.prefix,
                step.remark,
                suffices=lambda boxes: sent_mailbox(boxes, learnt.listed, learnt.prefix) is not None,
            )
            if not completion.ok:
                raise rejected(attempt, completion)
            learnt.sent = sent_mailbox(listing, learnt.listed, learnt.prefix)
            if learnt.sent is None:
                raise CheckFailure(
                    FailureType.MAILBOX_NOT_FOUND,
                    "no mailbox is named Sent, flagged \\Sent, or named Sent Items or Sent Messages;"
                    " set new_message.mailbox",
                )


def append(attempt: Attempt) -> None:
    """File a new message in the sent mailbox."""
    draft, learnt = attempt.asked.draft, attempt.learnt
    assert draft is not None
    assert learnt.sent is not None
    message = draft.dated()

    def sending() -> None:
        learnt.append_sent = True

    with attempt.tracer.step("append"):
        appended = attempt.session.append(learnt.sent, message.octets, sending)
        if not appended.completion.ok:
            raise _refused_append(attempt, learnt.sent, appended.completion)
    learnt.message_id, learnt.appended = message.message_id, appended


def _refused_append(attempt: Attempt, mailbox: bytes, completion: Completion) -> CheckFailure:
    if completion.status == "NO" and is_over_quota(completion.code, completion.said):
        return rejected(attempt, completion, FailureType.OVER_QUOTA)
    if is_missing(attempt, mailbox, completion):
        return rejected(attempt, completion, FailureType.MAILBOX_NOT_FOUND, "; create it or set new_message.mailbox")
    return rejected(attempt, completion)


class _Place(NamedTuple):
    """A mailbox to clean up, and whether sent messages arrive there."""

    mailbox: bytes
    subject: str
    keep_for: timedelta
    arrives: bool


def cleanup(attempt: Attempt) -> None:
    """Remove this check's own older messages; never makes the server unavailable."""
    from imapcheck.check.cleanup import remove_older  # few ask for it

    session, learnt, label = attempt.session, attempt.learnt, attempt.asked.definition.label
    places = _places(attempt)
    with attempt.tracer.step("cleanup") as step:
        session.wire.deadline = attempt.deadline.within(_CLEANUP_SECONDS)
        try:
            for mailbox, subject, keep_for, arrives in places:
                part = step if len(places) == 1 else StepRecord("cleanup")
                removed = remove_older(
                    session, mailbox, learnt.listed, label, subject, keep_for, part, arrived=arrives
                )  # fmt: skip
                if not arrives:
                    learnt.removed = removed
                if part is not step:
                    name = decode_mailbox(mailbox, utf8=session.utf8_names)
                    step.status = "refused" if part.status == "refused" else step.status
                    step.note(f"{name}: {part.detail}")
        except CheckFailure as failure:
            # All that the check asks of the server has passed by now: a broken clean-up is not an outage.
            step.refuse(failure.detail)


def _places(attempt: Attempt) -> list[_Place]:
    """Where messages are filed, and where sent ones arrive: in junk too."""
    definition, learnt = attempt.asked.definition, attempt.learnt
    filed, send, trip = definition.new_message, definition.send, learnt.round_trip
    places: list[_Place] = []
    if filed is not None and filed.keep_for is not None and learnt.sent is not None:
        places.append(_Place(learnt.sent, filed.subject, filed.keep_for, arrives=False))
    if send is not None and send.keep_for is not None and trip is not None:
        junk = by_special_use(learnt.listed, "\\junk")
        boxes = dict.fromkeys(box for box in (trip.watch.mailbox, junk) if box is not None)
        places += [_Place(box, send.subject, send.keep_for, arrives=True) for box in boxes]
    return places
