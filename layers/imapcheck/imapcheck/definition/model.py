"""The check definition: one JSON object that says what to check.

`CheckDefinition.model_validate(data)` raises pydantic's `ValidationError`; `files` turns that
into lines that name file, field, what was found and what was expected.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from imapcheck.definition.access import (
    Authentication,
    Reached,
    SecretName,
    TlsDefinition,
    endpoint,
    refuse_unsafe_login,
)
from imapcheck.definition.fields import (
    Address,
    Addresses,
    Duration,
    Keeping,
    Line,
    Milliseconds,
    Model,
    PartName,
    Terms,
    body,
    conflict,
    expected,
    incomplete,
    without_nulls,
)
from imapcheck.definition.monitoring import AlarmsDefinition, RunsOf, ScheduleDefinition, SloDefinition
from imapcheck.definition.parts import Sources
from imapcheck.definition.sending import REST, SendDefinition
from imapcheck.definition.server import Endpoint, parse_server
from imapcheck.measures import MetricSet
from imapcheck.steps import STEP_NAMES
from imapcheck.wording import elapsed

NAME_PATTERN = r"^[A-Za-z0-9-]{1,40}$"
MAX_MESSAGE = 1_000_000
MAX_SIZE = 25 << 20
"""Octets of a message; a larger one is never read (imap/decoder.py)."""


class SearchDefinition(Model):
    """What must be found: every term given must match (RFC 9051 section 6.4.4)."""

    subject: Terms | None = Field(None, description="Term(s) in the subject.")
    from_: Terms | None = Field(None, alias="from", description="Term(s) in the From field.")
    to: Terms | None = Field(None, description="Term(s) in the To field.")
    text: Terms | None = Field(None, description="Term(s) anywhere in the message.")
    mailbox: Line = Field("INBOX", description="A mailbox name, or a special use such as \\Junk.")
    min_matches: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = Field(
        1, description="Fewer matches than this is no_match; with 0 the search must work, but it needs no match."
    )
    max_age: Duration | None = Field(None, description="A newest match older than this is too_old.")
    max_size: Annotated[int, Field(ge=1, le=MAX_SIZE, strict=True)] | None = Field(
        None, description="A newest match of more bytes is message_too_large; null: of more than 26214400 (25 MiB)."
    )

    @model_validator(mode="after")
    def _some_term(self) -> Self:
        if not self.terms():
            raise incomplete("at least one of subject, from, to, text")
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
    mailbox: Line | None = Field(None, description="The mailbox in which it is filed; null finds the sent mailbox.")
    keep_for: Keeping | None = Field(
        None,
        description="Older messages of this check are removed, at most 3650d; null keeps everything.",
        examples=["1d"],
    )

    @model_validator(mode="after")
    def _some_recipient(self) -> Self:
        if not (self.to or self.cc or self.bcc):
            raise incomplete("at least one recipient in to, cc or bcc")
        return self


class QuotaDefinition(Model):
    """The quota of the mailbox is asked for, where the server knows QUOTA (RFC 9208)."""

    warn_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        90, description="If a resource is used by this many percent or more, each run warns; it does not fail."
    )


def _as_search_object(value: Any) -> Any:
    return {"subject": value} if isinstance(value, str | list) else value


def _thresholds(value: Any) -> Any:
    """Null is a step's default: no threshold."""
    return without_nulls(value, ("total", *STEP_NAMES)) if isinstance(value, dict) else value


class CheckDefinition(Reached, Model, defer_build=False):
    """One check against one server. Only `server` is required."""

    schema_reference: str | None = Field(None, alias="$schema", description="For the editor; not used.")
    extends: PartName | None = Field(
        None,
        description="A file in this folder whose name begins with _: its values hold where this file sets none.",
        examples=["_defaults.json"],
    )
    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="The check's name; in a file it must equal the file's name without .json."
    )
    server: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="imaps://host:993/, imap://host:143/ (STARTTLS), or a host or address with or without a port.",
        examples=["imaps://imap.example.com:993/"],
    )
    secret: SecretName | None = Field(
        None, description="Secret with username, password, host; ssm:NAME is a parameter."
    )
    authentication: Authentication = Field("plain", description="How to log in.")
    search: Annotated[SearchDefinition, BeforeValidator(_as_search_object)] | None = Field(
        None, description="Subject term, list of terms (all must match), or an object."
    )
    new_message: NewMessageDefinition | None = Field(None, description="A message to file in the sent mailbox.")
    send: SendDefinition | None = Field(None, description="A message to submit, and to wait for.")
    tls: TlsDefinition = Field(
        default_factory=TlsDefinition, description="How the connection is protected, and which authorities it trusts."
    )
    timeout: Annotated[float, Field(ge=1, le=120, strict=True, allow_inf_nan=False)] = Field(
        30, description="Seconds for the whole run, all attempts included."
    )
    retries: Annotated[int, Field(ge=0, le=2, strict=True)] = Field(
        0, description="More attempts after a failure that may be a glitch; all share the timeout."
    )
    identify: Annotated[bool, Field(strict=True)] = Field(False, description="Send ID after the login (RFC 2971).")
    thresholds: Annotated[
        dict[Literal["total", *STEP_NAMES], Milliseconds],  # type: ignore[valid-type]
        BeforeValidator(_thresholds),
    ] = Field(default_factory=dict, description="Milliseconds; an available run over one of them is slow.")
    quota: QuotaDefinition | None = Field(None, description="Warn before the mailbox is full.")
    schedule: ScheduleDefinition | None = Field(
        None, description="The stack runs the check at this interval, with alarms."
    )
    alarms: AlarmsDefinition = Field(
        default_factory=AlarmsDefinition, description="When alarms fire, and whom they notify."
    )
    slo: SloDefinition | None = Field(None, description="A goal for the month's availability, with its budget.")
    metrics: MetricSet = Field(
        "main",
        description="What is published to CloudWatch: alarms, only what an alarm reads; main; steps, also the main"
        " steps' times, the number of matches and the message's size; all, every step's time.",
    )

    _endpoint: Endpoint = PrivateAttr()
    _directory: Path = PrivateAttr(default=Path())
    _sources: Sources | None = PrivateAttr(default=None)

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
        endpoint(value)
        return value

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        self._endpoint = parse_server(self.server, self.tls.mode)
        if isinstance(info.context, dict) and "directory" in info.context:
            self._directory = Path(info.context["directory"])
            self._sources = info.context.get("sources")
        if not self.logs_in:
            for name in ("search", "new_message", "send"):
                if getattr(self, name) is not None:
                    raise conflict("authentication", '"none"', f"another authentication, as {name} needs a login")
        else:
            refuse_unsafe_login(self.tls, self.tls_mode, self.authentication)
        if self.send is not None and self.timeout < self.send.least_timeout:
            wait = f"{elapsed(self.send.within)} of send.within and {elapsed(REST)} for the rest"
            raise conflict("timeout", f"{self.timeout:g}", f"at least {self.send.least_timeout:g}, for {wait}")
        if self.schedule is not None:
            _refuse_windows_too_long(self.schedule, self.alarms)
        return self

    @property
    def total_alone(self) -> float | None:
        """The threshold of `total` where there is no other: then the duration by itself tells what is slow."""
        return self.thresholds.get("total") if len(self.thresholds) == 1 else None

    @property
    def verifies_certificate(self) -> bool:
        """There is a certificate, and it is verified."""
        return self.tls_mode != "none" and self.tls.verify

    @property
    def deployed_schedule(self) -> ScheduleDefinition | None:
        """The schedule that the stack has for this check: none where there is none or it is not enabled."""
        return self.schedule if self.schedule is not None and self.schedule.enabled else None

    @property
    def runs_in_stack(self) -> bool:
        """The function runs it, or would if the schedule were enabled."""
        return self.schedule is not None and self.schedule.runner == "stack"

    @property
    def runs_outside(self) -> bool:
        """A machine outside the stack runs it and publishes its runs; the function does not."""
        return self.schedule is not None and self.schedule.runner == "outside"

    @property
    def ca_path(self) -> Path | None:
        """`tls.ca_file` beside the definition, or None for the system's authorities."""
        return self.path_of(self.tls.ca_file)

    @property
    def sends(self) -> bool:
        """There is a message to send, and a mailbox to watch for it."""
        return self.send is not None and self.logs_in

    @property
    def sends_as_it_reads(self) -> bool:
        """The sending server is on the same host, and no login of its own is named: the one login serves both."""
        return self.send is not None and self.send.secret is None and self.send.host == self.host

    @property
    def send_secret(self) -> str | None:
        """The secret of the sending login: its own, or the one that serves both."""
        if self.send is None or not self.send.logs_in:
            return None
        return self.send.secret or (self.secret if self.sends_as_it_reads else None)

    @property
    def cleans(self) -> bool:
        """Older messages of this check are to be removed."""
        return any(message is not None and message.keep_for is not None for message in (self.new_message, self.send))

    def path_of(self, ca_file: str | None) -> Path | None:
        """A `ca_file` beside the definition, or None for the system's authorities."""
        return None if ca_file is None else self._directory / ca_file

    def source_of(self, field: str, source: str) -> str:
        """The file that a value stands in, as messages about what it does here begin; `source` is the check's own."""
        return source if self._sources is None else self._sources.judged(field)

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
