"""Which tests could notice a mutant: those that run through its line, and those that run it in another process."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mutants.mutant import Mutant
from mutants.scratch import Scratch

_MAPPED = ("unit", "faults", "aws")
_TEMPLATE = [f"tests/template/test_{what}.py" for what in ("privileges", "resources", "dashboard", "template")]
# Tests that start the program as a process, by the room whose code they are the only ones to run.
_OTHER_PROCESSES = {
    "aws": ["tests/aws"],
    "cli": ["tests/unit/test_cli.py", "tests/unit/test_command_line.py", "tests/unit/test_watch.py",
            "tests/unit/test_terminal.py", "tests/unit/test_report_file.py", "tests/unit/test_validate.py",
            "tests/unit/test_look.py", "tests/template/test_generated.py", "tests/servers/test_command_line.py"],
    "output": ["tests/unit/test_cli.py", "tests/unit/test_command_line.py", "tests/unit/test_report_file.py"],
    "stack": ["tests/template/test_generated.py", "tests/template/test_alarms.py"],
    "definition": ["tests/template/test_generated.py", "tests/unit/test_command_line.py"],
}  # fmt: skip
_ELSE = ["tests/unit/test_cli.py", "tests/aws/test_artifact.py"]


class Selection:
    """The map from lines to tests, made by running them once and kept until something they use changes."""

    def __init__(self, felt: dict[str, dict[str, list[str]]], seconds: dict[str, float], idle: set[str]) -> None:
        self._felt = felt
        self._seconds = seconds
        self._idle = idle

    @classmethod
    def of(cls, copies: Sequence[Scratch], store: Path) -> "Selection":
        """Run what has changed since `store` was written, a part of it in each copy."""
        scratch = copies[0]
        kept = json.loads(store.read_text()) if store.exists() else {}
        package = _digest([*scratch.root.glob("layers/imapcheck/imapcheck/**/*.py"), *_shared(scratch.root)])
        files = {
            str(path.relative_to(scratch.root)): package + _digest([path])
            for folder in _MAPPED
            for path in sorted((scratch.root / "tests" / folder).rglob("test_*.py"))
        }
        stale = [file for file, digest in files.items() if kept.get(file, {}).get("digest") != digest]
        if stale:
            print(f"which test runs through which line: running {len(stale)} files of tests ...", flush=True)
            with ThreadPoolExecutor(len(copies)) as pool:
                parts = [stale[number :: len(copies)] for number in range(len(copies))]
                for told in pool.map(lambda copy, part: _run(copy, part, files), copies, parts):
                    kept |= told
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_text(json.dumps(kept))
        if missing := [file for file in files if kept.get(file, {}).get("digest") != files[file]]:
            raise SystemExit("they do not pass without a mutant, mend that first: " + ", ".join(missing))
        felt: dict[str, dict[str, list[str]]] = {}
        seconds, idle = {}, set()
        for file in files:
            for test, told in kept[file]["tests"].items():
                seconds[test] = told["seconds"]
                if not told["lines"]:
                    idle.add(test)
                for path, line in told["lines"]:
                    felt.setdefault(path, {}).setdefault(str(line), []).append(test)
        return cls(felt, seconds, idle)

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """What to run, one after the other until something fails: quick tests first."""
        if not mutant.path.endswith(".py"):
            return [_TEMPLATE]
        lines = self._felt.get(mutant.path, {})
        through = lines.get(str(mutant.line)) or sorted({test for tests in lines.values() for test in tests})
        through = self._with_siblings(through)
        room = mutant.path.split("/")[3] if mutant.path.startswith("layers/") else "aws"
        stages = [sorted(through, key=self._seconds.__getitem__)] if through else []
        if room in _OTHER_PROCESSES or not through:
            stages.append(_OTHER_PROCESSES.get(room, _ELSE))
        return stages

    def _with_siblings(self, tests: list[str]) -> list[str]:
        """And the cases that ran through nothing, as a case before had run for all of them."""
        functions = {test.partition("[")[0] for test in tests}
        return sorted({*tests, *(test for test in self._idle if test.partition("[")[0] in functions)})

    def seconds(self, tests: list[str]) -> float:
        return sum(self._seconds.get(test, 10.0) for test in tests)


def _shared(root: Path) -> list[Path]:
    return [root / "tests/conftest.py", *(root / "tests/support").rglob("*.py")]


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.read_bytes())
    return total.hexdigest()


def _run(scratch: Scratch, files: list[str], digests: dict[str, str]) -> dict[str, Any]:
    """What each file's tests run through; a file in which a test failed is left out."""
    if not files:
        return {}
    out = scratch.root / ".felt.json"
    environment = {"FELT_LINES": str(out), "FELT_ROOT": f"{scratch.root}/"}
    command = [scratch.python, "-m", "pytest", "-q", "-p", "mutants.felt_lines", "--tb=short", *files]
    done = subprocess.run(
        command, cwd=scratch.root, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout[done.stdout.find("= FAILURES") :][-6000:], done.stderr[-2000:], file=sys.stderr)
    found: dict[str, Any] = {file: {"digest": digests[file], "tests": {}} for file in files}
    for test, told in json.loads(out.read_text()).items():
        file = test.partition("::")[0]
        if told["failed"]:
            found.pop(file, None)
        elif file in found:
            found[file]["tests"][test] = told
    return found
