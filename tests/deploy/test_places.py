"""Two places beside home, in three Regions, with IAM: deployed by README's commands, asked, cut off, taken back.

In a Region of its own `localhost` may be another host, so that one server is reached from here and not from there.
"""

import io
import json
import re
import socket
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.conftest import definition
from deploy.emulator import REGION, Emulator
from deploy.project import Project
from deploy.stack import Stack
from support.artifact import ROOT
from support.dovecot import PASSWORD, Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]

OHIO, TOKYO = "us-east-2", "ap-northeast-1"
PLACES = (OHIO, TOKYO)
FUNCTION = "imapcheck-place"
HERE, NOWHERE = "127.0.0.1 localhost\n", "127.0.0.5 localhost\n"


@pytest.fixture(scope="module")
def stack(project: Project, emulator: Emulator, secrets: None, dovecot: Dovecot) -> Stack:
    """Home and its two places."""
    for region in PLACES:
        emulator.hosts(region, HERE)
    project.write("mail", **definition(dovecot, schedule={"every": "5m", "places": list(PLACES)}))
    output = project.deploy().output
    for region in PLACES:
        assert f"places: {region}: deployed" in output
    return Stack(emulator)


def reached(run: dict[str, Any]) -> dict[str, bool | None]:
    """By place; None where it did not look."""
    return {place["place"]: place["reached"] for place in run["places"]}


def silent(run: dict[str, Any]) -> dict[str, str]:
    """Why a place did not look."""
    found = (item["detail"].partition(": ") for item in run["warnings"] if item["type"] == "place_silent")
    return {region: why for region, _, why in found}


@contextmanager
def not_from(stack: Stack, *regions: str) -> Iterator[None]:
    """There the server's name means a host at which nobody listens."""
    for region in regions:
        stack.emulator.hosts(region, NOWHERE)
    try:
        yield
    finally:
        for region in regions:
            stack.emulator.hosts(region, HERE)


@contextmanager
def packets_vanish(port: int) -> Iterator[None]:
    """At NOWHERE's address somebody listens now, whose queue is full: a connection hears nothing."""
    with socket.socket() as deaf, socket.socket() as first:
        deaf.bind(("127.0.0.5", port))
        deaf.listen(0)
        first.connect(deaf.getsockname())
        yield


@contextmanager
def function_that_sleeps(emulator: Emulator, region: str, timeout: int) -> Iterator[None]:
    """The place's function takes longer than anybody waits; Lambda ends it after `timeout` seconds."""
    client = emulator.client("lambda", region)
    location = client.get_function(FunctionName=FUNCTION)["Code"]["Location"]
    with urllib.request.urlopen(location) as answer:
        own = answer.read()
    sleeping = io.BytesIO()
    with zipfile.ZipFile(sleeping, "w") as archive:
        entry = zipfile.ZipInfo("handler.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, "import time\ndef handler(event, context):\n    time.sleep(28)\n    return {}\n")
    try:
        change_function(client, sleeping.getvalue(), timeout)
        yield
    finally:
        change_function(client, own, 30)


def change_function(client: Any, code: bytes, timeout: int) -> None:
    """Its code and its time, one after the other, as Lambda takes no change while another goes on."""
    updated = client.get_waiter("function_updated_v2")
    client.update_function_code(FunctionName=FUNCTION, ZipFile=code)
    updated.wait(FunctionName=FUNCTION)
    client.update_function_configuration(FunctionName=FUNCTION, Timeout=timeout)
    updated.wait(FunctionName=FUNCTION)


def stacks_in(emulator: Emulator, region: str) -> dict[str, dict[str, Any]]:
    """Those that are not deleted, by name."""
    found = emulator.client("cloudformation", region).describe_stacks()["Stacks"]
    return {item["StackName"]: item for item in found if item["StackStatus"] != "DELETE_COMPLETE"}


def test_server_is_reached_from_all(stack: Stack) -> None:
    """Home logs in, and each place answers for its own Region."""
    run = stack.run("mail")
    assert reached(run) == {REGION: True, OHIO: True, TOKYO: True}, run
    assert (run["verdict"], run["available"], run["login_tested"], run["warnings"]) == ("up", True, True, [])


def test_server_is_reached_from_two_of_three(stack: Stack) -> None:
    """Partial, with what failed there; from one of three it is down, although home is fine."""
    with not_from(stack, TOKYO):
        run = stack.run("mail")
    assert reached(run) == {REGION: True, OHIO: True, TOKYO: False}, run
    assert (run["verdict"], run["failure"]) == ("partial", None)
    failure = run["places"][2]["failure"]
    assert (failure["step"], failure["type"], failure["place"]) == ("connect", "connection_refused", TOKYO)
    with not_from(stack, *PLACES):
        run = stack.run("mail")
    assert (run["verdict"], run["available"], run["failure"]["place"]) == ("down", True, OHIO)


def test_packets_that_vanish_are_an_answer(stack: Stack, dovecot: Dovecot) -> None:
    """The place's look ends by its own time, before home stops waiting: not reached, and no silence."""
    with packets_vanish(dovecot.imaps), not_from(stack, TOKYO):
        run = stack.run("mail")
    assert reached(run) == {REGION: True, OHIO: True, TOKYO: False}, run
    failure = run["places"][2]["failure"]
    assert (failure["step"], failure["type"], failure["place"]) == ("connect", "timeout", TOKYO)
    assert (run["verdict"], silent(run)) == ("partial", {})


@pytest.mark.parametrize(("timeout", "why"), [(30, "no answer within 20 s"), (2, "its function failed: ")])
def test_answer_that_never_comes_is_silence(stack: Stack, timeout: int, why: str) -> None:
    """Home waits 20 s and no longer; a function that Lambda ends is an error, and no answer either."""
    stack.run("mail")  # so that no other place is only slow to start
    with function_that_sleeps(stack.emulator, OHIO, timeout):
        run = stack.run("mail")
    assert reached(run) == {REGION: True, OHIO: None, TOKYO: True}, run
    assert run["verdict"] == "up"
    assert list(silent(run)) == [OHIO]
    assert silent(run)[OHIO].startswith(why), silent(run)
    assert reached(stack.run("mail")) == {REGION: True, OHIO: True, TOKYO: True}


def test_place_is_asked_by_nobody_for_anything_else(stack: Stack) -> None:
    """Another definition is not looked at; a check is not run there, and home is no place."""
    client = stack.emulator.client("lambda", OHIO)

    def ask(event: dict[str, Any]) -> Any:
        return json.loads(client.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))["Payload"].read())

    assert ask({"look": "mail", "digest": "older"}) == {"silent": "check mail: another definition is deployed here"}
    assert "a place takes" in ask({"check": "mail"})["errorMessage"]
    refusal = stack.invoke("RunCheckFunction", {"look": "mail", "digest": "x"})["errorMessage"]
    assert "this is their home" in refusal


def test_client_of_one_region_refuses_a_function_of_another(stack: Stack) -> None:
    """By its ARN, as Lambda does: home needs a client a Region. (Its own finds it.)"""
    arn = stack.emulator.client("lambda", OHIO).get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    assert f":{OHIO}:" in arn
    event = json.dumps({"look": "mail", "digest": "older"})
    for region in (REGION, TOKYO):
        with pytest.raises(ClientError) as refusal:
            stack.emulator.client("lambda", region).invoke(FunctionName=arn, Payload=event)
        assert refusal.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert stack.emulator.client("lambda", OHIO).invoke(FunctionName=arn, Payload=event)["StatusCode"] == 200


def test_no_secret_is_in_a_place(stack: Stack) -> None:
    """Neither in its log, which has the looks, nor in its role, which may write that log and nothing else."""
    stack.run("mail")
    for region in PLACES:
        resources = stack.emulator.client("cloudformation", region).describe_stack_resources(StackName=FUNCTION)
        names = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources["StackResources"]}
        logs = stack.emulator.client("logs", region)
        found = logs.filter_log_events(logGroupName=names["PlaceLogGroup"])["events"]
        text = "\n".join(event["message"] for event in found)
        assert '"message":"looked"' in text
        policy = stack.emulator.client("iam").get_role_policy(RoleName=names["PlaceRole"], PolicyName="look")
        [statement] = policy["PolicyDocument"]["Statement"]
        assert set(statement["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
        variables = stack.emulator.client("lambda", region).get_function_configuration(FunctionName=FUNCTION)
        for word in (PASSWORD, "monitor", "imapcheck/mail"):
            assert word not in text + json.dumps(policy["PolicyDocument"]) + json.dumps(variables["Environment"])


def test_denied_places_did_not_look(stack: Stack) -> None:
    """Without the one statement that lets home ask: home decides alone, and the run says why."""
    iam, role = stack.emulator.client("iam"), stack.physical("RunCheckRole")
    named = {"RoleName": role, "PolicyName": "ask-places"}
    document = iam.get_role_policy(**named)["PolicyDocument"]
    iam.delete_role_policy(**named)
    try:
        run = stack.run("mail")
    finally:
        iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
    assert (run["verdict"], reached(run)) == ("up", {REGION: True, OHIO: None, TOKYO: None})
    assert all("AccessDenied" in why for why in silent(run).values()), run
    assert set(silent(run)) == set(PLACES)


def test_missing_place_did_not_look_and_is_deployed_again(stack: Stack, project: Project, dovecot: Dovecot) -> None:
    """Then one that no definition names any more is gone after the next `make deploy`, and the last with the key."""
    emulator = stack.emulator
    emulator.client("cloudformation", TOKYO).delete_stack(StackName=FUNCTION)
    run = stack.run("mail")
    assert (run["verdict"], reached(run)) == ("up", {REGION: True, OHIO: True, TOKYO: None})
    assert "ResourceNotFoundException" in silent(run)[TOKYO]

    project.write("mail", **definition(dovecot, schedule={"every": "5m", "places": [TOKYO]}))
    output = project.deploy().output
    assert f"places: {OHIO}: no definition names it any more" in output
    assert FUNCTION not in stacks_in(emulator, OHIO)
    run = stack.run("mail")
    assert (run["verdict"], reached(run)) == ("up", {REGION: True, TOKYO: True})

    project.write("mail", **definition(dovecot))
    project.deploy()
    assert FUNCTION not in stacks_in(emulator, TOKYO)
    assert stack.run("mail")["places"] is None
    assert (
        "ask-places"
        not in emulator.client("iam").list_role_policies(RoleName=stack.physical("RunCheckRole"))["PolicyNames"]
    )


def test_all_is_removed_as_the_page_says(stack: Stack, project: Project, dovecot: Dovecot) -> None:
    """docs/places.md's commands, in their order: nothing is left in any of the three Regions."""
    project.write("mail", **definition(dovecot, schedule={"every": "5m", "places": list(PLACES)}))
    project.deploy()
    assert stack.run("mail")["verdict"] == "up"
    [commands] = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/places.md").read_text(encoding="utf-8"), re.DOTALL)
    assert commands.count("sam delete") == 1 + len(PLACES)
    project.run(commands)
    for region in (REGION, *PLACES):
        assert stacks_in(stack.emulator, region).keys() <= {"aws-sam-cli-managed-default"}
        assert stack.emulator.client("lambda", region).list_functions()["Functions"] == []
        assert stack.emulator.client("logs", region).describe_log_groups()["logGroups"] == []
        assert stack.emulator.client("sns", region).list_topics()["Topics"] == []
        assert stack.emulator.client("cloudwatch", region).describe_alarms()["MetricAlarms"] == []
