"""Filing a new message where sent mail belongs, and removing this check's own older ones."""

from imapcheck.check.refusals import is_over_quota
from imapcheck.check.state import Attempt
from imapcheck.check.steps.reading import is_missing
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.encoder import encode_mailbox
from imapcheck.imap.mailboxes import sent_mailbox

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
                raise completion.rejected()
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
        return completion.rejected(FailureType.OVER_QUOTA)
    if is_missing(attempt, mailbox, completion):
        return completion.rejected(FailureType.MAILBOX_NOT_FOUND, "; create it or set new_message.mailbox")
    return completion.rejected()


def cleanup(attempt: Attempt) -> None:
    """Remove this check's own older messages; never makes the server unavailable."""
    from imapcheck.check.cleanup import remove_older  # few ask for it

    session, asked, learnt = attempt.session, attempt.asked.new_message, attempt.learnt
    label = attempt.asked.definition.label
    assert learnt.sent is not None
    assert asked.keep_for is not None
    with attempt.tracer.step("cleanup") as step:
        session.wire.deadline = attempt.deadline.within(_CLEANUP_SECONDS)
        try:
            learnt.removed = remove_older(
                session, learnt.sent, learnt.listed, label, asked.subject, asked.keep_for, step
            )
        except CheckFailure as failure:
            # All that the check asks of the server has passed by now: a broken clean-up is not an outage.
            step.refuse(failure.detail)
