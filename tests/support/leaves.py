"""JSON as golden files store it: a value on each line, under its path."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import cast

_FITS = 110

type Names = Mapping[str, str]
"""What stands elsewhere in the file already, and what it is called where it is repeated."""


def leaves(value: object, names: Names = MappingProxyType({}), path: str = "") -> str:
    """JSON with a value on each line, under its path: lines of a text, items of a list; what is short is whole."""
    if (name := names.get(_as_text(value))) is not None:
        return f"{path}: ({name})"
    if isinstance(value, str) and "\n" in value:
        return "\n".join(f"{path}|: {line}" for line in _lines(value.split("\n"), names))
    if not path or (isinstance(value, dict | list) and not _stays_whole(value, names, path)):
        items = value.items() if isinstance(value, dict) else [("[]", item) for item in cast("list[object]", value)]
        return "\n".join(leaves(item, names, f"{path}.{key}".strip(".").replace(".[]", "[]")) for key, item in items)
    return f"{path}: {json.dumps(value, ensure_ascii=False)}"


def _as_text(value: object) -> str:
    """Lines as the mail has them; of all else its JSON."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _stays_whole(value: dict[str, object] | list[object], names: Names, path: str) -> bool:
    """What is short and says nothing of the mail; numbers alone; an item of a list."""
    items = [*(value.values() if isinstance(value, dict) else value)]
    if path.endswith("[]") or all(isinstance(item, float) for item in items):
        return True
    return len(path + json.dumps(value)) <= _FITS and not any(_as_text(item) in names for item in items)


def _lines(lines: list[str], names: Names) -> Iterator[str]:
    """Each by the name of what it says, which may be several lines, or in JSON."""
    while lines:
        count = next((count for count in range(len(lines), 0, -1) if "\n".join(lines[:count]) in names), 0)
        yield f"({names['\n'.join(lines[:count])]})" if count else json.dumps(lines[0], ensure_ascii=False)
        lines = lines[max(count, 1) :]
