"""A step that was added is known wherever steps are told apart by name."""

from datetime import UTC, datetime
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.check.plan import plan
from imapcheck.definition.deployment import doubts
from imapcheck.output.excerpt import COMMANDS
from imapcheck.output.story_causes import BEHIND
from imapcheck.result import STEP_NAMES

WITHOUT_COMMAND = {"dns", "connect", "tls", "greeting"}
MESSAGE = {"from": "a@example.com", "to": "a@example.com", "subject": "x", "message": "y"}
DEFINITIONS: list[dict[str, Any]] = [
    {"authentication": "none"},
    {},
    {"identify": True, "quota": {"warn_percent": 90}, "search": "x", "new_message": MESSAGE | {"keep_for": "1d"}},
    {"new_message": MESSAGE | {"mailbox": "Sent"}},
    {"server": "imap://mail.example.com/", "search": "x"},
    {"server": "192.0.2.1"},
]


def test_every_step_has_its_part_of_the_transcript() -> None:
    """Else the lines that explain its failure are not shown."""
    assert set(STEP_NAMES) - WITHOUT_COMMAND == set(COMMANDS)


@pytest.mark.parametrize("fields", DEFINITIONS, ids=str)
@pytest.mark.parametrize("step", [name for name in STEP_NAMES if name not in ("connect", "greeting", "logout")])
def test_threshold_on_a_step_that_does_not_run_is_doubted(fields: dict[str, Any], step: str) -> None:
    """Exactly where the plan leaves the step out."""
    definition = CheckDefinition.model_validate(
        {"server": "imaps://mail.example.com/", "thresholds": {step: 1000}} | fields
    )
    planned = {name for name, _ in plan(definition)} - ({"dns"} if definition.host_is_address else set())
    if step == "locate_sent" and definition.new_message is not None and definition.new_message.mailbox:
        planned.discard("locate_sent")
    told = [
        text
        for text in doubts(definition, "x.json", datetime.now(UTC))
        if f"thresholds.{step}" in text and "does not run" in text
    ]
    assert bool(told) == (step not in planned), told


def test_story_knows_what_every_step_stands_or_falls_with() -> None:
    """Where a slow one is looked for."""
    assert set(BEHIND) == set(STEP_NAMES)
