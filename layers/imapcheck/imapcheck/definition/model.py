"""The check definition: one JSON object that says what to check (DESIGN section 3).

`CheckDefinition.model_validate(data)` raises pydantic's `ValidationError`; `files` turns that
into lines that name file, field, what was found and what was expected.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from imapcheck.definition.server import Endpoint, parse_server
from imapcheck.result import STEP_NAMES
from imapcheck.text import forbidden_character

NAME_PATTERN = r"^[A-Za-z0-9-]{1,40}$"
MAX_TERM = 900
MAX_MESSAGE = 1_000_000

TlsMode = Literal["implicit", "starttls", "none"]
Authentication = Literal["none", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"]
AUTHENTICATIONS: tuple[Authentication, ...] = get_args(Authentication)
_SENDS_CREDENTIALS_IN_CLEAR = {"plain", "login", "xoauth2", "oauthbearer"}


def expected(what: str) -> PydanticCustomError:
    """A validation error whose message is what was expected."""
    return PydanticCustomError("expected", "{what}", {"what": what})


def conflict(field: str, found: str, what: str) -> PydanticCustomError:
    """A validation error about fields that contradict each other; `field` is the one to look at."""
    return PydanticCustomError("conflict", "{what}", {"field": field, "found": found, "what": what})


def _line(value: str) -> str:
    if not value.strip():
        raise expected("text that is not empty")
    if (found := forbidden_character(value)) is not None:
        raise expected(f"one line of text without control characters (it holds {found})")
    if len(value) > MAX_TERM:
        raise expected(f"at most {MAX_TERM} characters (it has {len(value)})")
    return value


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    return _line(value)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise expected("a duration such as 90s, 15m, 12h or 1d")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _address(value: str) -> str:
    from imapcheck.definition.addresses import parse_address  # the email package is loaded only where mail is written

    _line(value)
    try:
        parse_address(value)
    except ValueError as error:
        raise expected(str(error)) from None
    return value


def _body(value: str) -> str:
    if not value.strip():
        raise expected("text that is not empty")
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise expected("text without NUL and without halves of surrogate pairs")
    return value


Line = Annotated[str, Field(min_length=1, max_length=MAX_TERM), AfterValidator(_line)]
Term = Annotated[str, Field(min_length=1), AfterValidator(_unquoted)]
Address = Annotated[str, Field(min_length=1), AfterValidator(_address)]
Terms = Annotated[
    list[Term],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=20),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
            ]
        }
    ),
]
Addresses = Annotated[
    list[Address],
    BeforeValidator(_as_list),
    Field(max_length=100),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 100},
            ]
        }
    ),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhdw]$", "examples": ["90s", "15m", "1d"]}),
]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SearchDefinition(_Model):
    """What must be found: every term given must match (RFC 9051 section 6.4.4)."""

    subject: Terms | None = Field(None, description="Term(s) in the subject.")
    from_: Terms | None = Field(None, alias="from", description="Term(s) in the From field.")
    to: Terms | None = Field(None, description="Term(s) in the To field.")
    text: Terms | None = Field(None, description="Term(s) anywhere in the message.")
    mailbox: Line = Field("INBOX", description="A mailbox name, or a special use such as \\Junk.")
    min_matches: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = Field(
        1, description="Fewer matches than this is no_match; with 0 the search must work, a match need not be there."
    )
    max_age: Duration | None = Field(None, description="A newest match older than this is too_old.")
    max_size: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="A newest match of more octets than this is message_too_large."
    )

    @model_validator(mode="after")
    def _some_term(self) -> Self:
        if not self.terms():
            raise expected("at least one of subject, from, to, text")
        return self

    def terms(self) -> tuple[tuple[str, str], ...]:
        """(search key, term) pairs in the order they are sent."""
        keys = (("SUBJECT", self.subject), ("FROM", self.from_), ("TO", self.to), ("TEXT", self.text))
        return tuple((key, term) for key, terms in keys for term in terms or ())


class NewMessageDefinition(_Model):
    """The message that is filed in the sent mailbox."""

    from_: Address = Field(alias="from", description="Sender, with or without a display name.")
    to: Addresses = Field(default_factory=list, description="Recipient(s).")
    cc: Addresses = Field(default_factory=list, description="Recipient(s) in Cc.")
    bcc: Addresses = Field(default_factory=list, description="Recipient(s) in Bcc.")
    subject: Line
    message: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE), AfterValidator(_body)]
    mailbox: Line | None = Field(None, description="Where it is filed; null finds the sent mailbox.")
    keep_for: Duration | None = Field(
        None, description="Older messages of this check are removed; null keeps everything."
    )

    @model_validator(mode="after")
    def _some_recipient(self) -> Self:
        if not (self.to or self.cc or self.bcc):
            raise expected("at least one recipient in to, cc or bcc")
        return self


class TlsDefinition(_Model):
    """How the connection is protected."""

    mode: TlsMode | None = Field(None, description="Follows the server's scheme unless given.")
    verify: Annotated[bool, Field(strict=True)] = Field(True, description="Verify the server's certificate.")
    allow_unverified_login: Annotated[bool, Field(strict=True)] = Field(
        False, description="Permit a login although verify is false."
    )
    ca_file: Line | None = Field(
        None, description="PEM file beside the definition that replaces the system's authorities."
    )
    server_name: Line | None = Field(None, description="Name for SNI and verification, if not the host's.")
    minimum_version: Literal["1.2", "1.3"] = "1.2"

    @field_validator("ca_file")
    @classmethod
    def _stays_beside(cls, value: str | None) -> str | None:
        if value is not None and ".." in Path(value).parts:
            raise expected("the name of a file beside the definition")
        return value

    @field_validator("server_name")
    @classmethod
    def _host_name(cls, value: str | None) -> str | None:
        return None if value is None else _endpoint(value).host


def _endpoint(value: str) -> Endpoint:
    try:
        return parse_server(value)
    except ValueError as error:
        raise expected(str(error)) from None


def _as_search_object(value: Any) -> Any:
    return {"subject": value} if isinstance(value, str | list) else value


def _any_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


_NULLABLE_SEARCH_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
            {"$ref": "#/$defs/SearchDefinition"},
            {"type": "null"},
        ],
        "default": None,
    }
)


class CheckDefinition(_Model):
    """One check against one server. Only `server` is required."""

    schema_reference: str | None = Field(None, alias="$schema", description="For the editor; not used.")
    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="The check's name; in a file it must equal the file's stem."
    )
    server: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="imaps://host:993/, imap://host:143/ (STARTTLS), or a host or address with or without a port.",
        examples=["imaps://imap.example.com:993/"],
    )
    secret: Line | None = Field(None, description="Secrets Manager secret with username, password and host.")
    authentication: Annotated[
        Authentication,
        BeforeValidator(_any_case),
        WithJsonSchema({"type": "string", "enum": [*AUTHENTICATIONS, *map(str.upper, AUTHENTICATIONS)]}),
    ] = Field("plain", description="How to log in.")
    search: Annotated[SearchDefinition, BeforeValidator(_as_search_object)] | None = Field(
        None, description="Subject term, list of terms (all must match), or an object."
    )
    new_message: NewMessageDefinition | None = None
    tls: TlsDefinition = TlsDefinition()
    timeout: Annotated[float, Field(ge=1, le=120, strict=True, allow_inf_nan=False)] = Field(
        30, description="Seconds for the whole run, all attempts included."
    )
    retries: Annotated[int, Field(ge=0, le=2, strict=True)] = Field(
        0, description="Attempts after one that failed for what may be a glitch; they share the timeout."
    )
    identify: Annotated[bool, Field(strict=True)] = Field(False, description="Send ID after the login (RFC 2971).")
    thresholds: dict[Literal["total", *STEP_NAMES], Milliseconds] = Field(  # type: ignore[valid-type]
        default_factory=dict, description="Milliseconds; an available run over one of them is slow."
    )

    _endpoint: Endpoint = PrivateAttr()
    _directory: Path = PrivateAttr(default=Path())

    @model_validator(mode="before")
    @classmethod
    def _unverified_login_beside_tls(cls, data: Any) -> Any:
        """`allow_unverified_login` is understood at the top level as well as inside `tls`."""
        if isinstance(data, dict) and "allow_unverified_login" in data:
            data = dict(data)
            allowed, tls = data.pop("allow_unverified_login"), data.get("tls") or {}
            if isinstance(tls, dict):
                data["tls"] = {"allow_unverified_login": allowed, **tls}
        return data

    @field_validator("name", mode="before")
    @classmethod
    def _name(cls, value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(NAME_PATTERN[1:-1], value):
            raise expected("1 to 40 letters, digits and dashes")
        return value

    @field_validator("server")
    @classmethod
    def _server(cls, value: str) -> str:
        _endpoint(value)
        return value

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        self._endpoint = parse_server(self.server, self.tls.mode)
        if isinstance(info.context, dict) and "directory" in info.context:
            self._directory = Path(info.context["directory"])
        if self.authentication == "none":
            for name in ("search", "new_message"):
                if getattr(self, name) is not None:
                    raise conflict("authentication", '"none"', f"another authentication, as {name} needs a login")
        elif self.tls_mode == "none" and self.authentication in _SENDS_CREDENTIALS_IN_CLEAR:
            raise conflict(
                "tls.mode",
                '"none"',
                f"TLS, or authentication cram-md5 or scram: {self.authentication} would go in clear",
            )
        elif not self.tls.verify and self.tls_mode != "none" and not self.tls.allow_unverified_login:
            raise conflict(
                "tls.verify",
                "false",
                "true, or allow_unverified_login: true beside it, as the login would go to an unknown server",
            )
        return self

    @property
    def tls_mode(self) -> TlsMode:
        """The mode in force: as given, else by the scheme of `server`."""
        return self.tls.mode or self._endpoint.tls_mode

    @property
    def host(self) -> str:
        """Host name in ASCII (A-labels), lower case, or IP address."""
        return self._endpoint.host

    @property
    def port(self) -> int:
        return self._endpoint.port

    @property
    def host_is_address(self) -> bool:
        """The host is an IPv4 or IPv6 address: there is nothing to resolve."""
        return self._endpoint.is_address

    @property
    def ca_path(self) -> Path | None:
        """`tls.ca_file` beside the definition, or None for the system's authorities."""
        return None if self.tls.ca_file is None else self._directory / self.tls.ca_file

    @property
    def label(self) -> str:
        """The name, or what stands for it where the definition has none."""
        return self.name or "unnamed"


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a definition file, for editors."""
    schema = CheckDefinition.model_json_schema(by_alias=True)
    search = schema["properties"]["search"]
    search["anyOf"] = [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
        *search["anyOf"],
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
