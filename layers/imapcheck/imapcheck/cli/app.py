"""The command line: `imapcheck run | init | validate | show | summary | explain | stack | schema | demo`.

docs/command-line.md says what each does.
"""

import json
import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from imapcheck.cli import streams
from imapcheck.cli.crash import crash_report
from imapcheck.cli.help import Loaded, WrongUsage
from imapcheck.cli.status import AVAILABLE, INTERNAL_ERROR, INTERRUPTED, TERMINATED, UNAVAILABLE, WRONG_USAGE
from imapcheck.version import VERSION

_MODULES = {
    "run": "imapcheck.cli.run",
    "init": "imapcheck.cli.init",
    "validate": "imapcheck.cli.validate",
    "show": "imapcheck.cli.show",
    "stack": "imapcheck.cli.stack",
    "summary": "imapcheck.cli.summary",
    "report": "imapcheck.cli.report",
    "mute": "imapcheck.cli.mute",
    "explain": "imapcheck.cli.app",
    "schema": "imapcheck.cli.app",
    "demo": "imapcheck.cli.app",
}
"""The commands in the order of `--help`, and where each is."""


class CommandGroup(TyperGroup):
    """The group, with `_MODULES` for its commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": Loaded(_MODULES)})


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The console script. A bug ends with status 3 and a traceback that shows no values."""
    streams.make_patient()
    if os.getpid() == 1:  # in a container the kernel keeps SIGTERM from a process that does not ask for it
        signal.signal(signal.SIGTERM, _terminate)
    _end(_status())


def _status() -> int:
    """What the call comes to; 1 is a verdict on a server and nothing else."""
    try:
        return app(prog_name="imapcheck", standalone_mode=False) or AVAILABLE  # a command that ends returns None
    except SystemExit as leaving:
        # What typer itself leaves with: a pipe that broke, which is not standard output's.
        return leaving.code if isinstance(leaving.code, int) and leaving.code != UNAVAILABLE else INTERNAL_ERROR
    except WrongUsage as error:
        error.show()
    except (typer.Abort, EOFError):
        print("nobody answered: standard input has ended", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - the last line of defence, and it reports
        print(f"imapcheck: internal error\n{crash_report(error)}", file=sys.stderr)
        return INTERNAL_ERROR
    return WRONG_USAGE


def _terminate(*_: object) -> NoReturn:
    sys.exit(TERMINATED)


def _end(status: int) -> NoReturn:
    if status in (INTERRUPTED, TERMINATED):
        _leave_at_once(status)
    if streams.output_lost() and status in (AVAILABLE, UNAVAILABLE):
        status = WRONG_USAGE
    sys.exit(status)


def _leave_at_once(status: int) -> NoReturn:
    """Checks under way are not waited for. Whoever changed the terminal has given it back by now."""
    if status == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _version(asked: bool) -> None:
    if asked:
        import platform

        from imapcheck.network.trust_store import library_version

        print(f"imapcheck {VERSION} (Python {platform.python_version()}, {library_version()})")
        raise typer.Exit


@app.callback()
def _imapcheck(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the versions and exit.")
    ] = False,
) -> None:
    """A synthetic IMAP monitor: logs in, finds, reads and files mail as a mail client would, and times every step."""


def explain(
    type: Annotated[
        str | None, typer.Argument(metavar="TYPE", help="A failure type or category; all of them without it.")
    ] = None,
) -> None:
    """Say what a failure type means and what to do first."""
    from imapcheck.cli.explain import explanation

    try:
        print(explanation(type))
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None


def schema(
    part: Annotated[bool, typer.Option("--part", help="The schema of a part, which several checks extend.")] = False,
) -> None:
    """Print the JSON Schema of a check definition."""
    from imapcheck.definition.schema import json_schema, part_schema

    print(json.dumps(part_schema() if part else json_schema(), indent=2, ensure_ascii=False))


def demo() -> None:
    """Run a full check against an embedded IMAP server."""
    try:
        from imapcheck.cli.demo import run_demo  # pymap and trustme are an extra of their own
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"pymap", "trustme"}:
            raise
        print("the demo's server is not installed: pip install 'imapcheck[demo]'", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    raise typer.Exit(run_demo())
