"""The command line's commands and options as typer knows them, as rows of a table."""

from typing import Any

import typer.main

from imapcheck.cli.app import app


def commands() -> dict[str, Any]:
    """Name -> command."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def rows(command: Any) -> list[str]:
    """Arguments, then options, each as a row: what one writes, and its help text."""
    found = [(_written(parameter), parameter.help or "") for parameter in command.params]
    found += [("`-h`, `--help`", "Show this message and exit.")]
    return [f"| {written} | {help_text} |" for written, help_text in found]


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}`"
    value = f" {parameter.metavar}" if parameter.metavar else ""
    names = [f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts)]
    return ", ".join(names).replace("|", "\\|")
