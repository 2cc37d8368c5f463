"""A copy of this project that is built and deployed with README's own commands."""

import json
import os
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.emulator import Emulator
from support import working_tree
from support.artifact import ROOT

SECTION, OWN_PARAMETER = "Deploy in five minutes", "AlarmEmail=you@example.com"
# The build is for Lambda's processor; here it must run on this one. Two words of the template, nothing else.
TEMPLATE_PROCESSOR, HOST_PROCESSOR = "arm64", {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


@dataclass(frozen=True)
class Run:
    """What a command printed, and the seconds it took."""

    output: str
    seconds: float


def readme_commands() -> list[str]:
    """The lines of the section's shell block, comments and continued lines apart."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(f"## {SECTION}\n", 1)[1].split("\n## ", 1)[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = (line.split(" #")[0].strip() for line in block.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


class Project:
    """What git would commit of this tree, in `place`, with check definitions of the test's own."""

    def __init__(self, place: Path, emulator: Emulator) -> None:
        self.place = place
        self.emulator = emulator
        working_tree.copy(place)
        template = place / "template.yaml"
        text = template.read_text(encoding="utf-8")
        template.write_text(text.replace(TEMPLATE_PROCESSOR, HOST_PROCESSOR), encoding="utf-8")
        shutil.rmtree(place / "events")
        (place / "events").mkdir()
        for name in (".venv", ".venv-sam"):
            _borrow(ROOT / name, place / name)

    def write(self, name: str, **fields: Any) -> None:
        """Write `events/NAME.json`, new or changed."""
        (self.place / f"events/{name}.json").write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")

    def remove(self, name: str) -> None:
        """Delete `events/NAME.json`."""
        (self.place / f"events/{name}.json").unlink()

    def deploy(self, **parameters: str) -> Run:
        """README's commands, with these parameters besides its own."""
        words = "".join(f"{name}={value} " for name, value in parameters.items())
        runs = [self.run(command.replace(OWN_PARAMETER, f"{words}{OWN_PARAMETER}")) for command in readme_commands()]
        return Run("".join(run.output for run in runs), sum(run.seconds for run in runs))

    def run(self, command: str) -> Run:
        """Run a shell command in the project's folder against the emulator; it must succeed."""
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.place,
            env=surroundings() | self.emulator.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}:\n{output[-4000:]}\n{self.emulator.log()}"
        return Run(output, time.monotonic() - began)


def _borrow(environment: Path, place: Path) -> None:
    """The same virtual environment under another path; its stamps are fresh, so that `make` leaves it alone."""
    place.mkdir()
    for entry in environment.iterdir():
        if entry.name.startswith(".stamp"):
            (place / entry.name).touch()
        else:
            (place / entry.name).symlink_to(entry)


def surroundings() -> dict[str, str]:
    """The caller's environment without what would lead to a real account or to an outer `make`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    kept["IMAPCHECK_ALLOW_LOCAL_ADDRESSES"] = "true"  # the checks' server is on this machine
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    # SAM asks every five seconds whether CloudFormation is done; the emulator always is.
    return kept | nothing | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
