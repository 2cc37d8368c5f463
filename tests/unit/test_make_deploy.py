"""What `make deploy` makes of its variables, as the shell gets it."""

import os
import shlex
import subprocess

import pytest

from support.artifact import ROOT


def deploying(*variables: str, **environment: str) -> list[str]:
    """The words of the `sam deploy` that `make` would run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "--dry-run", "deploy", *variables],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    [command] = [line for line in done.stdout.replace("\\\n", " ").splitlines() if " deploy --config-file" in line]
    return shlex.split(command)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("AlarmEmail=", ['AlarmEmail=""']),
        ('AlarmEmail=""', ['AlarmEmail=""']),
        ("AlarmEmail= Paused=true SubnetIds=", ['AlarmEmail=""', "Paused=true", 'SubnetIds=""']),
        ("AlarmEmail=a+b@example.com", ["AlarmEmail=a+b@example.com"]),
        ("SubnetIds=subnet-1,subnet-2 MemorySize=512", ["SubnetIds=subnet-1,subnet-2", "MemorySize=512"]),
    ],
)
def test_parameters_reach_sam_as_it_wants_them(parameters: str, words: list[str]) -> None:
    """A name without a value empties the parameter; SAM CLI takes only NAME="" for that."""
    command = deploying(f"PARAMETERS={parameters}")
    assert command[command.index("--parameter-overrides") + 1 :] == words


def test_nothing_is_overridden_without_parameters() -> None:
    """CloudFormation then keeps the values that there are."""
    assert "--parameter-overrides" not in deploying()


def region(**environment: str) -> str:
    """The Region that a command of `make` sees; "none" where its profile decides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    script = f'include {ROOT}/Makefile\nprint-region:\n\t@echo "$${{AWS_DEFAULT_REGION-none}}"\n'
    done = subprocess.run(
        ["make", "-s", "-f", "-", "print-region"],
        cwd=ROOT,
        env=kept | environment,
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_region_of_the_aws_cli_is_taken() -> None:
    """boto3 and SAM CLI read AWS_DEFAULT_REGION alone; where neither is set, the profile's own is not hidden."""
    assert region(AWS_REGION="eu-west-1") == "eu-west-1"
    assert region(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-central-1") == "eu-central-1"
    assert region() == "none"
    assert region(AWS_REGION="") == "none"
