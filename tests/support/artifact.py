"""What `make build` makes of the template, for this host's processor."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam/bin/sam"


def build(place: Path, *, bytecode: bool = True) -> Path:
    """`sam build` below `place`; returns the folder of the built parts."""
    source = place / "source"
    subprocess.run([ROOT / "scripts/lay-out", ROOT / "events", source], check=True, capture_output=True)
    template = source / "template.yaml"
    template.write_text(template.read_text(encoding="utf-8").replace("arm64", "x86_64"), encoding="utf-8")
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [SAM, "build", "--no-cached", "--template", template, "--build-dir", place / "build"],
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    if bytecode:
        add_bytecode(place / "build")
    return place / "build"


def add_bytecode(built: Path) -> str:
    """As `make build` does after `sam build`; returns what that prints."""
    done = subprocess.run([ROOT / "scripts/add-bytecode", built], check=True, capture_output=True, text=True)
    return done.stdout
