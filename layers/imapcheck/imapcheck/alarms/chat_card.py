"""A story as a card for chat: the custom notification of Amazon Q Developer in chat applications.

The schema is AWS's (docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html); what else arrives on a topic
is dropped without a word. Its text is the chat's own markup, so words that are not ours stand in a fenced block
without anything that could end the block, call people or make a link of itself.
"""

import re
from collections.abc import Sequence
from typing import Any

from imapcheck.alarms.kind import Change, Plot
from imapcheck.alarms.layout import cut

DESCRIPTION_LIMIT = 2800
"""Slack shows no more than 3,000 characters of a section."""
TITLE_LIMIT = 240
STEP_LIMIT = 900
TRANSCRIPT_HEAD = "Transcript (C: the check, S: the server):"
_TRANSCRIPT_LINES = 6
_CALLS = re.compile(r"@(?=\w)")
_FOR_CHAT = str.maketrans({"<": "‹", ">": "›", "`": "'"})


def card(
    change: Change, plotted: Plot, subject: str, facts: Sequence[str], next_steps: Sequence[str]
) -> dict[str, Any]:
    """The card of one story; what belongs to one outage shares a thread."""
    began = plotted.since or change.at
    return notification(
        f"{change.alarm}:{change.state}:{change.at:%Y%m%dT%H%M%SZ}",
        harmless(subject),
        _description(plotted, facts),
        next_steps,
        keywords=[change.check, change.kind.name, change.state],
        metadata={
            "threadId": f"{change.alarm}-{began:%Y%m%dT%H%M}",
            "summary": harmless(subject),
            "eventType": f"imapcheck {change.kind.name}",
            "additionalContext": {"check": change.check, "kind": change.kind.name, "state": change.state},
        },
    )


def notification(
    id: str, title: str, description: str, next_steps: Sequence[str], *, keywords: list[str], metadata: dict[str, Any]
) -> dict[str, Any]:
    """The schema's object; its texts are taken as they are."""
    return {
        "version": "1.0",
        "source": "custom",
        "id": id,
        "content": {
            "textType": "client-markdown",
            "title": cut(title, TITLE_LIMIT),
            "description": description,
            "nextSteps": [cut(step, STEP_LIMIT) for step in next_steps],
            "keywords": keywords,
        },
        "metadata": metadata,
    }


def fenced(lines: Sequence[str], limit: int = DESCRIPTION_LIMIT) -> str:
    """A block that nothing in `lines` can end or act from."""
    return f"```\n{cut(harmless(chr(10).join(lines)), limit)}\n```"


def harmless(text: str) -> str:
    """Text without what Slack, Teams or Markdown would take for a fence, a tag, a link or a call to people."""
    return _CALLS.sub("＠", text.translate(_FOR_CHAT))


def _description(plotted: Plot, facts: Sequence[str]) -> str:
    ours = [plotted.when, harmless(plotted.why), *([plotted.runs] if plotted.runs is not None else [])]
    steps = "  ".join(plotted.steps).replace(" <- ", ": ")
    block = [*plotted.quoted, *((f"Steps: {steps}",) if steps else ())]
    block += [TRANSCRIPT_HEAD, *plotted.transcript[-_TRANSCRIPT_LINES:]] if plotted.transcript else []
    closing = " ".join(facts)
    room = DESCRIPTION_LIMIT - sum(map(len, ours)) - len(closing) - 20
    parts = [*ours, *((fenced(block, room),) if block else ()), *((harmless(closing),) if closing else ())]
    return "\n".join(parts)
