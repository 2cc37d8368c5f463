"""The function's environment, read once and checked."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class _Environment(BaseModel):
    """What template.yaml sets for every function that has definitions."""

    model_config = ConfigDict(frozen=True)

    definitions: Path = Field(Path("/opt"), description="Folder of the deployed definitions.")
    stack: str = Field("local", min_length=1, description="The stack's name; metrics go to ImapCheck/NAME.")

    @property
    def namespace(self) -> str:
        """The CloudWatch namespace of this stack alone: stacks of one account do not see each other's checks."""
        return f"ImapCheck/{self.stack}"

    @classmethod
    def from_environment(cls) -> Self:
        """Read `IMAPCHECK_*`, empty as unset; raises pydantic's ValidationError where the template set nonsense."""
        names = {f"IMAPCHECK_{name.upper()}": name for name in cls.model_fields}
        found = {names[key]: value for key, value in os.environ.items() if key in names and value}
        return cls.model_validate({"region": os.environ.get("AWS_REGION", "")} | found)


class Settings(_Environment):
    """The environment of `run_check`; `allow_local_addresses` is for tests alone and never set by the template."""

    pause_table: str | None = Field(None, description="DynamoDB table of withheld logins; without it memory alone.")
    place: str | None = Field(None, description="The Region of a place, which only looks for its home.")
    region: str = Field("", description="The function's own Region, which the runtime sets.")
    allow_inline_definitions: bool = Field(False, description="Take whole definitions as events.")
    allow_local_addresses: bool = False


class MessageSettings(_Environment):
    """The environment of the functions that send messages."""

    log_group: str
    alarm_topic: str
    contact_topic: str
    dashboard_url: str
    time_zone: str = "UTC"
