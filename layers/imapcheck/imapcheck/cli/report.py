"""`imapcheck report`: a month of a stack's checks, as the stack itself reports it."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imapcheck.cli.help import WrongUsage
from imapcheck.cli.report_file import ReportFileError, report_file
from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.files import load_definition
from imapcheck.definition.parts import check_files
from imapcheck.errors import DefinitionError
from imapcheck.month.calendar import Month
from imapcheck.text import one_line

if TYPE_CHECKING:
    from imapcheck.aws.stack_access import MonthOfStack
    from imapcheck.definition.model import CheckDefinition

HELP = """\b
Example:
  imapcheck report --stack imapcheck --month 2026-11
  imapcheck report --stack imapcheck --month 2026-11 --html november.html
"""


def report(
    stack: Annotated[str, typer.Option(metavar="NAME", help="The stack, in this account and Region.")],
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month (UTC); the current month ends now.")],
    events: Annotated[Path, typer.Option(metavar="FOLDER", help="The stack's definitions.")] = Path("events"),
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page: one HTML file.", show_default=False)
    ] = None,
    not_counted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM/TO", help="Leave out runs between two times, such as 2026-11-05T02:00Z.", show_default=False
        ),
    ] = None,
) -> None:
    """Availability, goals, outages and times of a month, from CloudWatch and the log."""
    try:
        asked = Month.parse(month)
    except ValueError as error:
        raise WrongUsage(f"--month {one_line(month, 40)}: {error}") from None
    now = datetime.now(UTC)
    if asked.start >= now:
        raise WrongUsage(f"--month {asked}: it has not begun")
    besides = [_stretch(item) for item in not_counted or ()]
    try:
        _write(asked, _read(stack, _definitions(events), asked, now, besides), html)
    except (_Trouble, ReportFileError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None


class _Trouble(Exception):
    """No report can be made; `str()` says why."""


def _stretch(written: str) -> tuple[datetime, datetime]:
    try:
        first, last = (datetime.fromisoformat(part) for part in written.split("/"))
        if first.tzinfo is not None and last.tzinfo is not None and first < last:
            return first.astimezone(UTC), last.astimezone(UTC)
    except ValueError:
        pass
    raise WrongUsage(f"--not-counted {one_line(written, 80)}: expected two times with their zone, the earlier first, as"
                     " 2026-11-05T02:00Z/2026-11-05T04:00Z")  # fmt: skip


def _definitions(folder: Path) -> "dict[str, CheckDefinition]":
    try:
        files = check_files(folder)
        found = {path.stem: load_definition(path) for path in files}
    except DefinitionError as error:
        raise _Trouble(str(error)) from None
    if not found:
        raise _Trouble(f"{one_line(str(folder), 200)}: no definitions")
    return found


def _read(
    stack: str, definitions: "dict[str, CheckDefinition]", month: Month, now: datetime,
    besides: list[tuple[datetime, datetime]],
) -> "MonthOfStack":  # fmt: skip
    try:
        from imapcheck.aws.stack_access import StackAccess, StackError
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"boto3", "botocore"}:
            raise
        raise _Trouble("AWS's library is not installed: pip install 'imapcheck[aws]'") from None
    try:
        return StackAccess(stack).month(definitions, month, now, besides)
    except StackError as error:
        raise _Trouble(str(error)) from None


def _write(month: Month, found: "MonthOfStack", html: Path | None) -> None:
    from imapcheck.month.text import report_text

    print("\n".join(report_text(month, *found)).rstrip())
    if html is not None:
        from imapcheck.month.page import month_page

        with report_file(html) as write:
            write(month_page(month, found.figures, found.notes, datetime.now(UTC), found.zone))
