"""The definitions as the zip that a stack takes for its definitions layer, for a deployment without this repository."""

import io
import zipfile
from pathlib import Path

NAME = "definitions.zip"
# The earliest time that a zip can hold: when it was made does not change what is deployed.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Lambda runs as another user than the one that owns a layer's files.
_READABLE_BY_ALL = 0o644


def definitions_archive(events: Path) -> bytes:
    """The files of the folder as a zip whose bytes depend on names and contents alone, whatever their permissions.

    Raises OSError where a file cannot be read.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in events.iterdir() if path.is_file()):
            entry = zipfile.ZipInfo(path.name, _EPOCH)
            entry.external_attr = _READABLE_BY_ALL << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()
