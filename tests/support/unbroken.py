"""Lines that were broken at a width, as golden files store them: whole, a sentence a line.

So a change of words changes its own sentence alone, and a text reads alike at every width. What is stored is broken
again as it is read, and compared to the letter; lines that are broken in any other way are stored as they stand.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

_MORE = "↳ "
_ESCAPED = ", in HTML"
# `Frankfurt: reached` is a line of its own, though it might have been broken off the one above.
_NO_LABEL = r"(?![A-Z][a-z]+: )"
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z0-9])")


@dataclass(frozen=True)
class Breaking:
    """How lines that begin like this go on below: so far to the right, broken at each `gap` where the width ends."""

    begins: str
    hang: int
    gap: str | None = " "
    """None: between sentences, as long as one fits into a line."""

    def pieces(self, line: str) -> list[str]:
        """What is not torn."""
        return _SENTENCE.split(line) if self.gap is None else line.split(self.gap)

    def broken(self, line: str, columns: int) -> list[str]:
        """The line in lines of the width."""
        gap, hang = self.gap or " ", " " * self.hang
        first = line[: len(line) - len(line.lstrip(" "))]
        lines: list[str] = []
        for piece in self.pieces(line.lstrip(" ")):
            longer = f"{lines[-1]}{gap}{piece}" if lines else first + piece
            if len(longer) <= columns:
                lines[-1:] = [longer]
            else:
                indent = hang if lines else first
                lines += textwrap.wrap(
                    piece, columns, initial_indent=indent, subsequent_indent=hang, break_on_hyphens=False
                )
        return lines

    def whole(self, lines: Sequence[str]) -> str:
        """The line that was broken into these."""
        return (self.gap or " ").join([lines[0], *(line[self.hang :] for line in lines[1:])])


type Ways = Sequence[Breaking]
type Phrases = Mapping[str, str]


def unbroken(text: str, columns: int, ways: Ways, phrases: Phrases) -> str:
    """`text` with a sentence on each line, and phrases by their names; `broken_again` undoes it."""
    assert _MORE not in text
    assert "⟨" not in text
    lines = whole_lines(text, columns, ways)
    for name, phrase in phrases.items():
        lines = [line.replace(phrase, f"⟨{name}⟩").replace(escape(phrase), f"⟨{name}{_ESCAPED}⟩") for line in lines]
    return "\n".join(f"\n{_MORE}".join(_SENTENCE.split(line)) if _way(line, ways) else line for line in lines)


def whole_lines(text: str, columns: int, ways: Ways) -> list[str]:
    """The lines that `text` had before they were broken."""
    lines, whole = text.split("\n"), []
    while lines:
        size, line = _first(lines, columns, ways)
        whole.append(line)
        lines = lines[size:]
    return whole


def broken_again(text: str, columns: int, ways: Ways, phrases: Phrases) -> str:
    """The text that `unbroken` has stored."""
    text = re.sub(rf"⟨(.+?)({_ESCAPED})?⟩", lambda name: (escape if name[2] else str)(phrases[name[1]]), text)
    lines = []
    for line in text.replace(f"\n{_MORE}", " ").split("\n"):
        way = _way(line, ways)
        lines += way.broken(line, columns) if way is not None and line else [line]
    return "\n".join(lines)


def _way(line: str, ways: Ways) -> Breaking | None:
    return next((way for way in ways if re.match(way.begins, line)), None)


def _first(lines: Sequence[str], columns: int, ways: Ways) -> tuple[int, str]:
    """The line that the first ones make, and how many they are."""
    way = _way(lines[0], ways)
    size = 1
    if way is not None:
        below = re.compile(rf" {{{way.hang}}}{'' if way.gap is None else _NO_LABEL}\S")
        while size < len(lines) and below.match(lines[size]):
            size += 1
        for count in range(size, 1, -1):
            line = way.whole(lines[:count])
            if _way(line, ways) is way and way.broken(line, columns) == list(lines[:count]):
                return count, line
    return 1, lines[0]
