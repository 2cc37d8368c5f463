"""The types of failure: each is raised by some code, and some test brings it about."""

import ast
from collections.abc import Iterable
from pathlib import Path

from faults.matrix import expectations

from imapcheck.failures import FailureType

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "layers/imapcheck/imapcheck"
RAISING = ("network", "login", "imap", "smtp", "check")
WITHOUT_OUR_SERVERS = {
    "authentication_paused": "unit/test_login_guard.py",
    "certificate_invalid": "unit/test_certificate.py",
    "network_unreachable": "unit/test_network.py",
}
"""What no server of tests/faults can bring about, and the test that does."""


def named(paths: Iterable[Path]) -> set[str]:
    """The types that these files name, as `FailureType.TIMEOUT` or as `"timeout"`."""
    found: set[object] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value):
                    found.add(value)
                case ast.Attribute(ast.Name("FailureType"), name):
                    found.add(name.lower())
    return {type.value for type in FailureType if type.value in found}


def test_every_type_is_raised() -> None:
    """Else docs/failures.md explains what no check says."""
    assert named(path for room in RAISING for path in (PACKAGE / room).rglob("*.py")) == set(FailureType)


def test_every_type_is_brought_about_by_a_test() -> None:
    """A cell of faults/matrix.py, a test of tests/faults that names it, or the test that is declared here."""
    by_servers = named((TESTS / "faults").glob("test_*.py")).union(*(case.types for case in expectations()))
    assert by_servers.isdisjoint(WITHOUT_OUR_SERVERS)
    declared = {type for type, file in WITHOUT_OUR_SERVERS.items() if type in named([TESTS / file])}
    assert by_servers | declared == set(FailureType)
