"""scripts/places.py: what is refused before anything is deployed, what is deployed, and which places are deleted after.

In a checkout it calls SAM CLI, in a release the AWS CLI.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend

from imapcheck.stack.places import place_template

ACCOUNT_ID = "123456789012"
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


SAM = ("--sam", "SAM", "--build", "build")


def script(
    when: str, endpoint: str, name: str, places: list[str], folder: Path, *given: str, home: str = HOME,
    program: Path = ROOT / "scripts/places.py",
) -> tuple[int, str]:  # fmt: skip
    """Run it as make does, or a user of a release; SAM CLI and AWS CLI only write how they are called."""
    (folder / "checks.yaml").touch()
    (folder / "places.txt").write_text("".join(f"{place}\n" for place in places))
    for command in ("sam", "aws"):
        (folder / command).write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/calls"\n')
        (folder / command).chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}", "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": home,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip
    words = [str(folder / "sam") if item == "SAM" else item for item in given]
    done = subprocess.run(
        [sys.executable, program, when, name, folder, *words],
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
        "before", moto_endpoint, "two", [HOME, OHIO, TOKYO], tmp_path, *SAM, "AlarmEmail=", "MemorySize=512"
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
    status, output = script("before", moto_endpoint, name, places, tmp_path, *SAM, *given)
    assert (status, why in output) == (1, True), output
    assert not (tmp_path / "calls").exists()


def test_place_of_another_home_is_not_taken_over(make: Make, moto_endpoint: str, tmp_path: Path) -> None:
    """Two stacks of one name in two Regions would share it."""
    make(OHIO, "four-place", HomeStack="four", HomeRegion="us-west-1")
    status, output = script("before", moto_endpoint, "four", [OHIO], tmp_path, *SAM)
    assert (status, "belongs to the stack four in us-west-1" in output) == (1, True), output


def test_without_places_nothing_is_deployed(moto_endpoint: str, tmp_path: Path) -> None:
    """Home's own Region alone is none."""
    assert script("before", moto_endpoint, "five", [HOME], tmp_path, *SAM) == (0, "")


def states(region: str, name: str, state: str) -> None:
    """Let a stack be in a state that moto brings none into; its server runs in this process."""
    for stack in get_backend("cloudformation")[ACCOUNT_ID][region].stacks.values():
        if stack.name == name:
            stack.status = state


@pytest.mark.parametrize("parameters", [{}, {"SubnetIds": "x"}])
def test_stack_that_is_no_place_is_not_deployed_over(
    make: Make, moto_endpoint: str, tmp_path: Path, parameters: dict[str, str]
) -> None:
    """Somebody's own may have that name, with parameters of its own or with none."""
    name = f"six{len(parameters)}"
    client = make(OHIO, f"{name}-place", **parameters)
    status, output = script("before", moto_endpoint, name, [OHIO], tmp_path, *SAM)
    assert (status, f"the stack {name}-place in {OHIO} is no place" in output) == (1, True), output
    assert script("after", moto_endpoint, name, [], tmp_path) == (0, "")
    assert client.describe_stacks(StackName=f"{name}-place")["Stacks"]


@pytest.mark.parametrize("state", ["ROLLBACK_COMPLETE", "DELETE_FAILED"])
def test_place_that_was_never_made_is_made_anew(make: Make, moto_endpoint: str, tmp_path: Path, state: str) -> None:
    """CloudFormation updates no stack whose creation failed: without this no later deployment would end well."""
    name = f"seven{len(state)}"
    client = make(OHIO, f"{name}-place", HomeStack=name, HomeRegion=HOME)
    states(OHIO, f"{name}-place", state)
    status, output = script("before", moto_endpoint, name, [OHIO], tmp_path, *SAM)
    assert (status, f"{OHIO}: deployed" in output) == (0, True), output
    own = [item for item in client.list_stacks()["StackSummaries"] if item["StackName"] == f"{name}-place"]
    assert [item["StackStatus"] for item in own] == ["DELETE_COMPLETE"]


def test_first_half_of_a_deployment_that_was_cut_is_gone_over(make: Make, moto_endpoint: str, tmp_path: Path) -> None:
    """A change set that was made and never carried out leaves a stack of which nothing is known."""
    make(OHIO, "eight-place")
    states(OHIO, "eight-place", "REVIEW_IN_PROGRESS")
    status, output = script("before", moto_endpoint, "eight", [OHIO], tmp_path, *SAM)
    assert (status, f"{OHIO}: deployed" in output) == (0, True), output


@pytest.mark.parametrize("home", ["eusc-de-east-1", "cn-north-1", "us-gov-west-1"])
def test_every_partition_has_an_after(moto_endpoint: str, tmp_path: Path, home: str) -> None:
    """One of them has no other Region."""
    assert script("after", moto_endpoint, "nine", [], tmp_path, home=home) == (0, "")


@pytest.mark.parametrize("when", ["before", "after"])
def test_folder_that_imapcheck_stack_did_not_write_is_refused(moto_endpoint: str, tmp_path: Path, when: str) -> None:
    """A wrong folder names no place, and all would be deleted."""
    (tmp_path / "folder").mkdir()
    script("after", moto_endpoint, "ten", [], tmp_path)
    (tmp_path / "checks.yaml").unlink()
    command: list[str | Path] = [sys.executable, ROOT / "scripts/places.py", when, "ten", tmp_path]
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": HOME, "AWS_ENDPOINT_URL": moto_endpoint}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "found no checks.yaml" in done.stderr) == (1, True), done.stderr


@contextmanager
def not_enabled(region: str) -> Iterator[str]:
    """A CloudFormation that has no stack, and does not know this account in one Region; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, code, message = 400, "ValidationError", "Stack with id x does not exist"
            if f"/{region}/cloudformation/" in self.headers["Authorization"]:
                status, code, message = 403, "InvalidClientTokenId", "The security token is invalid"
            error = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(error)))
            self.end_headers()
            self.wfile.write(error.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_region_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    """Misspelt, or not enabled for the account: a line, and no traceback. After a deployment it is no error."""
    with not_enabled("us-east-9") as endpoint:
        status, output = script("before", endpoint, "eleven", ["us-east-9"], tmp_path, *SAM)
        assert (status, output.count("\n")) == (1, 1), output
        assert output.startswith("places: us-east-9: cannot be asked (")
        assert "is it enabled for this account?" in output
        status, output = script("after", endpoint, "eleven", ["us-east-9"], tmp_path)
        assert status == 0
        assert "us-east-9: cannot say whether AlarmEmail has confirmed there" in output


def test_no_region_is_asked_for(tmp_path: Path) -> None:
    """As `make deploy` does before it begins."""
    command: list[str | Path] = [sys.executable, ROOT / "scripts/places.py", "after", "twelve", tmp_path]
    environment = {"PATH": os.environ["PATH"], "AWS_CONFIG_FILE": os.devnull}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "No AWS Region is set" in done.stderr) == (1, True), done.stderr


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The folder of a release, and in it that of somebody's checks."""
    folder = tmp_path / "release"
    (folder / "checks").mkdir(parents=True)
    for part in ("RunCheckFunction", "ImapcheckLayer", "DependenciesLayer"):
        (folder / f"{part}-0123456789ab.zip").write_bytes(b"")
    shutil.copy(ROOT / "scripts/places.py", folder)
    (folder / "checks/place.yaml").write_text(place_template({OHIO: 300}).text)
    (folder / "checks/definitions.zip").write_bytes(b"")
    return folder


def test_release_deploys_places_with_the_aws_cli(moto_endpoint: str, release: Path) -> None:
    """From a bucket of each Region, which is made once."""
    given = ("ArtifactsBucket=thirteen-files", "ChecksPrefix=checks-1/", "AlarmEmail=")
    for _ in range(2):
        (release / "checks/calls").unlink(missing_ok=True)
        status, output = script(
            "before", moto_endpoint, "thirteen", [OHIO, "us-east-1"], release / "checks", *given,
            program=release / "places.py",
        )  # fmt: skip
        assert status == 0, output
    calls = (release / "checks/calls").read_text().splitlines()
    for region in (OHIO, "us-east-1"):
        package, deploy = [call for call in calls if call.startswith(f"cloudformation --region {region} ")]
        assert f" package --s3-bucket thirteen-files-{region} " in package
        assert " --stack-name thirteen-place " in deploy
        assert deploy.endswith(f"--parameter-overrides AlarmEmail= HomeStack=thirteen HomeRegion={HOME}")
    buckets = boto3.client(
        "s3", endpoint_url=moto_endpoint, aws_access_key_id="test", aws_secret_access_key="test"
    ).list_buckets()["Buckets"]
    assert {"thirteen-files-us-east-2", "thirteen-files-us-east-1"} <= {item["Name"] for item in buckets}


@pytest.mark.parametrize(
    ("gone", "given", "why"),
    [("ImapcheckLayer-0123456789ab.zip", ["ArtifactsBucket=b"], "../layers/imapcheck/"),
     ("checks/definitions.zip", ["ArtifactsBucket=b"], "../events/"), ("", [], "found no ArtifactsBucket")],
)  # fmt: skip
def test_release_that_lacks_something_is_refused(
    moto_endpoint: str, release: Path, gone: str, given: list[str], why: str
) -> None:
    """Before anything is deployed."""
    if gone:
        (release / gone).unlink()
    status, output = script(
        "before", moto_endpoint, "fourteen", [OHIO], release / "checks", *given, program=release / "places.py"
    )
    assert (status, why in output) == (1, True), output
    assert not (release / "checks/calls").exists()
