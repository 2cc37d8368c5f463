"""A copy of the project in which files may be broken, with an environment that imports from it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

from support import working_tree

_LINKED = (".venv-sam", ".venv-emulator")
_FOR_FIXTURES = 20.0


class Scratch:
    """A copy in `root`; `python` is its own, with the packages of the project's environment."""

    def __init__(self, project: Path, root: Path) -> None:
        self.project, self.root = project, root
        self.python = str(root / ".venv/bin/python")
        working_tree.copy(root, project)
        for name in _LINKED:
            if (project / name).exists():
                (root / name).symlink_to(project / name)
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
        self._environment()

    def _environment(self) -> None:
        """The project's packages, but imapcheck and the tests' own from the copy; and its commands."""
        binaries = self.project / ".venv/bin"
        (self.root / ".venv/bin").mkdir(parents=True)
        (self.root / ".venv/pyvenv.cfg").write_text((self.project / ".venv/pyvenv.cfg").read_text())
        for path in binaries.iterdir():
            copy = self.root / ".venv/bin" / path.name
            if path.is_symlink():
                copy.symlink_to(path.readlink())
            elif path.is_file():
                shutil.copy2(path, copy)
                content = copy.read_bytes()
                if content.startswith(b"#!" + str(binaries).encode()):
                    copy.write_bytes(content.replace(str(binaries).encode(), str(copy.parent).encode(), 1))
        packages = self.root / ".venv" / Path(sysconfig.get_path("purelib")).relative_to(self.project / ".venv")
        packages.mkdir(parents=True)
        places = [*(self.root / name for name in ("layers/imapcheck", "functions", "tests"))]
        lines = [*map(str, places), sysconfig.get_path("purelib")]
        (packages / "scratch.pth").write_text("\n".join(lines) + "\n")

    def passes(self, tests: list[str], seconds: float) -> bool:
        """Whether the tests pass, within `seconds`; all that they started is ended."""
        listed = self.root / ".tests"
        listed.write_text("\n".join(tests))
        command = [self.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", f"@{listed}"]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._end(process)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """As Ctrl-C does, so that fixtures end their servers, which have sessions of their own; then for good."""
        for ending in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, ending)
                process.wait(_FOR_FIXTURES)
        process.wait()
