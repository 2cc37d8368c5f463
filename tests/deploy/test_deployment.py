"""The stack deployed with README's own commands, run, changed, paused and deleted on an emulator of AWS.

One deployment goes through one life. Each fixture is a station of it and keeps what it saw; each test looks at one.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.bridges import Bridges, embedded_metrics
from deploy.conftest import definition
from deploy.emulator import Emulator
from deploy.project import Project, Run
from deploy.stack import Inventory, Stack, check_of
from support.artifact import ROOT
from support.dovecot import PASSWORD, Dovecot

pytestmark = pytest.mark.server


@dataclasses.dataclass(frozen=True)
class Station:
    """What was there when the station was left, and what the way there printed."""

    inventory: Inventory
    run: Run

    def of_check(self, name: str) -> dict[str, Any]:
        """The schedule and the alarms of a check."""
        return {key: value for key, value in self.inventory.items() if check_of(value) == name}


@pytest.fixture(scope="module")
def stack(emulator: Emulator) -> Stack:
    return Stack(emulator)


@pytest.fixture(scope="module")
def before(stack: Stack, secrets: None) -> Inventory:
    return stack.inventory()


@pytest.fixture(scope="module")
def created(project: Project, stack: Stack, dovecot: Dovecot, before: Inventory) -> Station:
    """`mail`, `steady` and `leaving` have a schedule; `outside` has none and wants a secret that is not for it."""
    for name in ("mail", "steady", "leaving"):
        project.write(name, **definition(dovecot))
    project.write("outside", **definition(dovecot, secret="other/mail", schedule=None))
    run = project.deploy()
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def answers(created: Station, stack: Stack) -> dict[str, dict[str, Any]]:
    """What the function says to each check, by name."""
    found = {name: stack.invoke(name) for name in ("mail", "steady", "leaving", "outside")}
    Bridges(stack).publish_embedded_metrics()
    return found


@pytest.fixture(scope="module")
def repeated(answers: dict[str, Any], project: Project, stack: Stack) -> Station:
    """Built again from nothing, after another Python has left its bytecode among the sources, and deployed again."""
    project.run("rm -r .aws-sam")
    stray = project.place / "layers/imapcheck/imapcheck/__pycache__/gone.cpython-312.pyc"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"not this interpreter's")
    run = project.deploy()
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def changed(repeated: Station, project: Project, stack: Stack, dovecot: Dovecot) -> Station:
    """`mail` is changed, `arriving` is new, `leaving` is gone."""
    project.write("mail", **definition(dovecot, thresholds={"total": 50_000}))
    project.write("arriving", **definition(dovecot))
    project.remove("leaving")
    run = project.deploy()
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def paused(changed: Station, project: Project, stack: Stack) -> Station:
    run = project.deploy(Paused="true")
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def deleted(paused: Station, project: Project, stack: Stack) -> Station:
    run = project.run(".venv-sam/bin/sam delete --no-prompts --stack-name imapcheck")
    return Station(stack.inventory(), run)


def test_everything_is_created(created: Station, stack: Stack) -> None:
    """Each resource of the stack and of those nested in it, and for each check with a schedule its own."""
    states = {item["LogicalResourceId"]: item["ResourceStatus"] for item in stack.resources()}
    assert set(states.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, states
    for name in ("mail", "steady", "leaving"):
        own = created.of_check(name)
        assert [key.split()[0] for key in own].count("schedule") == 1, own
        assert [key.split()[0] for key in own].count("alarm") >= 3, own
    assert created.of_check("outside") == {}


def test_check_runs_from_what_was_uploaded_with_the_role_that_it_has(answers: dict[str, Any]) -> None:
    """Its own definition, its own secret, a real Dovecot; the secret's password is in no answer."""
    for name in ("mail", "steady", "leaving"):
        assert answers[name].get("available") is True, answers[name]
        assert answers[name]["check"] == name
    assert PASSWORD not in json.dumps(answers)


def test_secret_outside_the_prefix_is_refused_with_the_words_of_the_docs(answers: dict[str, Any]) -> None:
    """IAM refuses, not our own code, and docs/operations.md says what to make of it."""
    told = answers["outside"]["errorMessage"]
    assert "check outside: secret other/mail" in told
    assert "(AccessDeniedException)" in told
    [words] = set(re.findall(r"may not read it", told))
    assert f"`{words}`" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def test_every_alarm_watches_what_was_really_published(answers: dict[str, Any], stack: Stack, created: Station) -> None:
    """Namespace, metric and dimensions to the letter; in AWS's own namespaces they name a resource of ours."""
    pages = stack.emulator.client("cloudwatch").get_paginator("list_metrics").paginate()
    published = [_series(metric) for page in pages for metric in page["Metrics"]]
    ours = {item["PhysicalResourceId"].rsplit("/", 1)[-1].rsplit(":", 1)[-1] for item in stack.resources()}
    watching = [alarm for alarm in stack.alarms() if check_of(alarm) != "arriving"]
    assert watching
    for alarm in watching:
        if alarm["Namespace"].startswith("AWS/"):
            assert {dimension["Value"] for dimension in alarm["Dimensions"]} <= ours, alarm["AlarmName"]
        else:
            assert _series(alarm) in published, (alarm["AlarmName"], _series(alarm))


def _series(metric: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]]]:
    dimensions = sorted((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
    return metric["Namespace"], metric["MetricName"], dimensions


def test_secret_that_was_refused_published_no_availability(answers: dict[str, Any], stack: Stack) -> None:
    """A check that did not look says nothing about the server."""
    data = [datum for line in stack.log_lines() for _, datum in embedded_metrics(line)]
    assert data
    named = [datum for datum in data if {"Name": "Check", "Value": "outside"} in datum["Dimensions"]]
    assert named == []


def test_same_tree_built_again_changes_nothing(created: Station, repeated: Station) -> None:
    """Code, bytecode and packages come out the same, so that a deployment shows what was changed."""
    assert "No changes to deploy" in repeated.run.output
    assert repeated.inventory == created.inventory


def test_changed_definitions_change_their_own_and_no_other(repeated: Station, changed: Station) -> None:
    """What is new has all its resources, what is gone has none, and nobody else's differ."""
    assert _kinds(changed, "arriving") == _kinds(repeated, "steady")
    assert changed.of_check("leaving") == {}
    assert changed.of_check("steady") == repeated.of_check("steady") != {}
    assert changed.of_check("mail").keys() == repeated.of_check("mail").keys()


def _kinds(station: Station, check: str) -> list[str]:
    """The schedule and alarms of a check, the check's own name and what AWS adds to names apart."""
    return sorted(re.sub(r"-[0-9A-F]{10,}$", "", key).replace(check, "CHECK") for key in station.of_check(check))


def test_changed_definitions_reach_the_functions_that_read_them(repeated: Station, changed: Station) -> None:
    """Besides the checks' own resources a new version of one layer, and the functions that use it."""
    before, after = repeated.inventory, changed.inventory
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    shared = {name for name in differing if check_of((before | after)[name]) is None}
    layers = {name for name in shared if name.startswith("layer ")}
    functions = shared - layers
    assert {"Definitions" in name for name in layers} == {True}, shared
    assert functions == {name for name in after if name.startswith("function ") and _uses_definitions(after[name])}
    for name in functions:
        assert {key for key in after[name] if after[name][key] != before[name].get(key)} == {"Layers"}


def _uses_definitions(function: dict[str, Any]) -> bool:
    return any("Definitions" in layer["Arn"] for layer in function.get("Layers", []))


def test_paused_stops_every_schedule_and_every_check_alarm(paused: Station, stack: Stack) -> None:
    """No check runs and no alarm of a check can ring, whether they are gone or switched off."""
    of_checks = {name: value for name, value in paused.inventory.items() if check_of(value)}
    assert not [name for name, value in of_checks.items() if value.get("ActionsEnabled")], of_checks
    assert [name for name in of_checks if name.startswith("schedule ")] == [] or _disabled(of_checks)


def _disabled(schedules: dict[str, Any]) -> bool:
    return {value["State"] for name, value in schedules.items() if name.startswith("schedule ")} == {"DISABLED"}


def test_deleted_stack_leaves_nothing(deleted: Station, before: Inventory) -> None:
    """Not a layer's version, not a log group."""
    assert deleted.inventory == before


def test_nothing_listens_beyond_this_machine(created: Station, emulator: Emulator) -> None:
    """The emulator and what it starts bind loopback alone."""
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{emulator.port:04X}"
    assert {words[1] for words in listening if words[1].endswith(port) and words[3] == "0A"} == {f"0100007F{port}"}
