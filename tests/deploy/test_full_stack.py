"""As many checks as one stack holds, each with a contact of its own, deployed at once."""

import pytest

from deploy.conftest import definition
from deploy.project import Project
from deploy.stack import Stack, check_of
from support.dovecot import Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]

MOST = 99
"""Five resources a check, and three of the monitor's own, in a nested stack of at most 500."""


def test_full_stack_is_deployed(project: Project, dovecot: Dovecot) -> None:
    """Every check has its schedule and its four alarms; one more is refused before anything is built."""
    names = {f"check-{number:02}" for number in range(MOST)}
    for name in names:
        project.write(name, **definition(dovecot, alarms={"notify": [f"{name}@customer.example"]}))
    project.deploy()
    inventory = Stack(project.emulator).inventory()
    found = [(key.split()[0], check_of(value)) for key, value in inventory.items() if check_of(value)]
    assert sorted(found) == sorted([(kind, name) for name in names for kind in ("schedule", *["alarm"] * 4)])
    assert {f"subscription {name}@customer.example" for name in names} <= inventory.keys()

    project.write("one-too-many", **definition(dovecot))
    with pytest.raises(AssertionError, match="expected at most 500 in one stack"):
        project.run("make build")
