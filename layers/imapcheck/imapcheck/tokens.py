"""Access tokens for XOAUTH2 and OAUTHBEARER."""

from imapcheck.credentials import Credentials
from imapcheck.errors import CredentialsError
from imapcheck.trace import Deadline


def access_token(credentials: Credentials, deadline: Deadline) -> tuple[str, float | None]:
    """The access token of `credentials` and the milliseconds that fetching it took, None where it was given.

    Raises `CredentialsError` where there is none to be had.
    """
    if credentials.access_token is not None:
        return credentials.access_token.get_secret_value(), None
    raise CredentialsError("credentials: access_token: missing; fetching one is not supported yet")
