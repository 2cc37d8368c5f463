"""The server's first line: an IMAP greeting (RFC 9051 section 7.1), or what else speaks on that port."""

import re

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.network.spoken import name_protocol

STATUS = re.compile(rb"\*[ \t]+([^ \t]+)|(NO|BAD|BYE)(?=[ \t]|$)", re.IGNORECASE)
"""A greeting. IceWarp refuses without the star: ` NO LOGOUT Intrusion prevention active` (MailKit issue 1073)."""
_LOOKED_AT = 400
_OTHER = "the server does not speak IMAP"
_REFUSES = (
    rb"\b(?:block(?:ed|list(?:ed)?)|bann?(?:ed)?|black-?list(?:ed)?|den(?:y|ied|ies)|intrusion|reject(?:ed|s)?"
    rb"|refus(?:ed|es)|not (?:allowed|permitted|welcome|available)|forbidden|too (?:many|much)|busy|over-?load(?:ed)?"
    rb"|later|try again|unavailable|maintenance|shutting down|shutdown|going down|throttl\w*|limit(?:s|ed)?"
    rb"|exceed(?:ed|s)?|temporar\w+|no (?:more |free )?(?:connections?|sessions?|slots?)"
    rb"|out of (?:memory|resources))\b"
)
"""Words of a block or a load, for servers that greet in no protocol at all; compiled only for them."""


def _refuses(line: bytes) -> bool:
    """A first line in no grammar of IMAP that names a block or a load.

    421 is SMTP's and FTP's, and said on IMAP ports too (SmarterMail: MailKit issue 1100), there without their names.
    """
    if line.startswith((b"421 ", b"421-")):
        return re.search(rb"\bE?SMTP\b|\bFTP\b", line, re.IGNORECASE) is None
    return _spoken(line) == _OTHER and re.search(_REFUSES, line[:_LOOKED_AT], re.IGNORECASE) is not None


def not_imap(line: bytes, shown: str) -> CheckFailure:
    """The failure of a first line that is not a greeting; `shown` is the line, redacted."""
    if _refuses(line):
        return CheckFailure(FailureType.GREETING_REJECTED, f"the server refuses in words that are not IMAP's: {shown}")
    return CheckFailure(FailureType.NOT_IMAP, f"{_spoken(line)}: {shown}")


def not_tls(line: bytes, shown: str) -> CheckFailure:
    """The failure of clear text where a TLS handshake was expected."""
    said = f"{_spoken(line)} in clear text on a port where TLS was expected: "
    return CheckFailure(FailureType.NOT_IMAP, said + shown)


def silent(failure: CheckFailure, received: bytes) -> CheckFailure:
    """The failure of a greeting that never came in full: what did come may say which protocol it is."""
    received = received.lstrip(b" \t\0\r\n")
    if received and not b"* ".startswith(received[:2]):
        return CheckFailure(FailureType.NOT_IMAP, _spoken(received))
    return failure


def _spoken(line: bytes) -> str:
    return name_protocol(line, "IMAP")
