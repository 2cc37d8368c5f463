"""The server's first line: an IMAP greeting (RFC 9051 section 7.1), or what else speaks on that port."""

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.network.spoken import name_protocol


def not_imap(line: bytes, shown: str) -> CheckFailure:
    """The failure of a first line that is not a greeting; `shown` is the line, redacted."""
    return CheckFailure(FailureType.NOT_IMAP, f"{_spoken(line)}: {shown}")


def not_tls(line: bytes, shown: str) -> CheckFailure:
    """The failure of clear text where a TLS handshake was expected."""
    said = f"{_spoken(line)} in clear text on a port where TLS was expected: "
    return CheckFailure(FailureType.NOT_IMAP, said + shown)


def silent(failure: CheckFailure, received: bytes) -> CheckFailure:
    """The failure of a greeting that never came in full: what did come may say which protocol it is."""
    if received and not b"* ".startswith(received[:2]):
        return CheckFailure(FailureType.NOT_IMAP, _spoken(received))
    return failure


def _spoken(line: bytes) -> str:
    return name_protocol(line, "IMAP")
