"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(head: str, rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table; `head` is its columns with bars between."""
    columns = head.split("|")
    lines = ["| " + " | ".join(column.strip() for column in columns) + " |", "|---" * len(columns) + "|"]
    return [*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows), ""]


def not_measured(title: str, reason: str) -> list[str]:
    return [f"## {title}", "", f"Not measured: {reason}.", ""]
