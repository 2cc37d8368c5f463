"""The messages a check files and sends: complete by RFC 5322, new on every run, and ours to recognize."""

import email.policy
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from imapcheck.check.arrival import CHECK_HEADER, RUN_HEADER
from imapcheck.check.headers import address_field, text_field
from imapcheck.definition.addresses import parse_address
from imapcheck.definition.model import NewMessageDefinition
from imapcheck.definition.sending import SendDefinition

_ROUND_TRIP = "imapcheck sent this message to see whether mail arrives. Nobody needs to read it.\n"
_POLICY = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class BuiltMessage:
    """A message as octets with CRLF line ends, and its Message-ID with angle brackets."""

    octets: bytes
    message_id: str


class _Undated:
    """A message but for what is new on every run: it is written before a session begins."""

    def __init__(self, domain: str, octets: bytes) -> None:
        self._domain, self._octets = domain, octets

    def dated(self, now: datetime | None = None) -> BuiltMessage:
        """The message with a Message-ID of its own, dated `now` (UTC, default: now)."""
        message_id = f"<{uuid.uuid4()}@{self._domain}>"
        head = f"Date: {format_datetime(now or datetime.now(UTC))}\r\nMessage-ID: {message_id}\r\n"
        return BuiltMessage(head.encode("ascii") + self._octets, message_id)


class Draft(_Undated):
    """The RFC 5322 message of `definition` for the check named `check`.

    Writing it takes longer than many a server's answer.
    Headers outside ASCII follow RFC 2047 (`headers`); the body is UTF-8 in quoted-printable or base64, so that
    no line is longer than 76 octets whatever the text. Bcc is kept: a server that sends what lands in
    the mailbox needs it.
    """

    def __init__(self, definition: NewMessageDefinition, check: str) -> None:
        sender = parse_address(definition.from_)
        fields = [address_field("From", [sender])]
        for header, addresses in (("To", definition.to), ("Cc", definition.cc), ("Bcc", definition.bcc)):
            if addresses:
                fields.append(address_field(header, map(parse_address, addresses)))
        fields += [text_field("Subject", definition.subject), text_field(CHECK_HEADER, check)]
        super().__init__(sender.domain, _composed(fields, definition.message))


class RoundTripDraft(_Undated):
    """The message that is really sent: it says that a machine wrote it (RFC 3834), and in which run."""

    def __init__(self, definition: SendDefinition, check: str, run_id: str) -> None:
        sender, recipient = parse_address(definition.from_), parse_address(definition.to)
        fields = [address_field("From", [sender]), address_field("To", [recipient])]
        fields += [text_field("Subject", definition.subject), text_field(CHECK_HEADER, check)]
        fields += [f"{RUN_HEADER}: {run_id}\r\n", "Auto-Submitted: auto-generated\r\n", "Precedence: bulk\r\n"]
        super().__init__(sender.domain, _composed(fields, _ROUND_TRIP))


def _composed(fields: Iterable[str], text: str) -> bytes:
    body = text.replace("\r\n", "\n").replace("\r", "\n")
    content = EmailMessage(policy=_POLICY)
    content.set_content(body, charset="utf-8", cte=_transfer_encoding(body))
    return "".join(fields).encode("ascii") + content.as_bytes()


def _transfer_encoding(body: str) -> str:
    plain = body.isascii() and all(len(line) <= 76 for line in body.split("\n"))
    if plain:
        return "7bit"
    ascii_share = sum(char.isascii() for char in body) / len(body)
    return "quoted-printable" if ascii_share > 0.7 else "base64"
