"""What users are shown, as it was read and approved: terminal, reports, widget, formats (`tests/unit/golden/`)."""

import re

import pytest

from support.rendered import GOLDEN, SCENES
from support.rendered.markup import in_short, laid_out

PAGES = sorted(name for name in SCENES if name.endswith(".html"))
BAR = '<rect x="1.00%" width="2.00%" y="4" height="14" rx="1" class="bar tls" fill="#c141cd"></rect>\n'


@pytest.mark.parametrize("name", SCENES)
def test_shown_as_it_was_read_and_approved(name: str) -> None:
    """`make docs` writes these files; a change in them is read by a person before it is committed."""
    assert SCENES[name]() == GOLDEN.read(name)


def test_every_golden_file_has_its_scene() -> None:
    """None is stale, none is missing."""
    assert GOLDEN.names() == set(SCENES)


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_in_a_browser_with_its_style(name: str) -> None:
    """It leads to the repository's style sheet, and its policy, if it has one, allows that."""
    text = (GOLDEN.folder / name).read_text(encoding="utf-8")
    [sheet] = re.findall(r'<link rel="stylesheet" href="(.*?)">', text)
    assert (GOLDEN.folder / sheet).read_text(encoding="utf-8").startswith(".imapcheck {")
    assert text.startswith("<div") or "style-src file:;" in text


def test_page_with_another_style_is_no_golden_page() -> None:
    """Only the sheet that the link leads to may be left out."""
    with pytest.raises(KeyError):
        laid_out("<style>.imapcheck { color: red; }</style><p>text</p>")


def test_only_the_usual_markup_is_shortened() -> None:
    """A bar of another height or color is no bar."""
    assert in_short(BAR) == "<bar tls 1.00% 2.00%>\n"
    for other in (BAR.replace('height="14"', 'height="15"'), BAR.replace("#c141cd", "#c141ce"), BAR.replace("1", "-1")):
        assert "<bar" not in in_short(other)
