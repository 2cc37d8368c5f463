"""integrations/: what others install is read by the programs that it is for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from imapcheck.output.prometheus import METRICS

FOLDER = Path(__file__).parents[2] / "integrations"
UNITS = sorted(FOLDER.glob("systemd/imapcheck-[wo]*.service"))


def test_rules_pass_their_tests() -> None:
    """promtool's own, on series that are down, silent, stopped and about to expire."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    for command in (["check", "rules", "imapcheck.rules.yml"], ["test", "rules", "imapcheck.test.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=FOLDER / "prometheus", capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_rules_name_metrics_that_exist() -> None:
    """A rule on a name that nothing gives never fires."""
    rules = yaml.safe_load((FOLDER / "prometheus/imapcheck.rules.yml").read_text())
    named = {
        name for rule in rules["groups"][0]["rules"] for name in re.findall(r"(?:probe|imapcheck)_\w+", rule["expr"])
    }
    assert named
    assert named <= {metric[0] for metric in METRICS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "imapcheck"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/local/bin/imapcheck", str(program)))
    for timer in FOLDER.glob(f"systemd/{unit.stem}.timer"):
        shutil.copy(timer, tmp_path)
    files = [str(file) for file in sorted(tmp_path.glob("imapcheck-*"))]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert (done.returncode, told) == (0, []), done.stderr


def test_commands_of_every_integration_are_known_to_the_command_line() -> None:
    """Each option that a file names stands in the help."""
    from support.command_help import commands

    options = {name for parameter in commands()["run"].params for name in parameter.opts}
    for file in FOLDER.rglob("*"):
        if file.is_file() and file.suffix in (".service", ".cfg", ".conf"):
            for line in file.read_text().splitlines():
                if "imapcheck run" in line or '"run"' in line:
                    assert set(re.findall(r"(?<![\w-])--[a-z-]+", line)) <= options, file
