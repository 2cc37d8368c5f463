"""The message a check files: complete by RFC 5322, new on every run, and ours to recognise."""

import email.policy
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

from imapcheck.addresses import parse_address
from imapcheck.definition import NewMessageDefinition

CHECK_HEADER = "X-Imapcheck"
_POLICY = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class BuiltMessage:
    """A message as octets with CRLF line ends, and its Message-ID with angle brackets."""

    octets: bytes
    message_id: str


def build_message(definition: NewMessageDefinition, check: str, now: datetime | None = None) -> BuiltMessage:
    """The RFC 5322 message of `definition` for the check named `check`, dated `now` (UTC, default: now).

    Headers outside ASCII follow RFC 2047; the body is UTF-8 in quoted-printable or base64, so that
    no line is longer than 76 octets whatever the text. Bcc is kept: a server that sends what lands in
    the mailbox needs it.
    """
    sender = parse_address(definition.from_)
    message_id = f"<{uuid.uuid4()}@{sender.domain}>"
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    for header, addresses in (("To", definition.to), ("Cc", definition.cc), ("Bcc", definition.bcc)):
        if addresses:
            message[header] = [parse_address(address) for address in addresses]
    message["Subject"] = definition.subject
    message["Date"] = now or datetime.now(UTC)
    message["Message-ID"] = message_id
    message[CHECK_HEADER] = check
    body = definition.message.replace("\r\n", "\n").replace("\r", "\n")
    message.set_content(body, charset="utf-8", cte=_transfer_encoding(body))
    return BuiltMessage(message.as_bytes(), message_id)


def _transfer_encoding(body: str) -> str:
    plain = body.isascii() and all(len(line) <= 76 for line in body.split("\n"))
    if plain:
        return "7bit"
    ascii_share = sum(char.isascii() for char in body) / len(body)
    return "quoted-printable" if ascii_share > 0.7 else "base64"
