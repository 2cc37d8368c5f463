"""Which steps a definition asks for, and why not the others: the plan runs by it, and `validate` warns by it."""

from typing import Literal, assert_never

from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.sending import SendDefinition
from imapcheck.steps import STEPS, Need, StepName


def why_not(definition: CheckDefinition, step: StepName) -> str | None:
    """Why the definition does not ask for `step`; None where it does."""
    reasons = (_lacking(definition, need) for need in STEPS[step].needs)
    return next((reason for reason in reasons if reason is not None), None)


def why_skipped(definition: CheckDefinition, step: StepName) -> str | None:
    """Why `step` has nothing to do whatever the server says, though it is asked for; None where it has."""
    message = definition.new_message
    if step == "dns" and definition.host_is_address:
        return "the server is given as an address"
    if step == "locate_sent" and message is not None and message.mailbox is not None:
        return "new_message.mailbox is given"
    return None


def reaches(step: StepName) -> bool:
    """Whether `step` belongs to reaching the server, which every place can see: the session up to its login."""
    return step != "logout" and not set(STEPS[step].needs) - {"tls", "starttls"}


def reach_only(definition: CheckDefinition, most_seconds: float) -> CheckDefinition:
    """The same server as if `authentication` were `none`: names, connection, TLS, greeting and capabilities."""
    kept = {"name", "server", "tls", "retries"}
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in CheckDefinition.model_fields.items()
        if name not in kept
    }
    timeout = min(definition.timeout, most_seconds)
    return definition.model_copy(update={**defaults, "authentication": "none", "timeout": timeout})


def _lacking(definition: CheckDefinition, need: Need) -> str | None:
    message, mode = definition.new_message, definition.tls_mode
    match need:
        case "login":
            return None if definition.logs_in else "authentication is none"
        case "tls":
            return None if mode != "none" else "tls.mode is none"
        case "starttls":
            return None if mode == "starttls" else f"tls.mode is {mode}"
        case "identify":
            return None if definition.identify else "identify is false"
        case "quota":
            return None if definition.quota is not None else "there is no quota"
        case "search":
            return None if definition.search is not None else "there is no search"
        case "new_message":
            return None if message is not None else "there is no new_message"
        case "send" | "send_tls" | "send_login":
            return _lacking_to_send(definition.send, need)
        case "keep_for":
            return None if definition.cleans else "there is no keep_for in new_message or send"
        case _:
            assert_never(need)


def _lacking_to_send(send: SendDefinition | None, need: Literal["send", "send_tls", "send_login"]) -> str | None:
    if send is None:
        return "there is no send"
    if need == "send_tls" and send.tls_mode == "none":
        return "send.tls.mode is none"
    return "send.authentication is none" if need == "send_login" and not send.logs_in else None
