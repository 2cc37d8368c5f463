"""The secret half of a check: who logs in, and for which host."""

import unicodedata
from datetime import UTC, datetime
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from imapcheck.errors import CredentialsError


class Credentials(BaseModel):
    """A user name and what proves it: a password, an access token or what a token is fetched with.

    `host` is the server the credentials were made for; they go to no other. `send` is the login of the sending server,
    where that is another one.
    Neither `repr()` nor a validation error ever shows a secret value.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    username: str
    password: SecretStr | None = None
    host: str | None = None
    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    token_url: str | None = None
    tenant_id: str | None = None
    scope: str | None = None
    refresh_token: SecretStr | None = None
    private_key: SecretStr | None = None
    private_key_id: str | None = None
    certificate: str | None = None
    client_email: str | None = None
    token_uri: str | None = None
    expires_at: str | None = None
    send: "Credentials | None" = None
    _others: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.username:
            raise ValueError("username is empty")
        for name in type(self).model_fields:
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if isinstance(text, str) and not _is_sendable(text):
                raise ValueError(f"{name} holds a character that no login can carry (NUL or half a surrogate pair)")
        if self.expires_at is not None and _moment(self.expires_at) is None:
            raise ValueError("expires_at: expected a date or time of ISO 8601, such as 2027-03-01 or 2027-03-01T12:00Z")
        return self

    @classmethod
    def from_object(cls, data: object, *, source: str) -> "Credentials":
        """Read the JSON object of a secret or credentials file.

        `source` names where it came from in errors. Raises `CredentialsError`, whose text and cause
        hold field names only. Keys it does not know are ignored, but not a field's name in another
        spelling: `Host` for `host` would send the credentials to any host. One that looks like a field
        which is needed and missing is named.
        """
        if not isinstance(data, dict):
            raise CredentialsError(f"{source}: expected a JSON object with username, password and host")
        for key in data:
            meant = key.strip().casefold() if isinstance(key, str) else ""
            if meant in cls.model_fields and key != meant:
                raise CredentialsError(f"{source}: found the key {key!r}, expected {meant!r}")
        others = tuple(key for key in data if isinstance(key, str) and key not in cls.model_fields)
        if data.get("send") is not None:
            sender = cls.from_object(data["send"], source=f"{source}: send")
            if not sender.host:
                hint = sender.misspelled("host")
                raise CredentialsError(f"{source}: send: host: missing{hint}; it says for which server they were made")
            data = data | {"send": sender}
        try:
            credentials = cls.model_validate(data)
            credentials._others = others  # noqa: SLF001 - of this very class
            return credentials
        except ValidationError as error:
            problems = "; ".join(
                _problem(item, others)
                for item in error.errors(include_url=False, include_input=False, include_context=False)
            )
        raise CredentialsError(f"{source}: {problems}")

    def secret_values(self) -> tuple[str, ...]:
        """Every value that must reach no output."""
        held = (self.password, self.access_token, self.client_secret, self.refresh_token, self.private_key)
        own = tuple(secret.get_secret_value() for secret in held if secret is not None)
        return own if self.send is None else (*own, *self.send.secret_values())

    def require_password(self) -> str:
        """The password; raises `CredentialsError` where there is none."""
        if self.password is None or not self.password.get_secret_value():
            hint = self.misspelled("password")
            raise CredentialsError(f"credentials: password: missing{hint}; this authentication needs one")
        return self.password.get_secret_value()

    def misspelled(self, field: str) -> str:
        """Words about the key that may have been meant for `field`, which is missing; empty where there is none."""
        return _misspelled(field, self._others)

    @property
    def expires(self) -> datetime | None:
        """When what proves the user ends, in UTC, as far as somebody has noted it: a date is its first moment."""
        return None if self.expires_at is None else _moment(self.expires_at)

    @property
    def oddities(self) -> tuple[str, ...]:
        """What is hard to see in user name and password, as words that show nothing else of them."""
        password = self.password.get_secret_value() if self.password is not None else ""
        found = (_oddity(name, text) for name, text in (("user name", self.username), ("password", password)))
        return tuple(words for words in found if words)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _oddity(name: str, text: str) -> str:
    """White space at an end, as a paste or echo leaves it; characters that no keyboard makes and no screen shows."""
    if text != text.strip():
        return f"the {name} begins or ends with white space"
    hidden = next((char for char in text if unicodedata.category(char) in _UNSEEN or char == "\u00a0"), None)
    return f"the {name} holds an invisible character, U+{ord(hidden):04X}" if hidden is not None else ""


_UNSEEN = ("Cc", "Cf", "Zl", "Zp")


class LoginPause(NamedTuple):
    """A login that is withheld so that a stale password does not lock the mailbox out (UTC times)."""

    first_refused_at: datetime
    retry_at: datetime


_OTHER_WORDS = {
    "username": ("user", "login", "name", "email", "account"),
    "password": ("pass", "passwd", "pwd", "pw", "secret"),
    "host": ("server", "hostname", "url", "address"),
}


def _misspelled(field: str, others: tuple[str, ...]) -> str:
    """Only keys that resemble the field are shown: any other may be a value in the wrong place."""
    import difflib  # only for an error's text

    alike = {
        key
        for key in others
        if key.lower() in _OTHER_WORDS.get(field, ()) or difflib.SequenceMatcher(None, key.lower(), field).ratio() > 0.8
    }
    return f'; found "{min(alike)}": did you mean "{field}"?' if alike else ""


def _problem(item: ErrorDetails, others: tuple[str, ...]) -> str:
    """The field and what was expected there; never a value."""
    match item["type"]:
        case "missing":
            words = f"missing{_misspelled(str(item['loc'][0]), others)}"
        case "string_type":
            words = "expected text in double quotes"
        case _:
            words = item["msg"].removeprefix("Value error, ")
    field = ".".join(map(str, item["loc"]))
    return f"{field}: {words}" if field else words


def _is_sendable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
