"""What a deployment refuses of `send`, and what it doubts; `refusals` and `doubts` ask for it with the rest."""

from collections.abc import Iterator
from datetime import timedelta

from imapcheck.definition.access import idle_tls
from imapcheck.definition.files import NOTHING
from imapcheck.definition.model import CheckDefinition

_MONTH = timedelta(days=30)


def refused_sending(definition: CheckDefinition) -> Iterator[tuple[str, str, str]]:
    """(field, what was found, what was expected) of what a scheduled check could never do."""
    send = definition.send
    if send is None or not definition.runs_in_stack:
        return
    if send.port == 25:
        yield "send.server", "port 25", "465 or 587, as Lambda cannot reach port 25 of any host"
    if send.logs_in and send.secret is None and not definition.sends_as_it_reads:
        needs = f"{send.host} is not the host of server: it needs the name of its own secret, or authentication none"
        yield "send.secret", NOTHING, needs


def sending_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    """(field, text) of what is valid and has no effect, or one that nobody wants."""
    send, schedule = definition.send, definition.schedule
    if send is None:
        return
    if schedule is not None and send.keep_for is None:
        count = _MONTH // timedelta(seconds=schedule.seconds)
        yield "send", f"without keep_for {count:,} messages a month stay in the mailbox"
    if (send.tls_mode, send.port) == ("starttls", 465):
        yield (
            "send.server",
            "STARTTLS on port 465, where servers speak TLS from the start: did you mean smtps://?",
        )
    if (send.tls_mode, send.port) == ("implicit", 587):
        yield (
            "send.server",
            "TLS from the start on port 587, where servers offer STARTTLS: did you mean smtp://?",
        )
    no_login = None if send.logs_in else "send.authentication is none, so the check does not log in to send"
    outside = "runs from outside take their credentials from that machine" if definition.runs_outside else None
    keys = [
        ("send.secret", send.secret is not None, no_login or outside),
        *idle_tls(send.tls, send.tls_mode, no_login, "send."),
    ]
    for field, asked, reason in keys:
        if asked and reason is not None:
            yield field, f"has no effect: {reason}"
