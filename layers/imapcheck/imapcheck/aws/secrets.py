"""Credentials from Secrets Manager, through Powertools Parameters.

boto3 is imported by `connect`, at the latest when the first secret is read; its client then lives as long as the
environment. What goes wrong names the secret and never its content.
"""

import json
import threading
from typing import TYPE_CHECKING, Any

from imapcheck.errors import CredentialsError
from imapcheck.login.credentials import Credentials

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

CACHED_SECONDS = 3600
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 2, 3, 2

_ADVICE = {
    "ResourceNotFoundException": "there is no such secret in this account and Region",
    "AccessDeniedException": "the function may not read it; is its name under the secret prefix?",
    "DecryptionFailure": "its KMS key cannot decrypt it; give the stack the key's ARN",
    "InvalidRequestException": "it cannot be read in its present state; was it deleted?",
    "ThrottlingException": "Secrets Manager throttled the call",
    "ExpiredTokenException": "the AWS credentials in this shell have expired",
}
_NOT_ASKED = {
    "NoRegionError": "no Region is set (AWS_DEFAULT_REGION)",
    "NoCredentialsError": "no AWS credentials in this shell",
    "PartialCredentialsError": "the AWS credentials in this shell are incomplete",
    "ProfileNotFound": "there is no such AWS profile (AWS_PROFILE)",
    "TokenRetrievalError": "the login to AWS has expired (aws sso login)",
    "SSOTokenLoadError": "the login to AWS has expired (aws sso login)",
    "UnauthorizedSSOTokenError": "the login to AWS has expired (aws sso login)",
}
"""botocore's errors for what is wrong on this side, before anything is sent."""


class SecretReader:
    """Reads secrets, cached for an hour; `fresh` reads past the cache."""

    def __init__(self) -> None:
        self._provider: SecretsProvider | None = None
        self._versions: dict[str, str] = {}
        self._fetched: str | None = None
        self._lock = threading.Lock()

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        """The credentials in the secret `name`.

        With `needs_host` a secret without `host` is refused, as inside Lambda it could be sent anywhere.
        Raises `CredentialsError`.
        """
        source = f"secret {name}"
        credentials = Credentials.from_object(_parse(source, self._text(source, name, fresh)), source=source)
        if needs_host and not credentials.host:
            hint = credentials.misspelled("host")
            raise CredentialsError(f"{source}: host: missing{hint}; it says for which server the credentials were made")
        return credentials

    def version(self, name: str) -> str:
        """The version id of what `read` returned last for `name`: it tells new credentials from refused ones."""
        return self._versions.get(name, "")

    def _text(self, source: str, name: str, fresh: bool) -> Any:
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            provider = self.connect()
            self._fetched = None
            text = provider.get(name, max_age=CACHED_SECONDS, force_fetch=fresh, VersionStage="AWSCURRENT")
        except GetParameterError as error:
            raise CredentialsError(f"{source}: {_reason(error.__cause__ or error.__context__)}") from None
        except (BotoCoreError, ClientError) as error:
            raise CredentialsError(f"{source}: {_reason(error)}") from None
        if self._fetched is not None:
            self._versions[name] = self._fetched
        return text

    def connect(self) -> "SecretsProvider":
        """The client, made when it is first asked for. Raises botocore's errors where it cannot be made."""
        from aws_lambda_powertools.utilities.parameters import SecretsProvider
        from botocore.config import Config

        with self._lock:
            if self._provider is None:
                self._provider = SecretsProvider(
                    boto_config=Config(
                        connect_timeout=_CONNECT_SECONDS,
                        read_timeout=_READ_SECONDS,
                        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
                    )
                )
                # Powertools returns the text alone; the version is in the same answer.
                self._provider.client.meta.events.register("after-call.secrets-manager.GetSecretValue", self._note)
            return self._provider

    def _note(self, parsed: dict[str, Any], **_: Any) -> None:
        self._fetched = parsed.get("VersionId")


def _parse(source: str, text: Any) -> object:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise CredentialsError(f"{source}: expected a JSON object with username, password and host") from None


def _reason(error: BaseException | None) -> str:
    """What a person can act on; never the response itself."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    if code:
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "") if isinstance(response, dict) else ""
        return f"cannot be read: {_ADVICE.get(code, f'Secrets Manager answered {status}')} ({code})"
    kind = type(error).__name__
    return f"cannot be read: {_NOT_ASKED.get(kind, f'no answer from Secrets Manager ({kind})')}"
