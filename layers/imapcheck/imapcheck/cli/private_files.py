"""Files of one user: where programs keep theirs, how one is read without being led astray, and how it is replaced."""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """Where a user's programs keep what they know from call to call (XDG Base Directory), or None without a home."""
    given = environment.get("XDG_STATE_HOME", "")
    if Path(given).is_absolute():
        return Path(given, "imapcheck")
    try:
        return Path.home() / ".local" / "state" / "imapcheck"
    except RuntimeError:
        return None


def read_ordinary(path: Path, most: int) -> bytes:
    """The content of an ordinary file, no link and no pipe; `most` is in bytes. Raises `OSError` for all else."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is not an ordinary file")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(0, f"holds more than {most:,} bytes")
    return content


def replace(path: Path, text: str) -> None:
    """Write the file as a whole, for nobody else to read: a crash leaves the old one. Raises `OSError`."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
