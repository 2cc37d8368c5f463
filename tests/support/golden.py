"""Golden files: what users are shown, as it was read and approved. What differs little is stored as a difference.

A file is one text, or several under titles (`=== title`). One that says nearly the same as another, its base, is stored
like this; the base is a text above it in the file, by its title, or one of another file:

    ⋮ as down-timeout.txt, but for:
    ⋮ 3 as there, 1 replaced: a line that stands in place of that one
    ⋮ 14 as there, 1 replaced
    lines that stand in place of that one,
    and all that follows is as there

Lines that were broken at a width are stored whole, a sentence a line (`support.unbroken`). So a change of words that
many texts share shows once, and a person reads what is special to each. Nothing is lost: a test reads the whole text
back. Pages for a browser (.html) are stored whole. After a conflict take either side and `make docs`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from support.unbroken import Ways, broken_again, unbroken

_MARK = "⋮ "
_PAGE, _IN_SHORT = ".html", " in short"
_AS = re.compile(rf"{_MARK}as (.+?)(?:, but for:)?\n")
_HUNK = re.compile(rf"{_MARK}(?:(\d+) as there, )?(?:added|(\d+) (?:replaced|left out))(?:: (.*\n)|\n)")
# What has more lines than this part of the whole is easier to read whole.
_WORTH = 0.85
# So many characters that are the same between two differences are better read again.
_WORTH_A_MARK = 12
# Of the texts above, those that have most lines in common are tried.
_TRIED = 8
# A base that has a base itself is worse to read: it must save so many lines.
_WORTH_A_BASE_OF_ITS_OWN = 4
_WORTH_ANOTHER_FILE = 3

type Scenes = Mapping[str, Callable[[], str]]


@dataclass(frozen=True)
class Golden:
    """The files of a folder. Those of `first` are what the others are told by, in this order; then all by their names.

    `broken` tells of a file's text under a title how its lines were broken, and at which width. `short` makes of a page
    for a browser (.html), which is stored whole, the text that others are told by.
    """

    folder: Path
    scenes: Scenes
    first: tuple[str, ...] = ()
    broken: Callable[[str, str], tuple[int, Ways]] = field(default=lambda _file, _title: (0, ()))
    short: Callable[[str], str] = field(default=str)

    def write(self) -> None:
        """Write every file anew, and remove those that have no scene."""
        self.folder.mkdir(exist_ok=True)
        for stale in self.names() - set(self.scenes):
            (self.folder / stale).unlink()
        above: dict[str, _Text] = {}
        for name in (*self.first, *sorted(set(self.scenes) - set(self.first), key=_stem)):
            stored = "".join(self._stored(name, self.scenes[name](), above))
            (self.folder / name).write_text(stored, encoding="utf-8")

    def read(self, name: str) -> str:
        """A file's whole text."""
        if name.endswith(_PAGE):
            return (self.folder / name).read_text(encoding="utf-8")
        return "".join(
            title + broken_again(body, *self.broken(name, title)) for title, body in self._bodies(name).items()
        )

    def names(self) -> set[str]:
        """The files that are there."""
        return {path.name for path in self.folder.iterdir()}

    def _stored(self, file: str, text: str, above: "dict[str, _Text]") -> Iterator[str]:
        """Each part whole, or as its differences from the text above that leaves the fewest lines."""
        if file.endswith(_PAGE):
            above[f"{file}{_IN_SHORT}"] = _Text(self.short(text))
            yield text
            return
        for title, body in _parts(text):
            assert _MARK not in body
            whole = unbroken(body, *self.broken(file, title))
            assert broken_again(whole, *self.broken(file, title)) == body, (file, title)
            name = f"{file}: {_bare(title)}" if title else file
            assert name not in above
            base, lines = _shortest(whole, file, above)
            differs = bool(base) and len(lines) < _WORTH * whole.count("\n")
            above[name] = _Text(whole, above[base].depth + 1 if differs else 0)
            said = f"{_MARK}as {base.removeprefix(f'{file}: ')}{', but for:' if lines else ''}\n"
            yield title + ("".join([said, *lines]) if differs else whole)

    def _bodies(self, file: str) -> dict[str, str]:
        """What stands under each title, with what its base has; lines are whole."""
        bodies: dict[str, str] = {}
        for title, body in _parts((self.folder / file).read_text(encoding="utf-8")):
            base = told[1] if (told := _AS.match(body)) else None
            bodies[title] = body if base is None else _applied(self._body(base, bodies), body)
        return bodies

    def _body(self, name: str, above: Mapping[str, str]) -> str:
        """The text of that name: one above in the same file, of another file, or of a page in short."""
        if f"=== {name}\n" in above:
            return above[f"=== {name}\n"]
        if name.endswith(_IN_SHORT):
            return self.short((self.folder / name.removesuffix(_IN_SHORT)).read_text(encoding="utf-8"))
        other, _, title = name.partition(": ")
        return self._bodies(other)[f"=== {title}\n" if title else ""]


@dataclass(frozen=True)
class _Text:
    """One that others may be told by; how many there are below it that it is told by itself."""

    whole: str
    depth: int = 0


def _stem(file: str) -> tuple[str, str]:
    return Path(file).stem, file


def _bare(title: str) -> str:
    return title.removeprefix("=== ").removesuffix("\n")


def _parts(text: str) -> list[tuple[str, str]]:
    """Title lines and what stands under them; a text without titles has an empty one."""
    head, *rest = re.split(r"^(=== .*\n)", text, flags=re.MULTILINE)
    return ([("", head)] if head else []) + list(zip(rest[::2], rest[1::2], strict=True))


def _shortest(whole: str, file: str, above: Mapping[str, _Text]) -> tuple[str, list[str]]:
    """The base that leaves the fewest lines, and these; of equals the first."""
    own = Counter(whole.splitlines())
    common = {name: (own & Counter(text.whole.splitlines())).total() for name, text in above.items()}
    best: tuple[str, list[str]] = "", whole.splitlines()
    least = float("inf")
    for name in sorted(above, key=lambda name: -common[name])[:_TRIED]:
        lines = _difference(above[name].whole, whole)
        size = len(lines) + _WORTH_A_BASE_OF_ITS_OWN * above[name].depth + _WORTH_ANOTHER_FILE * (not _is_of(name, file))
        if size < least:
            least, best = size, (name, lines)
    return best


def _is_of(name: str, file: str) -> bool:
    return name.startswith(f"{file}: ")


def _difference(base: str, text: str) -> list[str]:
    """The lines of `text` that `base` has not; before them, how many are the same and how many of the base are gone.

    After the last of them, all is the same.
    """
    old, new = base.splitlines(keepends=True), text.splitlines(keepends=True)
    lines: list[str] = []
    at, seen, same = 0, 0, 0
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if block.size and len("".join(old[block.a : block.a + block.size])) < _WORTH_A_MARK:
            continue
        gone, added = block.a - at, new[seen : block.b]
        if gone or added:
            lines += _hunk(same, gone, added)
            same = 0
        same += block.size
        at, seen = block.a + block.size, block.b + block.size
    return lines


def _hunk(same: int, gone: int, added: list[str]) -> list[str]:
    """What is the same and what comes in place of what; a single line stands beside it."""
    what = "added" if not gone else f"{gone} {'replaced' if added else 'left out'}"
    mark = f"{_MARK}{f'{same} as there, ' if same else ''}{what}"
    return [f"{mark}: {added[0]}"] if len(added) == 1 else [f"{mark}\n", *added]


def _applied(base: str, stored: str) -> str:
    """The text that `_difference` stored."""
    old, text, at = base.splitlines(keepends=True), "", 0
    for line in stored.splitlines(keepends=True)[1:]:
        if (hunk := _HUNK.match(line)) is None:
            text += line
        else:
            same, gone = int(hunk[1] or 0), int(hunk[2] or 0)
            text += "".join(old[at : at + same]) + (hunk[3] or "")
            at += same + gone
    return text + "".join(old[at:])
