"""`imapcheck validate`: what is wrong with definitions, and what is doubtful."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.files import load_definition, load_part
from imapcheck.definition.json_text import STANDARD_INPUT, display_name
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import Parts, is_part
from imapcheck.errors import DefinitionError
from imapcheck.stack.doubts import DEFAULT_PREFIX, PREFIX_PATTERN, doubts
from imapcheck.stack.refusals import refusals
from imapcheck.wording import count


def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Check definitions and parts; - reads standard input.", metavar="FILE...")
    ],
    secret_prefix: Annotated[
        str, typer.Option(metavar="PREFIX", help="SecretPrefix of the stack that they are for.", show_default=True)
    ] = DEFAULT_PREFIX,
) -> None:
    """Validate check definitions: one line per problem, one per doubt."""
    if not re.fullmatch(PREFIX_PATTERN, secret_prefix):
        raise typer.BadParameter(
            "expected the beginning of secret names, ending with a slash", param_hint="--secret-prefix"
        )
    now = datetime.now(UTC)
    valid, problems = load(files, now)
    lines = [line for file, definition in valid for line in doubts(definition, display_name(file), now, secret_prefix)]
    for line in dict.fromkeys([*problems, *lines]):
        print(line)
    facts = [f"{len(valid)} valid"]
    if idle := len(unscheduled(definition for _, definition in valid)):
        facts.append(f"{idle} without a schedule (AWS runs them by name only)")
    if parts := sum(map(is_part, files)):
        facts.append(count(parts, "part"))
    if problems and (invalid := len(files) - parts - len(valid)):
        facts.append(f"{invalid} not valid")
    if not problems or len(files) > 1:
        print(", ".join(facts))
    if problems:
        raise typer.Exit(WRONG_USAGE)


def unscheduled(definitions: Iterable[CheckDefinition]) -> list[str]:
    """The names of those that are deployed and that nothing runs; a paused check has a schedule."""
    return [definition.label for definition in definitions if definition.schedule is None]


def load(files: Sequence[Path], now: datetime) -> tuple[list[tuple[Path, CheckDefinition]], list[str]]:
    """Checks that can be deployed, and what is wrong with the others and with parts."""
    valid: list[tuple[Path, CheckDefinition]] = []
    problems: list[str] = []
    parts = Parts()
    for file in files:
        try:
            if is_part(file):
                load_part(file, parts)
                continue
            definition = load_definition(file, parts)
        except DefinitionError as error:
            problems += str(error).splitlines()
            problems += [] if file == STANDARD_INPUT or is_part(file) else _beside(file, now, parts)
            continue
        found = refusals(definition, display_name(file), now, allow_local_addresses=_allows_local_addresses())
        if found:
            problems += found
        else:
            valid.append((file, definition))
    return valid, problems


def _beside(file: Path, now: datetime, parts: Parts) -> list[str]:
    from imapcheck.stack.salvage import refusals_beside  # only where something is wrong

    return refusals_beside(file, now, parts, allow_local_addresses=_allows_local_addresses())


def _allows_local_addresses() -> bool:
    """The function's own setting, for tests against servers of this machine."""
    return os.environ.get("IMAPCHECK_ALLOW_LOCAL_ADDRESSES", "").lower() in ("1", "true")
