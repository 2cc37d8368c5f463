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

import pytest

from support import working_tree

_LINKED = (".venv-sam", ".venv-emulator")
_FOR_FIXTURES = 20.0
_GRACE, _TIMES = 120.0, 5.0
# As `make test` does; a few quick tests are quicker in one process.
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
_ALONE = 60.0
_MOST_FAILURES = 20
# A mutant's would be taken for the next one's.
_NO_BYTECODE, _BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}, {"PYTHONDONTWRITEBYTECODE": ""}


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

    def compile(self) -> None:
        """Leave the bytecode of all files: it holds for all but the mutant, and each start would make it anew."""
        subprocess.run([self.python, "-m", "compileall", "-q", "layers", "functions"], cwd=self.root, check=True)
        self.run(["--collect-only", "-p", "no:cacheprovider"], _BYTECODE)

    @contextlib.contextmanager
    def changed(self, path: str, content: str) -> Iterator[None]:
        """A file has another content meanwhile; and other times, or its bytecode would be taken for it."""
        place = self.root / path
        before, times = place.read_bytes(), place.stat()
        place.write_text(content, encoding="utf-8")
        os.utime(place, (times.st_atime, times.st_mtime + 10))
        try:
            yield
        finally:
            place.write_bytes(before)
            os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))

    def failed(self, tests: list[str], expected: float) -> tuple[list[str], list[str]]:
        """Of the tests those that fail, and those that are not known yet as others failed before them.

        They take `expected` seconds one after the other; all that they started is ended. A failure that is none of the
        tests is one of the collection, of pytest or of the time: what far longer tests wait for never comes.
        """
        listed = self.root / ".tests"
        listed.write_text("\n".join(tests), encoding="utf-8")
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        many, most = (SIDE_BY_SIDE, _MOST_FAILURES) if expected > _ALONE else ([], 1)
        options = [f"--maxfail={most}", "-p", "no:cacheprovider", "-p", "mutants.asked_tests", "--no-header", "--tb=no"]
        environment = _NO_BYTECODE | {"ASKED_TESTS": str(listed)}
        status, output = self.run([*many, *options, *files], environment, _GRACE + _TIMES * expected)
        if status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return [], []
        lines = re.findall(r"^(?:FAILED|ERROR) (.+)", output, re.MULTILINE)
        failed = [max((test for test in tests if line.startswith(test)), key=len, default=line) for line in lines]
        if not failed:
            failed = ["time" if status is None else f"pytest, which ended with {status}"]
        return failed, [test for test in tests if test not in failed] if len(failed) >= most else []

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
        if self._stopped:
            raise Stopped
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
