"""Which cases of a deep table `make test` runs; the others are `make test-long`'s."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def deep(cases: Iterable[Any], is_shallow: Callable[..., object]) -> list[Any]:
    """`cases` for `parametrize`, all of them long but those of which `is_shallow` says otherwise.

    Where a case is a tuple, its parts are the arguments.
    """
    found = []
    for case in cases:
        parts = case if isinstance(case, tuple) else (case,)
        found.append(pytest.param(*parts, marks=() if is_shallow(*parts) else pytest.mark.long))
    return found
