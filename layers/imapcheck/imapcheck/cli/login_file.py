"""Refused logins that the calls of one user know of, so that cron or Nagios does not lock a mailbox out.

One JSON file under the user's state directory, for nobody else to read. It names no mailbox and holds no password: a
mailbox is a digest of names, credentials are recognized by scrypt with the file's own salt, and that is computed only
while a refusal is known. Where the file cannot be used there is no guard across calls, and one warning.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from imapcheck.check.login_pause import KEPT, LoginGuard, Refusal
from imapcheck.cli.private_files import read_ordinary, replace
from imapcheck.login.credentials import Credentials

MOST_MAILBOXES = 1000
_MOST_OCTETS = 8 << 20
# A call holds the lock for milliseconds; one that was stopped while it did must not stop all others.
_LOCK_TRIES, _LOCK_WAIT = 100, 0.02


class RefusalFile:
    """A `RefusalTable` in a file of `folder`; `warn` is called once at most, with what is wrong with it."""

    def __init__(self, folder: Path | None, warn: Callable[[str], None]) -> None:
        self._path = None if folder is None else folder / "refused-logins.json"
        self._warn = warn
        self._works = True
        self._salt = secrets.token_bytes(16)
        self._versions: dict[tuple[str, ...], str] = {}

    def version(self, credentials: Credentials) -> str:
        """What tells these credentials from others: a costly digest of what is secret in them."""
        held = credentials.secret_values()
        if held not in self._versions:
            self._change(lambda refusals: None)  # from now on the file has a salt, and this is it
            text = json.dumps(held).encode()
            self._versions[held] = hashlib.scrypt(text, salt=self._salt, n=1 << 14, r=8, p=1, dklen=16).hex()
        return self._versions[held]

    def get(self, mailbox: str, now: datetime) -> tuple[bool, Refusal | None]:
        """Whether the file could be read, and the refusal in force for the mailbox if there is one."""

        def in_force() -> tuple[bool, Refusal | None]:
            found = self._read(self._usable()).get(mailbox)
            return True, found if found is not None and now < found.latest_at + KEPT else None

        return self._attempted(in_force) or (False, None)

    def put(self, mailbox: str, refusal: Refusal) -> bool:
        """Let every call of this user know of the refusal; false where it cannot."""
        return self._change(lambda refusals: refusals.update({mailbox: refusal}))

    def delete(self, mailbox: str) -> None:
        """The login went well: no call needs to wait."""
        self._change(lambda refusals: refusals.pop(mailbox, None))

    def _change(self, change: Callable[[dict[str, Refusal]], object]) -> bool:
        """Read, `change` and replace the file as a whole, while no other call does the same."""

        def changed() -> bool:
            path = self._usable()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(path.with_suffix(".lock")):
                refusals = self._read(path)
                change(refusals)
                latest = sorted(refusals.items(), key=lambda item: item[1].latest_at)[-MOST_MAILBOXES:]
                content = {"salt": self._salt.hex(), "refusals": {name: _as_json(found) for name, found in latest}}
                replace(path, json.dumps(content))
            return True

        return self._attempted(changed) or False

    def _usable(self) -> Path:
        if self._path is None:
            raise OSError(0, "this user has no home folder")
        return self._path

    def _read(self, path: Path) -> dict[str, Refusal]:
        """The refusals, and the salt besides; a file that is not there is empty.

        Raises `OSError`, `ValueError`, `KeyError`, `TypeError` or `AttributeError` where it is not ours.
        """
        try:
            content = json.loads(read_ordinary(path, _MOST_OCTETS))
        except FileNotFoundError:
            return {}
        refusals = {str(name): Refusal.read(**found) for name, found in content["refusals"].items()}
        self._salt = bytes.fromhex(content["salt"])
        return refusals

    def _attempted[T](self, use: Callable[[], T]) -> T | None:
        """What `use` returns; None where the file cannot be used, which is told once: from then on it is left alone."""
        if not self._works:
            return None
        try:
            return use()
        except OSError as error:
            reason = (error.strerror or "cannot be used").lower()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            reason = "holds something else; remove it"
        self._works = False
        name = f"{self._path}: " if self._path is not None else ""
        self._warn(f"{name}{reason}: refused logins are not remembered from call to call")
        return None


class CallGuard(LoginGuard):
    """The guard of one call of the command line; with a file also that of the calls before.

    With `unlocked` what earlier calls know withholds nothing: somebody has unlocked the account.
    """

    def __init__(self, file: RefusalFile | None = None, *, unlocked: bool = False) -> None:
        super().__init__(table=file, obeyed_from=datetime.now(UTC) if unlocked else None)
        self._file = file

    def version_of(self, credentials: Credentials) -> Callable[[], str]:
        """What tells these credentials from others, once it is asked for."""
        if self._file is not None:
            return partial(self._file.version, credentials)
        return lambda: hashlib.sha256(repr(credentials.secret_values()).encode()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """While no other call holds the same lock; where the system knows none, without.

    Raises `OSError` where another call holds it for two seconds.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_WAIT)
        else:
            raise OSError(0, "another call does not release its lock")
        yield
    finally:
        os.close(descriptor)


def _as_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "first_at": refusal.first_at.isoformat(),
        "latest_at": refusal.latest_at.isoformat(),
        "count": refusal.count,
        "refused": refusal.refused,
    }
