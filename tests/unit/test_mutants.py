"""`make mutants` (tests/mutants): which tests it asks, and that Ctrl-C ends it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutants.__main__ import noticed_by
from mutants.mutant import Mutant
from mutants.scratch import SIDE_BY_SIDE, Scratch, Stopped, side_by_side
from mutants.selection import Selection

ROOT = Path(__file__).parents[2]
LOGIN, HINTS, MODEL = (
    f"layers/imapcheck/imapcheck/{name}.py" for name in ("login/scram", "definition/hints", "definition/model")
)
SECONDS = {"t::one[a]": 1.0, "t::one[b]": 2.0, "t::two": 0.5, "t::three": 3.0}
FELT = {
    LOGIN: {"7": ["t::one[a]"], "8": ["t::two"]},
    MODEL: {"3": ["t::two", "t::three"]},
}


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(ROOT, tmp_path / "copy")


def stages(path: str, line: int) -> list[list[str]]:
    return Selection(FELT, SECONDS).stages(Mutant(path, line, "a change", str))


def test_every_case_of_a_function_is_asked() -> None:
    """One of them may have run what all look at, and then runs through lines that the others never see."""
    assert stages(LOGIN, 7)[0] == ["t::one[a]", "t::one[b]"]


def test_line_of_a_table_is_asked_of_its_file_then_its_room_then_all() -> None:
    """It was read as the module was imported, by whoever came first."""
    assert [stages(LOGIN, 1)[0], stages(LOGIN, 1)[-1]] == [["t::two", "t::one[a]"], ["t::one[b]", "t::three"]]
    assert [stages(HINTS, 10)[0], stages(HINTS, 10)[-1]] == [["t::two", "t::three"], ["t::one[a]", "t::one[b]"]]


def test_what_another_process_runs_is_asked_last_and_no_test_is_asked_twice() -> None:
    path = "layers/imapcheck/imapcheck/alarms/story.py"
    unit, aws = "tests/unit/test_it.py::test_it", "tests/aws/test_story.py::test_it"
    also = "tests/aws/test_artifact.py::test_it"
    selection = Selection({path: {"7": [unit, aws]}}, {unit: 1.0, aws: 2.0, also: 3.0})
    assert selection.stages(Mutant(path, 7, "", str)) == [[unit, aws], [also]]
    asked = [test for stage in stages(HINTS, 10) for test in stage]
    assert len(asked) == len(set(asked))


def test_template_is_asked_of_its_own_tests() -> None:
    tests = {
        "tests/template/test_alarms.py::one": 9.0,
        "tests/template/test_privileges.py::two": 1.0,
        "tests/unit/test_x.py::three": 1.0,
    }
    selection = Selection({}, tests)
    assert selection.stages(Mutant("template.yaml", 7, "", str)) == [
        ["tests/template/test_privileges.py::two"],
        ["tests/template/test_alarms.py::one"],
    ]


def test_few_quick_ones_begin() -> None:
    """Most mutants need no more, and to collect thousands takes longer than to run them."""
    seconds = {f"t::it[{number}]": float(number) for number in range(500)}
    first, second, then = Selection({LOGIN: {"7": [*seconds]}}, seconds).stages(Mutant(LOGIN, 7, "a change", str))
    assert (len(first), len(second), [*first, *second, *then]) == (50, 350, [*seconds])


TABLE = "layers/imapcheck/imapcheck/table.py"
PACKAGE = """\
import functools

def filled():
    return {1: 2}

TABLE = filled()

def two():
    return TABLE[1]

@functools.cache
def kept():
    return two()
"""


@pytest.mark.parametrize(
    ("tests", "processes", "felt"),
    [
        # Neither a table nor a function that fills one: the first test to import them is not the one to notice.
        (
            """\
def test_one():
    import imapcheck.table
def test_two():
    import imapcheck.table as table
    table.two()
""",
            [],
            [[], [9]],
        ),
        # Whoever comes second would find what the first has computed.
        (
            """\
from imapcheck.table import kept
def test_one():
    kept()
def test_two():
    kept()
""",
            [],
            [[9, 13], [9, 13]],
        ),
        (
            """\
import pytest
from imapcheck.table import two
@pytest.fixture(scope="module")
def shared():
    return two()
def test_one(shared):
    pass
def test_two(shared):
    pass
def test_three():
    pass
""",
            SIDE_BY_SIDE,
            [[9], [9], []],
        ),
    ],
    ids=["at import", "kept by the package", "made by a fixture"],
)
def test_each_test_feels_all_that_it_depends_on(
    tests: str, processes: list[str], felt: list[list[int]], tmp_path: Path
) -> None:
    package = tmp_path / "layers/imapcheck/imapcheck"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('the program ran')")
    (package / "table.py").write_text(PACKAGE)
    (tmp_path / "test_it.py").write_text(tests)
    out = tmp_path / "felt"
    out.mkdir()
    path = os.pathsep.join(map(str, (package.parent, ROOT / "tests")))
    learning = [*processes, "-p", "mutants.felt_lines", "-p", "no:cacheprovider", "test_it.py"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *learning],
        cwd=tmp_path,
        env=os.environ | {"FELT_LINES": str(out), "FELT_ROOT": f"{tmp_path}/", "PYTHONPATH": path},
        check=True,
        capture_output=True,
    )
    found = [entry["lines"] for part in out.glob("*.json") for entry in json.loads(part.read_text()).values()]
    assert found == [[[TABLE, line] for line in lines] for lines in felt]


def test_the_test_that_noticed_is_named(scratch: Scratch) -> None:
    (scratch.root / "tests/unit/test_it.py").write_text(
        "import pytest\n\n@pytest.mark.parametrize('words', ['all is well', 'a - b', 'a - b - c'])\n"
        "def test_it(words):\n    assert words != 'a - b - c'\n"
    )
    tests = [f"tests/unit/test_it.py::test_it[{words}]" for words in ("all is well", "a - b", "a - b - c")]
    gone = "tests/unit/test_it.py::test_it[a case of a table that lost it]"
    assert scratch.failed([*tests[:2], gone], 0.1) == ([], [])
    assert scratch.failed([gone], 0.1) == ([], [])
    assert scratch.failed(tests, 100.0) == ([tests[2]], [])
    assert scratch.failed(tests[::-1], 0.1) == ([tests[2]], tests[1::-1])


def test_a_mutant_is_what_runs_and_the_original_after_it(scratch: Scratch) -> None:
    """Bytecode is taken for any file of its size and time, as one that was made and unmade within a second."""
    path = "layers/imapcheck/imapcheck/version.py"
    place = scratch.root / path
    original = place.read_text()
    (scratch.root / "tests/unit/test_it.py").write_text(
        "from imapcheck.version import VERSION\n\ndef test_it():\n    assert VERSION != '0.0.0'\n"
    )
    subprocess.run([scratch.python, "-m", "py_compile", place], check=True)
    with scratch.changed(path, f'VERSION = "0.0.0"{" " * (len(original) - 17)}'):
        assert scratch.failed(["tests/unit/test_it.py::test_it"], 0.1)[0]
    assert place.read_text() == original
    assert scratch.failed(["tests/unit/test_it.py::test_it"], 0.1) == ([], [])


class Busy(Scratch):
    """A copy whose tests fail as it is told: always, or once."""

    def __init__(self, always: set[str], once: set[str]) -> None:
        self._always, self._once = always, once

    @contextlib.contextmanager
    def changed(self, path: str, content: str) -> Iterator[None]:
        yield

    def failed(self, tests: list[str], expected: float) -> tuple[list[str], list[str]]:
        test = next((test for test in tests if test in self._always | self._once), None)
        if test is None:
            return [], []
        self._once -= {test}
        return [test], [other for other in tests if other != test]


@pytest.mark.parametrize(
    ("always", "once", "noticed"),
    [({"t::b"}, {"t::a"}, "t::b"), (set(), {"t::a", "t::c"}, None), ({"t::a"}, set(), "t::a"), (set(), {"t::b"}, None)],
)
def test_a_test_that_fails_once_has_noticed_nothing(always: set[str], once: set[str], noticed: str | None) -> None:
    """A busy machine lets it run out of time; the others are asked all the same."""
    mutant = Mutant(LOGIN, 7, "a change", str)
    selection = Selection({LOGIN: {"7": ["t::a", "t::b", "t::c"]}}, {"t::a": 5.0, "t::b": 0.1, "t::c": 9.0})
    assert noticed_by(mutant, Busy(always, once), selection) == noticed


def test_ctrl_c_ends_what_runs_in_the_copies(scratch: Scratch, tmp_path: Path) -> None:
    """A pytest that learns lines or judges a mutant has a session of its own, which no Ctrl-C reaches."""
    began = tmp_path / "began"
    (scratch.root / "tests/unit/test_hanging.py").write_text(
        "import os, pathlib, time\n\n"
        f"def test_it():\n    pathlib.Path({str(began)!r}).write_text(str(os.getpid()))\n    time.sleep(170)\n"
    )
    with pytest.raises(KeyboardInterrupt), side_by_side([scratch]) as pool:
        pool.submit(scratch.run, ["tests/unit/test_hanging.py"], {})
        while not (began.exists() and began.read_text()):
            time.sleep(0.02)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)
    with pytest.raises(Stopped):
        scratch.run(["--version"], {})
