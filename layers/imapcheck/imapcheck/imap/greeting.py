"""The server's first line: an IMAP greeting (RFC 9051 section 7.1), or what else speaks on that port."""

import re

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType


def name_protocol(line: bytes) -> str:
    """What a first line that is no IMAP greeting gives away about the server."""
    if line.startswith(b"* "):
        return "the server speaks IMAP"
    if re.match(rb"HTTP/\d|<!doctype|<html", line, re.IGNORECASE):
        return "the server speaks HTTP, not IMAP"
    if re.match(rb"(220|421|554)[ -]", line):
        return "the server speaks " + ("FTP" if b"FTP" in line.upper() else "SMTP") + ", not IMAP"
    if line.startswith((b"+OK", b"-ERR")):
        return "the server speaks POP3, not IMAP"
    if line.startswith(b"SSH-"):
        return "the server speaks SSH, not IMAP"
    if re.match(rb"[\x14-\x17]\x03[\x00-\x04]", line):
        return "the server speaks TLS on a port where clear text was expected; use imaps:// or tls.mode implicit"
    return "the server does not speak IMAP"


def not_imap(line: bytes, shown: str) -> CheckFailure:
    """The failure of a first line that is not a greeting; `shown` is the line, redacted."""
    return CheckFailure(FailureType.NOT_IMAP, f"{name_protocol(line)}: {shown}")


def not_tls(line: bytes, shown: str) -> CheckFailure:
    """The failure of clear text where a TLS handshake was expected."""
    said = f"{name_protocol(line)} in clear text on a port where TLS was expected: "
    return CheckFailure(FailureType.NOT_IMAP, said + shown)


def silent(failure: CheckFailure, received: bytes) -> CheckFailure:
    """The failure of a greeting that never came in full: what did come may say which protocol it is."""
    if received and not b"* ".startswith(received[:2]):
        return CheckFailure(FailureType.NOT_IMAP, name_protocol(received))
    return failure
