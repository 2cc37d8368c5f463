"""A function's execution environment as Lambda lays it out, without docker.

In a mount namespace of its own the unpacked code lies at /var/task, the merged layers at /opt and AWS's own packages at
/var/runtime, all read-only; `python3.13 -S -m awslambdaric` runs there and talks to the Runtime API that it is given.
A Region may have an /etc/hosts of its own. The host's /var is covered, so nothing is made or left there. Standard
library only: the function's process begins here.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

PYTHON = Path(sys.base_prefix) / "bin/python3.13"
COVERED = (Path("/var"), Path("/opt"))

# Root makes a mount namespace as it is; another user needs a user namespace around it.
UNSHARE = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--user", "--map-root-user")))
SCRIPT = """
mount -t tmpfs tmpfs /var
mkdir /var/task /var/runtime /var/tmp
mount --bind -o ro "$1" /var/task
mount --bind -o ro "$2" /opt
mount --bind -o ro "$3" /var/runtime
[ ! -f "$6/$AWS_REGION" ] || mount --bind "$6/$AWS_REGION" /etc/hosts
cd /var/task
exec "$4" -S -m awslambdaric "$5"
"""


def why_not(*needed: Path) -> str | None:
    """Why functions cannot be run here, or None; `needed` are folders that must stay in sight."""
    probe = [*UNSHARE, "sh", "-ec", "mount -t tmpfs tmpfs /var && test -d /opt"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=20)
    except FileNotFoundError:
        return "no `unshare` (util-linux) here"
    if done.returncode:
        return f"no mount namespace may be made here: {done.stderr.strip()}"
    hidden = [path for path in (PYTHON, *needed) if any(path.resolve().is_relative_to(place) for place in COVERED)]
    return f"{hidden[0]} lies where Lambda has its own folders" if hidden else None


def unpack(archive: bytes, place: Path) -> None:
    """Add the content of a zip file to `place`, as Lambda does with code and, one over the other, with layers.

    Raises PermissionError where Lambda's user, who owns nothing of it, could not read a file.
    """
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for entry in opened.infolist():
            mode = entry.external_attr >> 16
            if mode and not mode & 0o004:
                raise PermissionError(f"{entry.filename}: only its owner may read it ({mode & 0o777:04o})")
        opened.extractall(place)


def command(task: Path, opt: Path, runtime: Path, handler: str, hosts: Path) -> list[str]:
    """What starts the runtime over these folders; `hosts` has a file for each Region with names of its own."""
    return [*UNSHARE, "sh", "-ec", SCRIPT, "sh", *map(str, (task, opt, runtime, PYTHON)), handler, str(hosts)]


def environment(runtime_api: str, log_group: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The process's whole environment: what Lambda sets, and `variables` (the function's own, credentials, names)."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "PYTHONPATH": "/var/task:/opt/python/lib/python3.13/site-packages:/opt/python:/var/runtime",
        **variables,
    }
