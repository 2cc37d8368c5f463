"""The function's environment, read once and checked."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """What template.yaml sets; `allow_local_addresses` is for tests alone and never set by the template."""

    model_config = ConfigDict(frozen=True)

    definitions: Path = Field(Path("/opt"), description="Folder of the deployed definitions.")
    stack: str = Field("local", min_length=1, description="The stack's name; metrics go to ImapCheck/NAME.")
    pause_table: str | None = Field(None, description="DynamoDB table of withheld logins; without it memory alone.")
    place: str | None = Field(None, description="The Region of a place, which only looks for its home.")
    region: str = Field("", description="The function's own Region, which the runtime sets.")
    allow_inline_definitions: bool = Field(False, description="Take whole definitions as events.")
    allow_local_addresses: bool = False

    @property
    def namespace(self) -> str:
        """The CloudWatch namespace of this stack alone: stacks of one account do not see each other's checks."""
        return f"ImapCheck/{self.stack}"

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `IMAPCHECK_*`, empty as unset; raises pydantic's ValidationError where the template set nonsense."""
        names = {f"IMAPCHECK_{name.upper()}": name for name in cls.model_fields}
        found = {names[key]: value for key, value in os.environ.items() if key in names and value}
        return cls.model_validate({"region": os.environ.get("AWS_REGION", "")} | found)
