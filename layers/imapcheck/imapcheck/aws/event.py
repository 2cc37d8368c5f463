"""What an event asks for: a deployed check by name, or a whole definition as an instant test.

Whoever may invoke the function writes the event, so every form of it ends in a definition or a `DefinitionError`.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from imapcheck.aws.settings import Settings
from imapcheck.definition.files import load_definition, parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import check_files
from imapcheck.errors import DefinitionError, NotDeployed
from imapcheck.text import one_line

INLINE = "inline"
_MOST_READ_AHEAD = 10
_OLDEST_SCHEDULE = timedelta(hours=6)
"""Lambda keeps an event for six hours at most."""


class RunRequest(NamedTuple):
    """A definition to run; `instant_test` publishes nothing; `scheduled_at` is the schedule's time for this run."""

    definition: CheckDefinition
    instant_test: bool
    scheduled_at: datetime | None = None


class Events:
    """Reads events; deployed definitions are loaded once an environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: dict[str, CheckDefinition] = {}

    def texts(self) -> list[bytes]:
        """The deployed files as they are, parts included."""
        return [path.read_bytes() for path in self._settings.definitions.glob("*.json")]

    def read_ahead(self) -> list[CheckDefinition]:
        """A few deployed definitions, in the order of their names; what is wrong with one is for its run to tell."""
        found = []
        for path in check_files(self._settings.definitions)[:_MOST_READ_AHEAD]:
            with suppress(DefinitionError):
                found.append(self._known(path.stem))
        return found

    def request(self, event: object) -> RunRequest:
        """What `event` asks for. Raises `DefinitionError`, of which `NotDeployed` is a name that is not there."""
        if not isinstance(event, dict):
            raise DefinitionError('event: expected {"check": NAME} or a whole definition')
        if "look" in event:
            raise DefinitionError('event: "look" is what the places are asked, and this is their home')
        if "check" not in event:
            return RunRequest(self._inline(event), instant_test=True)
        if not set(event) <= {"check", "scheduled_time"}:
            raise DefinitionError('event: expected "check" alone, or a whole definition without it')
        return RunRequest(self.deployed(event["check"]), instant_test=False, scheduled_at=_scheduled(event))

    def deployed(self, name: object) -> CheckDefinition:
        """The deployed definition of that name. Raises `NotDeployed` where there is none, and `DefinitionError`."""
        known = {path.stem for path in check_files(self._settings.definitions)}
        if not isinstance(name, str) or name not in known:
            # Not which there are: whoever may run one check need not know the others' names.
            raise NotDeployed(f"check {_shown(name)}: not among the deployed definitions")
        return self._known(name)

    def _known(self, name: str) -> CheckDefinition:
        """The definition of a name that is among the files. Raises `DefinitionError`."""
        if name not in self._loaded:
            self._loaded[name] = load_definition(self._settings.definitions / f"{name}.json")
        return _run_here(self._loaded[name])

    def _inline(self, event: dict[str, Any]) -> CheckDefinition:
        if not self._settings.allow_inline_definitions:
            raise DefinitionError(
                'event: found no "check"; whole definitions are not taken here: deploy the definition and send'
                ' {"check": NAME}, or deploy the stack with AllowInlineDefinitions=true'
            )
        data = event | {"name": INLINE} if event.get("name") is None else event
        definition = parse_definition(data, source="event", directory=self._settings.definitions)
        if definition.send is not None:
            raise DefinitionError("event: send: expected it left out: only a deployed definition may send mail")
        _refuse_other_files(definition)
        _refuse_weaker_tls(definition)
        return _run_here(definition)


def is_instant_test(event: object) -> bool:
    """The event is a whole definition, or was meant as one: it publishes nothing, not even that it failed."""
    return isinstance(event, dict) and "check" not in event


def is_scheduled(event: object) -> bool:
    """The event is a schedule's (`scheduled_time`), and not somebody's by hand."""
    return isinstance(event, dict) and "scheduled_time" in event


def _run_here(definition: CheckDefinition) -> CheckDefinition:
    """The definition, unless a machine outside runs it: here it would find another network, and mix two views."""
    if definition.runs_outside:
        raise DefinitionError(
            f'check {definition.label}: schedule.runner: found "outside": the function does not run it; a machine of'
            " yours does, with imapcheck run --publish"
        )
    return definition


def _refuse_other_files(definition: CheckDefinition) -> None:
    """`tls.ca_file` beside the definitions and nowhere else: the function reads no file for a caller."""
    name = definition.tls.ca_file
    if name is not None and Path(name).name != name:
        raise DefinitionError(
            f"event: tls.ca_file: found {_shown(name)}, expected the plain name of a file beside the definitions"
        )


def _refuse_weaker_tls(definition: CheckDefinition) -> None:
    """A secret goes where a deployed definition would let it, and over TLS that is verified as usual."""
    tls = definition.tls
    weaker = {
        "verify": not tls.verify,
        "allow_unverified_login": tls.allow_unverified_login,
        "ca_file": tls.ca_file is not None,
        "server_name": tls.server_name is not None,
        "mode": definition.tls_mode == "none",
    }
    for name in weaker:
        if definition.secret is not None and weaker[name]:
            raise DefinitionError(
                f"event: tls.{name}: expected it left out beside a secret: only a deployed definition may change how"
                " the server is verified"
            )


def _scheduled(event: dict[str, Any]) -> datetime | None:
    """The schedule's own time (EventBridge Scheduler, context attributes), None where there is none that can be true.

    Runs start up to two minutes after it. Stamped with their start, two runs would share a period of a sliding alarm
    window or none would fall into it, and one outage would ring more than once.
    """
    text = event.get("scheduled_time")
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    now = datetime.now(UTC)
    if found.tzinfo is None or not now - _OLDEST_SCHEDULE <= found <= now + timedelta(minutes=1):
        return None
    return found.astimezone(UTC)


def _shown(value: object) -> str:
    """A caller's value in an error: short, one line."""
    kind = type(value).__name__
    return one_line(repr(value), 60) if isinstance(value, str | int | float | bool | None) else f"a {kind}"
