"""The documentation's tables are made from the package's rows."""

from pathlib import Path

import pytest

from support.doc_tables import TABLES, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_page_is_what_make_docs_writes(page: Path) -> None:
    """Else `make docs` was forgotten."""
    assert page.read_text(encoding="utf-8") == pages()[page]


def test_every_table_stands_in_a_page() -> None:
    """A table that no page asks for explains nothing."""
    text = "".join(pages().values())
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in text] == []
