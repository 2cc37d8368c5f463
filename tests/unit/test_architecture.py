"""The house's rules: rooms in one order, imports downwards, and who alone may know what (ARCHITECTURE.md)."""

import ast
import functools
import re
from pathlib import Path

import pytest

from conftest import LONGEST

PACKAGE = Path(__file__).parents[2] / "layers/imapcheck/imapcheck"
FUNCTIONS = PACKAGE.parents[2] / "functions"
HALL = (
    "version",
    "text",
    "regions",
    "wording",
    "steps",
    "failures",
    "advice",
    "asked",
    "errors",
    "delivery",
    "result",
    "measures",
    "trace",
    "transcript",
)
MAY_IMPORT = {
    "definition": {"hall"},
    "network": {"hall"},
    "login": {"hall", "definition", "network"},
    "imap": {"hall", "network", "login"},
    "smtp": {"hall", "network", "login"},
    "check": {"hall", "definition", "network", "login", "imap", "smtp"},
    "output": {"hall"},
    "report": {"hall", "output"},
    "alarms": {"hall", "definition", "output"},
    "month": {"hall", "definition", "output", "report", "alarms"},
    "stack": {"hall", "definition", "network", "imap", "alarms"},
}
MAY_IMPORT["aws"] = {"hall", *MAY_IMPORT}
MAY_IMPORT["cli"] = {"hall", *MAY_IMPORT}
ALONE = {
    ("socket", "ssl"): {"network", "cli/demo"},
    ("imapclient", "imaplib"): {"imap"},
    ("boto3", "botocore", "aws_lambda_powertools"): {"aws"},
    ("typer", "rich"): {"cli", "output/terminal"},
    ("htpy",): {"report", "month/page"},
}
PRINTERS = {"cli", "output/terminal/screens"}
ENVIRONMENT_READERS = {"cli", "aws", "network/trust_store"}
MOST_LINES, MOST_CLASS_LINES = 350, 200
TABLES = {"failures"}
"""Their class is a row after the other."""

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
ROOM_PAGES = sorted(PACKAGE.glob("*/__init__.py"))


def name_of(path: Path) -> str:
    """`network/tls`, or `errors` for a module of the hall."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(name: str) -> str:
    room, slash, _ = name.partition("/")
    return room if slash else "hall"


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a module is made of."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> set[str]:
    """Every module that `path` imports, at its top or within a function."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
    return found


def ours(path: Path) -> set[str]:
    """The modules of the package that `path` imports, as `network/tls`."""
    names = {name for name in imports(path) if name.partition(".")[0] == "imapcheck"}
    assert "imapcheck" not in names or path.parent == PACKAGE / "cli", f"{path}: import the module, not the package"
    return {name.removeprefix("imapcheck.").replace(".", "/") for name in names - {"imapcheck"}}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down_the_list_of_rooms(path: Path) -> None:
    """A room imports only those it is allowed to; the hall's modules only those before them."""
    name = name_of(path)
    if room_of(name) == "hall":
        assert ours(path) <= set(HALL[: HALL.index(name)])
    else:
        rooms = {room_of(imported) for imported in ours(path)}
        assert rooms <= MAY_IMPORT[room_of(name)] | {room_of(name)}


def test_no_circle_within_a_room() -> None:
    """Between rooms the order forbids circles; within one this does."""
    names = {name_of(path) for path in MODULES}
    graph = {name_of(path): ours(path) & names for path in MODULES}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name not in done:
            for imported in graph[name]:
                visit(imported, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_its_room_knows_a_library(path: Path) -> None:
    """Sockets are the network's, imapclient the protocol's, the cloud `aws`'s, the terminal the command line's."""
    name, used = name_of(path), {imported.partition(".")[0] for imported in imports(path)}
    for libraries, places in ALONE.items():
        if not places & {name, name.rpartition("/")[0], room_of(name)}:
            assert not used & set(libraries), f"{name} imports {used & set(libraries)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_way_in_prints_or_reads_the_environment(path: Path) -> None:
    """Everything else takes values and returns them."""
    name = name_of(path)
    if not PRINTERS & {name, room_of(name)}:
        assert "print" not in {node.id for node in nodes(path) if isinstance(node, ast.Name)}
    if not ENVIRONMENT_READERS & {name, room_of(name)}:
        attributes = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}
        assert not {"environ", "getenv"} & attributes


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_and_no_class_is_too_long(path: Path) -> None:
    """What one reading can hold."""
    classes = [node for node in nodes(path) if isinstance(node, ast.ClassDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in classes}
    assert max(lengths.values(), default=0) <= MOST_CLASS_LINES or name_of(path) in TABLES, lengths
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", ROOM_PAGES, ids=lambda page: page.parent.name)
def test_room_page_says_what_it_offers_and_imports_nothing(page: Path) -> None:
    """What it offers, what it may import, where to begin; imports there would cost every cold start."""
    tree = ast.parse(page.read_text(encoding="utf-8"))
    assert len(tree.body) == 1
    text = ast.get_docstring(tree) or ""
    assert "May import: " in text
    assert "Begin with: " in text


def test_one_name_is_one_thing() -> None:
    """Two classes of one name, private or not, are told apart by nobody who reads."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name.lstrip("_"), []).append(name_of(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_module_has_its_place() -> None:
    """A new room is put into the order before anything imports it."""
    names = {name_of(path) for path in MODULES}
    assert {name for name in names if room_of(name) == "hall"} == set(HALL)
    assert {room_of(name) for name in names} - {"hall"} <= set(MAY_IMPORT)
    assert {page.parent.name for page in ROOM_PAGES} >= {room_of(name) for name in names} - {"hall"}


def test_every_file_that_the_architecture_page_names_exists() -> None:
    """A map with streets that are gone is worse than none."""
    root = FUNCTIONS.parent
    page = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|yaml|md))?|[a-z_]+\.(?:py|yaml))`", page))
    assert len(named) > 40
    gone = {name for name in named if not any((place / name).exists() for place in (PACKAGE, root))}
    assert gone == set()


def test_files_that_begin_first_are_there() -> None:
    """A name that is gone would make nothing begin first (tests/conftest.py)."""
    tests = FUNCTIONS.parent / "tests"
    assert [name for name in LONGEST if not (tests / name).is_file()] == []


_OWN_SPELLING = re.compile(
    r":[.\d,]*[fg]\} (?:ms|s|min|h|d|%|MiB)\b"  # a length, a share or a size
    r"|%H:%M|\{[\w.]+:%[bd]"  # a time
    r"|\.step\}: \{|\.type\}: \{"  # step: type: detail
)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_values_are_spelled_by_one_module(path: Path) -> None:
    """Else a time-out takes 29210 ms in one place and 29.21 s in another; CloudWatch's date is read only."""
    if name_of(path) == "wording":
        return
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "strptime" not in line]
    assert [line.strip() for line in lines if _OWN_SPELLING.search(line)] == []
