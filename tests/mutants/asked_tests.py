"""A pytest plugin: only the tests listed in a file, in its order. `-p mutants.asked_tests`, with ASKED_TESTS=FILE.

A case that a mutant made disappear, as where a table lost a value, is no error: whoever misses it must say so.
"""

import os
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    listed = Path(os.environ["ASKED_TESTS"]).read_text(encoding="utf-8").splitlines()
    order = {test: place for place, test in enumerate(listed)}
    items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])
