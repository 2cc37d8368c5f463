"""What users are shown, as golden files: each scene is a function that returns the file's text.

PYTHONPATH=tests python -m support.rendered      (make docs) writes the files; a person reads what changed
"""

from pathlib import Path

from support.rendered import commands, formats, pages, screens, stories, watching

GOLDEN = Path(__file__).parents[2] / "unit/golden"
SCENES = {
    **screens.SCENES,
    **watching.SCENES,
    **pages.SCENES,
    **formats.SCENES,
    **commands.SCENES,
    **stories.SCENES_OF_STORIES,
}
"""The text of each file, by its name."""


def write() -> None:
    """Write every golden file anew, and remove those that have no scene."""
    GOLDEN.mkdir(exist_ok=True)
    for stale in {path.name for path in GOLDEN.iterdir()} - set(SCENES):
        (GOLDEN / stale).unlink()
    for name, scene in SCENES.items():
        (GOLDEN / name).write_text(scene(), encoding="utf-8")
