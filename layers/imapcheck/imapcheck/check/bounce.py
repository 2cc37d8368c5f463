"""Whether a message came back, and why: delivery status notifications (RFC 3464)."""

import email
import email.policy
from email.message import Message


def is_final(report: bytes) -> bool:
    """Whether `report` says that delivery failed: not that it takes longer, nor that somebody read the message."""
    fields = _fields(report)
    actions = [str(value).strip().lower() for block in fields for value in block.get_all("Action", [])]
    return "failed" in actions or (bool(fields) and not actions)


def diagnosis(report: bytes) -> str | None:
    """The reporting server's reason in its own words; None where `report` holds none that can be read."""
    fields = _fields(report)
    for name in ("Diagnostic-Code", "Status"):
        for block in fields:
            if (value := block.get(name)) is not None:
                _, typed, text = str(value).partition(";") if name == "Diagnostic-Code" else ("", "", "")
                return " ".join((text if typed else str(value)).split()) or None
    return None


def _fields(report: bytes) -> list[Message]:
    """All groups of fields of the report's delivery status; none where it cannot be read."""
    try:
        message = email.message_from_bytes(report, policy=email.policy.compat32)
        return [block for part in message.walk() for block in _fields_of(part)]
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return []  # anybody may have written it


def _fields_of(part: Message) -> list[Message]:
    """The groups of fields of a message/delivery-status."""
    payload = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
