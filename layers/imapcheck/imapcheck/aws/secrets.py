"""Credentials from Secrets Manager or Parameter Store, through Powertools Parameters.

boto3 is imported by `connect`, at the latest when the first secret is read; its client then lives as long as the
environment. What goes wrong names the secret and never its content.
"""

import threading
from typing import TYPE_CHECKING, Any

from imapcheck.aws.reasons import reason
from imapcheck.aws.session import session
from imapcheck.definition.json_text import UnreadableError, parse_object
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.secret import Store, place_of
from imapcheck.errors import CredentialsError
from imapcheck.login.credentials import Credentials

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider

CACHED_SECONDS = 3600
_WANTED = "username, password and host"
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 2, 3, 2


class SecretReader:
    """Reads secrets, cached for an hour; `fresh` reads past the cache."""

    def __init__(self) -> None:
        self._providers: dict[Store, SecretsProvider | SSMProvider] = {}
        self._versions: dict[str, str] = {}
        self._answer = threading.local()
        self._lock = threading.Lock()

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        """The credentials in the secret `name`.

        With `needs_host` a secret without `host` is refused, as inside Lambda it could be sent anywhere.
        Raises `CredentialsError`.
        """
        source = f"secret {name}"
        credentials = Credentials.from_object(_object(source, self._text(source, name, fresh)), source=source)
        if needs_host and not credentials.host:
            hint = credentials.misspelled("host")
            raise CredentialsError(f"{source}: host: missing{hint}; it says for which server the credentials were made")
        return credentials

    def version(self, name: str) -> str:
        """The version of what `read` returned last for `name`: it tells new credentials from refused ones.

        Of a parameter also when it was changed, as one that is made anew begins with version 1 again.
        """
        return self._versions.get(name, "")

    def _text(self, source: str, name: str, fresh: bool) -> Any:
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

        try:
            place = place_of(name)
            provider, self._answer.version = self.connect(place.store), None
            if place.store == "AWS Secrets Manager":
                text = provider.get(place.name, max_age=CACHED_SECONDS, force_fetch=fresh, VersionStage="AWSCURRENT")
            else:
                text = provider.get(f"/{place.name}", max_age=CACHED_SECONDS, force_fetch=fresh, decrypt=True)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - boto3 and its providers raise far more than botocore's own
            raised = error.__context__ if isinstance(error, GetParameterError) else error
            raise CredentialsError(f"{source}: cannot be read: {reason(raised or error)}") from None
        if self._answer.version is not None:
            self._versions[name] = self._answer.version
        return text

    def connect(self, store: Store) -> "SecretsProvider | SSMProvider":
        """The store's client, made when it is first asked for. Raises what boto3 raises where it cannot be made."""
        from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
        from botocore.config import Config

        with self._lock:
            if store not in self._providers:
                timeouts = Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_READ_SECONDS,
                    retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
                )
                kind = SecretsProvider if store == "AWS Secrets Manager" else SSMProvider
                provider = self._providers[store] = kind(boto_config=timeouts, boto3_session=session())
                # Powertools returns the text alone; the version is in the same answer.
                for event in ("secrets-manager.GetSecretValue", "ssm.GetParameter"):
                    provider.client.meta.events.register(f"after-call.{event}", self._note)
            return self._providers[store]

    def _note(self, parsed: dict[str, Any], **_: Any) -> None:
        """Called in the thread that asked: another's answer is not its own."""
        parameter = parsed.get("Parameter")
        if parameter is None:
            self._answer.version = parsed.get("VersionId")
        else:
            self._answer.version = f"{parameter.get('Version')} of {parameter.get('LastModifiedDate')}"


def read_logins(reader: SecretReader, definition: CheckDefinition, **options: bool) -> Credentials:
    """Those of `secret`, which must be there, with those of `send.secret` as `send`; `options` are for `read`."""
    assert definition.secret is not None
    held, send, sender = reader.read(definition.secret, **options), definition.send, None
    if send is not None and send.logs_in and send.secret is not None:
        sender = reader.read(send.secret, **options)
    return held.model_copy(update={"send": sender}) if sender != held.send else held


def _object(source: str, text: Any) -> dict[str, Any]:
    """The secret's JSON object, read as a file is: a byte order mark is passed over, a key twice is refused."""
    if not isinstance(text, str):
        raise CredentialsError(f"{source}: found bytes or nothing, expected text: a JSON object with {_WANTED}")
    try:
        return parse_object(text.removeprefix("\ufeff"))
    except UnreadableError as error:
        raise CredentialsError(f"{source}: {error}{_hint(text)}; it holds a JSON object with {_WANTED}") from None


def _hint(text: str) -> str:
    """How text that is no JSON object may have come about."""
    bare = text.strip()
    if bare[:1] == '"' and bare[-1:] == '"':
        return " (it was encoded twice: store the object itself)"
    if bare[:1] == "{" and '"' not in bare:
        return " (a shell took its quotes away: put it in single quotes, or give it by file://)"
    return "" if bare[:1] in ("{", "[") else " (a bare password?)"
