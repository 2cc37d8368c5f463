"""What can go wrong, in two families that must never be mixed up.

`CheckFailure` is what the *server or network* did: it becomes `CheckResult.failure` and never leaves
`run_check`. `ImapcheckError` is what *we* do wrong (a bad definition, unreadable credentials): it is
raised to the caller, so that it looks neither like an outage nor like success.
"""

from imapcheck.failures import Category, FailureType


class CheckFailure(Exception):
    """What the server or network did to end a step; caught in `check`, never raised to a caller.

    `detail` is one line for a person; it may hold the server's words and is redacted before it is shown.
    `response_code` is the RFC 5530 (or RFC 9051 section 7.1) code of the server's answer, if it gave one.
    `ends_session` is False where the connection is still good for the steps that follow.
    `advice` is for a case in which there is a better one than `imapcheck.advice` knows; `passes`: it may be gone a
    second later.
    """

    def __init__(
        self,
        type: FailureType,
        detail: str,
        *,
        response_code: str | None = None,
        ends_session: bool | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.type = type
        self.detail = detail
        self.response_code = response_code
        self.advice = advice
        self.passes = type.passes
        if ends_session is None:
            ends_session = type.category is not Category.CONTENT
        self.ends_session = ends_session


def broken(what: str) -> CheckFailure:
    """A `protocol_error`: the server broke the grammar in the way described."""
    return CheckFailure(FailureType.PROTOCOL_ERROR, f"the server sent {what}")


class ImapcheckError(Exception):
    """Base of what we do wrong: never an outage of the mail server, never success."""


class DefinitionError(ImapcheckError):
    """A check definition that cannot be run; `str()` is one line per problem."""


class NoAuthorities(DefinitionError):
    """This machine trusts no certificate authority, so that it cannot judge the certificate of any server."""


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
