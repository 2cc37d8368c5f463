"""`imapcheck stack`: the templates made from definitions."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imapcheck.cli.status import WRONG_USAGE
from imapcheck.cli.validate import load, unscheduled
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.stack.archive import NAME as ARCHIVE
from imapcheck.stack.archive import definitions_archive
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_of, contacts_template
from imapcheck.stack.places import place_template, places_of
from imapcheck.stack.quotas import refuse_what_does_not_fit
from imapcheck.stack.refusals import strays

_MOST_NAMES = 3


def stack(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="Folder of check definitions.")] = Path("events"),
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help=f"Folder for checks.yaml, contacts.yaml and {ARCHIVE}; default: stacks/, no zip."
        ),
    ] = None,
) -> None:
    """Generate the nested stacks from the definitions: schedules, alarms, contacts."""
    folder = output or Path("stacks")
    files = sorted(file for file in events.glob("*.json") if file.is_file())
    now = datetime.now(UTC)
    valid, problems = load(files, now)
    problems += strays(events) if files else []
    if not valid and not problems:
        problems = [f"{events}: found no definition, expected files NAME.json"]
    definitions = [definition for _, definition in valid]
    try:
        checks, contacts = checks_template(definitions, now), contacts_template(definitions)
        if not problems:
            refuse_what_does_not_fit(checks, contacts, len(contacts_of(definitions)))
    except DefinitionError as error:
        problems.append(str(error))
    if problems:
        print("\n".join(dict.fromkeys(problems)), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, template in (("checks.yaml", checks), ("contacts.yaml", contacts)):
            (folder / name).write_text(template.text, encoding="utf-8")
        _write_places(folder, definitions)
        if output is not None:
            (folder / ARCHIVE).write_bytes(definitions_archive(events))
    except OSError as error:
        print(f"{folder}: {(error.strerror or 'cannot be written').lower()}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    scheduled = sum(definition.deployed_schedule is not None for definition in definitions)
    facts = [f"{scheduled} of {len(definitions)} checks scheduled", f"{checks.resources} resources"]
    if idle := unscheduled(definitions):
        facts.append(f"without a schedule (run by name only): {_some(idle)}")
    print(f"{folder}: {', '.join(facts)}")


def _write_places(folder: Path, definitions: Sequence[CheckDefinition]) -> None:
    """The places' template and their list, where there are any; else neither is there."""
    places = places_of(definitions)
    texts = {"place.yaml": place_template(places).text, "places.txt": "".join(f"{place}\n" for place in places)}
    for name, text in texts.items():
        if places:
            (folder / name).write_text(text, encoding="utf-8")
        else:
            (folder / name).unlink(missing_ok=True)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
