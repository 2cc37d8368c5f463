"""A text as its differences from another, its base, for a person to read.

    ⋮ Subject: this stands in place of the base's next line that begins with the same word
    ⋮ at DO:, 2 replaced
    these lines stand in place of two of the base, the first of which is its next that begins so,
    and what is between the differences, or follows the last, is as there
    ⋮ 2 as there, 1 left out
    ⋮ at the end, added: a line

A place is named by the words that its line begins with, and counted where it is near or where these would not do: so
what changes in the base between two differences seldom changes them.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

MARK = "⋮ "
_HUNK = re.compile(
    rf"{MARK}(?:(\d+) as there, |at (?!the end, )(.+?), |(at the end), )?(?:added|(\d+) (?:replaced|left out))"
    r"(?:: (.*\n)|\n)"
)
_WORD = r"(?:<\w+>?|\S+)"
_FIRST_WORD = re.compile(rf"\s*{_WORD}")
_MOST_WORDS = 3
_NEAR = 2
# So few characters that are the same between two differences are better read again.
_TOO_FEW = 12


def difference(base: str, text: str) -> list[str]:
    """The lines that say what `text` has otherwise than `base`."""
    old, new = base.splitlines(keepends=True), text.splitlines(keepends=True)
    lines: list[str] = []
    at = seen = read = 0
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if block.size and len("".join(old[block.a : block.a + block.size])) < _TOO_FEW:
            continue
        for places, added in _pairs(old, range(at, block.a), new[seen : block.b]):
            lines += _told(old, read, places, added)
            read = places.stop
        at, seen = block.a + block.size, block.b + block.size
    return lines


def applied(base: str, lines: list[str]) -> str:
    """The text that has these differences from `base`."""
    old, text, read = base.splitlines(keepends=True), "", 0
    for line in lines:
        if not line.startswith(MARK):
            text += line
            continue
        place, gone, added = _understood(old, read, line)
        text += "".join(old[read:place]) + added
        read = place + gone
    return text + "".join(old[read:])


def _pairs(old: list[str], gone: range, added: list[str]) -> Iterator[tuple[range, list[str]]]:
    """What comes in place of what: line by line at both ends while lines begin alike, and in between all at once."""
    shorter = min(len(gone), len(added))
    front = next((n for n in range(shorter) if not _begin_alike(old[gone[n]], added[n])), shorter)
    back = next((n for n in range(shorter - front) if not _begin_alike(old[gone[~n]], added[~n])), shorter - front)
    ends = len(gone) - back, len(added) - back
    single = [(gone[n : n + 1], [added[n]]) for n in range(front)]
    middle = [(gone[front : ends[0]], added[front : ends[1]])]
    single_below = [(gone[ends[0] + n : ends[0] + n + 1], [added[ends[1] + n]]) for n in range(back)]
    for places, lines in single + middle + single_below:
        if [old[place] for place in places] != lines:
            yield places, lines


def _told(old: list[str], read: int, places: range, added: list[str]) -> list[str]:
    """One difference, where the base was read so far."""
    if len(places) == len(added) == 1 and _is_named(old, read, places[0], added[0]):
        return [MARK + added[0]]
    what = "added" if not places else f"{len(places)} {'replaced' if added else 'left out'}"
    mark = f"{MARK}{_where(old, read, places.start)}{what}"
    return [f"{mark}: {added[0]}"] if len(added) == 1 else [f"{mark}\n", *added]


def _understood(old: list[str], read: int, line: str) -> tuple[int, int, str]:
    """Where in the base a difference is, how many lines it takes away, and the line that it brings."""
    if (hunk := _HUNK.fullmatch(line)) is None:
        return _find(old, read, line.removeprefix(MARK)), 1, line.removeprefix(MARK)
    place = read + int(hunk[1] or 0)
    if hunk[2] is not None:
        place = next(at for at in range(read, len(old)) if old[at].startswith(hunk[2]))
    return len(old) if hunk[3] else place, int(hunk[4] or 0), hunk[5] or ""


def _where(old: list[str], read: int, place: int) -> str:
    if place == read:
        return ""
    if place == len(old):
        return "at the end, "
    for count in range(_MOST_WORDS if place - read > _NEAR else 0):
        words = re.match(rf"\s*{_WORD}(?: ?{_WORD}){{{count}}}", old[place].rstrip("\n"))
        if words and not any(line.startswith(words[0]) for line in old[read:place]):
            return f"at {words[0]}, "
    return f"{place - read} as there, "


def _is_named(old: list[str], read: int, place: int, line: str) -> bool:
    """Whether the line itself says where it stands, and nothing else can be read from it."""
    return bool(line.strip()) and not _HUNK.fullmatch(MARK + line) and _find(old, read, line) == place


def _find(old: list[str], read: int, line: str) -> int:
    """The next line that begins as this one; the end where none does."""
    return next((at for at in range(read, len(old)) if _begin_alike(old[at], line)), len(old))


def _begin_alike(line: str, other: str) -> bool:
    first, second = _FIRST_WORD.match(line), _FIRST_WORD.match(other)
    return (first and first[0]) == (second and second[0])
