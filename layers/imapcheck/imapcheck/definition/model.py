"""The check definition: one JSON object that says what to check.

`CheckDefinition.model_validate(data)` raises pydantic's `ValidationError`; `files` turns that
into lines that name file, field, what was found and what was expected.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from imapcheck.definition.fields import (
    Address,
    Addresses,
    Duration,
    Line,
    Milliseconds,
    Model,
    Terms,
    body,
    conflict,
    expected,
)
from imapcheck.definition.monitoring import AlarmsDefinition, RunsOf, ScheduleDefinition
from imapcheck.definition.server import Endpoint, parse_server
from imapcheck.steps import STEP_NAMES

NAME_PATTERN = r"^[A-Za-z0-9-]{1,40}$"
MAX_MESSAGE = 1_000_000
MAX_SIZE = 25 << 20
"""Octets of a message; a larger one is never read (imap/decoder.py)."""
_LONGEST_KEEP = timedelta(days=3650)

TlsMode = Literal["implicit", "starttls", "none"]
Authentication = Literal["none", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"]
MetricSet = Literal["main", "steps", "all"]
AUTHENTICATIONS: tuple[Authentication, ...] = get_args(Authentication)
_SENDS_CREDENTIALS_IN_CLEAR = {"plain", "login", "xoauth2", "oauthbearer"}


def _keeping(value: timedelta) -> timedelta:
    if value > _LONGEST_KEEP:
        raise expected("at most 3650d")
    return value


class SearchDefinition(Model):
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
    max_size: Annotated[int, Field(ge=1, le=MAX_SIZE, strict=True)] | None = Field(
        None, description="A newest match of more octets is message_too_large; null: of more than 26214400 (25 MiB)."
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


class NewMessageDefinition(Model):
    """The message that is filed in the sent mailbox."""

    from_: Address = Field(alias="from", description="Sender, with or without a display name.")
    to: Addresses = Field(default_factory=list, description="Recipient(s).")
    cc: Addresses = Field(default_factory=list, description="Recipient(s) in Cc.")
    bcc: Addresses = Field(default_factory=list, description="Recipient(s) in Bcc.")
    subject: Line = Field(description="Its subject.")
    message: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE), AfterValidator(body)] = Field(
        description="The text of its body."
    )
    mailbox: Line | None = Field(None, description="Where it is filed; null finds the sent mailbox.")
    keep_for: Annotated[Duration, AfterValidator(_keeping)] | None = Field(
        None,
        description="Older messages of this check are removed, at most 3650d; null keeps everything.",
        examples=["1d"],
    )

    @model_validator(mode="after")
    def _some_recipient(self) -> Self:
        if not (self.to or self.cc or self.bcc):
            raise expected("at least one recipient in to, cc or bcc")
        return self


class TlsDefinition(Model):
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
        return None if value is None else _endpoint(value).host


class QuotaDefinition(Model):
    """The quota of the mailbox is asked for, where the server knows QUOTA (RFC 9208)."""

    warn_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        90, description="From so many percent of any resource on, each run warns; it never fails for it."
    )


def _endpoint(value: str) -> Endpoint:
    try:
        return parse_server(value)
    except ValueError as error:
        raise expected(str(error)) from None


def _as_search_object(value: Any) -> Any:
    return {"subject": value} if isinstance(value, str | list) else value


def _any_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


_NAME_IN_SECRETS_MANAGER = "^[A-Za-z0-9/_+=.@-]{1,512}$"


def _secret_name(value: str) -> str:
    """As Secrets Manager takes it (API reference, CreateSecret)."""
    if not re.fullmatch(_NAME_IN_SECRETS_MANAGER[1:-1], value):
        raise expected("a name of at most 512 letters, digits and /_+=.@-, not an ARN")
    return value


SecretName = Annotated[
    str, AfterValidator(_secret_name), WithJsonSchema({"type": "string", "pattern": _NAME_IN_SECRETS_MANAGER})
]


class CheckDefinition(Model):
    """One check against one server. Only `server` is required."""

    schema_reference: str | None = Field(None, alias="$schema", description="For the editor; not used.")
    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="The check's name; in a file it must equal the file's stem."
    )
    server: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="imaps://host:993/, imap://host:143/ (STARTTLS), or a host or address with or without a port.",
        examples=["imaps://imap.example.com:993/"],
    )
    secret: SecretName | None = Field(None, description="Secrets Manager secret with username, password and host.")
    authentication: Annotated[
        Authentication,
        BeforeValidator(_any_case),
        WithJsonSchema({"type": "string", "enum": [*AUTHENTICATIONS, *map(str.upper, AUTHENTICATIONS)]}),
    ] = Field("plain", description="How to log in.")
    search: Annotated[SearchDefinition, BeforeValidator(_as_search_object)] | None = Field(
        None, description="Subject term, list of terms (all must match), or an object."
    )
    new_message: NewMessageDefinition | None = Field(None, description="A message to file in the sent mailbox.")
    tls: TlsDefinition = Field(default_factory=TlsDefinition, description="Which TLS, and whom it trusts.")
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
    quota: QuotaDefinition | None = Field(None, description="Warn before the mailbox is full.")
    schedule: ScheduleDefinition | None = Field(None, description="Makes the stack run the check, with alarms.")
    alarms: AlarmsDefinition = Field(
        default_factory=AlarmsDefinition, description="When alarms ring, and whom they tell."
    )
    metrics: MetricSet = Field(
        "main",
        description="What is published to CloudWatch: main; steps, with the main steps' times, the number of matches"
        " and the message's size; all, with every step's time.",
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
        if not self.logs_in:
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
        if self.schedule is not None:
            _refuse_windows_too_long(self.schedule, self.alarms)
        return self

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

    @property
    def verifies_certificate(self) -> bool:
        """There is a certificate, and it is verified."""
        return self.tls_mode != "none" and self.tls.verify

    @property
    def deployed_schedule(self) -> ScheduleDefinition | None:
        """The schedule that the stack has for this check: none where there is none or it is not enabled."""
        return self.schedule if self.schedule is not None and self.schedule.enabled else None

    @property
    def runs_outside(self) -> bool:
        """A machine outside the stack runs it and publishes its runs; the function does not."""
        return self.schedule is not None and self.schedule.runner == "outside"

    @property
    def ca_path(self) -> Path | None:
        """`tls.ca_file` beside the definition, or None for the system's authorities."""
        return None if self.tls.ca_file is None else self._directory / self.tls.ca_file

    @property
    def label(self) -> str:
        """The name, or what stands for it where the definition has none."""
        return self.name or "unnamed"


def _refuse_windows_too_long(schedule: ScheduleDefinition, alarms: AlarmsDefinition) -> None:
    """CloudWatch's limit on Period times EvaluationPeriods (API reference, PutMetricAlarm, Period)."""
    most = schedule.most_periods()
    window = "a day" if schedule.seconds < 3600 else "seven days"
    asked = {field: value.periods for field, value in alarms if isinstance(value, RunsOf)}
    asked["not_running"] = alarms.not_running
    for field, periods in asked.items():
        if periods > most:
            raise conflict(
                f"alarms.{field}",
                str(getattr(alarms, field)),
                f"at most {most} intervals of {schedule.every}: CloudWatch looks back {window} at most",
            )


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
