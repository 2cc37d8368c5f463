"""`imapcheck run --publish`: a machine outside the stack runs checks and publishes their runs into it.

Each file is run at its own interval. What AWS has not taken yet waits in a file of the user's state directory, which is
replaced as a whole at each change, for nobody else to read.
"""

import gc
import json
import math
import os
import platform
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imapcheck.cli.credentials import USERNAME
from imapcheck.cli.orders import Order
from imapcheck.cli.private_files import read_ordinary, replace, state_folder
from imapcheck.cli.streams import warn
from imapcheck.output.outcome import Outcome

if TYPE_CHECKING:
    from imapcheck.aws.outside import Event, Outbox, Target

_TARGET = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,127})@([a-z]{2}(?:-[a-z]+)+-[0-9]+)/([A-Za-z0-9_/.#-]{1,512})")
_PLACE = "[A-Za-z0-9-]{1,40}"
_MOST_OCTETS = 40 << 20
_AWS_PACKAGES = {"boto3", "botocore", "aws_lambda_powertools"}
_OPTION = "--publish"

type Report = Callable[[Order, Outcome, datetime], None]


def publishing(
    orders: Sequence[Order],
    target: str,
    place: str | None,
    every: float,
    credentials: Path | None,
    environment: Mapping[str, str],
) -> tuple[list[Order], dict[str, Any]]:
    """What is run, and what the watch loop needs besides. Raises `typer.BadParameter` before anything runs.

    `every` shortens the intervals of the definitions; it is infinite where it is not given.
    """
    try:
        from imapcheck.aws import outside
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _AWS_PACKAGES:
            raise
        raise typer.BadParameter("needs the AWS packages: pip install 'imapcheck[aws]'", param_hint=_OPTION) from None
    match = _TARGET.fullmatch(target)
    if match is None:
        raise typer.BadParameter(
            f"{target!r} is not STACK@REGION/LOG_GROUP, the stack's output PublishFromOutside", param_hint=_OPTION
        )
    found = _taken(orders)
    if credentials is None and not environment.get(USERNAME) and any(_logs_in(order) for order in found):
        raise typer.BadParameter(f"needs --credentials, or {USERNAME} in the environment", param_hint=_OPTION)
    lengths = _intervals(found, every)
    where = outside.Target(match[1], match[2], match[3], place_of(place))
    file = WaitingFile(state_folder(environment), f"unsent-{where.stack}@{where.region}-{where.place}", warn)
    waiting = [outside.Event(at, message, waited=True) for at, message in file.read()]
    outbox = outside.Outbox(where, waiting, file.keep, warn)
    threading.Thread(target=outbox.run, name="publish", daemon=True).start()
    gc.freeze()  # as `run` does, once boto3 is loaded too
    return found, {"intervals": lengths, "ended": _report(where, outbox)}


def _logs_in(order: Order) -> bool:
    return order.definition is not None and order.definition.logs_in


def _report(target: "Target", outbox: "Outbox") -> Report:
    from imapcheck.aws.outside import error_events, run_events

    def report(order: Order, outcome: Outcome, due: datetime) -> None:
        now = datetime.now(UTC)
        if outcome.result is not None and order.definition is not None:
            outbox.add(run_events(target, order.definition, outcome.result, due, now))
        else:
            outbox.add(error_events(target, order.check, "; ".join((outcome.error or "").splitlines()), due, now))

    return report


def place_of(given: str | None) -> str:
    """The name of this machine in lines and stories. Raises `typer.BadParameter`."""
    if given is None:
        found = re.sub("[^A-Za-z0-9-]", "-", platform.node().partition(".")[0])[:40]
        if found:
            return found
        raise typer.BadParameter("this machine has no name: give one", param_hint="--place")
    if not re.fullmatch(_PLACE, given):
        raise typer.BadParameter(f"{given!r} is not 1 to 40 letters, digits and dashes", param_hint="--place")
    return given


def _taken(orders: Sequence[Order]) -> list[Order]:
    """The orders that are run. A file that is broken or paused is reported and left out: its alarm tells the rest.

    Raises `typer.BadParameter` for a check that the stack runs, and where nothing is left.
    """
    found = []
    for order in orders:
        if order.definition is None:
            warn(order.problem or str(order.file))
        elif not order.definition.runs_outside:
            problem = f'{order.file}: schedule.runner is not "outside": only such checks are published from a machine'
            raise typer.BadParameter(problem, param_hint=_OPTION)
        elif order.definition.deployed_schedule is None:
            warn(f"{order.file}: paused by schedule.enabled: not run")
        else:
            found.append(order)
    if not found:
        raise typer.BadParameter("no check is left to run", param_hint=_OPTION)
    return found


def _intervals(orders: Sequence[Order], every: float) -> list[float]:
    """Seconds between two runs, for each order: the definition's, or less. Raises `typer.BadParameter`."""
    found = []
    for order in orders:
        assert order.definition is not None
        assert order.definition.schedule is not None
        own = float(order.definition.schedule.seconds)
        if own < every < math.inf:
            problem = f"longer than schedule.every of {order.file}, which its alarms follow"
            raise typer.BadParameter(problem, param_hint="--every")
        found.append(min(own, every))
    return found


class WaitingFile:
    """The lines that wait, one JSON array of time and line a line; `warn` is told once what is wrong with it."""

    def __init__(self, folder: Path | None, name: str, warn: Callable[[str], None]) -> None:
        self._path = None if folder is None else folder / f"{name}.jsonl"
        self._warn = warn
        self._problem: str | None = None
        self._empty = True
        self._lock = self._locked()

    def read(self) -> list[tuple[int, str]]:
        """What an earlier process has left, oldest first; a line that is none of ours is reported and left out."""
        text = self._content()
        found = []
        for line in text.splitlines():
            if (event := _event(line)) is None:
                self._complain("has something other than waiting lines, which is ignored")
            else:
                found.append(event)
        self._empty = not text
        return found

    def keep(self, waiting: "Sequence[Event]") -> None:
        """Replace the file; a disk that is full is reported, and the lines wait in memory alone."""
        if self._path is None or (self._empty and not waiting):
            return
        try:
            if waiting:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace(self._path, "".join(f"{json.dumps([event.at, event.message])}\n" for event in waiting))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            self._complain(f"{reason}: lines that AWS has not accepted wait in memory; a restart loses them")
            return
        self._empty, self._problem = not waiting, None

    def _content(self) -> str:
        if self._path is None:
            self._complain(
                "this user has no home folder: lines that AWS has not accepted wait in memory; a restart loses them"
            )
            return ""
        try:
            return read_ordinary(self._path, _MOST_OCTETS).decode(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            self._complain(f"{(error.strerror or 'cannot be read').lower()}: what waited there is lost")
            return ""

    def _locked(self) -> int | None:
        """Held as long as the process lives: two of one place would send each other's lines."""
        try:
            import fcntl
        except ModuleNotFoundError:
            return None
        if self._path is None:
            return None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:  # reported when the file is written
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise typer.BadParameter(
                "another imapcheck publishes from this place here: stop it, or give another --place",
                param_hint="--place",
            ) from None
        return descriptor

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._warn(f"{self._path}: {problem}" if self._path is not None else problem)


def _event(line: str) -> tuple[int, str] | None:
    """Time and line, or None where it is not what `keep` writes."""
    try:
        at, message = json.loads(line)
        return (at, message) if type(at) is int and isinstance(json.loads(message), dict) else None
    except (ValueError, TypeError, RecursionError):
        return None
