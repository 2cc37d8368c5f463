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
_HUNK = re.compile(
    rf"{_MARK}(?:(\d+) as there, |at (?!the end, )(.+?), |(at the end), )?(?:added|(\d+) (?:replaced|left out))"
    r"(?:: (.*\n)|\n)"
)
_FIRST_WORD = re.compile(r"\s*\S+")
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
    """What `text` says otherwise than `base`, in its order; after the last of it, all is the same."""
    old, new = base.splitlines(keepends=True), text.splitlines(keepends=True)
    lines: list[str] = []
    at, seen, read = 0, 0, 0
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if block.size and len("".join(old[block.a : block.a + block.size])) < _WORTH_A_MARK:
            continue
        if block.a > at or block.b > seen:
            read, told = _told(old, read, range(at, block.a), new[seen : block.b])
            lines += told
        at, seen = block.a + block.size, block.b + block.size
    return lines


def _told(old: list[str], read: int, gone: range, added: list[str]) -> tuple[int, list[str]]:
    """The lines for one difference, and up to where the base is read then."""
    lines: list[str] = []
    for places, rest in _pairs(old, gone, added):
        if len(places) == len(rest) == 1 and _alike(old, read, places[0], rest[0]):
            lines.append(_MARK + rest[0])
        else:
            what = "added" if not places else f"{len(places)} {'replaced' if rest else 'left out'}"
            mark = f"{_MARK}{_where(old, read, places.start)}{what}"
            lines += [f"{mark}: {rest[0]}"] if len(rest) == 1 else [f"{mark}\n", *rest]
        read = places.stop
    return read, lines


def _pairs(old: list[str], gone: range, added: list[str]) -> Iterator[tuple[range, list[str]]]:
    """What comes in place of what: line by line where lines begin alike, and the rest in one."""
    front = back = 0
    while front < min(len(gone), len(added)) and _begin_alike(old[gone[front]], added[front]):
        front += 1
    while back < min(len(gone), len(added)) - front and _begin_alike(old[gone[-1 - back]], added[-1 - back]):
        back += 1
    middle = gone[front : len(gone) - back], added[front : len(added) - back]
    pairs = [(range(place, place + 1), [line]) for place, line in zip(gone, added, strict=False)][:front]
    pairs += [middle] if middle[0] or middle[1] else []
    at = len(gone) - back
    pairs += [(gone[at + n : at + n + 1], [line]) for n, line in enumerate(added[len(added) - back :])]
    return (pair for pair in pairs if [old[place] for place in pair[0]] != pair[1])


def _begin_alike(line: str, other: str) -> bool:
    return re.findall(r"^\s*\S+", line) == re.findall(r"^\s*\S+", other)


def _where(old: list[str], read: int, place: int) -> str:
    """The place in the base: by the first words of its line, where no line before it has them, or by counting."""
    if place == read:
        return ""
    if place == len(old):
        return "at the end, "
    for count in (1, 2, 3):
        if words := re.match(rf"\s*\S+(?: \S+){{{count - 1}}}", old[place].rstrip("\n")):
            if _next(old, read, words[0]) == place:
                return f"at {words[0]}, "
    return f"{place - read} as there, "


def _alike(old: list[str], read: int, place: int, new: str) -> bool:
    """Whether the line at this place is the next that begins with the word that `new` begins with."""
    word = _FIRST_WORD.match(new)
    return word is not None and not _HUNK.match(_MARK + new) and _next_of(old, read, word[0]) == place


def _next(old: list[str], read: int, words: str) -> int | None:
    return next((at for at in range(read, len(old)) if old[at].startswith(words)), None)


def _next_of(old: list[str], read: int, word: str) -> int | None:
    found = ((at, _FIRST_WORD.match(old[at])) for at in range(read, len(old)))
    return next((at for at, first in found if first is not None and first[0] == word), None)


def _applied(base: str, stored: str) -> str:
    """The text that `_difference` stored."""
    old, text, read = base.splitlines(keepends=True), "", 0
    for line in stored.splitlines(keepends=True)[1:]:
        if not line.startswith(_MARK):
            text += line
            continue
        hunk, word = _HUNK.match(line), _FIRST_WORD.match(line.removeprefix(_MARK))
        if hunk is not None:
            place = read + int(hunk[1] or 0) if hunk[2] is None else _next(old, read, hunk[2])
            place, gone, added = len(old) if hunk[3] else place, int(hunk[4] or 0), hunk[5] or ""
        else:
            place, gone, added = _next_of(old, read, word[0] if word else ""), 1, line.removeprefix(_MARK)
        assert place is not None, line
        text += "".join(old[read:place]) + added
        read = place + gone
    return text + "".join(old[read:])
