"""The message a check files: complete by RFC 5322, new on every run, and ours to recognise."""

import email.policy
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from imapcheck.check.headers import address_field, text_field
from imapcheck.definition.addresses import parse_address
from imapcheck.definition.model import NewMessageDefinition

CHECK_HEADER = "X-Imapcheck"
_POLICY = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class BuiltMessage:
    """A message as octets with CRLF line ends, and its Message-ID with angle brackets."""

    octets: bytes
    message_id: str


class Draft:
    """The RFC 5322 message of `definition` for the check named `check`, but for what is new on every run.

    It is written before a session begins, as writing it takes longer than many a server's answer.
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
        body = definition.message.replace("\r\n", "\n").replace("\r", "\n")
        content = EmailMessage(policy=_POLICY)
        content.set_content(body, charset="utf-8", cte=_transfer_encoding(body))
        self._domain = sender.domain
        self._octets = "".join(fields).encode("ascii") + content.as_bytes()

    def dated(self, now: datetime | None = None) -> BuiltMessage:
        """The message with a Message-ID of its own, dated `now` (UTC, default: now)."""
        message_id = f"<{uuid.uuid4()}@{self._domain}>"
        head = f"Date: {format_datetime(now or datetime.now(UTC))}\r\nMessage-ID: {message_id}\r\n"
        return BuiltMessage(head.encode("ascii") + self._octets, message_id)


def _transfer_encoding(body: str) -> str:
    plain = body.isascii() and all(len(line) <= 76 for line in body.split("\n"))
    if plain:
        return "7bit"
    ascii_share = sum(char.isascii() for char in body) / len(body)
    return "quoted-printable" if ascii_share > 0.7 else "base64"
