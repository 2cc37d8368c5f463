"""Parts: files beside the checks whose names begin with `_`, and what a definition takes from them by `extends`.

Objects merge key by key, other values replace; null stands for the key's default, and so takes away what a part gave.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from imapcheck.definition.fields import PART_NAME
from imapcheck.definition.json_text import UnreadableError, display_name, read_object
from imapcheck.errors import DefinitionError
from imapcheck.text import one_line

KEY = "extends"
_MOST_LEVELS = 10
_MOST_DEPTH = 20
"""Of objects in objects, of which a definition has three: what lies deeper replaces."""
_OWN = {KEY, "$schema"}
"""What a file says of itself alone."""


def is_part(path: Path) -> bool:
    """The file is a part of definitions, and no check."""
    return path.name.startswith("_")


def check_files(folder: Path) -> list[Path]:
    """The files of a folder that are checks, in the order of their names."""
    return sorted(path for path in folder.glob("*.json") if path.is_file() and not is_part(path))


class Sources:
    """Which file each value of a definition stands in: its own, or a part that it extends."""

    def __init__(self, *layers: tuple[str, dict[str, Any]]) -> None:
        self._layers = layers

    @property
    def extended(self) -> bool:
        """There is more than the definition's own file."""
        return len(self._layers) > 1

    @property
    def own(self) -> str:
        """The definition's own file."""
        return self._layers[0][0]

    def of(self, *keys: int | str) -> str:
        """The file of the value at `keys`; the definition's own where no file has it."""
        return next((file for file, layer in self._layers if _decides(layer, keys)), self.own)

    def judged(self, field: str) -> str:
        """The file of a value (`tls.mode`) that is fine by itself, with the check in which it is not."""
        file = self.of(*field.split("."))
        return file if file == self.own else f"{file} (extended by {self.own})"


class Written(NamedTuple):
    """A definition's object as it counts, and which file each value stands in."""

    data: dict[str, Any]
    sources: Sources


class Parts:
    """The files of one call, each read once, however many checks extend it."""

    def __init__(self) -> None:
        self._read: dict[Path, dict[str, Any] | UnreadableError] = {}

    def written(self, path: Path) -> Written:
        """The object in `path`, `-` being standard input, with all that it extends; raises `DefinitionError`."""
        layers = [(path, self._object(path))]
        while (name := layers[-1][1].get(KEY)) is not None:
            layers.append(self._extended(name, [file for file, _ in layers]))
        merged: dict[str, Any] = {}
        for _, layer in reversed(layers):
            merged = _merged(merged, {key: value for key, value in layer.items() if key not in _OWN})
        own = layers[0][1]
        if own.get("$schema") is not None:
            merged = {"$schema": own["$schema"], **merged}
        return Written(merged, Sources(*((display_name(file), layer) for file, layer in layers)))

    def _extended(self, name: object, files: list[Path]) -> tuple[Path, dict[str, Any]]:
        """The part that the last of `files` names."""
        place = f"{display_name(files[-1])}: {KEY}"
        found = one_line(f'"{name}"', 80) if isinstance(name, str) else "a value that is no text"
        if not isinstance(name, str) or not re.fullmatch(PART_NAME[1:-1], name):
            wanted = 'the name of a file beside this one that begins with _, such as "_defaults.json"'
            raise DefinitionError(f"{place}: found {found}, expected {wanted}")
        path = files[-1].parent / name
        if path in files:
            circle = " → ".join(file.name for file in [*files[files.index(path) :], path])
            raise DefinitionError(f"{place}: found {found}, expected no circle ({circle})")
        if len(files) > _MOST_LEVELS:
            raise DefinitionError(f"{place}: found {found}, expected at most {_MOST_LEVELS} files one behind the other")
        if not path.exists():
            raise DefinitionError(f"{place}: found {found}, expected a file beside this one; it is not there")
        return path, self._object(path)

    def _object(self, path: Path) -> dict[str, Any]:
        if path not in self._read:
            try:
                self._read[path] = read_object(path)
            except UnreadableError as error:
                self._read[path] = error
        content = self._read[path]
        if isinstance(content, UnreadableError):
            raise DefinitionError(f"{display_name(path)}: {content}")
        return content


def without_any_nulls(value: Any, depth: int = _MOST_DEPTH) -> Any:
    """`value` without the keys at any depth that are null: they stand for their defaults."""
    if isinstance(value, dict) and depth:
        return {key: without_any_nulls(found, depth - 1) for key, found in value.items() if found is not None}
    if isinstance(value, list) and depth:
        return [without_any_nulls(found, depth - 1) for found in value]
    return value


def values(data: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(keys, value) of everything in a definition that is no object."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from values(value, (*path, key))
        else:
            yield (*path, key), value


def _merged(base: dict[str, Any], over: dict[str, Any], depth: int = _MOST_DEPTH) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict) and depth
        merged[key] = _merged(below, value, depth - 1) if both else value  # type: ignore[arg-type]
    return merged


def _decides(layer: dict[str, Any], keys: tuple[int | str, ...]) -> bool:
    """The layer has the value, or one in its place that is no object."""
    value: Any = layer
    for key in keys:
        if not isinstance(value, dict):
            return True
        if key not in value:
            return False
        value = value[key]
    return True
