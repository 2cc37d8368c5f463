"""The part of a transcript that belongs to one step."""

import re
from collections.abc import Sequence

from imapcheck.steps import STEPS, StepName

_COMMAND = re.compile(r"C: (?:\S*\d (UID [A-Z]+|[A-Z]+)|(EHLO|STARTTLS|AUTH|MAIL|RCPT|DATA|QUIT)\b)")
"""IMAP's begin with a tag, SMTP's do not."""


def end_of_part(step: str, transcript: Sequence[str]) -> int:
    """The index behind the last line that belongs to `step`; behind the last line of all where none does."""
    part = part_of(step, transcript)
    return len(transcript) if part is None else part.stop


def excerpt(step: StepName, transcript: Sequence[str], limit: int = 12) -> list[str]:
    """The last command of `step` and all that came until the next one: at most `limit` lines, its end."""
    lines = [transcript[index] for index in part_of(step, transcript) or ()]
    if len(lines) <= limit:
        return lines
    return [lines[0], f"({len(lines) - limit} lines left out)", *lines[len(lines) - limit + 2 :]]


def part_of(step: str, transcript: Sequence[str]) -> range | None:
    """From the last command of `step` to the next one, as indices; None where it sent none.

    Only what we sent begins with `C: `, so that a server cannot pretend to be a command.
    """
    commands = [
        (index, match[1] or f"SMTP {match[2]}")
        for index, line in enumerate(transcript)
        if (match := _COMMAND.match(line))
    ]
    starts = [index for index, _ in commands]
    if step == "greeting":
        return range(starts[0] if starts else len(transcript))
    verbs = STEPS[step].commands if step in STEPS else ()
    own = [index for index, verb in commands if verb in verbs and index in _stretch(step, commands, len(transcript))]
    if not own and step == "send_connect" and starts:
        return range(starts[-1] + 1, len(transcript))  # what stands there in place of a banner
    if not own:
        return None
    return range(own[-1], next((index for index in starts if index > own[-1]), len(transcript)))


def _stretch(step: str, commands: Sequence[tuple[int, str]], end: int) -> range:
    """Where a step's commands lie: `locate_sent` lists as `list` does; the clean-up searches once it has selected."""
    examined = next((index for index, verb in commands if verb == "EXAMINE"), end)
    selected = next((index for index, verb in commands if verb == "SELECT"), end)
    submitted = next((index for index, verb in commands if verb == "SMTP DATA"), end)
    match step:
        case "list":
            return range(examined)
        case "locate_sent":
            return range(examined, selected)
        case "arrival":
            after = (index for index, verb in commands if index > submitted and verb in ("UID SEARCH", "APPEND"))
            return range(submitted, next(after, selected))
        case "cleanup" | "logout":
            return range(selected if step == "cleanup" else 0, end)
        case _:
            return range(selected)
