"""`imapcheck validate`: what is wrong with definitions before anything runs them."""

from pathlib import Path
from typing import Annotated

import typer

from imapcheck.cli.status import AVAILABLE, WRONG_USAGE
from imapcheck.definition.files import load_definition, refuse_twins
from imapcheck.errors import DefinitionError

Files = Annotated[list[Path], typer.Argument(help="Check definitions; - reads standard input.", metavar="FILE...")]


def validate(files: Files) -> None:
    """Validate check definitions: one line per problem."""
    names: dict[str, str] = {}
    status = AVAILABLE
    for file in files:
        try:
            definition = load_definition(file)
            names[str(file)] = definition.label
        except DefinitionError as error:
            print(error)
            status = WRONG_USAGE
    try:
        refuse_twins(names.values())
    except DefinitionError as error:
        print(error)
        status = WRONG_USAGE
    if status == AVAILABLE:
        print(f"{len(files)} valid")
    raise typer.Exit(status)
