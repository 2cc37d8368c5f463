"""How golden files are stored: nothing of a text is lost, and a change shows once."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from support.golden import Golden

TEXTS = st.lists(st.sampled_from("abc") | st.just(""), max_size=12).map(lambda lines: "".join(f"{x}\n" for x in lines))
TEN = "".join(f"{number}\n" for number in range(10))
FILES = {
    "base.txt": TEN,
    "other.txt": f"=== one\nfirst\n{TEN.replace('4', 'x')}=== two\nfirst\n{TEN.replace('9\n', '')}",
}


def folder(place: Path, texts: Mapping[str, str]) -> Golden:
    """Each file may be told by every one before it."""
    names = [*texts]
    bases = {name: names[:at] for at, name in enumerate(names)}
    return Golden(place, {name: partial(texts.__getitem__, name) for name in names}, bases)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_whole_text_is_read_back(tmp_path_factory, files: list[list[str]]) -> None:  # type: ignore[no-untyped-def]
    """Whatever repeats, in a file and from file to file."""
    texts = {
        f"{at}.txt": "".join(f"=== sheet {n}\n{text}" for n, text in enumerate(sheets))
        for at, sheets in enumerate(files)
    }
    golden = folder(tmp_path_factory.mktemp("golden"), texts)
    golden.write()
    assert {name: golden.read(name) for name in texts} == texts


def test_differences_are_read_by_a_person(tmp_path: Path) -> None:
    """Below its title each text says what it differs from, and then only how."""
    folder(tmp_path, FILES).write()
    assert (tmp_path / "base.txt").read_text() == FILES["base.txt"]
    assert (tmp_path / "other.txt").read_text() == (
        "=== one\n⋮ as base.txt, but for:\nfirst\n⋮ 4 as there, 1 replaced\nx\n⋮ 5 as there\n"
        "=== two\n⋮ as base.txt, but for:\nfirst\n⋮ 9 as there, 1 replaced\n"
    )


def test_change_of_what_all_share_shows_once(tmp_path: Path) -> None:
    """In the base alone, as long as it has as many lines."""
    folder(tmp_path, FILES).write()
    before = (tmp_path / "other.txt").read_text()
    changed = {name: text.replace("5\n", "five\n") for name, text in FILES.items()}
    folder(tmp_path, changed).write()
    assert (tmp_path / "base.txt").read_text() == changed["base.txt"]
    assert (tmp_path / "other.txt").read_text() == before


def test_file_without_a_scene_is_removed(tmp_path: Path) -> None:
    folder(tmp_path, FILES).write()
    folder(tmp_path, {"base.txt": "other\n"}).write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"base.txt": "other\n"}
