"""A look at a submission server without a login: how it is reached, and which logins it offers."""

from dataclasses import dataclass

from imapcheck.check.message import RoundTripDraft
from imapcheck.check.ready import tls_context
from imapcheck.check.sending import Sending
from imapcheck.check.state import Attempt, Prepared
from imapcheck.check.steps.sending import leave, send_connect, send_tls
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.trace import Deadline, Tracer
from imapcheck.transcript import Redactor, Transcript


@dataclass(frozen=True)
class SenderLook:
    """`mechanisms` as the server names them; `problem` is step, type and detail of what went wrong, or None."""

    mechanisms: tuple[str, ...]
    problem: tuple[str, FailureType, str] | None


def look_at_sender(definition: CheckDefinition, seconds: float = 20) -> SenderLook:
    """Connect to `send.server` as a run would, up to the end of TLS, and leave. Raises `DefinitionError`."""
    send, redactor = definition.send, Redactor()
    assert send is not None
    context = tls_context(send.tls, send.tls_mode, definition.path_of(send.tls.ca_file), f"{definition.label}: send")
    sending = Sending(send, "", None, context, RoundTripDraft(send, definition.label, ""), None)
    attempt = Attempt(
        asked=Prepared(definition, None, None, None, None, None, False, (), sending),
        deadline=Deadline.after(seconds),
        tracer=Tracer((), redactor.clean_line),
        redactor=redactor,
        transcript=Transcript(redactor),
        mechanism=None,
    )
    try:
        send_connect(attempt)
        if send.tls_mode != "none":
            send_tls(attempt)
        assert attempt.sender is not None
        return SenderLook(attempt.sender.extensions.get("AUTH", ()), None)
    except CheckFailure as failure:
        step = attempt.tracer.step_of(failure) or "send_connect"
        return SenderLook((), (step, failure.type, redactor.clean_line(failure.detail)))
    finally:
        leave(attempt)
        if attempt.sender is not None:
            attempt.sender.wire.close()
