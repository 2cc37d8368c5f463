"""Credentials on a laptop: a file or a folder of files, else the environment, else the definition's secret."""

import logging
import os
import shlex
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from imapcheck.definition.json_text import STANDARD_INPUT, UnreadableError, display_name, read_object
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import CredentialsError
from imapcheck.login.credentials import Credentials
from imapcheck.text import one_line

USERNAME, PASSWORD, HOST = "IMAPCHECK_USERNAME", "IMAPCHECK_PASSWORD", "IMAPCHECK_HOST"
_AWS_PACKAGES = {"boto3", "botocore", "aws_lambda_powertools"}
_CHECKS = "checks"
"""The key of a credentials file that holds those of several checks."""
_WITHOUT_AWS = f"give --credentials FILE (or a folder with NAME.json for each check), or set {USERNAME} and {PASSWORD}"


class FoundCredentials(NamedTuple):
    """Credentials, where they came from, and how a host is put to them there."""

    credentials: Credentials
    source: str
    host_advice: str


class CredentialsFinder:
    """Finds the credentials of one call's checks; `given` is what `--credentials` says.

    `warn` is called for the first file that others can read.
    """

    def __init__(
        self, given: Path | None, environment: Mapping[str, str], warn: Callable[[str], None] | None = None
    ) -> None:
        self._given, self._environment = given, environment
        self._warn = warn
        self._folder = given is not None and given.is_dir()
        self._read: dict[Path, dict[str, Any] | UnreadableError] = {}
        self._secrets: Any = None
        self._fresh = False

    def anew(self) -> "CredentialsFinder":
        """One that reads everything again, as it is now; but standard input can be read once only."""
        finder = CredentialsFinder(self._given, self._environment)  # which has warned
        finder._read = {path: content for path, content in self._read.items() if path == STANDARD_INPUT}
        finder._secrets, finder._fresh = self._secrets, True
        return finder

    def find(self, definition: CheckDefinition, file: str) -> FoundCredentials | None:
        """Credentials for the definition in `file`; None where it needs none.

        Raises `CredentialsError`, which begins with the file and holds no value of a secret.
        """
        if not definition.logs_in:
            return None
        try:
            return self._find(definition)
        except CredentialsError as error:
            raise CredentialsError(f"{file}: {error}") from None

    def _find(self, definition: CheckDefinition) -> FoundCredentials:
        if self._given is not None:
            path = self._given / f"{definition.label}.json" if self._folder else self._given
            return self._from_file(path, definition.label)
        match [name for name in (USERNAME, PASSWORD) if self._environment.get(name)]:
            case [_, _]:
                return self._from_environment()
            case [given]:
                missing = PASSWORD if given == USERNAME else USERNAME
                raise CredentialsError(f"{given} is set in the environment, and {missing} is missing")
        if definition.secret is not None:
            return self._from_secret(definition, definition.secret)
        raise CredentialsError(f"no credentials: {_WITHOUT_AWS}, or name a secret in the definition")

    def _from_file(self, path: Path, label: str) -> FoundCredentials:
        source = f"credentials in {display_name(path)}"
        if path not in self._read:  # standard input can be read once only
            self._read[path] = _content(path)
            if self._warn is not None and (warning := warning_of(path)) is not None:
                self._warn(warning)
                self._warn = None
        content = self._read[path]
        if isinstance(content, UnreadableError):
            raise CredentialsError(f"{source}: {content}")
        if _CHECKS in content:
            return self._of_check(content, label, source)
        advice = f'add "host" to it, give a folder with NAME.json for each check, or a file with "{_CHECKS}"'
        return FoundCredentials(Credentials.from_object(content, source=source), source, advice)

    def _of_check(self, content: dict[str, Any], label: str, source: str) -> FoundCredentials:
        """Those of one check in a file that holds several's, each with the host that it is for."""
        checks = content[_CHECKS]
        if content.keys() != {_CHECKS} or not isinstance(checks, dict):
            raise CredentialsError(f'{source}: expected {{"{_CHECKS}": {{NAME: {{...}}}}}} and nothing beside it')
        if label not in checks:
            raise CredentialsError(f"{source}: {_CHECKS}: nothing for {label}")
        source = f"{source}: {_CHECKS}.{label}"
        credentials = Credentials.from_object(checks[label], source=source)
        if not credentials.host:
            hint = credentials.misspelled("host")
            raise CredentialsError(f"{source}: host: missing{hint}; it says for which server the credentials are")
        return FoundCredentials(credentials, source, "")

    def _from_environment(self) -> FoundCredentials:
        given = self._environment
        content = {"username": given[USERNAME], "password": given[PASSWORD], "host": given.get(HOST) or None}
        source = f"{USERNAME} in the environment"
        advice = f"set {HOST} to the one that they are for"
        return FoundCredentials(Credentials.from_object(content, source="environment"), source, advice)

    def _from_secret(self, definition: CheckDefinition, name: str) -> FoundCredentials:
        source = f"secret {name}"
        try:
            from imapcheck.aws.secrets import SecretReader, read_logins  # boto3 is loaded only where a secret is read

            if self._secrets is None:
                logging.getLogger("botocore").setLevel(logging.CRITICAL)  # what it warns of is in our own error
                self._secrets = SecretReader()
            return FoundCredentials(
                read_logins(self._secrets, definition, fresh=self._fresh), source, 'add "host" to the secret'
            )
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _AWS_PACKAGES:
                raise
            problem = "cannot be read without the AWS packages: pip install 'imapcheck[aws]'"
            raise CredentialsError(f"{source}: {problem}. Without AWS: {_WITHOUT_AWS}") from None
        except CredentialsError as error:
            raise CredentialsError(f"{error}. Without AWS: {_WITHOUT_AWS}") from None


def _content(path: Path) -> dict[str, Any] | UnreadableError:
    try:
        return read_object(path)
    except UnreadableError as error:
        return error


def warning_of(path: Path) -> str | None:
    """What to say of a file with credentials that every user of the machine can read, as far as its mode tells."""
    if path == STANDARD_INPUT or os.name != "posix":
        return None
    try:
        readable = path.stat().st_mode & stat.S_IROTH
    except OSError:
        return None  # which reading it has told
    if not readable:
        return None
    name = shlex.quote(one_line(str(path), 200))
    return f"{display_name(path)}: every user of this machine can read these credentials: chmod o-r {name}"
