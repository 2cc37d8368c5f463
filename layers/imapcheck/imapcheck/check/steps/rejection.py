"""A refused command after the login, as a failure: what the refusal may mean, and the setting that would help."""

import re

from imapcheck.check.refusals import is_passing
from imapcheck.check.state import Attempt
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion

_WHO_ARE_YOU = (
    r"\bunsafe log ?in\b|\brfc ?2971\b|\bidentify (?:yourself|your|the) ?(?:client|program|software)?"
    r"|\b(?:send|issue|use|need|want|require|without|missing)\w*(?: \w+){0,3} (?:imap )?id (?:command|first)\b"
)
"""NetEase (163.com, 126.com, yeah.net): `NO EXAMINE Unsafe Login. Please contact kefu@188.com for help`."""
_IDENTIFY = "Set identify: true in the definition: this server serves only clients that send ID (RFC 2971)."


def rejected(
    attempt: Attempt, completion: Completion, type: FailureType = FailureType.COMMAND_REJECTED, advice: str = ""
) -> CheckFailure:
    """The failure that a NO or BAD to a command is that needs a login and must work."""
    failure = completion.rejected(type, advice)
    if type is FailureType.COMMAND_REJECTED:
        failure.passes = is_passing(completion.code, completion.said)
    if not attempt.asked.definition.identify and re.search(_WHO_ARE_YOU, completion.said[:400], re.IGNORECASE):
        failure.detail += "; set identify: true, as the server wants to know its clients"
        failure.advice = _IDENTIFY
    return failure
