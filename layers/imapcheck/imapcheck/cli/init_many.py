"""`imapcheck init --from mailboxes.csv`: a definition for each mailbox of a table.

All rows are read before anything is sent, and nothing is sent before somebody has confirmed the hosts. Each host is
looked at once; then one login after the other, and none with a password that was refused.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import typer

from imapcheck.cli.definition_file import content_of, schedule, write
from imapcheck.cli.look import Look, log_in, look
from imapcheck.cli.mailbox_table import MailboxRow, TableError, read_table
from imapcheck.cli.status import AVAILABLE, UNAVAILABLE, WRONG_USAGE
from imapcheck.definition.files import load_definition
from imapcheck.definition.parts import Parts
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult
from imapcheck.text import one_line
from imapcheck.wording import count, failure_line

_DEFAULTS = "_defaults.json"
_AT_ONCE = 10


def init_many(
    table: Path, folder: Path, secrets: Path | None, tls: dict[str, str], every: str, *, message: bool, confirmed: bool
) -> int:
    """Write the definitions of `table` into `folder`; the exit status."""
    try:
        mailboxes = read_table(table, folder)
        if secrets is not None and secrets.exists():
            raise TableError(f"{secrets}: exists already, and nothing is overwritten")
    except TableError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    if not _confirmed(mailboxes, confirmed):
        return WRONG_USAGE
    hosts = list(dict.fromkeys(mailbox.host for mailbox in mailboxes))
    try:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            looks = dict(zip(hosts, pool.map(lambda host: look(host, tls, folder), hosts), strict=True))
    except DefinitionError as error:  # of the certificates' file: the hosts were read before
        print(error, file=sys.stderr)
        return WRONG_USAGE
    many = _Many(folder, tls, every, message=message)
    for mailbox in mailboxes:
        many.write(mailbox, looks[mailbox.host])
    if secrets is not None and many.credentials:
        _write_secrets(secrets, many.credentials)
    missing = len(mailboxes) - many.written
    print(f"{folder}: {count(many.written, 'definition')} written" + (f", {missing} not" if missing else ""))
    if secrets is not None and many.credentials:
        print(f"Run them:  imapcheck run {folder}/*.json --credentials {secrets}")
    return UNAVAILABLE if missing else AVAILABLE


class _Many:
    """The definitions that were `written`, and the `credentials` by name of those that logged in."""

    def __init__(self, folder: Path, tls: dict[str, str], every: str, *, message: bool) -> None:
        self._folder, self._tls, self._every, self._message = folder, tls, every, message
        self._extends = (folder / _DEFAULTS).is_file()
        self._parts = Parts()
        self._refused: dict[str, str] = {}
        self.written = 0
        self.credentials: dict[str, dict[str, str]] = {}

    def write(self, mailbox: MailboxRow, looked: Look) -> None:
        """Log in where there is a password, and write; say what hinders."""
        try:
            problem = _problem(looked.result)
            password = mailbox.password if looked.authentication is not None else None
            if problem is None and password is not None:
                looked, problem = self._logged_in(mailbox, looked, password)
            if problem is None:
                self._write(mailbox, looked, password)
        except (DefinitionError, CredentialsError) as error:
            problem = one_line(str(error))
        print(f"{mailbox.name}: {problem or 'written'}", file=sys.stderr if problem else sys.stdout)

    def _logged_in(self, mailbox: MailboxRow, looked: Look, password: str) -> tuple[Look, str | None]:
        if (other := self._refused.get(password)) is not None:
            return looked, f"not tried, as the same password was refused for {other}"
        content = {"username": mailbox.username, "password": password, "host": looked.definition.host}
        given = Credentials.from_object(content, source=mailbox.name)
        assert looked.authentication is not None
        looked = log_in(looked, given, looked.authentication, self._folder)
        if looked.result.failure is not None and looked.result.failure.type is FailureType.AUTHENTICATION_FAILED:
            self._refused[password] = mailbox.name
        return looked, _problem(looked.result)

    def _write(self, mailbox: MailboxRow, looked: Look, password: str | None) -> None:
        host = looked.definition.host
        address = mailbox.username if "@" in mailbox.username else f"{mailbox.username}@{host}"
        files = self._message and password is not None and looked.sent is not None
        content: dict[str, Any] = {"extends": _DEFAULTS} if self._extends else {}
        content |= content_of(looked, mailbox.name, self._tls, address if files else None)
        if self._every or not self._extends:  # else the part's own, if it has one
            content |= schedule(self._every, looked)
        path = self._folder / f"{mailbox.name}.json"
        write(path, content)
        try:
            load_definition(path, self._parts)
        except DefinitionError:
            path.unlink()
            raise
        self.written += 1
        if password is not None:
            self.credentials[mailbox.name] = {"username": mailbox.username, "password": password, "host": host}


def _problem(result: CheckResult) -> str | None:
    if (failure := result.failure) is None:
        return None
    return f"not written: {failure_line(failure.step, failure.type, failure.detail)}"


def _confirmed(mailboxes: Sequence[MailboxRow], confirmed: bool) -> bool:
    """Somebody has seen where user names and passwords go."""
    print(f"{count(len(mailboxes), 'login')} on {count(len({mailbox.host for mailbox in mailboxes}), 'host')}:")
    for host, number in Counter(mailbox.host for mailbox in mailboxes).items():
        passwords = sum(mailbox.password is not None for mailbox in mailboxes if mailbox.host == host)
        print(f"  {one_line(host, 200)}  {number}, {passwords} with a password")
    if confirmed:
        return True
    if not sys.stdin.isatty():
        print("Nobody confirmed these hosts, so nothing was sent: --yes confirms them", file=sys.stderr)
        return False
    try:
        agreed = typer.confirm("Connect to them, and send the passwords there?", default=False)
    except typer.Abort:
        agreed = False
    if not agreed:
        print("Nothing was sent.", file=sys.stderr)
    return agreed


def _write_secrets(path: Path, credentials: dict[str, dict[str, str]]) -> None:
    """A credentials file for its owner alone."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"checks": credentials}, file, indent=2, ensure_ascii=False)
            file.write("\n")
    except OSError as error:
        print(f"{path}: {(error.strerror or 'cannot be written').lower()}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
