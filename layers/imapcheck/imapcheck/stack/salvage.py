"""What a deployment would refuse of a definition that cannot be read as a whole: one mistake hides no other.

The parts that a refusal rests on are read one by one, each in a definition of its own that is right otherwise.
"""

import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from imapcheck.definition.files import parse_definition
from imapcheck.definition.json_text import display_name
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import Parts, Sources
from imapcheck.errors import DefinitionError
from imapcheck.stack.refusals import refusals

_SERVER = "mail.example"
_WINDOW = {"cron": "0 0 * * *", "duration": "1h"}


def refusals_beside(
    path: Path, now: datetime, parts: Parts | None = None, *, allow_local_addresses: bool = False
) -> list[str]:
    """`refusals` of the readable parts of the definition in `path`, each line once; none where it is no JSON object."""
    try:
        data, sources = (parts or Parts()).written(path)
    except DefinitionError:
        return []
    definitions = [found for part in _parts(data) if (found := _read(part, path.parent, sources)) is not None]
    lines = (refusals(one, display_name(path), now, allow_local_addresses=allow_local_addresses) for one in definitions)
    return list(dict.fromkeys(itertools.chain.from_iterable(lines)))


def _parts(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    login = {key: data[key] for key in ("schedule", "authentication", "secret") if key in data}
    server = {"server": data.get("server")}
    yield server | login if _read(server, Path()) is not None else {"server": _SERVER} | login
    if "send" in data:
        yield {key: data[key] for key in ("server", "schedule", "send", "secret") if key in data} | {"timeout": 120}
    tls, alarms = data.get("tls"), data.get("alarms")
    if isinstance(tls, dict) and "ca_file" in tls:
        yield {"server": _SERVER, "tls": {"ca_file": tls["ca_file"]}}
    mute = alarms.get("mute") if isinstance(alarms, dict) else None
    for index, window in enumerate(mute if isinstance(mute, list) else []):
        for part in _windows(window) if isinstance(window, dict) else []:
            yield {"server": _SERVER, "alarms": {"mute": [*[_WINDOW] * index, part]}}


def _windows(window: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its time zone by itself, and its `at`."""
    if "timezone" in window:
        yield _WINDOW | {"timezone": window["timezone"]}
    if "at" in window:
        yield {"at": window["at"], "duration": "1h"}


def _read(part: dict[str, Any], directory: Path, sources: Sources | str = "") -> CheckDefinition | None:
    try:
        return parse_definition(part, source=sources, directory=directory)
    except DefinitionError:  # told already, with the whole definition
        return None
