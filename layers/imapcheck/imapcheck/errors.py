"""What can go wrong, in two families that must never be mixed up.

`CheckFailure` is what the *server or network* did: it becomes `CheckResult.failure` and never leaves
`run_check`. `ImapcheckError` is what *we* do wrong (a bad definition, unreadable credentials): it is
raised to the caller, so that it looks neither like an outage nor like success.
"""

from enum import StrEnum
from typing import Self


class Category(StrEnum):
    """The closed list of failure categories (docs/failures.md)."""

    DNS = "dns"
    CONNECTION = "connection"
    SSL = "ssl"
    AUTHENTICATION = "authentication"
    RESPONSE = "response"
    CONTENT = "content"
    TIMEOUT = "timeout"


class FailureType(StrEnum):
    """The closed list of failure types; `category` says which family a type belongs to."""

    category: Category

    def __new__(cls, value: str, category: Category) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.category = category
        return member

    NAME_NOT_RESOLVED = "name_not_resolved", Category.DNS
    RESOLVER_FAILED = "resolver_failed", Category.DNS
    CONNECTION_REFUSED = "connection_refused", Category.CONNECTION
    NETWORK_UNREACHABLE = "network_unreachable", Category.CONNECTION
    CONNECTION_LOST = "connection_lost", Category.CONNECTION
    CERTIFICATE_EXPIRED = "certificate_expired", Category.SSL
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid", Category.SSL
    CERTIFICATE_NAME_MISMATCH = "certificate_name_mismatch", Category.SSL
    CERTIFICATE_UNTRUSTED = "certificate_untrusted", Category.SSL
    CERTIFICATE_INVALID = "certificate_invalid", Category.SSL
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed", Category.SSL
    STARTTLS_UNAVAILABLE = "starttls_unavailable", Category.SSL
    AUTHENTICATION_FAILED = "authentication_failed", Category.AUTHENTICATION
    AUTHENTICATION_UNAVAILABLE = "authentication_unavailable", Category.AUTHENTICATION
    AUTHENTICATION_PAUSED = "authentication_paused", Category.AUTHENTICATION
    MECHANISM_NOT_OFFERED = "mechanism_not_offered", Category.AUTHENTICATION
    GREETING_REJECTED = "greeting_rejected", Category.RESPONSE
    NOT_IMAP = "not_imap", Category.RESPONSE
    PROTOCOL_ERROR = "protocol_error", Category.RESPONSE
    COMMAND_REJECTED = "command_rejected", Category.RESPONSE
    MAILBOX_NOT_FOUND = "mailbox_not_found", Category.RESPONSE
    OVER_QUOTA = "over_quota", Category.RESPONSE
    NO_MATCH = "no_match", Category.CONTENT
    TOO_OLD = "too_old", Category.CONTENT
    MESSAGE_TOO_LARGE = "message_too_large", Category.CONTENT
    TIMEOUT = "timeout", Category.TIMEOUT


class CheckFailure(Exception):
    """What the server or network did to end a step; caught in `check`, never raised to a caller.

    `detail` is one line for a person; it may hold the server's words and is redacted before it is shown.
    `response_code` is the RFC 5530 (or RFC 9051 section 7.1) code of the server's answer, if it gave one.
    `ends_session` is False where the connection is still good for the steps that follow.
    """

    def __init__(
        self,
        type: FailureType,
        detail: str,
        *,
        response_code: str | None = None,
        ends_session: bool | None = None,
    ) -> None:
        super().__init__(detail)
        self.type = type
        self.detail = detail
        self.response_code = response_code
        if ends_session is None:
            ends_session = type.category is not Category.CONTENT
        self.ends_session = ends_session


class ImapcheckError(Exception):
    """Base of what we do wrong: never an outage of the mail server, never success."""


class DefinitionError(ImapcheckError):
    """A check definition that cannot be run; `str()` is one line per problem."""


class CredentialsError(ImapcheckError):
    """Credentials that are missing, unreadable, incomplete or made for another host.

    The text names the secret or file and the field, never a value.
    """
