"""scripts/places: what is refused before anything is deployed, and which places are deleted after."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).parents[2]
HOME, OHIO, TOKYO, PARIS = "eu-central-1", "us-east-2", "ap-northeast-1", "eu-west-3"
TEMPLATE = {
    "Parameters": {name: {"Type": "String", "Default": ""} for name in ("HomeStack", "HomeRegion", "SubnetIds")},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"AlarmTopicArn": {"Value": {"Ref": "Topic"}}},
}
type Make = Callable[..., Any]


@pytest.fixture
def make(moto_endpoint: str, request: pytest.FixtureRequest) -> Make:
    """Create a stack in a Region; returns a client of it. The stacks' name is the test's own."""

    def create(region: str, name: str, **parameters: str) -> Any:
        client = boto3.client(
            "cloudformation", region_name=region, endpoint_url=moto_endpoint, aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        client.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Parameters=given)
        return client

    return create


def script(when: str, endpoint: str, name: str, places: list[str], folder: Path, *given: str) -> tuple[int, str]:
    """Run it as make does; SAM CLI is a program that only says how it was called."""
    (folder / "places.txt").write_text("".join(f"{place}\n" for place in places))
    sam = folder / "sam"
    sam.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/calls"\n')
    sam.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": HOME,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/places", when, name, folder, "build", sam, *given],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_place_that_nobody_names_is_deleted(make: Make, moto_endpoint: str, tmp_path: Path) -> None:
    """And neither one that is still named nor another stack's, whatever it is called."""
    clients = {region: make(region, "one-place", HomeStack="one", HomeRegion=HOME) for region in (OHIO, TOKYO)}
    other = make(PARIS, "one-place", HomeStack="one", HomeRegion="us-east-1")
    status, output = script("after", moto_endpoint, "one", [TOKYO], tmp_path)
    assert status == 0, output
    assert f"{OHIO}: no definition names it any more" in output
    left = [summary["StackStatus"] for summary in clients[OHIO].list_stacks()["StackSummaries"]]
    assert left == ["DELETE_COMPLETE"]
    assert clients[TOKYO].describe_stacks(StackName="one-place")["Stacks"]
    assert other.describe_stacks(StackName="one-place")["Stacks"]


def test_places_are_deployed_with_what_home_has(make: Make, moto_endpoint: str, tmp_path: Path) -> None:
    """PARAMETERS come first, an emptied one stays empty; home's own Region in the list is left out."""
    status, output = script(
        "before", moto_endpoint, "two", [HOME, OHIO, TOKYO], tmp_path, "AlarmEmail=", "MemorySize=512"
    )
    assert status == 0, output
    calls = (tmp_path / "calls").read_text().splitlines()
    assert sorted(call.split("--region ")[1].split()[0] for call in calls) == [TOKYO, OHIO]
    for call in calls:
        assert call.endswith(f'--parameter-overrides AlarmEmail="" HomeStack=two HomeRegion={HOME}')
        assert "--stack-name two-place" in call


@pytest.mark.parametrize(
    ("places", "name", "given", "why"),
    [([OHIO], "three", ["SubnetIds=subnet-1"], "found SubnetIds"), (["cn-north-1"], "three", [], "of the partition"),
     ([OHIO], "x" * 59, [], "at most 58")],
)  # fmt: skip
def test_what_cannot_have_places_is_refused(
    moto_endpoint: str, tmp_path: Path, places: list[str], name: str, given: list[str], why: str
) -> None:
    """Before anything is deployed."""
    status, output = script("before", moto_endpoint, name, places, tmp_path, *given)
    assert (status, why in output) == (1, True), output
    assert not (tmp_path / "calls").exists()


def test_place_of_another_home_is_not_taken_over(make: Make, moto_endpoint: str, tmp_path: Path) -> None:
    """Two stacks of one name in two Regions would share it."""
    make(OHIO, "four-place", HomeStack="four", HomeRegion="us-west-1")
    status, output = script("before", moto_endpoint, "four", [OHIO], tmp_path)
    assert (status, "belongs to the stack in us-west-1" in output) == (1, True), output


def test_without_places_nothing_is_deployed(moto_endpoint: str, tmp_path: Path) -> None:
    """Home's own Region alone is none."""
    assert script("before", moto_endpoint, "five", [HOME], tmp_path) == (0, "")
