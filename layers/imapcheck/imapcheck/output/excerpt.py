"""The part of a transcript that belongs to one step."""

import re
from collections.abc import Sequence

from imapcheck.result import StepName

_COMMAND = re.compile(r"C: \S+ (UID [A-Z]+|[A-Z]+)")
COMMANDS: dict[StepName, tuple[str, ...]] = {
    "capability": ("CAPABILITY",),
    "starttls": ("STARTTLS",),
    "authenticate": ("AUTHENTICATE", "LOGIN"),
    "id": ("ID",),
    "namespace": ("NAMESPACE",),
    "list": ("LIST",),
    "examine": ("EXAMINE",),
    "quota": ("GETQUOTAROOT",),
    "search": ("UID SEARCH",),
    "fetch": ("UID FETCH",),
    "locate_sent": ("LIST",),
    "append": ("APPEND",),
    "logout": ("LOGOUT",),
}


def end_of_part(step: str, transcript: Sequence[str]) -> int:
    """The index behind the last line that belongs to `step`; behind the last line of all where none does."""
    commands = [(index, match[1]) for index, line in enumerate(transcript) if (match := _COMMAND.match(line))]
    verbs = next((verbs for name, verbs in COMMANDS.items() if name == step), ())
    own = [place for place, (_, verb) in enumerate(commands) if verb in verbs]
    return commands[own[-1] + 1][0] if own and own[-1] + 1 < len(commands) else len(transcript)


def excerpt(step: StepName, transcript: Sequence[str], limit: int = 12) -> list[str]:
    """The last command of `step` and all that came until the next one: at most `limit` lines, its end.

    Only what we sent begins with `C: `, so that a server cannot pretend to be a command.
    """
    commands = [(index, match[1]) for index, line in enumerate(transcript) if (match := _COMMAND.match(line))]
    if step == "greeting":
        start, end = 0, commands[0][0] if commands else len(transcript)
    else:
        own = [place for place, (_, verb) in enumerate(commands) if verb in COMMANDS.get(step, ())]
        if not own:
            return []
        start = commands[own[-1]][0]
        end = commands[own[-1] + 1][0] if own[-1] + 1 < len(commands) else len(transcript)
    lines = list(transcript[start:end])
    if len(lines) <= limit:
        return lines
    return [lines[0], f".. {len(lines) - limit} lines left out", *lines[len(lines) - limit + 2 :]]
