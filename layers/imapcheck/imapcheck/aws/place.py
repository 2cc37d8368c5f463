"""What a place does: it looks whether a deployed check's server can be reached from its Region, and answers home.

It logs in nowhere: it holds no secret, publishes no metric and has no schedule. Home, the Region that the stack is in,
asks it by `{"look": NAME, "digest": ...}` (`imapcheck.aws.places`).
"""

import hashlib
import json
import logging
import time
from dataclasses import asdict
from typing import Any

from imapcheck.aws.event import Events
from imapcheck.aws.run_log import middle_left_out
from imapcheck.aws.settings import Settings
from imapcheck.check.judge import as_place
from imapcheck.check.run import run_check
from imapcheck.check.warm_up import warm_up
from imapcheck.definition.asked import reach_only
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError, NotDeployed, NoTimeLeft
from imapcheck.result import as_json

_LOG = logging.getLogger("imapcheck")
LONGEST_LOOK_SECONDS = 15.0
MOST_TRANSCRIPT = 20_000
_RESERVED_SECONDS = 2.0


class PlaceFunction:
    """What lives as long as the Lambda environment of a place."""

    def __init__(self, settings: Settings) -> None:
        self._region = settings.place or ""
        self._events = Events(settings)
        self._allow_local = settings.allow_local_addresses

    def prepare(self) -> None:
        """Do in INIT, which has a whole processor, what the first look would do first."""
        try:
            for definition in self._events.read_ahead():
                warm_up(reach_only(definition, LONGEST_LOOK_SECONDS))
        except Exception as error:  # noqa: BLE001 - what is wrong is told where a look needs it
            _LOG.warning("not all could be prepared in INIT: %s", type(error).__name__)

    def answer(self, event: object, remaining_seconds: float) -> dict[str, Any]:
        """`{"place": .., "transcript": ..}` of a look, or `{"silent": why}` where it did not look; at most 64 kB.

        Raises `DefinitionError` for any other event, `NoTimeLeft`, and `OutOfResources`.
        """
        ends = time.monotonic() + remaining_seconds - _RESERVED_SECONDS
        name, digest = _asked(event)
        try:
            definition = self._events.deployed(name)
        except NotDeployed as error:
            return {"silent": str(error)}
        if digest_of(definition) != digest:
            return {"silent": f"check {name}: another definition is deployed here"}
        reach = reach_only(definition, LONGEST_LOOK_SECONDS)
        if ends - time.monotonic() < reach.timeout:
            raise NoTimeLeft(f"check {name}: Lambda had no time left to look at the server")
        run = run_check(reach, refuse_local_addresses=not self._allow_local, keep_transcript=False)
        place = as_json(asdict(as_place(self._region, run)))
        return {"place": place, "transcript": middle_left_out("\n".join(run.transcript), MOST_TRANSCRIPT, [])}


def digest_of(definition: CheckDefinition) -> str:
    """What two Regions must agree on before they speak of one server: its address, its TLS, and whom that trusts."""
    tls = definition.tls.model_dump(mode="json")
    authority = definition.ca_path.read_bytes() if definition.ca_path is not None else b""
    asked = json.dumps([definition.server, tls], sort_keys=True).encode()
    return hashlib.sha256(asked + b"\0" + authority).hexdigest()


def _asked(event: object) -> tuple[str, str]:
    if isinstance(event, dict) and set(event) == {"look", "digest"}:
        name, digest = event["look"], event["digest"]
        if isinstance(name, str) and isinstance(digest, str):
            return name, digest
    raise DefinitionError('event: a place takes {"look": NAME, "digest": ...} alone, and runs no check')
