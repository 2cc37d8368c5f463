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
    """The closed list of failure types, and the one table of what they mean (docs/failures.md is made from it).

    `category` is the family of a type; `meaning` says what has happened, `advice` in one sentence what to do first.
    """

    category: Category
    meaning: str
    advice: str

    def __new__(cls, value: str, category: Category, meaning: str, advice: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.category, member.meaning, member.advice = category, meaning, advice
        return member

    NAME_NOT_RESOLVED = (
        "name_not_resolved",
        Category.DNS,
        "There is no such name, or it has no address.",
        "Check the DNS zone, then the name in the definition.",
    )
    RESOLVER_FAILED = (
        "resolver_failed",
        Category.DNS,
        "The name servers gave no usable answer: whether the name exists is not known.",
        "Check the name servers of the zone and the resolver of the network that the check runs in.",
    )
    CONNECTION_REFUSED = (
        "connection_refused",
        Category.CONNECTION,
        "The host answers, but takes no connections on that port: no service is there, or a firewall rejects them.",
        "See whether the mail service runs and no firewall rejects; then check the port in the definition.",
    )
    NETWORK_UNREACHABLE = (
        "network_unreachable",
        Category.CONNECTION,
        "There is no route to the host.",
        "Check routes, firewalls and security groups between the check and the server.",
    )
    CONNECTION_LOST = (
        "connection_lost",
        Category.CONNECTION,
        "The connection ended in the middle of the step.",
        "Look into the server's log at the time of the failure: a crash, a restart, a limit or a load balancer.",
    )
    CERTIFICATE_EXPIRED = (
        "certificate_expired",
        Category.SSL,
        "The certificate has expired: mail clients refuse it or warn.",
        "Renew the certificate and reload the mail server.",
    )
    CERTIFICATE_NOT_YET_VALID = (
        "certificate_not_yet_valid",
        Category.SSL,
        "The certificate is not valid yet.",
        "Check the server's clock and which certificate was installed.",
    )
    CERTIFICATE_NAME_MISMATCH = (
        "certificate_name_mismatch",
        Category.SSL,
        "The certificate is for other names.",
        "See which machine answers; serve a certificate for this name, or set tls.server_name if another is right.",
    )
    CERTIFICATE_UNTRUSTED = (
        "certificate_untrusted",
        Category.SSL,
        "No authority that is trusted has signed the chain.",
        "Serve the intermediate certificates too; for a private authority set tls.ca_file.",
    )
    CERTIFICATE_INVALID = (
        "certificate_invalid",
        Category.SSL,
        "The certificate is refused for another reason, which the detail gives.",
        "Read the reason in the detail and issue a new certificate.",
    )
    TLS_HANDSHAKE_FAILED = (
        "tls_handshake_failed",
        Category.SSL,
        "The two sides could not agree on TLS: by protocol, cipher or client certificate, or what came was not TLS.",
        "Compare its TLS versions and ciphers with tls.minimum_version, or let it ask for no client certificate.",
    )
    STARTTLS_UNAVAILABLE = (
        "starttls_unavailable",
        Category.SSL,
        "The server does not offer STARTTLS, refuses it, or greets with PREAUTH.",
        "Switch STARTTLS on, or use imaps:// in the definition.",
    )
    AUTHENTICATION_FAILED = (
        "authentication_failed",
        Category.AUTHENTICATION,
        "The server refused the login; with SCRAM, also where it could not prove that it knows the password.",
        "Put the right password into the secret or the credentials file; the next run takes it.",
    )
    AUTHENTICATION_UNAVAILABLE = (
        "authentication_unavailable",
        Category.AUTHENTICATION,
        "The server cannot check logins at the moment; it says nothing about the password.",
        "Look at the directory or database behind the logins and at its connection limits; keep the password.",
    )
    AUTHENTICATION_PAUSED = (
        "authentication_paused",
        Category.AUTHENTICATION,
        "The check did not log in: the server had refused it, and more tries could lock the account.",
        "Put the right password into the secret or the credentials file; the next run takes it.",
    )
    MECHANISM_NOT_OFFERED = (
        "mechanism_not_offered",
        Category.AUTHENTICATION,
        "The server does not offer the mechanism of the definition, or no login without TLS.",
        "Check the server's login settings, or set authentication to a mechanism that the detail lists.",
    )
    GREETING_REJECTED = (
        "greeting_rejected",
        Category.RESPONSE,
        "The server greeted with BYE: it serves nobody, or not us.",
        "Read the server's words: maintenance, too many connections or a block list.",
    )
    NOT_IMAP = (
        "not_imap",
        Category.RESPONSE,
        "Something else answers on that port; the detail names it.",
        "See what answers there; then check server, port and imaps:// or imap:// in the definition.",
    )
    NOT_SMTP = (
        "not_smtp",
        Category.RESPONSE,
        "Something else answers where mail should be submitted; the detail names it.",
        "See what answers there; then check server, port and smtps:// or smtp:// in send.server.",
    )
    PROTOCOL_ERROR = (
        "protocol_error",
        Category.RESPONSE,
        "The server broke the grammar of IMAP.",
        "Read the transcript: a proxy in between, or a bug of the server.",
    )
    COMMAND_REJECTED = (
        "command_rejected",
        Category.RESPONSE,
        "The server answered NO or BAD to a command that must work.",
        "Read the server's words in the detail, then its log.",
    )
    MAILBOX_NOT_FOUND = (
        "mailbox_not_found",
        Category.RESPONSE,
        "The account sees no such mailbox.",
        "See who renamed, moved or deleted it: restore it, or name the right one in the definition.",
    )
    OVER_QUOTA = (
        "over_quota",
        Category.RESPONSE,
        "The mailbox is full.",
        "Make room in the mailbox, and set new_message.keep_for.",
    )
    NO_MATCH = (
        "no_match",
        Category.CONTENT,
        "The server works; fewer messages match than min_matches.",
        "Look in the archive, junk and trash for the message; if it is in none of them, ask its sender.",
    )
    TOO_OLD = (
        "too_old",
        Category.CONTENT,
        "The server works; the newest match is older than max_age.",
        "Look at the delivery queue and the sender: no new mail has arrived.",
    )
    MESSAGE_TOO_LARGE = (
        "message_too_large",
        Category.CONTENT,
        "The server works; the newest match is larger than max_size, or than 25 MiB.",
        "Look at the newest match; raise search.max_size only if mail of that size is expected.",
    )
    TIMEOUT = (
        "timeout",
        Category.TIMEOUT,
        "The step had no complete answer in time.",
        "Look at load, disk and network of what the failed step needs.",
    )


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


class NotDeployed(DefinitionError):
    """A name that is not, or no longer, among the deployed definitions."""


class CredentialsError(ImapcheckError):
    """Credentials that are missing, unreadable, incomplete or made for another host.

    The text names the secret or file and the field, never a value.
    """


class NoTimeLeft(ImapcheckError):
    """There was too little time to look at the server, so nothing can be said about it."""


class OutOfResources(ImapcheckError):
    """This process or its machine had no file descriptor, memory or thread left to look at the server with."""
