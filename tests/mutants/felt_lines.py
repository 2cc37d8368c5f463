"""A pytest plugin: which test runs through which line of the package. `-p mutants.felt_lines`, with FELT_LINES=FOLDER.

Each process of pytest-xdist writes its own file into the folder. What runs in other processes is not seen, nor what
runs once, as a module is imported by whichever test comes first; `selection` says which tests could notice those. What
is made once for many tests counts for each: a fixture's lines for all that ask for it; and what the package keeps
(`functools.cache`) is forgotten before each test.
"""

import functools
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
_caches: list[Any] = []
# What fixtures for a file or a session ran through, by where they hold and their name.
_of_fixtures: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)


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
    """Import all there is, before any test does; but `__main__`, which would run the program."""
    names = (module.name for module in pkgutil.walk_packages(imapcheck.__path__, "imapcheck."))
    for name in names:
        if name.endswith(".__main__"):
            continue
        content = vars(importlib.import_module(name)).values()
        _caches.extend(value for value in content if isinstance(value, functools._lru_cache_wrapper))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    for cache in _caches:
        cache.cache_clear()
    _lines.clear()
    _monitoring.restart_events()
    yield
    for (base, name), lines in _of_fixtures.items():
        if item.nodeid.startswith(base) and name in getattr(item, "fixturenames", ()):
            _lines.update(lines)
    _felt[item.nodeid] = sorted(_lines)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    before = set(_lines)
    yield
    if fixturedef.scope != "function":
        _of_fixtures[fixturedef.baseid, fixturedef.argname] |= _lines - before


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    _monitoring.set_events(_TOOL, _monitoring.events.NO_EVENTS)
    content = {
        test: {"seconds": round(_seconds[test], 3), "failed": test in _failed, "lines": lines}
        for test, lines in _felt.items()
    }
    part = getattr(session.config, "workerinput", {"workerid": "all"})["workerid"]
    (Path(os.environ["FELT_LINES"]) / f"{part}.json").write_text(json.dumps(content), encoding="utf-8")
