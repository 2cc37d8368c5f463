"""A table of mailboxes (CSV), as `init --from` reads it: every wrong row is one line, before anything is sent."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imapcheck.cli.definition_file import name_of
from imapcheck.cli.private_files import read_ordinary
from imapcheck.definition.json_text import display_name
from imapcheck.definition.model import NAME_PATTERN
from imapcheck.definition.server import parse_server
from imapcheck.text import forbidden_character, one_line

REQUIRED, OPTIONAL = ("host", "username"), ("name", "password_file")
_MOST_ROWS = 10_000
_MOST_OCTETS, _MOST_OF_A_PASSWORD = 16 << 20, 4096


class TableError(Exception):
    """What is wrong with the table, a line for each problem, without a value that may be secret."""


class MailboxRow(NamedTuple):
    """A row: `host` as it is written; `password` is None where no file is named."""

    name: str
    host: str
    username: str
    password: str | None


def read_table(path: Path, folder: Path) -> list[MailboxRow]:
    """The mailboxes of `path`, whose definitions will stand in `folder`; raises `TableError`."""
    rows = list(_rows(path))
    problems: list[str] = []
    mailboxes: list[MailboxRow] = []
    names: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for line, row in rows:
        try:
            mailbox = _mailbox(row, path, names)
            if (key := (mailbox.host.lower(), mailbox.username)) in seen:
                raise ValueError("username: the same mailbox is on an earlier line")
            if (folder / f"{mailbox.name}.json").exists():
                raise ValueError(f"name: {folder / mailbox.name}.json exists already; give another name")
        except ValueError as error:
            problems.append(f"{display_name(path)}: line {line}: {error}")
            continue
        seen.add(key)
        names.setdefault(mailbox.name.lower(), 1)
        mailboxes.append(mailbox)
    if not rows:
        problems.append(f"{display_name(path)}: found no mailbox below the header")
    if problems:
        raise TableError("\n".join(problems))
    return mailboxes


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of each row that is not empty."""
    try:
        text = read_ordinary(path, _MOST_OCTETS).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError(f"{display_name(path)}: not text in UTF-8") from None
    except OSError as error:
        raise TableError(f"{display_name(path)}: {(error.strerror or 'cannot be read').lower()}") from None
    header, _, _ = text.partition("\n")
    separator = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        _require_columns(path, columns)
        for number, cells in enumerate(reader):
            if number >= _MOST_ROWS:
                raise TableError(f"{display_name(path)}: found more than {_MOST_ROWS:,} rows")
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns):
                raise TableError(f"{display_name(path)}: line {reader.line_num}: found more cells than columns")
            yield reader.line_num, dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    except csv.Error as error:
        raise TableError(f"{display_name(path)}: line {reader.line_num}: {error}") from None


def _require_columns(path: Path, columns: list[str]) -> None:
    wanted = f"the columns {', '.join(REQUIRED)} and, if you like, {', '.join(OPTIONAL)}"
    if "password" in columns:
        raise TableError(
            f"{display_name(path)}: found the column password: put each into a file, and name it in password_file"
        )
    unknown = [column for column in columns if column not in REQUIRED + OPTIONAL]
    if unknown or len(set(columns)) != len(columns) or not set(REQUIRED) <= set(columns):
        found = one_line(", ".join(columns), 100) or "nothing"
        raise TableError(f"{display_name(path)}: line 1: found {found}, expected {wanted}")


def _mailbox(row: dict[str, str], path: Path, names: dict[str, int]) -> MailboxRow:
    """Raises ValueError, whose text begins with the column."""
    host, username, name = row.get("host", ""), row.get("username", ""), row.get("name", "")
    try:
        parse_server(host)
    except ValueError as error:
        found = "text with an @" if "@" in host else one_line(repr(host), 80)  # where a password may stand
        raise ValueError(f"host: found {found}, expected {error}") from None
    if not username or forbidden_character(username) is not None:
        raise ValueError("username: found nothing or a control character, expected who logs in")
    if name and not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise ValueError(f"name: found {one_line(repr(name), 80)}, expected 1 to 40 letters, digits and dashes")
    if name and name.lower() in names:
        raise ValueError(f"name: {name} is on an earlier line")
    file = row.get("password_file", "")
    password = _password(path.parent, file) if file else None
    return MailboxRow(name or _free(name_of(username), names), host, username, password)


def _free(name: str, names: dict[str, int]) -> str:
    """`name`, or with a number where an earlier row has it; `names` holds the last number that each has got."""
    number, found = names.get(name, 1), name
    while found in names:
        number += 1
        found = f"{name[: 39 - len(str(number))]}-{number}"
    if name in names:
        names[name] = number
    return found


def _password(folder: Path, name: str) -> str:
    """The one line of a file in the table's folder. Nothing of it is ever shown, nor a name that may be a password."""
    if Path(name).name != name or name == "..":
        raise ValueError("password_file: found no plain name, expected that of a file in the table's own folder")
    try:
        text = read_ordinary(folder / name, _MOST_OF_A_PASSWORD).decode("utf-8")
    except FileNotFoundError:
        raise ValueError("password_file: found a name that no file in the table's own folder has") from None
    except UnicodeDecodeError:
        raise ValueError(f"password_file: {one_line(name, 80)}: not text in UTF-8") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "cannot be read").lower()
        raise ValueError(f"password_file: {one_line(name, 80)}: {reason}") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or any(char in password for char in "\r\n\0"):
        raise ValueError(f"password_file: {one_line(name, 80)}: found no line or several, expected one")
    return password
