"""`imapcheck validate` and `imapcheck stack`: definitions as files, and the templates made from them."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.files import load_definition, load_part
from imapcheck.definition.json_text import STANDARD_INPUT, shown
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import Parts, is_part
from imapcheck.errors import DefinitionError
from imapcheck.stack.archive import NAME as ARCHIVE
from imapcheck.stack.archive import definitions_archive
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_of, contacts_template
from imapcheck.stack.deployable import run_refusals
from imapcheck.stack.doubts import DEFAULT_PREFIX, PREFIX_PATTERN, doubts
from imapcheck.stack.places import place_template, places_of
from imapcheck.stack.quotas import refuse_what_does_not_fit
from imapcheck.stack.refusals import refusals, strays
from imapcheck.stack.salvage import refusals_beside
from imapcheck.wording import count

_MOST_NAMES = 3


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
    valid, problems = _load(files, now)
    lines = [line for file, definition in valid for line in doubts(definition, shown(file), now, secret_prefix)]
    for line in dict.fromkeys([*problems, *lines]):
        print(line)
    facts = [f"{len(valid)} valid"]
    if unscheduled := len(_unscheduled(definition for _, definition in valid)):
        facts.append(f"{unscheduled} without a schedule (AWS runs them by name only)")
    if parts := sum(map(is_part, files)):
        facts.append(count(parts, "part"))
    if problems and (invalid := sum(not is_part(file) for file in files) - len(valid)):
        facts.append(f"{invalid} not valid")
    if not problems or len(files) > 1:
        print(", ".join(facts))
    if problems:
        raise typer.Exit(WRONG_USAGE)


def stack(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="Folder of check definitions.")] = Path("events"),
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help=f"Folder for checks.yaml, contacts.yaml and {ARCHIVE}; without it stacks/, no zip."
        ),
    ] = None,
) -> None:
    """Generate the nested stacks from the definitions: schedules, alarms, contacts."""
    folder = output or Path("stacks")
    files = sorted(file for file in events.glob("*.json") if file.is_file())
    now = datetime.now(UTC)
    valid, problems = _load(files, now)
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
    if unscheduled := _unscheduled(definitions):
        facts.append(f"without a schedule (run by name only): {_some(unscheduled)}")
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


def _unscheduled(definitions: Iterable[CheckDefinition]) -> list[str]:
    """The names of those that are deployed and that nothing runs; a paused check has a schedule."""
    return [definition.label for definition in definitions if definition.schedule is None]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _load(files: Sequence[Path], now: datetime) -> tuple[list[tuple[Path, CheckDefinition]], list[str]]:
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
            problems += [] if file == STANDARD_INPUT or is_part(file) else refusals_beside(file, now, parts)
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
