"""A story as one SNS message: mail, SMS, chat and programs each get their own form of it."""

import json
from collections.abc import Iterable
from typing import Any

from imapcheck.alarms.story import Story

MOST_OCTETS = 250_000
"""SNS takes 256 KiB, attributes included."""
_SHORT_KEYS = ("schema", "check", "kind", "state", "subject", "at", "since", "until", "part")


def message(topic: str, story: Story, about: "Attributes", contacts: Iterable[str]) -> dict[str, Any]:
    """The arguments of `Publish` (Amazon SNS API reference): never too large, and what was cut says so."""
    return {
        "TopicArn": topic,
        "Subject": story.subject,
        "MessageStructure": "json",
        "Message": _fitting(story),
        "MessageAttributes": about.as_message_attributes(sorted(contacts)),
    }


def plain_message(topic: str, story: Story, contacts: Iterable[str]) -> dict[str, Any]:
    """The least that there is to publish, for where SNS refuses the story as it is: its text in ASCII.

    The contacts stay, as their subscriptions filter on them.
    """
    text = _cut(f"{story.subject}\n\n{story.text}", MOST_OCTETS // 60)
    found = {"TopicArn": topic, "Message": text.encode("ascii", "replace").decode()}
    attributes = Attributes(()).as_message_attributes(sorted(contacts))
    return found | ({"MessageAttributes": attributes} if attributes else {})


class Attributes:
    """What subscriptions may filter on: one value where the story is of one change, else all of them."""

    def __init__(self, values: Iterable[tuple[str, str, str]], *, reminder: bool = False) -> None:
        """`values` are (check, kind, state) of each change that the story tells."""
        self._reminder = reminder
        columns = zip(*values, strict=True)
        self._found = {
            name: sorted(set(column)) for name, column in zip(("check", "kind", "state"), columns, strict=False)
        }

    def as_message_attributes(self, contacts: list[str]) -> dict[str, dict[str, str]]:
        """In SNS's shape; no list is ever empty there."""
        found = {name: _attribute(values) for name, values in self._found.items()}
        if self._reminder:
            found["reminder"] = _attribute(["true"])
        return found | ({"contacts": _array(contacts)} if contacts else {})


def _attribute(values: list[str]) -> dict[str, str]:
    return {"DataType": "String", "StringValue": values[0]} if len(values) == 1 else _array(values)


def _array(values: list[str]) -> dict[str, str]:
    return {"DataType": "String.Array", "StringValue": json.dumps(values)}


def _fitting(story: Story) -> str:
    """The message with all it has, else with a short object, else with as much of the text as there is room for."""
    for text, content in (
        (story.text, story.content),
        (story.text, _short(story.content)),
        (_cut(story.text, MOST_OCTETS // 6), _short(story.content)),
    ):
        whole = _forms(story, text, content)
        if len(whole.encode()) <= MOST_OCTETS:
            return whole
    return _forms(story, _cut(story.text, MOST_OCTETS // 60), {"subject": story.subject, "trimmed": True})


def _forms(story: Story, text: str, content: dict[str, Any]) -> str:
    told = json.dumps(content, ensure_ascii=False)
    forms = {
        "default": text,
        "email": text,
        "sms": story.subject,
        "https": json.dumps(story.card, ensure_ascii=False),
        "sqs": told,
        "lambda": told,
    }
    return json.dumps(forms, ensure_ascii=False)


def _short(content: dict[str, Any]) -> dict[str, Any]:
    return {key: content[key] for key in _SHORT_KEYS if key in content} | {"trimmed": True}


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… cut here: the whole story has {len(text)} characters; the log has the rest.\n"
