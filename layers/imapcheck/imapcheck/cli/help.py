"""Help as a person reads it: no Python types, no braces around what must be given. Commands load when they run."""

import gc
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand

_TYPE, _REQUIRED = re.compile(r" <(?:str|path|list\[Path\])>"), re.compile(r"\{([A-Za-z.\[\]]+)\}(?:\.\.\.)?")


_UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
WrongUsage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What the commands' parser raises; `show()` prints it."""


class PlainCommand(TyperCommand):
    """A command whose help and usage lines are plain, and whose wrong usage is no outage to the reader of a format."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        given = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except _UsageError as error:
            raise _as_the_format_has_it(error, given) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            raise _as_the_format_has_it(error, [f"--format={ctx.params.get('format')}"]) from None

    def get_usage(self, ctx: Any) -> str:
        return _plain(super().get_usage(ctx))

    def get_help(self, ctx: Any) -> str:
        return _plain(super().get_help(ctx))


class Loaded(Mapping[str, Any]):
    """Commands by name, each loaded when it is asked for: `--version` and `validate` do not pay for `run`.

    `modules` names for each the module that has a function of its name, and its epilog as `HELP` if there is one.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            module = _module(self._modules[name])
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name, epilog=getattr(module, "HELP", None), cls=PlainCommand)(getattr(module, name))
            self._loaded[name] = typer.main.get_command(alone)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def _module(name: str) -> Any:
    """The module, loaded without the collector: its walks over what stays would be a twentieth of a short call."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _as_the_format_has_it(error: Any, arguments: list[str]) -> Exception:
    """The error itself; its line and its status where a format has its own, as our 2 is Nagios' CRITICAL."""
    from imapcheck.output.formats import FORMATS

    given = [*arguments, *map("=".join, itertools.pairwise(arguments))]
    format = next((row for row in FORMATS.values() if f"--format={row.name}" in given and row.wrong_usage), None)
    if format is None:
        return error  # type: ignore[no-any-return]
    error.show()
    sys.stdout.write(format.wrong_usage)
    return typer.Exit(format.trouble)


def _plain(text: str) -> str:
    return _REQUIRED.sub(r"\1", _TYPE.sub("", text))
