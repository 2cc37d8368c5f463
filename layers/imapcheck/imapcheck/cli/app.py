"""The command line: `imapcheck run | validate | schema | demo`.

Exit status: 0 available, 1 not available, 2 wrong usage, definition or credentials, 3 internal error;
with several files the highest.
"""

import gc
import io
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imapcheck.check.run import run_check
from imapcheck.cli.definitions import stack, validate
from imapcheck.cli.report_file import ReportFileError, Write, asked_of, report_file
from imapcheck.definition.files import load_definition
from imapcheck.definition.model import CheckDefinition, json_schema
from imapcheck.errors import CredentialsError, DefinitionError, ImapcheckError
from imapcheck.login.credentials import Credentials
from imapcheck.output.entry import Entry
from imapcheck.output.terminal import Display
from imapcheck.result import CheckResult
from imapcheck.trace import Hook

AVAILABLE, UNAVAILABLE, WRONG_USAGE, INTERNAL_ERROR = 0, 1, 2, 3

app = typer.Typer(
    help="A synthetic IMAP monitor: logs in, finds, reads and files mail as a client would, and times every step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Files = Annotated[list[Path], typer.Argument(help="Check definitions.", metavar="FILE...")]


def main() -> None:
    """The console script. A bug ends with status 3 and a traceback that shows no values."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a bar or a subject that the locale cannot write is no crash
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except Exception:  # noqa: BLE001 - the last line of defence, and it reports
        print_crash()
        sys.exit(INTERNAL_ERROR)


@app.command()
def run(
    files: Files,
    credentials: Annotated[
        Path | None, typer.Option(help="JSON file with username, password and host, for all files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One result object per line, nothing else.")] = False,
    transcript: Annotated[bool, typer.Option(help="Include the protocol transcript.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=100, help="Checks under way at once.")] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Write a report for people too: one HTML file.", metavar="FILE")
    ] = None,
) -> None:
    """Run checks: steps as they happen, then the verdict."""
    gc.freeze()  # the collector's walks over all that was loaded would fall into the steps' times
    try:
        with nullcontext() if html is None else report_file(html) as write:
            status = _run(files, credentials, as_json, transcript, concurrency, write)
    except ReportFileError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    raise typer.Exit(status)


def _run(
    files: list[Path],
    credentials: Path | None,
    as_json: bool,
    transcript: bool,
    concurrency: int,
    write: Write | None,
) -> int:
    """The exit status of a call."""
    display = Display.for_run(as_json=as_json, count=len(files), transcript=transcript)
    orders = [_prepare(file, credentials) for file in files]
    for order in orders:
        if order.problem is not None:
            display.problem(order.problem)
    good = [order for order in orders if order.problem is None]
    outcomes = _run_all(good, display, concurrency)
    display.finish()
    if write is not None:
        _report(orders, dict(zip((order.file for order in good), outcomes, strict=True)), write)
    statuses = [_status(outcome) for outcome in outcomes]
    return max([*statuses, *(WRONG_USAGE for order in orders if order.problem is not None)], default=0)


def _report(orders: Sequence["_Order"], outcomes: "Mapping[Path, CheckResult | _NoResult]", write: Write) -> None:
    """The report of a call, each file in it: a result, or why there is none."""
    from imapcheck.output.html import page  # loaded where a report is asked for

    write(page([_entry(order, outcomes.get(order.file)) for order in orders], datetime.now(UTC)))


def _entry(order: "_Order", outcome: "CheckResult | _NoResult | None") -> Entry:
    asked = asked_of(order.file, order.definition)
    if isinstance(outcome, CheckResult):
        return Entry(outcome.to_dict(), asked)
    problem = order.problem if outcome is None else outcome.problem
    return Entry({"check": order.file.stem, "error": problem}, asked)


app.command()(validate)
app.command()(stack)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a check definition."""
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command()
def demo() -> None:
    """Run a full check against an embedded IMAP server."""
    from imapcheck.cli.demo import run_demo  # pymap and trustme are an extra of their own

    raise typer.Exit(run_demo())


@dataclass(frozen=True)
class _Order:
    """A file of the call: a definition and its credentials, or what is wrong with them."""

    file: Path
    definition: CheckDefinition | None = None
    credentials: Credentials | None = None
    problem: str | None = None

    def refused(self, problem: str) -> "_Order":
        return _Order(self.file, problem=problem)


def _prepare(file: Path, credentials_file: Path | None) -> _Order:
    try:
        definition = load_definition(file)
        return _Order(file, definition, find_credentials(definition, credentials_file))
    except (DefinitionError, CredentialsError) as error:
        return _Order(file, problem=str(error))


def _run_all(orders: Sequence[_Order], display: Display, concurrency: int) -> "list[CheckResult | _NoResult]":
    """Run the orders concurrently; results are shown in the order of the arguments, each as soon as it can be."""
    outcomes: list[CheckResult | _NoResult] = []
    with ThreadPoolExecutor(max_workers=concurrency) as pool:
        hooks: tuple[Hook, ...] = display.hooks()
        futures = [pool.submit(_run_one, order, hooks) for order in orders]
        for ended in as_completed(futures):
            display.progress(ended.result())
            while len(outcomes) < len(futures) and futures[len(outcomes)].done():
                outcomes.append(futures[len(outcomes)].result())
                _show(outcomes[-1], display)
    return outcomes


def _show(outcome: "CheckResult | _NoResult", display: Display) -> None:
    if isinstance(outcome, CheckResult):
        display.result(outcome)
    else:
        display.problem(outcome.problem)


def _status(outcome: "CheckResult | _NoResult") -> int:
    """The exit status that it asks for."""
    if isinstance(outcome, CheckResult):
        return AVAILABLE if outcome.available else UNAVAILABLE
    return outcome.status


@dataclass(frozen=True)
class _NoResult:
    """A run that ended in an error of ours."""

    problem: str
    status: int


def _run_one(order: _Order, hooks: tuple[Hook, ...]) -> CheckResult | _NoResult:
    assert order.definition is not None
    try:
        return run_check(order.definition, order.credentials, hooks=hooks)
    except ImapcheckError as error:
        return _NoResult(f"{order.file}: {error}", WRONG_USAGE)
    except Exception as error:  # noqa: BLE001 - one file's bug must not take the others' results along
        return _NoResult(f"{order.file}: internal error\n{crash_report(error)}", INTERNAL_ERROR)


def find_credentials(definition: CheckDefinition, file: Path | None) -> Credentials | None:
    """Credentials for a run on a laptop: a file, else the environment, else the definition's secret.

    Raises `CredentialsError` where none can be had.
    """
    if definition.authentication == "none":
        return None
    if file is not None:
        return Credentials.from_object(_read_json(file), source=str(file))
    username, password = os.environ.get("IMAPCHECK_USERNAME"), os.environ.get("IMAPCHECK_PASSWORD")
    if username and password:
        return Credentials.from_object({"username": username, "password": password}, source="environment")
    if definition.secret is not None:
        from imapcheck.aws.secrets import SecretReader  # boto3 is loaded only where a secret is read

        return SecretReader().read(definition.secret)
    raise CredentialsError(
        f"{definition.label}: no credentials: give --credentials FILE, set IMAPCHECK_USERNAME and"
        " IMAPCHECK_PASSWORD, or name a secret in the definition"
    )


def _read_json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CredentialsError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except ValueError:
        raise CredentialsError(f"{file}: expected a JSON object with username, password and host") from None


def crash_report(error: BaseException) -> str:
    """Where a bug struck: places and types only, as a message may quote a secret."""
    places = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    return "\n".join([f"{type(error).__name__} (please report this; it shows no values)", *places])


def print_crash() -> None:
    """Report the exception under way on stderr."""
    error = sys.exc_info()[1]
    assert error is not None
    print(f"imapcheck: internal error\n{crash_report(error)}", file=sys.stderr)
