"""Help as a person reads it: no Python types, no braces around what must be given."""

import re
from typing import Any

from typer.core import TyperCommand

_TYPE, _REQUIRED = re.compile(r" <(?:str|path|list\[Path\])>"), re.compile(r"\{([A-Za-z.\[\]]+)\}(?:\.\.\.)?")


class PlainCommand(TyperCommand):
    """A command whose help and usage lines are plain."""

    def get_usage(self, ctx: Any) -> str:
        return _plain(super().get_usage(ctx))

    def get_help(self, ctx: Any) -> str:
        return _plain(super().get_help(ctx))


def _plain(text: str) -> str:
    return _REQUIRED.sub(r"\1", _TYPE.sub("", text))
