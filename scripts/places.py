#!/usr/bin/env python3
"""The places of a stack, beside its deployment: deployed before it; those that nobody names are deleted after it.

    scripts/places.py before STACK FOLDER --sam SAM --build BUILD [NAME=VALUE ..]   in a checkout; `make deploy` does it
    python places.py before STACK FOLDER ArtifactsBucket=BUCKET [NAME=VALUE ..]     in the folder of a release
    python places.py after STACK FOLDER

FOLDER is what `imapcheck stack` wrote. before: deploys its place.yaml side by side to each Region of its places.txt but
home's; in a checkout as SAM CLI built it, from a release by the AWS CLI, with code from a bucket BUCKET-REGION in each
Region, which is made if it is not there. after: deletes the places of this stack that no definition names any more, and
says which subscriptions are pending.

A place has its own stack, STACK-place, which knows its home by two parameters. Places before home: home never asks a
place that is not there. What was cut short is finished by the next deployment.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from imapcheck.regions import CITIES, partition

HERE = Path(__file__).resolve().parent
TAKEN = ("AlarmEmail", "Paused", "LogRetentionDays")
QUICKLY = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
LONGEST_NAME = 58
NOT_THERE = ("ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED")
"""A stack whose creation failed, or that is being deleted: neither can be deployed before it is gone."""
SOURCES = {
    "../functions/run_check/": "RunCheckFunction-*.zip",
    "../layers/imapcheck/": "ImapcheckLayer-*.zip",
    "../layers/dependencies/": "DependenciesLayer-*.zip",
}
"""What place.yaml refers to, and the file of a release that holds it."""

Done = subprocess.CompletedProcess[str]
type Deploy = Callable[[str, dict[str, str]], Done]
"""Deploys to a Region with these parameters."""


def stack_in(region: str, name: str, config: Config | None = None) -> dict[str, Any] | None:
    """The stack of that name; None where there is none. Raises botocore's errors."""
    client = boto3.client("cloudformation", region_name=region, config=config)
    try:
        return dict(client.describe_stacks(StackName=name)["Stacks"][0])
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def parameters_of(stack: dict[str, Any] | None) -> dict[str, str]:
    found = stack.get("Parameters", []) if stack is not None else []
    return {item["ParameterKey"]: item["ParameterValue"] for item in found}


def listed(folder: Path, home: str) -> list[str]:
    """The Regions of places.txt without home's own."""
    if not (folder / "checks.yaml").exists():
        sys.exit(f"places: {folder}: found no checks.yaml, expected the folder that `imapcheck stack` wrote")
    file = folder / "places.txt"
    return [place for place in file.read_text().split() if place != home] if file.exists() else []


def before(home: str, name: str, folder: Path, given: dict[str, str], way: Callable[..., Deploy]) -> None:
    places = listed(folder, home)
    if not places:
        return
    parameters = parameters_of(stack_in(home, name)) | given
    if parameters.get("SubnetIds"):
        sys.exit("places: found SubnetIds, expected none: what only a VPC reaches, no place can")
    if len(name) > LONGEST_NAME:
        sys.exit(f"places: found a stack name of {len(name)} characters, expected at most {LONGEST_NAME}")
    for place in places:
        if partition(place) != partition(home):
            sys.exit(f"places: found {place}, expected a Region of the partition that {home} is in")
    deploy = way(name, folder, parameters)
    for place in places:
        make_way(place, name, home)
    taken = {key: parameters[key] for key in TAKEN if key in parameters} | {"HomeStack": name, "HomeRegion": home}
    with ThreadPoolExecutor(len(places)) as threads:
        ended = list(threads.map(lambda place: deploy(place, taken), places))
    for place, done in zip(places, ended, strict=True):
        print(f"places: {place}: {'deployed' if done.returncode == 0 else 'failed'}")
        if done.returncode:
            print(done.stdout, file=sys.stderr)
    if any(done.returncode for done in ended):
        sys.exit("places: not all are deployed, so leave home as it is; the next deployment tries again")


def make_way(place: str, name: str, home: str) -> None:
    """Refuse to deploy over a stack that is not this place's own; wait until what cannot be updated is gone."""
    stack = f"{name}-place"
    try:
        found = stack_in(place, stack)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"places: {place}: cannot be asked ({error}): is it a Region, and is it enabled for this account?")
    if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return
    if not is_of(found, home, name):
        owner = parameters_of(found).get("HomeRegion")
        whose = f"belongs to the stack {name} in {owner}" if owner else "is no place"
        sys.exit(f"places: the stack {stack} in {place} {whose}: give one of them another name")
    if found["StackStatus"] in NOT_THERE:
        client = boto3.client("cloudformation", region_name=place)
        client.delete_stack(StackName=found["StackId"])
        client.get_waiter("stack_delete_complete").wait(StackName=found["StackId"], WaiterConfig={"Delay": 5})


def is_of(stack: dict[str, Any] | None, home: str, name: str) -> bool:
    """Whether it is a place of home's stack of that name."""
    parameters = parameters_of(stack)
    return (parameters.get("HomeStack"), parameters.get("HomeRegion")) == (name, home)


def by_sam(sam: str, build: Path, name: str, folder: Path, parameters: dict[str, str]) -> Deploy:
    """What `sam build` made of the folder's place.yaml, from the bucket that SAM CLI keeps in each Region."""

    def deploy(place: str, taken: dict[str, str]) -> Done:
        overrides = [f"{key}={value}" if value else f'{key}=""' for key, value in taken.items()]
        words: list[str | Path] = [sam, "deploy", "--template-file", build / "template.yaml", "--region", place]
        return run([*words, "--resolve-s3", "--no-confirm-changeset", *wanted(name, overrides)])

    return deploy


def by_aws(name: str, folder: Path, parameters: dict[str, str]) -> Deploy:
    """The files of the release in the folder of this script, and the definitions in `folder`."""
    bucket = parameters.get("ArtifactsBucket")
    if not bucket:
        sys.exit("places: found no ArtifactsBucket, expected ArtifactsBucket=BUCKET, as home has it")
    if shutil.which("aws") is None:
        sys.exit("places: found no `aws`, expected the AWS CLI")
    template = of_release(folder)

    def deploy(place: str, taken: dict[str, str]) -> Done:
        own, aws = f"{bucket}-{place}", ["aws", "cloudformation", "--region", place]
        try:
            make_bucket(own, place)
        except (BotoCoreError, ClientError) as error:
            return Done([], 1, f"the bucket {own}: {error}")
        with tempfile.TemporaryDirectory() as work:
            source, packaged = Path(work) / "place.yaml", Path(work) / "packaged.yaml"
            source.write_text(template, encoding="utf-8")
            files: list[str | Path] = ["--template-file", source, "--output-template-file", packaged]
            done = run([*aws, "package", "--s3-bucket", own, *files])
            if done.returncode:
                return done
            overrides = [f"{key}={value}" for key, value in taken.items()]
            return run([*aws, "deploy", "--template-file", packaged, *wanted(name, overrides)])

    return deploy


def wanted(name: str, overrides: list[str]) -> list[str]:
    """What both command lines are given."""
    return [
        "--stack-name", f"{name}-place", "--no-fail-on-empty-changeset",
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides", *overrides,
    ]  # fmt: skip


def of_release(folder: Path) -> str:
    """The folder's place.yaml with the files of the release in place of a checkout's folders."""
    text = (folder / "place.yaml").read_text(encoding="utf-8")
    files = {source: sorted(HERE.glob(pattern)) for source, pattern in SOURCES.items()}
    for source, found in (files | {"../events/": [folder.resolve() / "definitions.zip"]}).items():
        if len(found) != 1 or not found[0].exists() or text.count(source) != 1:
            sys.exit(f"places: found not what {source} of {folder}/place.yaml is: is {HERE} a release of this version?")
        text = text.replace(source, json.dumps(str(found[0])))
    return text


def make_bucket(bucket: str, region: str) -> None:
    """Nothing happens where it is there and ours; another account's is refused."""
    client = boto3.client("s3", region_name=region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=bucket, **where)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def run(command: Sequence[str | Path]) -> Done:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def after(home: str, name: str, folder: Path) -> None:
    kept = listed(folder, home)
    regions = [region for region in CITIES if partition(region) == partition(home) and region != home]
    with ThreadPoolExecutor(max(1, len(regions))) as threads:
        found = dict(zip(regions, threads.map(lambda region: ours(region, home, name), regions), strict=True))
    for region in (region for region, is_ours in found.items() if is_ours and region not in kept):
        boto3.client("cloudformation", region_name=region).delete_stack(StackName=f"{name}-place")
        print(f"places: {region}: no definition names it any more, it is being deleted")
    for region in kept:
        say_if_pending(region, name)


def ours(region: str, home: str, name: str) -> bool:
    """Whether a place of this stack is there; a Region that is not enabled, or does not answer in 2 s, is skipped."""
    try:
        return is_of(stack_in(region, f"{name}-place", QUICKLY), home, name)
    except (BotoCoreError, ClientError):
        return False


def say_if_pending(region: str, name: str) -> None:
    """All is deployed by now: who may not read subscriptions deploys all the same."""
    try:
        is_pending = pending(region, name)
    except (BotoCoreError, ClientError) as error:
        print(f"places: {region}: cannot say whether AlarmEmail has confirmed there ({error})")
        return
    if is_pending:
        print(f"places: {region}: AlarmEmail has to confirm the mail that SNS sent from there")


def pending(region: str, name: str) -> bool:
    stack = stack_in(region, f"{name}-place")
    topics = [item["OutputValue"] for item in (stack or {}).get("Outputs", []) if item["OutputKey"] == "AlarmTopicArn"]
    sns = boto3.client("sns", region_name=region)
    subscriptions = [
        item for topic in topics for item in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    ]
    return any(item["SubscriptionArn"] == "PendingConfirmation" for item in subscriptions)


def main() -> None:
    parser = argparse.ArgumentParser(description="Deploy or delete the places of a stack.")
    parser.add_argument("when", choices=["before", "after"])
    parser.add_argument("stack")
    parser.add_argument("folder", type=Path, help="what imapcheck stack wrote")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="the parameters that home is deployed with")
    parser.add_argument("--sam", help="SAM CLI, in a checkout")
    parser.add_argument("--build", type=Path, help="what it built of place.yaml")
    options = parser.parse_intermixed_args()
    given = dict(item.split("=", 1) for item in options.parameters if "=" in item)
    way = by_aws if options.sam is None else partial(by_sam, options.sam, options.build)
    home = boto3.session.Session().region_name
    if home is None:
        sys.exit("No AWS Region is set. Set one, for example: export AWS_DEFAULT_REGION=eu-central-1")
    try:
        if options.when == "before":
            given = {key: value.strip('"') for key, value in given.items()}
            before(home, options.stack, options.folder, given, way)
        else:
            after(home, options.stack, options.folder)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"places: {error}")


if __name__ == "__main__":
    main()
