"""docs/install.md's commands on the emulator, in a folder that has the release and nothing else of this project.

First as the release is, then with checks of a user's own, made by the command line that pip installed from the wheel.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.conftest import definition
from deploy.emulator import REGION, Emulator
from deploy.project import Project
from deploy.stack import Inventory, Stack, check_of
from imapcheck.version import VERSION
from support.artifact import ROOT
from support.certificates import Certificates
from support.dovecot import Dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]

PAGE = ROOT / "docs/install.md"
BUCKET = "a-users-own"
OHIO = "us-east-2"


def commands(number: int) -> str:
    """The page's shell block of that number, with a bucket's name."""
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return re.sub(r"\bBUCKET\b", BUCKET, blocks[number])


class User(Project):
    """A folder that is no copy of this project, and a shell in it that finds `aws` and `imapcheck`."""

    def __init__(self, place: Path, emulator: Emulator) -> None:
        self.place = place
        self.emulator = emulator

    def do(self, block: str) -> None:
        """Run a block of the page."""
        self.run(f'PATH="{self.place.parent}/venv/bin:$PATH"\n{block}')


@pytest.fixture(scope="module")
def built(project: Project) -> Path:
    """`make dist release-artifacts` in a clone with the repository's own definitions; the folder of both."""
    shutil.rmtree(project.place / "events")
    shutil.copytree(ROOT / "events", project.place / "events")
    # A clone has a commit, whose time is in the archives.
    project.run("git init -q && git add -A && git -c user.name=t -c user.email=t@example.com commit -qm t")
    project.run("make release-artifacts && scripts/build-distribution dist")
    return project.place / "dist"


@pytest.fixture(scope="module")
def user(built: Path, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody with the AWS CLI, the release's folder, a bucket, and `pip install imapcheck`."""
    place = tmp_path_factory.mktemp("user") / "release"
    shutil.unpack_archive(built / f"imapcheck-{VERSION}-stack.zip", place)
    [wheel] = built.glob("*.whl")
    uv = ROOT / ".venv/bin/uv"
    python = Path(sys.base_prefix) / "bin/python3.13"
    subprocess.run([uv, "venv", "-q", "--no-python-downloads", "--python", python, place.parent / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", place.parent / "venv", f"{wheel}[aws]"], check=True)
    (place.parent / "venv/bin/aws").symlink_to(ROOT / ".venv-emulator/bin/aws")
    emulator.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return User(place, emulator)


@pytest.fixture(scope="module")
def stack(emulator: Emulator) -> Stack:
    return Stack(emulator)


@pytest.fixture(scope="module")
def as_released(user: User, stack: Stack) -> Inventory:
    user.do(commands(0))
    return stack.inventory()


@pytest.fixture(scope="module")
def with_own_checks(
    as_released: Inventory, user: User, stack: Stack, dovecot: Dovecot, certificates: Certificates, secrets: None
) -> Inventory:
    (user.place / "events").mkdir()
    shutil.copy(certificates.ca, user.place / "events/test-ca.pem")
    user.write("mail", **definition(dovecot, alarms={"notify": ["ops@example.com"]}))
    # Somebody whose new files nobody else may read: Lambda must read them all the same.
    user.do(f"umask 077\nchmod 600 events/*\n{commands(1)}")
    return stack.inventory()


def names(inventory: Inventory, kind: str, check: str) -> list[str]:
    return [name for name, item in inventory.items() if name.startswith(f"{kind} ") and check_of(item) == check]


def test_release_deploys_the_check_that_needs_nothing(as_released: Inventory, stack: Stack) -> None:
    """Its schedule and alarms are there, and the function runs it from the release's own layers."""
    assert len(names(as_released, "schedule", "gmail-reachable")) == 1
    assert len(names(as_released, "alarm", "gmail-reachable")) >= 3
    answer = stack.invoke("RunCheckFunction", {"check": "gmail-reachable"})
    assert (answer["check"], answer["version"]) == ("gmail-reachable", VERSION)
    # Where there is no way to the server, the run says so as a run does.
    assert answer["available"] or answer["failure"]["category"] in ("dns", "connection"), answer["failure"]


def test_users_own_check_is_green(with_own_checks: Inventory, stack: Stack, emulator: Emulator) -> None:
    """On a real Dovecot, with the secret and the function's own role; its contact is told."""
    answer: dict[str, Any] = stack.invoke("RunCheckFunction", {"check": "mail"})
    assert answer.get("available") is True, answer
    assert len(names(with_own_checks, "schedule", "mail")) == 1
    told = {item["Endpoint"] for item in emulator.client("sns").list_subscriptions()["Subscriptions"]}
    assert {"you@example.com", "ops@example.com"} <= told


def test_users_own_checks_take_the_place_of_the_releases(with_own_checks: Inventory, stack: Stack) -> None:
    """No schedule and no alarm of them stays behind, and the function no longer knows them."""
    assert [name for name, item in with_own_checks.items() if check_of(item) == "gmail-reachable"] == []
    assert "gmail-reachable" in stack.invoke("RunCheckFunction", {"check": "gmail-reachable"})["errorMessage"]


def test_parameters_that_were_not_named_keep_their_values(with_own_checks: Inventory, emulator: Emulator) -> None:
    """As the page says."""
    [found] = emulator.client("cloudformation").describe_stacks(StackName="imapcheck")["Stacks"]
    values = {item["ParameterKey"]: item["ParameterValue"] for item in found["Parameters"]}
    assert (values["AlarmEmail"], values["ArtifactsBucket"]) == ("you@example.com", BUCKET)


@pytest.fixture(scope="module")
def with_places(with_own_checks: Inventory, user: User, stack: Stack, dovecot: Dovecot) -> dict[str, Any]:
    """The check looks from another Region too: under a new prefix, as the page says; what it found then."""
    user.write("mail", **definition(dovecot, schedule={"every": "5m", "places": [OHIO]}))
    user.do(f"imapcheck stack events --output checks\naws s3 cp --recursive checks s3://{BUCKET}/checks-2/")
    user.do(commands(2).replace("checks-1/", "checks-2/"))
    answer: dict[str, Any] = stack.invoke("RunCheckFunction", {"check": "mail"})
    return answer


def test_place_looks_with_the_releases_own_code(with_places: dict[str, Any], emulator: Emulator) -> None:
    """From its own Region, with the definitions that home has, and it knows its home."""
    assert [(place["place"], place["reached"]) for place in with_places["places"]] == [(REGION, True), (OHIO, True)]
    assert (with_places["verdict"], with_places["warnings"]) == ("up", [])
    [found] = emulator.client("cloudformation", OHIO).describe_stacks(StackName="imapcheck-place")["Stacks"]
    values = {item["ParameterKey"]: item["ParameterValue"] for item in found["Parameters"]}
    assert (values["HomeStack"], values["HomeRegion"]) == ("imapcheck", REGION)
    assert values["AlarmEmail"] == "you@example.com"
    assert values["LogRetentionDays"] == "60"


def test_place_and_its_bucket_are_deleted_as_the_page_says(
    with_places: dict[str, Any], user: User, emulator: Emulator
) -> None:
    """Nothing of it is left in that Region."""
    user.do(commands(3).replace("REGION", OHIO))
    assert emulator.client("lambda", OHIO).list_functions()["Functions"] == []
    assert f"{BUCKET}-{OHIO}" not in [item["Name"] for item in emulator.client("s3").list_buckets()["Buckets"]]


def test_page_names_this_version() -> None:
    """Its commands are meant to be copied."""
    assert set(re.findall(r"(?:imapcheck-|==)(\d[\d.]*\d)", PAGE.read_text(encoding="utf-8"))) == {VERSION}
