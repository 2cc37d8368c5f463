"""The function's environment, read once and checked."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """What template.yaml sets; `allow_local_addresses` is for tests alone and never set by the template."""

    model_config = ConfigDict(frozen=True)

    definitions: Path = Field(Path("/opt"), description="Folder of the deployed definitions.")
    step_metrics: Literal["main", "all", "none"] = "main"
    allow_local_addresses: bool = False

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `IMAPCHECK_*`; raises pydantic's ValidationError where the template set nonsense."""
        prefix = "IMAPCHECK_"
        names = {prefix + name.upper(): name for name in cls.model_fields}
        return cls.model_validate({names[key]: value for key, value in os.environ.items() if key in names})
