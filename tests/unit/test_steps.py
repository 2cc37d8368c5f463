"""The rows of the steps: complete, and what the plan runs is what `validate` says."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from faults.matrix import expectations

from imapcheck import CheckDefinition
from imapcheck.check.plan import plan
from imapcheck.stack.doubts import doubts
from imapcheck.steps import STEP_NAMES, STEPS, StepName

WITHOUT_COMMAND = {"dns", "connect", "tls", "greeting"}
MESSAGE = {"from": "a@example.com", "to": "a@example.com", "subject": "x", "message": "y"}
SEND = {"server": "smtps://mail.example.com/", "from": "a@example.com", "to": "a@example.com"}
FULL: dict[str, Any] = {
    "identify": True,
    "quota": {"warn_percent": 90},
    "search": "x",
    "new_message": MESSAGE | {"keep_for": "1d"},
    "server": "imap://mail.example.com/",
    "send": SEND,
}
DEFINITIONS: list[dict[str, Any]] = [
    {"authentication": "none"},
    {"authentication": "none", "identify": True, "quota": {"warn_percent": 90}},
    {},
    FULL,
    {"new_message": MESSAGE | {"mailbox": "Sent"}},
    {"send": SEND},
    {"send": SEND | {"keep_for": "1d", "authentication": "none", "tls": {"mode": "none"}}},
    {"server": "imap://mail.example.com/", "search": "x"},
    {"server": "192.0.2.1"},
]


def define(fields: dict[str, Any]) -> CheckDefinition:
    return CheckDefinition.model_validate({"server": "imaps://mail.example.com/"} | fields)


def test_every_name_has_one_row() -> None:
    """The type that the steps' functions are checked against, and the rows, in the order of a session."""
    assert get_args(StepName) == STEP_NAMES
    assert list(STEPS) == list(STEP_NAMES)


def test_every_step_is_planned() -> None:
    """A row without a function that runs it is a step that nobody sees; LOGOUT comes last, whatever happened."""
    assert {name for name, _ in plan(define(FULL))} == set(STEP_NAMES) - {"logout"}


def test_nothing_but_sending_comes_between_examine_and_arrival() -> None:
    """The session waits in IDLE there, and a command would break it off."""
    between = STEP_NAMES[STEP_NAMES.index("examine") + 1 : STEP_NAMES.index("arrival")]
    assert all("send" in STEPS[name].needs for name in between)


def test_nothing_is_sent_without_a_login() -> None:
    """A place elsewhere looks at the same definition as if there were none (`schedule.places`)."""
    looked_at = define({"send": SEND}).model_copy(update={"authentication": "none"})
    assert not {name for name, _ in plan(looked_at)} & {step.name for step in STEPS.values() if "send" in step.needs}


def test_every_step_has_its_part_of_the_transcript() -> None:
    """Else the lines that explain its failure are not shown."""
    assert {step.name for step in STEPS.values() if not step.commands} == WITHOUT_COMMAND


def test_a_refusal_of_an_optional_step_and_of_no_other_leaves_the_run_available() -> None:
    """Each cell of the fault matrix is run in tests/faults; here the rows are held to it."""
    refused = {case.step for case in expectations() if case.fault == "NO" and case.status is not None}
    assert {step.name for step in STEPS.values() if step.optional} - {"quota"} == refused


@pytest.mark.parametrize("fields", DEFINITIONS, ids=str)
@pytest.mark.parametrize("step", [name for name in STEP_NAMES if name not in ("connect", "greeting", "logout")])
def test_threshold_on_a_step_that_does_not_run_is_doubted(fields: dict[str, Any], step: str) -> None:
    """Exactly where the plan leaves the step out, or where it has nothing to do."""
    definition = define({"thresholds": {step: 1000}} | fields)
    planned = {name for name, _ in plan(definition)} - ({"dns"} if definition.host_is_address else set())
    if step == "locate_sent" and definition.new_message is not None and definition.new_message.mailbox:
        planned.discard("locate_sent")
    told = [
        text
        for text in doubts(definition, "x.json", datetime.now(UTC))
        if f"thresholds.{step}" in text and "does not run" in text
    ]
    assert bool(told) == (step not in planned), told
