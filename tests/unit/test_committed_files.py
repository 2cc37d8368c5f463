"""What must not stand in a committed file: package registries' hosts and this or that machine's paths."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    "|".join(
        [
            "files." + "pythonhosted",
            "py" + r"pi\.org",
            "npm" + r"js\.org",
            "deb" + r"ian\.org/debian",
            r"(?<![\w./-])/ro" + r"ot/",
            r"(?<![\w.-])/wo" + "rk/",
        ]
    )
)


def test_no_registry_host_and_no_machine_path_is_committed() -> None:
    """Every file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            found += [f"{name}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []
