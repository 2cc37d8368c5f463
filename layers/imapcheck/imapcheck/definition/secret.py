"""Where a secret is kept: its name says so."""

import re
from typing import Literal, NamedTuple

from imapcheck.definition.fields import expected

type Store = Literal["AWS Secrets Manager", "AWS Parameter Store"]

_SSM = "ssm:"
PATTERN = r"^(?:ssm:/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+){0,14}|[A-Za-z0-9/_+=.@-]{1,512})$"
"""As the two take names (API references, CreateSecret and PutParameter); no ARN."""


class SecretStore(NamedTuple):
    """The store, and the name in it; of a parameter without the slash that it begins with."""

    store: Store
    name: str


def place_of(secret: str) -> SecretStore:
    """Where the secret of this name is: `ssm:imapcheck/mail` is a parameter, `imapcheck/mail` a secret."""
    if secret.startswith(_SSM):
        return SecretStore("AWS Parameter Store", secret.removeprefix(_SSM).removeprefix("/"))
    return SecretStore("AWS Secrets Manager", secret)


def secret_name(value: str) -> str:
    """A secret's name as it may stand in a definition."""
    if value.startswith(_SSM) and not re.fullmatch(PATTERN, value):
        raise expected("ssm: and a parameter's name of letters, digits and _.-, with slashes between, not an ARN")
    if not re.fullmatch(PATTERN, value):
        raise expected("a name of at most 512 letters, digits and /_+=.@-, not an ARN")
    return value
