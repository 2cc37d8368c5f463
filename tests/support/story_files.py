"""The golden files of stories, and the stories in docs/alarms.md.

PYTHONPATH=tests python -m support.story_files      (make docs) writes them; a person reads what changed
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from imapcheck.alarms.story import Story
from support.golden import Golden
from support.rendered.stories import SCENES_OF_STORIES
from support.story_scenes import PAGE, SCENES, documented
from support.story_text import BREAKING, COLUMNS, as_file


def _file(scene: Callable[[], Story]) -> str:
    return as_file(scene())


GOLDEN = Golden(
    Path(__file__).parents[1] / "unit/story/golden",
    {f"{name}.txt": partial(_file, scene) for name, scene in SCENES.items()} | SCENES_OF_STORIES,
    ("down-authentication_failed.txt", "stories-outages.txt"),
    lambda _file, _title: (COLUMNS, BREAKING),
)


def write() -> None:
    """Write every golden file and the documentation's stories anew."""
    GOLDEN.write()
    PAGE.write_text(documented(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
