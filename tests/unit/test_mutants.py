"""`make mutants` (tests/mutants): which tests it asks, and that Ctrl-C ends it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mutants.mutant import Mutant
from mutants.scratch import Scratch, Stopped, side_by_side
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


def stages(path: str, line: int) -> list[list[str]]:
    return Selection(FELT, SECONDS).stages(Mutant(path, line, "a change", str))


def test_every_case_of_a_function_is_asked() -> None:
    """One of them may have run what all look at, and then runs through lines that the others never see."""
    assert stages(LOGIN, 7)[0] == ["t::one[a]", "t::one[b]"]


def test_line_of_a_table_is_asked_of_its_file_then_its_room_then_all() -> None:
    """It was read as the module was imported, by whoever came first."""
    assert [stages(LOGIN, 1)[0], stages(LOGIN, 1)[-1]] == [
        ["t::two", "t::one[a]"],
        sorted(SECONDS, key=SECONDS.__getitem__),
    ]
    assert stages(HINTS, 10)[0] == ["t::two", "t::three"]
    assert stages(HINTS, 10)[-1] == sorted(SECONDS, key=SECONDS.__getitem__)


def test_what_runs_at_import_is_felt_by_no_test(tmp_path: Path) -> None:
    """Neither a table nor a function that fills one: the first test to import them is not the one to notice."""
    package = tmp_path / "layers/imapcheck/imapcheck"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "table.py").write_text(
        "def filled():\n    return {1: 2}\n\nTABLE = filled()\n\ndef two():\n    return TABLE[1]\n"
    )
    (tmp_path / "test_it.py").write_text(
        "def test_one():\n    import imapcheck.table\n\n"
        "def test_two():\n    import imapcheck.table as t\n    assert t.two() == 2\n"
    )
    out = tmp_path / "felt.json"
    path = os.pathsep.join(map(str, (package.parent, ROOT / "tests")))
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "mutants.felt_lines", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"FELT_LINES": str(out), "FELT_ROOT": f"{tmp_path}/", "PYTHONPATH": path},
        check=True,
        capture_output=True,
    )
    table = "layers/imapcheck/imapcheck/table.py"
    felt = {test.partition("::")[2]: told["lines"] for test, told in json.loads(out.read_text()).items()}
    assert felt == {"test_one": [], "test_two": [[table, 7]]}


def test_ctrl_c_ends_what_runs_in_the_copies(tmp_path: Path) -> None:
    """A pytest that learns lines or judges a mutant has a session of its own, which no Ctrl-C reaches."""
    copy = Scratch(ROOT, tmp_path / "copy")
    began = tmp_path / "began"
    (copy.root / "tests/unit/test_hanging.py").write_text(
        "import os, pathlib, time\n\n"
        f"def test_it():\n    pathlib.Path({str(began)!r}).write_text(str(os.getpid()))\n    time.sleep(170)\n"
    )
    with pytest.raises(KeyboardInterrupt), side_by_side([copy]) as pool:
        pool.submit(copy.run, ["tests/unit/test_hanging.py"], {})
        while not (began.exists() and began.read_text()):
            time.sleep(0.02)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)
    with pytest.raises(Stopped):
        copy.run(["--version"], {})
