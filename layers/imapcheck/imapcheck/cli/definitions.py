"""`imapcheck validate` and `imapcheck stack`: definitions as files, and the templates made from them."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imapcheck.check.deployable import run_refusals
from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.deployment import doubts, refusals, strays
from imapcheck.definition.files import load_definition
from imapcheck.definition.json_text import shown
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_of, contacts_template
from imapcheck.stack.quotas import refuse_what_does_not_fit


def validate(
    files: Annotated[list[Path], typer.Argument(help="Check definitions; - reads standard input.", metavar="FILE...")],
) -> None:
    """Validate check definitions: one line per problem, one per doubt."""
    now = datetime.now(UTC)
    valid, problems = _load(files, now)
    lines = [line for file, definition in valid for line in doubts(definition, shown(file), now)]
    for line in [*problems, *lines]:
        print(line)
    if problems:
        raise typer.Exit(WRONG_USAGE)
    print(f"{len(files)} valid")


def stack(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="Folder of check definitions.")] = Path("events"),
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for checks.yaml and contacts.yaml.")] = Path(
        "stacks"
    ),
) -> None:
    """Generate the nested stacks from the definitions: schedules, alarms, contacts."""
    files = sorted(file for file in events.glob("*.json") if file.is_file())
    now = datetime.now(UTC)
    valid, problems = _load(files, now)
    problems += strays(events) if files else []
    if not valid and not problems:
        problems = [f"{events}: found no definition, expected files NAME.json"]
    definitions = [definition for _, definition in valid]
    checks, contacts = checks_template(definitions, now), contacts_template(definitions)
    if not problems:
        try:
            refuse_what_does_not_fit(checks, contacts, len(contacts_of(definitions)))
        except DefinitionError as error:
            problems = [str(error)]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, template in (("checks.yaml", checks), ("contacts.yaml", contacts)):
            (output / name).write_text(template.text, encoding="utf-8")
    except OSError as error:
        print(f"{output}: {(error.strerror or 'cannot be written').lower()}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    scheduled = sum(definition.deployed_schedule is not None for definition in definitions)
    print(f"{output}: {scheduled} of {len(definitions)} checks scheduled, {checks.resources} resources")


def _load(files: Sequence[Path], now: datetime) -> tuple[list[tuple[Path, CheckDefinition]], list[str]]:
    """Definitions that can be deployed, and what is wrong with the others."""
    valid: list[tuple[Path, CheckDefinition]] = []
    problems: list[str] = []
    for file in files:
        try:
            definition = load_definition(file)
        except DefinitionError as error:
            problems.append(str(error))
            continue
        found = refusals(definition, shown(file), now)
        found += run_refusals(definition, shown(file), allow_local_addresses=_allows_local_addresses())
        if found:
            problems += found
        else:
            valid.append((file, definition))
    return valid, problems


def _allows_local_addresses() -> bool:
    """The function's own setting, for tests against servers of this machine."""
    return os.environ.get("IMAPCHECK_ALLOW_LOCAL_ADDRESSES", "").lower() in ("1", "true")
