"""A story as golden files show it: the mail, the card for chat and the object for programs.

Card and object name what they repeat of the mail: (the subject), (why), (what to do). So each of its sentences is
stored once, and what a card has of its own is seen.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from imapcheck.alarms.story import Story
from support.leaves import Names, leaves
from support.unbroken import Breaking, whole_lines

COLUMNS = 80
BREAKING = (
    Breaking(r"DO: ", 4),
    Breaking(r"Steps:", 2, "  "),
    Breaking(r"  (?:[CS]: |\(…)", 5),
    Breaking(r" {6,8}\S", 8),
    Breaking(r"[A-Z ]+  \d+ checks", 6),
    # What is known besides: sentences, side by side. Lines that lead elsewhere are never broken.
    Breaking(
        r"(?!(?:Subject|Run again|Runbook|Dashboard|Log|Server|Alarm): |Runs |Transcript |[A-Z ]+  )[A-Z0-9]", 0, None
    ),
    Breaking(r"  \S", 2),
    Breaking(r"(?:since|on and off|after|Runs|its|[a-z_]+: [A-Za-z])", 2),
)
"""How the text of a mail is broken."""
_CARD_TRANSCRIPT = 6


def as_file(story: Story) -> str:
    """Subject, mail and card."""
    return f"Subject: {story.subject}\n\n{story.text}\n{leaves(story.card, _names(story))}\n"


def object_of(story: Story) -> str:
    """The object for programs."""
    return leaves(story.content, _names(story)) + "\n"


def _names(story: Story) -> Names:
    """What the mail says, by the names of its parts."""
    mail = whole_lines(story.text, COLUMNS, BREAKING)
    steps = [line.replace("Steps:  ", "Steps: ").replace(" <- ", ": ") for line in mail if line.startswith("Steps:")]
    facts = [line for line in mail[2:] if line.endswith(".") and line[:1] != " "]
    said = "\n".join(["", *(re.sub(r"^(?:DO:|Alarm:)", "", line).strip() for line in mail), *steps, story.text])
    content = story.content
    transcript = (content.get("run") or {}).get("transcript", [])
    parts = {
        "when": mail[1:2],
        "why": [content.get("why") or ""],
        "words": content.get("words", []),
        "what to do": [content.get("do") or ""],
        "steps": steps,
        "facts": facts[-1:],
        "transcript": transcript,
        "message": content.get("message", []),
        "alarm": [content.get("alarm", {}).get("name", "")],
        f"the last {_CARD_TRANSCRIPT} lines of the transcript": transcript[-_CARD_TRANSCRIPT:],
    }
    texts = {"\n".join(lines): name for name, lines in reversed(parts.items()) if any(lines)}
    repeated = {text: name for text, name in texts.items() if f"\n{text}\n" in said}
    return repeated | {story.subject: "the subject"} | _ids(content)


def _ids(content: Mapping[str, Any]) -> dict[str, str]:
    """What is made of an alarm's name, its kind and its times, and no more."""
    if "alarm" not in content:
        return {}
    name, (check, kind, state) = content["alarm"]["name"], (content[key] for key in ("check", "kind", "state"))
    at, since = (re.sub(r"[-:]|\.000", "", content[key] or content["at"]) for key in ("at", "since"))
    return {
        f"{name}:{state}:{at}": "alarm:state:at",
        f"{name}-{since[:13]}": "alarm-since",
        f"{check}\n{kind}\n{state}": "check, kind, state",
        json.dumps({"check": check, "kind": kind, "state": state}): "check, kind, state",
        f"imapcheck {kind}": "imapcheck kind",
    }
