"""Golden files: what users are shown, as it was read and approved. What differs little is stored as a difference.

A file is one text, or several under titles (`=== title`). One that says nearly the same as another, its base, is stored
like this (`support.differences`); the base is a text above it in the file, by its title, or one of another file:

    ⋮ as down-timeout.txt, but for:
    ⋮ Subject: this stands in place of the line that begins so

Lines that were broken at a width are stored whole, a sentence a line, and phrases that stand in many texts by names
(`support.unbroken`; phrases.txt). So a change of words that many texts share shows once, and a person reads what is
special to each. Nothing is lost: a test reads the whole text back. Pages for a browser (.html) are stored whole. After
a conflict take either side and `make docs`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from support.differences import MARK, applied, difference
from support.unbroken import Phrases, Ways, broken_again, unbroken

_AS = re.compile(rf"{MARK}as (.+?)(?:, but for:)?\n")
_PAGE, _IN_SHORT, _PHRASES = ".html", " in short", "phrases.txt"
# What has more lines than this part of the whole is easier to read whole.
_WORTH = 0.85
# Of the texts above, those that have most lines in common are tried.
_TRIED = 8
# A base that is far, in another file or by a base of its own, is worse to read: it must save so many lines.
_ANOTHER_FILE, _ANOTHER_BASE = 3, 4

type Scenes = Mapping[str, Callable[[], str]]


@dataclass(frozen=True)
class Golden:
    """The files of a folder. Those of `first` are what the others are told by, in this order; then all by their names.

    `broken` tells of a file's text under a title how its lines were broken, and at which width. `short` makes of a page
    for a browser the text that others are told by.
    """

    folder: Path
    scenes: Scenes
    first: tuple[str, ...] = ()
    broken: Callable[[str, str], tuple[int, Ways]] = field(default=lambda _file, _title: (0, ()))
    phrases: Phrases = field(default_factory=dict)
    short: Callable[[str], str] = field(default=str)

    def write(self) -> None:
        """Write every file anew, and remove those that have no scene."""
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            if path.name not in self.scenes:
                path.unlink()
        above: dict[str, _Text] = {}
        for name in (*self.first, *sorted(set(self.scenes) - set(self.first), key=_stem)):
            stored = "".join(self._stored(name, self.scenes[name](), above))
            (self.folder / name).write_text(stored, encoding="utf-8")
        used = [name for name in self.phrases if any(f"⟨{name}" in text.whole for text in above.values())]
        if used:
            text = "".join(f"{name}: {self.phrases[name]}\n" for name in used)
            (self.folder / _PHRASES).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        """A file's whole text."""
        if name.endswith(_PAGE):
            return (self.folder / name).read_text(encoding="utf-8")
        bodies, phrases = self._bodies(name), self._stored_phrases()
        return "".join(title + broken_again(text, *self.broken(name, title), phrases) for title, text in bodies.items())

    def names(self) -> set[str]:
        """The files that are there, but for that of phrases."""
        return {path.name for path in self.folder.iterdir()} - {_PHRASES}

    def _stored(self, file: str, text: str, above: "dict[str, _Text]") -> Iterator[str]:
        """Each part whole, or as its differences from the text above that leaves the fewest lines."""
        if file.endswith(_PAGE):
            above[f"{file}{_IN_SHORT}"] = _Text(unbroken(self.short(text), 0, (), self.phrases))
            yield text
            return
        for title, body in _parts(text):
            whole = unbroken(body, *self.broken(file, title), self.phrases)
            assert MARK not in body
            assert broken_again(whole, *self.broken(file, title), self.phrases) == body, (file, title)
            name = f"{file}: {title[4:-1]}" if title else file
            assert name not in above
            base, lines = _shortest(whole, file, above)
            differs = bool(base) and len(lines) < _WORTH * whole.count("\n")
            above[name] = _Text(whole, above[base].depth + 1 if differs else 0)
            said = f"{MARK}as {base.removeprefix(f'{file}: ')}{', but for:' if lines else ''}\n"
            yield title + ("".join([said, *lines]) if differs else whole)

    def _bodies(self, file: str) -> dict[str, str]:
        """What stands under each title, with what its base has; lines are whole."""
        bodies: dict[str, str] = {}
        for title, body in _parts((self.folder / file).read_text(encoding="utf-8")):
            base = _AS.match(body)
            lines = body.splitlines(keepends=True)[1:]
            bodies[title] = body if base is None else applied(self._body(base[1], bodies), lines)
        return bodies

    def _body(self, name: str, above: Mapping[str, str]) -> str:
        """The text of that name: one above in the same file, of another file, or of a page in short."""
        if f"=== {name}\n" in above:
            return above[f"=== {name}\n"]
        if name.endswith(_IN_SHORT):
            return unbroken(self.short(self.read(name.removesuffix(_IN_SHORT))), 0, (), self._stored_phrases())
        other, _, title = name.partition(": ")
        return self._bodies(other)[f"=== {title}\n" if title else ""]

    def _stored_phrases(self) -> Phrases:
        file = self.folder / _PHRASES
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return {name: phrase for name, _, phrase in (line.partition(": ") for line in lines)}


@dataclass(frozen=True)
class _Text:
    """One that others may be told by; how many there are below it that it is told by itself."""

    whole: str
    depth: int = 0

    @cached_property
    def lines(self) -> Counter[str]:
        """How often each is there."""
        return Counter(self.whole.splitlines())


def _stem(file: str) -> tuple[str, str]:
    return Path(file).stem, file


def _parts(text: str) -> list[tuple[str, str]]:
    """Title lines and what stands under them; a text without titles has an empty one."""
    head, *rest = re.split(r"^(=== .*\n)", text, flags=re.MULTILINE)
    return ([("", head)] if head else []) + list(zip(rest[::2], rest[1::2], strict=True))


def _shortest(whole: str, file: str, above: Mapping[str, _Text]) -> tuple[str, list[str]]:
    """The base that leaves the fewest lines, and these; of equals the first."""
    own = Counter(whole.splitlines())
    common = {name: (own & text.lines).total() for name, text in above.items()}
    best: tuple[str, list[str]] = "", whole.splitlines()
    least = float("inf")
    for name in sorted(above, key=lambda name: -common[name])[:_TRIED]:
        lines = difference(above[name].whole, whole)
        far = _ANOTHER_BASE * above[name].depth + _ANOTHER_FILE * (not name.startswith(f"{file}: "))
        if len(lines) + far < least:
            least, best = len(lines) + far, (name, lines)
    return best
