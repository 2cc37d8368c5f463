"""`make mutants` (tests/mutants): which tests it asks, and that Ctrl-C ends it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
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
    selection = Selection({path: {"7": ["tests/unit/test_it.py::test_it"]}}, {"tests/unit/test_it.py::test_it": 1.0})
    assert selection.stages(Mutant(path, 7, "", str)) == [["tests/unit/test_it.py::test_it"], ["tests/aws"]]
    asked = [test for stage in stages(HINTS, 10) for test in stage]
    assert len(asked) == len(set(asked))


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
    for name, body in (("one", "pass"), ("two", "assert not 'noticed'")):
        (scratch.root / f"tests/unit/test_{name}.py").write_text(f"def test_it():\n    {body}\n")
    tests = [f"tests/unit/test_{name}.py::test_it" for name in ("one", "two")]
    assert scratch.noticed_by(tests[:1], 0.1) is None
    assert scratch.noticed_by(tests, 100.0) == tests[1]


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
