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
from deploy.conftest import WRONG, credentials, definition
from deploy.emulator import Emulator, Mail
from deploy.project import Project, Run
from deploy.stack import Inventory, Stack, check_of
from deploy.subscriber import Subscriber, Told
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


SCHEDULED = ("role", "a-b", "ab", "leaving", "refused")
MUTE = {"cron": "0 2 * * SUN", "duration": "2h", "timezone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def created(project: Project, stack: Stack, dovecot: Dovecot, before: Inventory) -> Station:
    """Checks that differ in all that a check may have, under names that could get in each other's way."""
    whole = {"alarms": {"notify": ["leaving@customer.example"], "mute": [MUTE]}}
    project.write("role", **definition(dovecot, alarms={"unavailable": "4 of 5", "notify": ["ops@customer.example"]}))
    project.write("a-b", **definition(dovecot, schedule={"every": "15m"}, alarms={"certificate_days": 30}))
    project.write("ab", **definition(dovecot, schedule={"every": "2h"}, alarms={"mute": [MUTE]}))
    project.write("leaving", **definition(dovecot, **whole))
    project.write("refused", **definition(dovecot, secret="imapcheck/stale", alarms={"unavailable": "1 of 1"}))
    project.write("outside", **definition(dovecot, secret="other/mail", schedule=None))
    run = project.deploy()
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def answers(created: Station, stack: Stack) -> dict[str, dict[str, Any]]:
    """What the function says to each check, by name."""
    found = {name: stack.run(name) for name in (*SCHEDULED, "outside")}
    Bridges(stack).publish_embedded_metrics()
    return found


@dataclasses.dataclass(frozen=True)
class Outage:
    """A login that was refused until its secret was put right: what people, programs, dashboard and table saw of it."""

    alarm: Told
    recovery: Told
    mails: list[Mail]
    widget: str
    documentation: str
    pauses: list[dict[str, Any]]
    pauses_after: list[dict[str, Any]]
    repaired: dict[str, Any]


@pytest.fixture(scope="module")
def outage(answers: dict[str, Any], stack: Stack) -> Outage:
    """The alarm's state is set; all that follows from it the stack does with its own roles."""
    client, table = stack.emulator.client("dynamodb"), stack.physical("LoginPauses")
    with Subscriber(stack.emulator, stack.physical("AlarmTopic")) as people:
        pauses = client.scan(TableName=table)["Items"]
        stack.ring("refused", "ALARM")
        alarm = people.next()
        widget = stack.invoke("ShowChecksFunction", {})
        documentation = stack.invoke("ShowChecksFunction", {"describe": True})
        secrets = stack.emulator.client("secretsmanager")
        secrets.put_secret_value(SecretId="imapcheck/stale", SecretString=credentials(PASSWORD))
        repaired = stack.run("refused")
        pauses_after = client.scan(TableName=table)["Items"]
        stack.ring("refused", "OK")
        recovery = people.next()
    mails = stack.emulator.mails()
    return Outage(alarm, recovery, mails, widget, documentation, pauses, pauses_after, repaired)


@pytest.fixture(scope="module")
def changed(outage: Outage, project: Project, stack: Stack, dovecot: Dovecot) -> Station:
    """`role` is changed, `arriving` is new, `leaving` is gone.

    All is built again from nothing, after another Python has left its bytecode among the sources: what was not changed
    must come out the same.
    """
    project.run("rm -r .aws-sam")
    stray = project.place / "layers/imapcheck/imapcheck/__pycache__/gone.cpython-312.pyc"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"not this interpreter's")
    alarms = {"unavailable": "4 of 5", "notify": ["ops@customer.example"]}
    project.write("role", **definition(dovecot, alarms=alarms, thresholds={"total": 50_000}))
    project.write("arriving", **definition(dovecot))
    project.remove("leaving")
    run = project.deploy()
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def paused(changed: Station, project: Project, stack: Stack) -> Station:
    """And `AlarmEmail` is taken away, by the same command."""
    run = project.run('make deploy PARAMETERS="Paused=true AlarmEmail="')
    return Station(stack.inventory(), run)


@pytest.fixture(scope="module")
def deleted(paused: Station, project: Project, stack: Stack) -> Station:
    run = project.run(".venv-sam/bin/sam delete --no-prompts --stack-name imapcheck")
    return Station(stack.inventory(), run)


def test_everything_is_created(created: Station, stack: Stack) -> None:
    """Each resource of the stack and of those nested in it; a check that nothing runs has none of its own."""
    states = {item["LogicalResourceId"]: item["ResourceStatus"] for item in stack.resources()}
    assert set(states.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, states
    assert created.of_check("outside") == {}


# check: schedule, minutes in which it may run, period of each alarm in seconds, unavailable as N and M, days
EXPECTED = {
    "role": ("rate(1 minute)", None, 60, (5, 4), 14),
    "a-b": ("rate(15 minutes)", 1, 900, (3, 2), 30),
    "ab": ("rate(2 hours)", 1, 7200, (3, 2), 14),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_definition_deploys_to_exactly_its_schedule_and_alarms(name: str, created: Station) -> None:
    """Every number of the definition arrives at the resource that it is for, and there are no other resources."""
    own = {key.rsplit("/", 1)[-1]: value for key, value in created.of_check(name).items()}
    schedule = own.pop(name)
    window = schedule["FlexibleTimeWindow"].get("MaximumWindowInMinutes")
    mute = own.pop(f"mute imapcheck-{name}-mute-1", None)
    unavailable, certificate = (own[f"alarm imapcheck-{name}-{kind}"] for kind in ("unavailable", "certificate"))
    [period] = {alarm["Period"] for alarm in own.values() if alarm is not certificate}
    assert certificate["Period"] == max(6 * 3600, period)
    runs = (unavailable["EvaluationPeriods"], unavailable["DatapointsToAlarm"])
    assert (schedule["ScheduleExpression"], window, period, runs, certificate["Threshold"]) == EXPECTED[name]
    kinds = ("unavailable", "not-running", "slow", "certificate")
    assert own.keys() == {f"alarm imapcheck-{name}-{kind}" for kind in kinds}
    assert (mute is not None) == (name == "ab")


def test_mute_rule_is_the_definitions(created: Station) -> None:
    """For all alarms of its check and for no other."""
    rule = created.inventory["mute imapcheck-ab-mute-1"]
    assert rule["Rule"]["Schedule"] == {
        "Expression": "cron(0 2 * * SUN)",
        "Duration": "PT2H",
        "Timezone": "Europe/Berlin",
    }
    own = {key for key in created.of_check("ab") if key.startswith("alarm ")}
    assert {f"alarm {name}" for name in rule["MuteTargets"]["AlarmNames"]} == own


def test_contacts_are_subscribed_to_their_checks(created: Station, changed: Station, paused: Station) -> None:
    """A contact goes with its check, and not with a pause: a new subscription would have to be confirmed anew."""
    contacts = _contacts(created)
    assert {address: json.loads(found["FilterPolicy"]) for address, found in contacts.items()} == {
        address: {"contacts": [address]} for address in ("ops@customer.example", "leaving@customer.example")
    }
    assert not created.inventory["subscription you@example.com"].get("FilterPolicy")
    del contacts["leaving@customer.example"]
    assert _contacts(changed) == _contacts(paused) == contacts


def _contacts(station: Station) -> dict[str, Any]:
    found = {key.removeprefix("subscription "): value for key, value in station.inventory.items()}
    return {address: value for address, value in found.items() if address.endswith("@customer.example")}


def test_check_runs_from_what_was_uploaded_with_the_role_that_it_has(answers: dict[str, Any]) -> None:
    """Its own definition, its own secret, a real Dovecot; the secret's password is in no answer."""
    for name in ("role", "a-b", "ab", "leaving"):
        assert answers[name].get("available") is True, answers[name]
        assert answers[name]["check"] == name
    assert PASSWORD not in json.dumps(answers)


def test_alarm_is_told_with_what_the_log_and_the_other_alarms_say(outage: Outage) -> None:
    """By the function's own role: the failed step, its type, the states of the others; and to subscribe by."""
    assert outage.alarm.attributes == {"check": "refused", "kind": "unavailable", "state": "ALARM"}
    story = outage.alarm.story
    assert (story["step"], story["type"]) == ("authenticate", "authentication_failed"), outage.mails[0].text
    assert "imapcheck/stale" in story["do"]
    others = dict(story["others"])
    assert others.pop("last_run_good") in {None, *range(5)}
    assert others == {"total": 4, "in_alarm": [], "unnamed": 0}
    assert outage.recovery.attributes == {"check": "refused", "kind": "unavailable", "state": "OK"}
    assert outage.recovery.story["bad_runs"] == 1


def test_story_is_mailed_to_those_it_is_for(outage: Outage) -> None:
    """The contacts of other checks hear nothing of it, and the password is nowhere."""
    assert {mail.to for mail in outage.mails} == {"you@example.com"}
    down, up = outage.mails
    assert down.text.startswith("DOWN  refused")
    assert "authenticate: authentication_failed - " in down.text
    assert up.text.startswith("UP  refused")
    assert WRONG not in down.text + up.text


def test_refused_login_is_known_to_every_environment(outage: Outage, stack: Stack) -> None:
    """By the function's own role: the item is read and written. The new password is tried at once all the same, and its
    success is not that of the refused one, whose own would delete the item."""
    assert [item["count"]["N"] for item in outage.pauses] == ["1"]
    assert outage.repaired["available"] is True
    assert outage.pauses_after == outage.pauses
    table = f"arn:aws:dynamodb:eu-central-1:000000000000:table/{stack.physical('LoginPauses')}"
    assert stack.decisions("RunCheckRole", ["dynamodb:DeleteItem"], table) == {"dynamodb:DeleteItem": "allowed"}


def test_dashboard_shows_the_checks(outage: Outage) -> None:
    """By the widget's own role: what failed from the log, availability from the metrics."""
    assert outage.documentation.startswith("# The checks of this stack")
    rows = re.findall(r"<tr.*?</tr>", outage.widget, re.DOTALL)
    shown = {name: row for name in SCHEDULED for row in rows if f">{name}<" in row}
    assert shown.keys() == set(SCHEDULED)
    assert "authentication_failed" in shown["refused"]
    assert ">100 %<" in shown["role"]


def test_no_function_is_refused_what_it_needs(outage: Outage, stack: Stack) -> None:
    """Whatever is told without it; a secret that is not for the stack is all that was denied."""
    for function in ("RunCheck", "ExplainAlarm", "ShowChecks"):
        lines = stack.log_lines(function)
        assert lines, function
        assert [line for line in lines if "AccessDenied" in line and "other/mail" not in line] == []


def test_roles_allow_what_aws_does_with_them(created: Station, stack: Stack) -> None:
    """Logging, taking events from a queue, delivering schedules: the emulator does it and asks no role."""
    queues, writing = "arn:aws:sqs:eu-central-1:000000000000:", ["logs:CreateLogStream", "logs:PutLogEvents"]
    reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    used = [(f"{name}Role", writing, _log_stream(stack, name)) for name in ("RunCheck", "ExplainAlarm", "ShowChecks")]
    used += [
        ("ExplainAlarmRole", reading, queues + _queue(stack, "AlarmEvents")),
        ("ScheduleRole", ["sqs:SendMessage"], queues + _queue(stack, "DeadLetters")),
        ("ScheduleRole", ["lambda:InvokeFunction"], stack.output("RunCheckFunctionArn")),
    ]
    for role, actions, resource in used:
        assert stack.decisions(role, actions, resource) == dict.fromkeys(actions, "allowed"), (role, resource)


def _log_stream(stack: Stack, function: str) -> str:
    group = stack.physical(f"{function}LogGroup")
    return f"arn:aws:logs:eu-central-1:000000000000:log-group:{group}:log-stream:any"


def _queue(stack: Stack, logical: str) -> str:
    return stack.physical(logical).rsplit("/", 1)[1]


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
    for name, metric in ((alarm["AlarmName"], metric) for alarm in watching for metric in _metrics(alarm)):
        if metric["Namespace"].startswith("AWS/"):
            assert {dimension["Value"] for dimension in metric["Dimensions"]} <= ours, name
        else:
            assert _series(metric) in published, (name, _series(metric))


def _metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The one that it watches, or those of its expression."""
    return [item["MetricStat"]["Metric"] for item in alarm.get("Metrics", []) if "MetricStat" in item] or [alarm]


def _series(metric: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]]]:
    dimensions = sorted((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
    return metric["Namespace"], metric["MetricName"], dimensions


def test_secret_that_was_refused_published_no_availability(answers: dict[str, Any], stack: Stack) -> None:
    """A check that did not look says nothing about the server."""
    data = [datum for line in stack.log_lines() for _, datum in embedded_metrics(line)]
    assert data
    named = [datum for datum in data if {"Name": "Check", "Value": "outside"} in datum["Dimensions"]]
    assert named == []


@pytest.mark.long
def test_same_tree_deployed_again_changes_nothing(changed: Station, project: Project, stack: Stack) -> None:
    """It is no error, and says so."""
    assert "No changes to deploy" in project.deploy().output
    assert stack.inventory() == changed.inventory


def test_changed_definitions_change_their_own_and_no_other(created: Station, changed: Station) -> None:
    """What is new has all its resources, what is gone has none, and nobody else's differ."""
    assert _kinds(changed, "arriving") == _kinds(created, "a-b")
    assert changed.of_check("leaving") == {}
    assert {key.split()[0] for key in created.of_check("leaving")} == {"schedule", "alarm", "mute"}
    for name in ("a-b", "ab", "refused"):
        assert changed.of_check(name) == created.of_check(name) != {}
    assert changed.of_check("role").keys() == created.of_check("role").keys()


def _kinds(station: Station, check: str) -> list[str]:
    """The schedule and alarms of a check, the check's own name and what AWS adds to names apart."""
    return sorted(re.sub(r"-[0-9A-F]{10,}$", "", key).replace(check, "CHECK") for key in station.of_check(check))


def test_changed_definitions_reach_the_functions_that_read_them(created: Station, changed: Station) -> None:
    """Besides the checks' own resources a new version of one layer, and the functions that use it.

    Code, bytecode and packages come out the same, so that a deployment shows what was changed.
    """
    before, after = created.inventory, changed.inventory
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    shared = {name for name in differing if check_of((before | after)[name]) is None}
    shared.remove("subscription leaving@customer.example")
    layers = {name for name in shared if name.startswith("layer ")}
    functions = shared - layers
    assert {"Definitions" in name for name in layers} == {True}, shared
    assert functions == {name for name in after if name.startswith("function ") and _uses_definitions(after[name])}
    for name in functions:
        changes = {key for key in after[name] if after[name][key] != before[name].get(key)}
        assert changes - {"State"} == {"Layers"}  # it may still be getting ready


def _uses_definitions(function: dict[str, Any]) -> bool:
    return any("Definitions" in layer["Arn"] for layer in function.get("Layers", []))


def test_paused_removes_every_schedule_and_every_check_alarm(paused: Station) -> None:
    """No check runs and no alarm of a check can ring: they are gone, and with them what would mute them."""
    assert [name for name, value in paused.inventory.items() if check_of(value)] == []


def test_parameter_without_a_value_is_emptied(changed: Station, paused: Station) -> None:
    """Nobody is subscribed any more; the contacts of checks are."""
    assert "subscription you@example.com" in changed.inventory
    assert "subscription you@example.com" not in paused.inventory
    assert "subscription ops@customer.example" in paused.inventory


def test_deleted_stack_leaves_nothing(deleted: Station, before: Inventory) -> None:
    """Not a layer's version, not a log group."""
    assert deleted.inventory == before


def test_nothing_listens_beyond_this_machine(created: Station, emulator: Emulator) -> None:
    """The emulator and what it starts bind loopback alone."""
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{emulator.port:04X}"
    assert {words[1] for words in listening if words[1].endswith(port) and words[3] == "0A"} == {f"0100007F{port}"}
