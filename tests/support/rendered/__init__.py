"""What users are shown, as golden files: each scene is a function that returns the file's text.

PYTHONPATH=tests python -m support.rendered      (make docs) writes the files; a person reads what changed
"""

from pathlib import Path

from support.golden import Golden
from support.rendered import commands, formats, pages, screens, stories, watching

SCENES = {
    **screens.SCENES,
    **watching.SCENES,
    **pages.SCENES,
    **formats.SCENES,
    **commands.SCENES,
    **stories.SCENES_OF_STORIES,
}
"""The text of each file, by its name."""
GOLDEN = Golden(Path(__file__).parents[2] / "unit/golden", SCENES, pages.BASES)
