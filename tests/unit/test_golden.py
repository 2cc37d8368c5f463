"""How golden files are stored: nothing of a text is lost, a change shows once, the same bytes come out every time."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import rendered, story_files
from support.differences import applied, difference
from support.golden import Golden
from support.leaves import leaves
from support.story_scenes import SCENES
from support.story_text import as_file
from support.unbroken import Breaking, broken_again, unbroken

LINES = ("a x", "a y", "a", "b x", "b: 1", "  a", "<p>a</p>", "<p>b</p>", "1 added", "at a, 1 left out", "")
TEXTS = st.lists(st.sampled_from(LINES), max_size=12).map(lambda lines: "".join(f"{line}\n" for line in lines))
WAYS = (Breaking("DO: ", 4), Breaking("Steps:", 2, "  "), Breaking("[A-Z]", 0, None), Breaking("  ", 4))
WORDS = st.lists(st.sampled_from(("word", "long.", "Now", "a", "", "DO:", "Steps:", "x" * 30)), max_size=30)
TEN = "".join(f"{number} of ten lines\n" for number in range(10))
FILES = {
    "base.txt": TEN,
    "other.txt": f"=== one\nfirst\n{TEN.replace('4 of', '4 not of')}=== two\n{TEN.replace('9 of ten lines\n', '')}"
    f"=== three\n{TEN.replace('3 of ten lines\n4 of', '5 of').replace('8', 'eight')}=== four\n{TEN}",
}
ROOT = Path(__file__).parents[2]


def folder(place: Path, texts: Mapping[str, str], **values: object) -> Golden:
    return Golden(place, {name: partial(texts.__getitem__, name) for name in texts}, **values)  # type: ignore[arg-type]


def stored(golden: Golden) -> dict[str, str]:
    golden.write()
    return {path.name: path.read_text() for path in golden.folder.iterdir()}


@given(TEXTS, TEXTS)
def test_differences_lose_nothing(base: str, text: str) -> None:
    """Of lines that begin alike, that are the same, or that read like a difference."""
    assert applied(base, difference(base, text)) == text


@given(st.lists(WORDS, max_size=6), st.integers(12, 50))
def test_broken_lines_are_read_back(lines: list[list[str]], columns: int) -> None:
    """However they were broken; phrases too."""
    broken = [
        part for line in lines for part in textwrap.wrap(" ".join(line), columns, subsequent_indent="    ") or [""]
    ]
    text = "\n".join(broken)
    phrases = {"word": "word long.", "html": "<p>"}
    assert broken_again(unbroken(text, columns, WAYS, phrases), columns, WAYS, phrases) == text


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_whole_text_is_read_back(tmp_path_factory, files: list[list[str]]) -> None:  # type: ignore[no-untyped-def]
    """Whatever repeats, in a file and from file to file."""
    texts = {
        f"{at}.txt": "".join(f"=== sheet {n}\n{text}" for n, text in enumerate(sheets))
        for at, sheets in enumerate(files)
    }
    golden = folder(tmp_path_factory.mktemp("golden"), texts, phrases={"letter": "a x"})
    golden.write()
    assert {name: golden.read(name) for name in texts} == texts


def test_differences_are_read_by_a_person(tmp_path: Path) -> None:
    """Below its title each text says what it differs from, and then only how; places are named, not counted."""
    assert stored(folder(tmp_path, FILES)) == {
        "base.txt": TEN,
        "other.txt": (
            "=== one\n⋮ as base.txt, but for:\n⋮ added: first\n⋮ 4 not of ten lines\n"
            "=== two\n⋮ as base.txt, but for:\n⋮ at 9, 1 left out\n"
            "=== three\n⋮ as base.txt, but for:\n"
            "⋮ at 3, 2 replaced: 5 of ten lines\n⋮ at 8, 1 replaced: eight of ten lines\n"
            "=== four\n⋮ as base.txt\n"
        ),
    }


def test_sentences_and_phrases_are_stored_once_at_any_width(tmp_path: Path) -> None:
    """A text that says the same at another width is as the first one."""
    text = "DO: Look at the log of the server first. Then ask those who run it what they changed.\n"
    wrapped = {
        width: "".join(f"{line}\n" for line in textwrap.wrap(text, width, subsequent_indent="    "))
        for width in (30, 40)
    }
    golden = folder(
        tmp_path,
        {"a.txt": "".join(f"=== {width}\n{part}" for width, part in wrapped.items())},
        broken=lambda _file, title: (int(title[4:]), WAYS),
        phrases={"whom to ask": "ask those who run it"},
    )
    assert stored(golden) == {
        "a.txt": "=== 30\nDO: Look at the log of the server first.\n↳ Then ⟨whom to ask⟩ what they changed.\n"
        "=== 40\n⋮ as 30\n",
        "phrases.txt": "whom to ask: ask those who run it\n",
    }
    assert golden.read("a.txt") == golden.scenes["a.txt"]()


@pytest.mark.parametrize("words", ["6 changed", "6 of ten lines\n6 b", "6 of ten lines\nanother\nand another"])
def test_change_of_what_all_share_shows_once(tmp_path: Path, words: str) -> None:
    """In the base alone; also where it has more lines than before."""
    before = stored(folder(tmp_path, FILES))
    changed = {name: text.replace("6 of ten lines", words) for name, text in FILES.items()}
    after = stored(folder(tmp_path, changed))
    assert after["base.txt"] == changed["base.txt"]
    assert after["other.txt"] == before["other.txt"]


def test_file_without_a_scene_is_removed(tmp_path: Path) -> None:
    stored(folder(tmp_path, FILES, phrases={"ten": "ten lines"}))
    assert stored(folder(tmp_path, {"base.txt": "other\n"})) == {"base.txt": "other\n"}


def test_order_of_the_scenes_is_of_no_account(tmp_path: Path) -> None:
    """Only which come first, by which the others are told."""
    (tmp_path / "again").mkdir()
    backwards = dict(reversed(FILES.items()))
    assert stored(folder(tmp_path / "again", backwards)) == stored(folder(tmp_path / "once", FILES))
    first = stored(folder(tmp_path / "again", FILES, first=("other.txt",)))
    assert first["base.txt"].startswith("⋮ as other.txt: one, but for:\n")


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    """What is committed is what `make docs` writes, whatever the order of a set is there."""
    program = (
        "import dataclasses, pathlib, sys; from support import rendered, story_files\n"
        "for number, golden in enumerate((rendered.GOLDEN, story_files.GOLDEN)):\n"
        "    dataclasses.replace(golden, folder=pathlib.Path(sys.argv[1]) / str(number)).write()"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "3", "PYTHONPATH": "tests"}
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, env=environment, check=True, timeout=120)
    for number, golden in enumerate((rendered.GOLDEN, story_files.GOLDEN)):
        committed = {path.name: path.read_bytes() for path in golden.folder.iterdir()}
        assert {path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()} == committed


def test_card_names_what_it_repeats_and_nothing_else() -> None:
    """Where card and mail say different things, both are read."""
    story = SCENES["down-not_imap"]()
    why = story.content["why"]
    assert "\ncontent.description|: (why)\n" in as_file(story)
    other = {**story.card, "content": {**story.card["content"], "description": f"{why}\n{why}!\nmore"}}
    shown = as_file(replace(story, card=other))
    assert f'content.description|: (why)\ncontent.description|: "{why}!"\ncontent.description|: "more"\n' in shown
    assert f'"{why}"' in as_file(replace(story, text=story.text.replace(why[:20], "other")))


def test_value_of_json_is_on_a_line_under_its_path() -> None:
    """What is short stays whole, and so do numbers and what a list holds."""
    value = {"a": {"b": [1, 2], "c": {"d": "x" * 100, "e": None}}, "f": ["x" * 120], "g": "one\ntwo", "h": []}
    assert leaves(value, {"one": "first"}) == (
        f'a.b: [1, 2]\na.c.d: "{"x" * 100}"\na.c.e: null\nf[]: "{"x" * 120}"\ng|: (first)\ng|: "two"\nh: []'
    )
