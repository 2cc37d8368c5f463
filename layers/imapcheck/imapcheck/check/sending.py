"""What a check that sends needs besides: whose login, which TLS, the message; and what became of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from imapcheck.check.message import RoundTripDraft
from imapcheck.check.ready import require_credentials, sender_login, tls_context, token_for
from imapcheck.check.watch import Watch
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.sending import SendDefinition
from imapcheck.errors import CredentialsError
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.login.mechanisms import Mechanism, mechanism_for
from imapcheck.network.tls import TlsContext
from imapcheck.trace import Deadline

if TYPE_CHECKING:
    from imapcheck.login.oauth import Token


@dataclass(frozen=True)
class Sending:
    """What is asked for, and made ready before a session begins: the same in every attempt of a run."""

    definition: SendDefinition
    run_id: str
    credentials: Credentials | None
    context: TlsContext | None
    draft: RoundTripDraft
    login_pause: LoginPause | None
    token: "Token | None" = None

    def mechanism(self) -> Mechanism | None:
        """A new exchange for one login."""
        send, token = self.definition, self.token.value if self.token is not None else None
        if self.credentials is None:
            return None
        return mechanism_for(send.authentication, self.credentials, token, send.host, send.port)

    def with_token(self, ends: Deadline, *, refuse_local_addresses: bool) -> "Sending":
        """With the access token of an OAuth2 login; a login that is withheld needs none."""
        if self.login_pause is not None:
            return self
        authentication = self.definition.authentication
        token = token_for(self.credentials, authentication, ends, refuse_local_addresses=refuse_local_addresses)
        return replace(self, token=token)


@dataclass(frozen=True)
class Arrived:
    """Where the message was found (as on the wire), the header fields that tell of its way, and after how long."""

    mailbox: bytes
    header: bytes
    seconds: float
    pushed_seconds: float | None


@dataclass
class RoundTrip:
    """What the steps learn of the message: when it was dated and accepted; `accepted_at` is by `time.perf_counter()`.

    Once `body_sent` nothing is submitted again in this run, whatever the answer was.
    """

    watch: Watch
    body_sent: bool = False
    dated: datetime | None = None
    accepted_on: datetime | None = None
    accepted_at: float | None = None
    queued_as: str | None = None
    arrived: Arrived | None = None


def sending_of(
    definition: CheckDefinition, credentials: Credentials | None, run_id: str, login_pause: LoginPause | None
) -> Sending | None:
    """What `send` needs; None where the definition does not ask for it.

    Raises `CredentialsError` where there is no login for the sending server, or one that was made for another host.
    """
    send = definition.send
    if send is None:
        return None
    label, path = definition.label, definition.path_of(send.tls.ca_file)
    held = sender_login(definition, credentials) if send.logs_in else None
    if held is not None:
        require_credentials(held, send.authentication, send.host, label, "send.server")
    elif send.logs_in:
        raise CredentialsError(
            f"{label}: no login for the sending server {send.host}:"
            ' put it under "send" into the credentials, or name its secret in send.secret'
        )
    context = tls_context(send.tls, send.tls_mode, path, f"{label}: send")
    return Sending(send, run_id, held, context, RoundTripDraft(send, label, run_id), login_pause)
