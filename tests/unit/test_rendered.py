"""What users are shown, as it was read and approved: terminal, reports, widget, formats (`tests/unit/golden/`)."""

import pytest

from support.rendered import GOLDEN, SCENES


@pytest.mark.parametrize("name", SCENES)
def test_shown_as_it_was_read_and_approved(name: str) -> None:
    """`make docs` writes these files; a change in them is read by a person before it is committed."""
    assert SCENES[name]() == GOLDEN.read(name)


def test_every_golden_file_has_its_scene() -> None:
    """None is stale, none is missing."""
    assert GOLDEN.names() == set(SCENES)
