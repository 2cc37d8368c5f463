"""What is made ready before a session begins: credentials for the right host, the TLS context, the access token."""

from pathlib import Path
from typing import TYPE_CHECKING

from imapcheck.definition.access import Authentication, TlsDefinition, TlsMode
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.server import canonical_host
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.login.credentials import Credentials
from imapcheck.network.tls import TlsContext, client_context
from imapcheck.trace import Deadline
from imapcheck.transcript import Redactor

if TYPE_CHECKING:
    from imapcheck.login.oauth import Token

BEARER = ("xoauth2", "oauthbearer")


def require_credentials(
    credentials: Credentials | None, authentication: Authentication, host: str, label: str, server: str = "server"
) -> Credentials:
    """The credentials, if they serve `authentication` at `host`; raises `CredentialsError`.

    `label` names the check and `server` the definition's key.
    """
    if credentials is None:
        raise CredentialsError(f"{label}: authentication {authentication} needs credentials")
    if authentication not in BEARER:
        credentials.require_password()
    if credentials.host is None:
        return credentials
    try:
        made_for = canonical_host(credentials.host)
    except ValueError:
        made_for = credentials.host
    if made_for != host:
        raise CredentialsError(
            f"{label}: the credentials were made for host {_shown_host(credentials, credentials.host)},"
            f" the definition's {server} is {host!r}"
        )
    return credentials


def sender_login(definition: CheckDefinition, credentials: Credentials | None) -> Credentials | None:
    """The login of the sending server: its own, else the one login of a host that serves both."""
    if credentials is None:
        return None
    return credentials.send or (credentials if definition.sends_as_it_reads else None)


def _shown_host(credentials: Credentials, host: str) -> str:
    """The host of the credentials for an error: whoever put a whole URL there may have put a password in it."""
    if "@" in host:
        return "text with an @"
    return repr(Redactor(credentials.secret_values()).clean_line(host, 100))


def tls_context(tls: TlsDefinition, mode: TlsMode, ca_path: Path | None, label: str) -> TlsContext | None:
    """The context of a connection; None where there is no TLS. Raises `DefinitionError`."""
    if mode == "none":
        return None
    try:
        return client_context(verify=tls.verify, minimum_version=tls.minimum_version, ca_path=ca_path)
    except DefinitionError as error:
        raise DefinitionError(f"{label}: {error}") from error


def token_for(
    credentials: Credentials | None, authentication: Authentication, ends: Deadline, *, refuse_local_addresses: bool
) -> "Token | None":
    """The access token of an OAuth2 login, else None."""
    if credentials is None or authentication not in BEARER:
        return None
    from imapcheck.login.oauth import access_token  # only OAuth2 checks pay for loading it

    return access_token(credentials, ends, refuse_local_addresses=refuse_local_addresses)
