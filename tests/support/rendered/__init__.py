"""What users are shown, as golden files: each scene is a function that returns the file's text.

PYTHONPATH=tests python -m support.rendered      (make docs) writes the files; a person reads what changed
"""

import re
from pathlib import Path

from imapcheck.failures import FailureType
from support.golden import Golden
from support.rendered import commands, formats, markup, pages, screens, watching
from support.unbroken import Breaking, Ways

SCENES = {
    **screens.SCENES,
    **watching.SCENES,
    **pages.SCENES,
    **formats.SCENES,
    **commands.SCENES,
}
"""The text of each file, by its name."""
_FIRST = (
    "report-refused.html",
    "widget.html",
    "one-available.txt",
    "one-refused.txt",
    "many.txt",
    "prometheus.txt",
    "junit.txt",
)
_SCREENS = (("init.txt", "=== not reached\n"), ("init.txt", "=== refused\n"))
BREAKING = (
    Breaking(r"attempt \d|  (?:[CS]: |\(?…)", 6),
    Breaking(r"  \S", 4),
    Breaking(r"\d+ checks", 0),
    Breaking(r"(?:[\w-]+: [A-Za-z0-9]|incident |slowest hours )", 4),
)
"""How a terminal breaks what it shows of runs."""


def broken(file: str, title: str) -> tuple[int, Ways]:
    """Nothing is broken in a pipe."""
    if not file.startswith(("one-", "many", "progress", "summary", "excerpts")) and (file, title) not in _SCREENS:
        return 0, ()
    columns = re.search(r"columns (\d+)", title)
    return int(columns[1]) if columns else 10_000 if "pipe" in title else 80, BREAKING


PHRASES = {f"advice of {type}": type.advice for type in FailureType}
GOLDEN = Golden(Path(__file__).parents[2] / "unit/golden", SCENES, _FIRST, broken, PHRASES, markup.in_short)
