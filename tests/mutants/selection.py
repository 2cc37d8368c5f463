"""Which tests could notice a mutant: those that run through its line, and those that run it in another process.

A line that no test runs through is one of a table or a class, read as its module was imported: then it is the tests of
that file, of its room, and in the end all. Never asked are tests that are long, and those that deploy or release.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutants.mutant import Mutant
from mutants.scratch import SIDE_BY_SIDE, Scratch, side_by_side

_MAPPED = ("unit", "faults", "aws", "servers", "template")
_TEMPLATE = [
    [f"tests/template/test_{what}.py" for what in ("privileges", "resources", "dashboard", "template")],
    ["tests/template", "tests/aws/test_shared_pause.py", "tests/unit/test_deploying_policy.py",
     "tests/unit/test_validate.py"],
]  # fmt: skip
# Tests that start the program as a process, by the room whose code they are the only ones to run.
_UNIT = "tests/unit/test_"
_PROGRAM = [f"{_UNIT}{name}.py" for name in ("cli", "command_line", "watch", "streams", "validate")]
_OTHER_PROCESSES = {
    "aws": ["tests/aws"],
    "cli": [*_PROGRAM, *(f"{_UNIT}{name}.py" for name in (
                "terminal", "report_file", "look", "login_guard", "publish", "scrape", "summary_of_anything",
                "integrations", "recipes", "what_a_call_loads", "make_deploy", "place_stack")),
            "tests/template/test_generated.py", "tests/servers/test_command_line.py"],
    "output": [*_PROGRAM, f"{_UNIT}report_file.py", f"{_UNIT}summary_of_anything.py"],
    "report": ["tests/aws/test_show_checks.py", f"{_UNIT}report_file.py"],
    "alarms": ["tests/aws"],
    "month": ["tests/aws/test_reports_of_a_stack.py", f"{_UNIT}cli.py"],
    "network": [f"{_UNIT}scrape.py", f"{_UNIT}streams.py", "tests/faults/test_oauth_faults.py",
                "tests/faults/test_tls_as_clients_have_it.py"],
    "stack": ["tests/template", f"{_UNIT}place_stack.py", f"{_UNIT}validate.py"],
    "definition": ["tests/template/test_generated.py", f"{_UNIT}command_line.py", f"{_UNIT}monitoring.py"],
}  # fmt: skip
# So many begin without the others, of which there may be thousands: most mutants need no more.
_FIRST, _SECOND = 50, 400
_ELSE = ["tests/unit/test_cli.py", "tests/aws/test_artifact.py"]


class Selection:
    """The map from lines to tests, made by running them once and kept until something they use changes."""

    def __init__(self, felt: dict[str, dict[str, list[str]]], seconds: dict[str, float]) -> None:
        self._felt = felt
        self._seconds = seconds

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
            if path.name != "test_mutants.py"
        }
        stale = [file for file, digest in files.items() if kept.get(file, {}).get("digest") != digest]
        if stale:
            print(f"which test runs through which line: running {len(stale)} files of tests ...", flush=True)
            with side_by_side(copies) as pool:
                parts = [stale[number :: len(copies)] for number in range(len(copies))]
                for learnt in pool.map(lambda copy, part: _run(copy, part, files), copies, parts):
                    kept |= learnt
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_text(json.dumps(kept))
        if missing := [file for file in files if kept.get(file, {}).get("digest") != files[file]]:
            raise SystemExit("they do not pass without a mutant, fix that first: " + ", ".join(missing))
        felt: dict[str, dict[str, list[str]]] = {}
        seconds = {}
        for file in files:
            for test, entry in kept[file]["tests"].items():
                seconds[test] = entry["seconds"]
                for path, line in entry["lines"]:
                    felt.setdefault(path, {}).setdefault(str(line), []).append(test)
        return cls(felt, seconds)

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """What to run, one after the other until something fails: quick tests first."""
        if not mutant.path.endswith(".py"):
            return self._in_parts(_TEMPLATE)
        through = self._felt.get(mutant.path, {}).get(str(mutant.line), [])
        room = mutant.path.split("/")[3] if mutant.path.startswith("layers/") else "aws"
        elsewhere = _OTHER_PROCESSES.get(room, [] if through else _ELSE)
        if through:
            stages = [self._with_siblings(through), elsewhere]
        else:
            folder = mutant.path.rpartition("/")[0]
            stages = [self._through(mutant.path), self._through(folder), elsewhere, [*self._seconds]]
        return self._in_parts(stages)

    def _in_parts(self, stages: list[list[str]]) -> list[list[str]]:
        """Each test once, the quick ones first, and few of them before the many."""
        asked: set[str] = set()
        parts = []
        for stage in stages:
            tests = {test for place in stage for test in self._tests_of(place)}
            new = sorted(tests - asked, key=lambda test: (self._seconds[test], test))
            parts += [new[:_FIRST], new[_FIRST:_SECOND], new[_SECOND:]]
            asked |= tests
        return [part for part in parts if part]

    def _tests_of(self, place: str) -> list[str]:
        """The tests of a folder or file; a test is itself."""
        return [place] if place in self._seconds else [test for test in self._seconds if test.startswith(place)]

    def _through(self, place: str) -> list[str]:
        """The tests that run through any line of a file, or of a folder's."""
        files = [lines for path, lines in self._felt.items() if path == place or path.startswith(f"{place}/")]
        return sorted({test for lines in files for tests in lines.values() for test in tests})

    def _with_siblings(self, tests: list[str]) -> list[str]:
        """And every other case of the same functions: one of them may have run what is kept for all."""
        functions = {test.partition("[")[0] for test in tests}
        return sorted({*tests, *(test for test in self._seconds if test.partition("[")[0] in functions)})

    def seconds(self, tests: list[str]) -> float:
        """How long they take one after the other."""
        return sum(self._seconds[test] for test in tests)


def _shared(root: Path) -> list[Path]:
    return [root / "tests/conftest.py", root / "tests/mutants/felt_lines.py", *(root / "tests/support").rglob("*.py")]


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.read_bytes())
    return total.hexdigest()


def _run(scratch: Scratch, files: list[str], digests: dict[str, str]) -> dict[str, Any]:
    """What each file's tests run through; a file in which a test failed is left out."""
    if not files:
        return {}
    out = scratch.root / ".felt"
    out.mkdir()
    environment = {"FELT_LINES": str(out), "FELT_ROOT": f"{scratch.root}/"}
    status, output = scratch.run([*SIDE_BY_SIDE, "-p", "mutants.felt_lines", "--tb=short", *files], environment)
    if status != 0:
        print(output[output.find("= FAILURES") :][-6000:], file=sys.stderr)
    found: dict[str, Any] = {file: {"digest": digests[file], "tests": {}} for file in files}
    parts = (json.loads(part.read_text()) for part in out.glob("*.json"))
    for test, entry in (row for part in parts for row in part.items()):
        file = test.partition("::")[0]
        if entry["failed"]:
            found.pop(file, None)
        elif file in found:
            found[file]["tests"][test] = entry
    return found
