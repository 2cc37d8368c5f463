"""Why a message came back: the diagnostic code of a delivery status notification (RFC 3464)."""

import email
import email.policy
from email.message import Message


def diagnosis(report: bytes) -> str | None:
    """The reporting server's reason in its own words; None where `report` holds none that can be read."""
    try:
        message = email.message_from_bytes(report, policy=email.policy.compat32)
        fields = [field for part in message.walk() for field in _fields_of(part)]
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None  # anybody may have written it
    for name in ("Diagnostic-Code", "Status"):
        for block in fields:
            if (value := block.get(name)) is not None:
                _, typed, text = str(value).partition(";") if name == "Diagnostic-Code" else ("", "", "")
                return " ".join((text if typed else str(value)).split()) or None
    return None


def _fields_of(part: Message) -> list[Message]:
    """The groups of fields of a message/delivery-status."""
    payload = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
