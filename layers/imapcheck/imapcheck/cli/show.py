"""`imapcheck show`: definitions as they count, with the parts that they extend."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.files import load_definition, load_part
from imapcheck.definition.parts import Parts, Sources, is_part, values, without_any_nulls
from imapcheck.errors import DefinitionError


def show(
    files: Annotated[
        list[Path], typer.Argument(help="Definitions or parts; - reads standard input.", metavar="FILE...")
    ],
    sources: Annotated[bool, typer.Option("--sources", help="A line for each value, beginning with its file.")] = False,
) -> None:
    """Print definitions as they count: JSON, with what they extend merged in."""
    parts, failed = Parts(), False
    for file in files:
        try:
            load_part(file, parts) if is_part(file) else load_definition(file, parts)
            written = parts.written(file)
        except DefinitionError as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        data = without_any_nulls(written.data)
        if sources:
            print("\n".join(_lines(data, written.sources)))
        elif len(files) > 1:  # the name tells one from another
            print(json.dumps({**data, "name": file.stem}, indent=2, ensure_ascii=False))
        else:
            print(json.dumps(data, indent=2, ensure_ascii=False))
    if failed:
        raise typer.Exit(WRONG_USAGE)


def _lines(data: dict[str, Any], sources: Sources) -> list[str]:
    return [
        f"{sources.of(*keys)}: {'.'.join(keys)}: {json.dumps(value, ensure_ascii=False)}"
        for keys, value in values(data)
    ]
