"""How a server is reached and logged in to: TLS, mechanism and secret, alike for `server` and `send.server`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from imapcheck.definition.fields import Line, Model, conflict, expected
from imapcheck.definition.secret import PATTERN, secret_name
from imapcheck.definition.server import IMAP, Endpoint, Protocol, parse_server

TlsMode = Literal["implicit", "starttls", "none"]
_Name = Literal["none", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"]
AUTHENTICATIONS: tuple[_Name, ...] = get_args(_Name)
_SENDS_CREDENTIALS_IN_CLEAR = {"plain", "login", "xoauth2", "oauthbearer"}


def endpoint(value: str, protocol: Protocol = IMAP) -> Endpoint:
    """`parse_server` with a validation error."""
    try:
        return parse_server(value, protocol=protocol)
    except ValueError as error:
        raise expected(str(error)) from None


def _any_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Authentication = Annotated[
    _Name,
    BeforeValidator(_any_case),
    WithJsonSchema({"type": "string", "enum": [*AUTHENTICATIONS, *map(str.upper, AUTHENTICATIONS)]}),
]


class TlsDefinition(Model, defer_build=False):
    """How the connection is protected."""

    mode: TlsMode | None = Field(None, description="implicit, starttls or none; null: as server says.")
    verify: Annotated[bool, Field(strict=True)] = Field(True, description="Verify the server's certificate.")
    allow_unverified_login: Annotated[bool, Field(strict=True)] = Field(
        False, description="Permit a login even if verify is false."
    )
    ca_file: Line | None = Field(
        None, description="PEM file beside the definition that replaces the system's authorities."
    )
    server_name: Line | None = Field(None, description="Name for SNI and verification, if not the host's.")
    minimum_version: Literal["1.2", "1.3"] = Field("1.2", description="The oldest version of TLS that is accepted.")

    @field_validator("ca_file")
    @classmethod
    def _stays_beside(cls, value: str | None) -> str | None:
        if value is not None and ".." in Path(value).parts:
            raise expected("the name of a file beside the definition")
        return value

    @field_validator("server_name")
    @classmethod
    def _host_name(cls, value: str | None) -> str | None:
        return None if value is None else endpoint(value).host


class Reached:
    """What follows from a definition's `server`, `tls` and `authentication`, once `server` has been parsed."""

    if TYPE_CHECKING:  # the fields are the models' own, each with its own default and description
        tls: TlsDefinition
        authentication: Authentication
        _endpoint: Endpoint

    @property
    def logs_in(self) -> bool:
        return self.authentication != "none"

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


def refuse_unsafe_login(tls: TlsDefinition, mode: TlsMode, authentication: Authentication, prefix: str = "") -> None:
    """A login in clear text, or to a server that nobody has verified; `prefix` stands before the field's name."""
    if mode == "none" and authentication in _SENDS_CREDENTIALS_IN_CLEAR:
        raise conflict(
            f"{prefix}tls.mode",
            '"none"',
            f"TLS, or authentication cram-md5 or scram: {authentication} would go in clear",
        )
    if mode != "none" and not tls.verify and not tls.allow_unverified_login:
        raise conflict(
            f"{prefix}tls.verify",
            "false",
            "true, or allow_unverified_login: true beside it, as the login would go to an unknown server",
        )


def idle_tls(
    tls: TlsDefinition, mode: TlsMode, no_login: str | None, prefix: str = ""
) -> list[tuple[str, bool, str | None]]:
    """(key, whether it was asked for, what takes the effect from it) of `tls` or, with `prefix`, of `send.tls`."""
    no_tls = f"{prefix}tls.mode is none, so there is no TLS" if mode == "none" else None
    unverified = f"{prefix}tls.verify is false, so no certificate is verified" if not tls.verify else None
    verified = f"{prefix}tls.verify is true, so no login goes to an unverified server" if tls.verify else None
    return [
        (f"{prefix}tls.verify", not tls.verify, no_tls),
        (f"{prefix}tls.allow_unverified_login", tls.allow_unverified_login, no_login or no_tls or verified),
        (f"{prefix}tls.ca_file", tls.ca_file is not None, no_tls or unverified),
        (f"{prefix}tls.server_name", tls.server_name is not None, no_tls),
        (f"{prefix}tls.minimum_version", tls.minimum_version != "1.2", no_tls),
    ]


SecretName = Annotated[str, AfterValidator(secret_name), WithJsonSchema({"type": "string", "pattern": PATTERN})]
