"""Golden files: what users are shown, as it was read and approved. What differs little is stored as a difference.

A file is one text, or several under titles (`=== title`). One that says nearly the same as another, its base, is stored
like this; the base is a text above it in the file, by its title, or another file:

    ⋮ as down-timeout.txt, but for:
    ⋮ 3 as there, 1 replaced
    a line that stands in place of that one
    ⋮ 14 as there

So a change of words that many texts share shows once, and a person reads what is special to each. Nothing is lost: a
test reads the whole text back. After a conflict take either side and `make docs`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

_MARK = "⋮ "
_AS = re.compile(rf"{_MARK}as (.+), but for:\n")
_RUN = re.compile(rf"{_MARK}(?:(\d+) as there)?(?:, )?(?:(\d+) replaced)?\n")
# What has more lines than this part of the whole is easier to read whole.
_WORTH = 0.85
# A line that is the same between two that are not takes no fewer lines when it is left out.
_SHORTEST_RUN = 2

type Scenes = Mapping[str, Callable[[], str]]
type Bases = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Golden:
    """The files of a folder; `bases` names for a file those it may be told by, which stand before it in `scenes`."""

    folder: Path
    scenes: Scenes
    bases: Bases

    def write(self) -> None:
        """Write every file anew, and remove those that have no scene."""
        self.folder.mkdir(exist_ok=True)
        for stale in self.names() - set(self.scenes):
            (self.folder / stale).unlink()
        texts: dict[str, str] = {}
        for name, scene in self.scenes.items():
            texts[name] = scene()
            stored = _stored(texts[name], {base: texts[base] for base in self.bases.get(name, ())})
            (self.folder / name).write_text(stored, encoding="utf-8")

    def read(self, name: str) -> str:
        """A file's whole text."""
        above: dict[str, str] = {}
        for title, body in _parts((self.folder / name).read_text(encoding="utf-8")):
            base = told[1] if (told := _AS.match(body)) else None
            if base is None:
                above[title] = body
            else:
                above[title] = _applied(above[f"=== {base}\n"] if f"=== {base}\n" in above else self.read(base), body)
        return "".join(title + body for title, body in above.items())

    def names(self) -> set[str]:
        """The files that are there."""
        return {path.name for path in self.folder.iterdir()}


def _parts(text: str) -> list[tuple[str, str]]:
    """Title lines and what stands under them; a text without titles has an empty one."""
    head, *rest = re.split(r"^(=== .*\n)", text, flags=re.MULTILINE)
    return ([("", head)] if head else []) + list(zip(rest[::2], rest[1::2], strict=True))


def _stored(text: str, bases: Mapping[str, str]) -> str:
    """Each part whole, or as its differences from the base that leaves the fewest lines."""
    stored, bases = "", dict(bases)
    for title, body in _parts(text):
        name = title.removeprefix("===").strip()
        assert _MARK not in body
        assert name not in bases
        choices = [_difference(base, whole, body) for base, whole in bases.items()]
        shortest = min(choices, key=len, default=[])
        stored += title + ("".join(shortest) if shortest and len(shortest) < _WORTH * body.count("\n") else body)
        bases[name] = body
    return stored


def _difference(name: str, base: str, text: str) -> list[str]:
    """The lines of `text` that `base` has not; before them, how many are the same and how many of the base are gone."""
    old, new = base.splitlines(keepends=True), text.splitlines(keepends=True)
    blocks = [
        block
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        if block.size >= _SHORTEST_RUN or not block.size
    ]
    lines = [f"{_MARK}as {name}, but for:\n"]
    at, seen, same = 0, 0, 0
    for block in blocks:
        replaced, added = block.a - at, new[seen : block.b]
        if replaced or added:
            lines += _run(same, replaced) + added
            same = 0
        same += block.size
        at, seen = block.a + block.size, block.b + block.size
    return lines + _run(same, 0)


def _run(same: int, replaced: int) -> list[str]:
    words = [f"{same} as there"] * bool(same) + [f"{replaced} replaced"] * bool(replaced)
    return [f"{_MARK}{', '.join(words)}\n"] if words else []


def _applied(base: str, stored: str) -> str:
    """The text that `_difference` stored."""
    old, text, at = base.splitlines(keepends=True), "", 0
    for line in stored.splitlines(keepends=True)[1:]:
        if (run := _RUN.match(line)) is None:
            text += line
        else:
            same, replaced = int(run[1] or 0), int(run[2] or 0)
            text += "".join(old[at : at + same])
            at += same + replaced
    return text


def leaves(value: object, path: str = "") -> str:
    """JSON with a value on each line, under its path: of a text its lines, of a list its items."""
    if isinstance(value, dict) and value and not path.endswith("[]"):
        return "\n".join(leaves(inner, f"{path}.{key}".lstrip(".")) for key, inner in value.items())
    if isinstance(value, str) and "\n" in value:
        return "\n".join(leaves(line, f"{path}|") for line in value.split("\n"))
    if isinstance(value, list | tuple) and value:
        return "\n".join(leaves(inner, f"{path}[]") for inner in value)
    return f"{path}: {json.dumps(value, ensure_ascii=False)}"
