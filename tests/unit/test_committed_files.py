"""What must not stand in a committed file: registries' hosts, a machine's paths, documents that nobody has."""

import re
from pathlib import Path

from support import working_tree

ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    "|".join(
        [
            "files." + "pythonhosted",
            "py" + r"pi\.org",
            "npm" + r"js\.org",
            "deb" + r"ian\.org/debian",
            r"(?<![\w./-])/ro" + r"ot/",
            r"(?<![\w.-])/wo" + "rk/",
            r"\bDES" + "IGN\\b",
        ]
    )
)


def test_no_registry_host_no_machine_path_and_no_private_document_is_committed() -> None:
    """Every file that git tracks or would track. What a reader needs stands in docs/, ARCHITECTURE.md or an RFC."""
    found = []
    for name in working_tree.files():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []
