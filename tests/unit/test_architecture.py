"""The house's rules on imports (DESIGN section 8): one direction, and a core that knows no cloud."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers/imapcheck/imapcheck"
ORDER = (
    *("version", "text", "errors", "endpoint", "addresses", "result", "definition", "definition_files"),
    *("credentials", "trace", "transcript", "resolver", "tls", "transport", "tokens", "scram", "sasl"),
    *("wire_format", "responses", "response_data", "session", "mailboxes", "message", "cleanup"),
    *("steps", "report", "check"),
)
OUTER = ["aws", "display", "demo", "cli"]
IMAP_LIBRARY = {"wire_format", "responses", "response_data", "session"}
CORE = sorted(path for path in PACKAGE.glob("*.py") if path.stem not in {*OUTER, "__init__"})


def imports(path: Path) -> set[str]:
    """Every module that `path` imports, at its top or within a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_module_imports_only_what_comes_before_it(path: Path) -> None:
    """Dependencies point one way."""
    before = ORDER[: ORDER.index(path.stem)]
    ours = {name.removeprefix("imapcheck.").split(".")[0] for name in imports(path) if name.startswith("imapcheck")}
    assert ours <= set(before), f"{path.stem} may not import {sorted(ours - set(before))}"


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_module_knows_no_cloud_no_environment_and_prints_nothing(path: Path) -> None:
    """And the protocol library is touched in three places."""
    used = imports(path)
    assert not {
        name for name in used if name.split(".")[0] in {"boto3", "botocore", "aws_lambda_powertools", "typer", "rich"}
    }
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "print" not in words
    assert not {"environ", "getenv"} & attributes
    if path.stem not in IMAP_LIBRARY:
        assert not {name for name in used if name.split(".")[0] in {"imaplib", "imapclient"}}


def test_only_aws_imports_boto3_and_powertools() -> None:
    """The command line reaches them through `aws` alone."""
    for name in ("cli", "display", "demo"):
        assert not {
            used for used in imports(PACKAGE / f"{name}.py") if used.split(".")[0] in {"boto3", "aws_lambda_powertools"}
        }


def test_every_module_has_its_place() -> None:
    """A new module is put into the order before anything imports it."""
    assert {path.stem for path in CORE} == set(ORDER)
