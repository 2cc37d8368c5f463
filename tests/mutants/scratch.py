"""A copy of the project in which files may be broken, with an environment that imports from it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import working_tree

_LINKED = (".venv-sam", ".venv-emulator")
_FOR_FIXTURES = 20.0
_GRACE, _TIMES = 60.0, 5.0
# As `make test` does; a few quick tests are quicker in one process.
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
_ALONE = 20.0
_NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}  # a mutant's would be taken for the next one's


class Stopped(Exception):
    """Nothing more is run in this copy."""


class Scratch:
    """A copy in `root`; `python` is its own, with the packages of the project's environment."""

    def __init__(self, project: Path, root: Path) -> None:
        self.project, self.root = project, root
        self.python = str(root / ".venv/bin/python")
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
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

    def noticed_by(self, tests: list[str], expected: float) -> str | None:
        """The first of the tests that fails; None where all pass. They take `expected` seconds one after the other.

        All that they started is ended. Tests that take far longer have noticed too: what they wait for never comes.
        """
        listed = self.root / ".tests"
        listed.write_text("\n".join(tests))
        many = SIDE_BY_SIDE if expected > _ALONE else []
        arguments = [*many, "-x", "-p", "no:cacheprovider", "--no-header", "--tb=no", f"@{listed}"]
        status, output = self.run(arguments, _NO_BYTECODE, _GRACE + _TIMES * expected)
        if status == 0:
            return None
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
        return failed[1] if failed else "time" if status is None else f"pytest, which ended with {status}"

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], seconds: float | None = None
    ) -> tuple[int | None, str]:
        """How pytest ended and what it wrote; no status where it took longer than `seconds`.

        It has a session of its own, so that all that it started can be ended: Ctrl-C reaches it by `stop` alone.
        """
        output = self.root / ".output"
        with output.open("w+b") as written:
            with self._starting:
                if self._stopped:
                    raise Stopped
                self._process = subprocess.Popen(
                    [self.python, "-m", "pytest", "-q", *arguments], cwd=self.root, env=os.environ | environment,
                    stdout=written, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            try:
                status = self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(self._process)
        return status, output.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End what runs, and start nothing more."""
        with self._starting:
            self._stopped = True
        if self._process is not None:
            _end(self._process)


@contextlib.contextmanager
def side_by_side(copies: Sequence[Scratch]) -> Iterator[ThreadPoolExecutor]:
    """A thread for each copy; what interrupts the caller, as Ctrl-C does, ends what runs in them."""
    with ThreadPoolExecutor(len(copies)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for copy in copies:
                copy.stop()
            raise


def _end(process: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C does, so that fixtures end their servers, which have sessions of their own; then for good."""
    for ending in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, ending)
            process.wait(_FOR_FIXTURES)
    process.wait()
