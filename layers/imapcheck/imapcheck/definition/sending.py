"""`send`: a message that is really submitted, and whose arrival is watched (docs/delivery.md)."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from imapcheck.definition.access import (
    Authentication,
    Reached,
    SecretName,
    TlsDefinition,
    endpoint,
    refuse_unsafe_login,
)
from imapcheck.definition.fields import Address, Duration, Keeping, Line, Model, expected
from imapcheck.definition.server import SUBMISSION, Endpoint, parse_server

REST = timedelta(seconds=10)
"""What a run keeps for all else beside the wait for the message."""
_LONGEST_WAIT = timedelta(seconds=110)


def _within(value: timedelta) -> timedelta:
    if value > _LONGEST_WAIT:
        raise expected("at most 110s")
    return value


class SendDefinition(Reached, Model):
    """Mail is submitted through `server`, and must arrive where the check reads."""

    server: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="smtps://host:465/, smtp://host:587/ (STARTTLS), or a host or address with or without a port.",
        examples=["smtps://mail.example.com:465/"],
    )
    secret: SecretName | None = Field(
        None, description="Secret with username, password and host of the sending server, if not the check's secret."
    )
    authentication: Authentication = Field("plain", description="How to log in to the sending server.")
    tls: TlsDefinition = Field(default_factory=TlsDefinition, description="As tls, for the sending server.")
    from_: Address = Field(alias="from", description="Sender, with or without a display name.")
    to: Address = Field(description="The only recipient, whose mail arrives at server.")
    subject: Line = Field("imapcheck round trip", description="Its subject.")
    within: Annotated[Duration, AfterValidator(_within)] = Field(
        timedelta(seconds=15),
        description="How long to wait for its arrival, at most 110s.",
        json_schema_extra={"default": "15s"},
    )
    mailbox: Line = Field(
        "INBOX", description="The mailbox in which it arrives, if a filter files it: a name or a special use."
    )
    keep_for: Keeping | None = Field(
        None,
        description="Older messages of this check are removed from that mailbox and from Junk, at most 3650d.",
        examples=["1d"],
    )

    _endpoint: Endpoint = PrivateAttr()

    @field_validator("server")
    @classmethod
    def _server(cls, value: str) -> str:
        endpoint(value, SUBMISSION)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._endpoint = parse_server(self.server, self.tls.mode, SUBMISSION)
        if self.logs_in:
            refuse_unsafe_login(self.tls, self.tls_mode, self.authentication, "send.")
        return self

    @property
    def least_timeout(self) -> float:
        """Seconds that a run needs at least."""
        return (self.within + REST).total_seconds()
