"""A pytest plugin: which test runs through which line of the package. `-p mutants.felt_lines`, with FELT_LINES=FILE.

What runs in other processes is not seen, nor what runs once, as a module is imported by whichever test comes first;
`selection` says which tests could notice those.
"""

import importlib
import json
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import imapcheck

_ROOT = os.environ.get("FELT_ROOT", "")
_monitoring = sys.monitoring
_TOOL = _monitoring.COVERAGE_ID
_lines: set[tuple[str, int]] = set()
_felt: dict[str, list[tuple[str, int]]] = {}
_seconds: dict[str, float] = defaultdict(float)
_failed: set[str] = set()


def _ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_ROOT) and "/imapcheck/" in code.co_filename[len(_ROOT) :]


def _began(code: CodeType, _: int) -> Any:
    if _ours(code):
        _monitoring.set_local_events(_TOOL, code, _monitoring.events.LINE)
    return _monitoring.DISABLE


def _passed(code: CodeType, line: int) -> Any:
    _lines.add((code.co_filename[len(_ROOT) :], line))
    return _monitoring.DISABLE


def pytest_configure() -> None:
    _monitoring.use_tool_id(_TOOL, "felt lines")
    _monitoring.register_callback(_TOOL, _monitoring.events.PY_START, _began)
    _monitoring.register_callback(_TOOL, _monitoring.events.LINE, _passed)
    _monitoring.set_events(_TOOL, _monitoring.events.PY_START)


def pytest_collection_finish() -> None:
    """Import all there is, before any test does."""
    for module in pkgutil.walk_packages(imapcheck.__path__, "imapcheck."):
        importlib.import_module(module.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _lines.clear()
    _monitoring.restart_events()
    yield
    _felt[item.nodeid] = sorted(_lines)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    content = {
        test: {"seconds": round(_seconds[test], 3), "failed": test in _failed, "lines": lines}
        for test, lines in _felt.items()
    }
    Path(os.environ["FELT_LINES"]).write_text(json.dumps(content), encoding="utf-8")
