"""`imapcheck run`: checks from files, once or again and again."""

import gc
import math
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from imapcheck.cli import runner, streams
from imapcheck.cli.credentials import CredentialsFinder
from imapcheck.cli.formats import screen_for
from imapcheck.cli.login_file import CallGuard, RefusalFile
from imapcheck.cli.orders import Order, Orders
from imapcheck.cli.private_files import state_folder
from imapcheck.cli.report_file import ReportFileError, page_of, report_file
from imapcheck.cli.status import exit_status
from imapcheck.definition.json_text import STANDARD_INPUT
from imapcheck.definition.parts import is_part
from imapcheck.output.formats import FORMATS, Format
from imapcheck.output.json_lines import append_line, json_line
from imapcheck.output.outcome import Outcome
from imapcheck.output.screen import Screen

HELP = """\b
Examples:
  imapcheck run events/gmail.json --credentials gmail-secret.json
  imapcheck run events/*.json --credentials secrets/ --format junit > report.xml
  imapcheck run events/gmail.json --html report.html
  imapcheck run events/*.json --credentials secrets/ --every 60s
  imapcheck run *.json --credentials secrets/ --every 60s --listen 127.0.0.1:9814

\b
Credentials: --credentials, else the environment, else the secret that the
definition names in AWS Secrets Manager (pip install 'imapcheck[aws]').
  IMAPCHECK_USERNAME, IMAPCHECK_PASSWORD   user name and password
  IMAPCHECK_HOST                           the only host they are sent to

\b
Exit status (--format nagios has its own: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN):
  0 available, also when slow    2 wrong usage, definition or credentials
  1 not available                3 internal error      130 interrupted
"""
_FORMAT_HELP = f"{', '.join([*FORMATS][:-1])} or {[*FORMATS][-1]}."
_PATIENCE = 30
"""Seconds that a watch may be late before `/healthz` says so."""
Files = Annotated[list[Path], typer.Argument(help="Check definitions; - reads standard input.", metavar="FILE...")]


def run(
    files: Files,
    credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|DIR",
            help="JSON file with username, password and host, or with those of many checks; or a folder of NAME.json.",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(metavar="FORMAT", help=_FORMAT_HELP, show_default=True),
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json: one object on each line.")] = False,
    transcript: Annotated[bool, typer.Option("--transcript", help="Show the whole protocol transcript.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing unless something is wrong.")] = False,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Run again and again, every 60s or 5m; a line for each change.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS:PORT", help="With --every: serve /metrics for Prometheus, and /healthz."),
    ] = None,
    append: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add each result as a line of JSON (imapcheck summary).")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a report for people: one HTML file.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="How many checks run at once, 1 to 100.")] = 10,
    publish: Annotated[
        str | None,
        typer.Option(
            metavar="STACK@REGION/LOG_GROUP",
            help="Run each check again and again at its own interval, and publish to that stack (docs/outside.md).",
        ),
    ] = None,
    place: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --publish: this machine's name; default: the host name.")
    ] = None,
    no_guard: Annotated[
        bool, typer.Option("--no-guard", help="Log in even after refused logins, once the account is unlocked.")
    ] = False,
) -> None:
    """Run checks: steps as they happen, then the verdict."""
    repeats = "--publish" if publish is not None else "--every" if every is not None else None
    chosen = _format("json" if as_json else format, quiet=quiet, repeats=repeats)
    _refuse_what_does_not_go_together(files, credentials, repeats, html, concurrency)
    if place is not None and publish is None:
        raise typer.BadParameter("works only with --publish", param_hint="--place")
    if repeats is not None:
        from imapcheck.cli.watch import WatchLoop, seconds_of  # rich is loaded for people only

        interval = seconds_of(every) if every is not None else math.inf
    elif listen is not None:
        raise typer.BadParameter("needs repeated checks: add --every or --publish", param_hint="--listen")
    gc.freeze()  # the collector's walks over all that was loaded would fall into the steps' times
    taken = Orders(files, CredentialsFinder(credentials, os.environ, streams.warn))
    orders = taken.taken
    if chosen.unique_names or append is not None or listen is not None or publish is not None:
        _refuse_namesakes([order.check for order in orders])
    keep = _keeper(append)
    guard = CallGuard(RefusalFile(state_folder(os.environ), streams.warn), unlocked=no_guard)
    if repeats is not None:
        more: dict[str, Any] = {}
        if publish is not None:
            from imapcheck.cli.publish import publishing  # boto3 is loaded only where runs are published

            orders, more = publishing(orders, publish, place, interval, credentials, os.environ)
            interval = min(more["intervals"])
        as_json = chosen.name == "json"
        if listen is not None:
            keep = _served(listen, orders, interval, keep, quiet=quiet)
        WatchLoop(
            orders,
            interval,
            concurrency,
            keep,
            renewed=taken.renewed,
            guard=guard,
            as_json=as_json,
            quiet=quiet,
            **more,
        ).run()
    timeout = orders[0].definition.timeout if orders[0].definition is not None else None
    screen = screen_for(chosen, len(orders), transcript=transcript, quiet=quiet, timeout=timeout)
    screen.transcripts = transcript or html is not None
    try:
        with nullcontext() if html is None else report_file(html) as write:
            outcomes, status = _run_once(orders, screen, concurrency, keep, guard)
            if write is not None:
                write(page_of(outcomes, _again(credentials, chosen)))
    except ReportFileError as error:
        print(error, file=sys.stderr)
        sys.stdout.write(chosen.wrong_usage)
        raise typer.Exit(chosen.trouble) from None
    raise typer.Exit(exit_status(outcomes) if status is None else status)


def _again(credentials: Path | None, chosen: Format) -> list[str]:
    """The options that another run of a report's check needs to be the same."""
    given = [] if credentials is None else ["--credentials", str(credentials)]
    return given if chosen.name == "text" else [*given, "--format", chosen.name]


def _served(
    listen: str, orders: list[Order], interval: float, keep: Callable[[Outcome], None], *, quiet: bool
) -> Callable[[Outcome], None]:
    """`keep` that also lets Prometheus know."""
    from imapcheck.cli.scrape import ScrapeTarget, parse_listening  # prometheus_client is loaded for it only

    where = parse_listening(listen)
    longest = max((order.definition.timeout for order in orders if order.definition is not None), default=0)
    target = ScrapeTarget(where, [order.check for order in orders], 2 * interval + longest + _PATIENCE)
    if not where.is_loopback:
        streams.warn(
            f"--listen {listen}: anyone who reaches this address can read names of checks and hosts, without a password"
        )
    if not quiet:
        print(f"serving {target.url}/metrics and {target.url}/healthz", file=sys.stderr)
    target.server.start()

    def both(outcome: Outcome) -> None:
        keep(outcome)
        target.take(outcome)

    return both


def _run_once(
    orders: list[Order], screen: Screen, concurrency: int, keep: Callable[[Outcome], None], guard: CallGuard
) -> tuple[list[Outcome], int | None]:
    """The outcomes, and the exit status where the format has its own."""
    try:
        outcomes = runner.run_orders(orders, screen, concurrency, keep, guard)
        return outcomes, screen.finish(outcomes)
    except KeyboardInterrupt:
        screen.interrupted()
        raise
    finally:
        screen.close()


def _refuse_what_does_not_go_together(
    files: list[Path], credentials: Path | None, repeats: str | None, html: Path | None, concurrency: int
) -> None:
    if not 1 <= concurrency <= 100:
        raise typer.BadParameter(f"{concurrency} is not from 1 to 100", param_hint="--concurrency")
    if all(map(is_part, files)):
        raise typer.BadParameter(f"{files[0]} is a part that checks extend, not a check", param_hint="FILE")
    if [*files, credentials].count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("standard input can be read once only")
    if repeats is not None and html is not None:
        raise typer.BadParameter(f"a report is made of one run: leave {repeats} out", param_hint="--html")


def _format(name: str, *, quiet: bool, repeats: str | None) -> Format:
    """The format, where it goes together with the other options. Raises `typer.BadParameter`."""
    chosen = FORMATS.get(name)
    if chosen is None:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}", param_hint="--format")
    if not chosen.repeats and (option := "--quiet" if quiet else repeats) is not None:
        raise typer.BadParameter(f"{option} works only with text and json", param_hint=option)
    if chosen.name != "text":
        streams.write_utf8()
    return chosen


def _refuse_namesakes(names: list[str]) -> None:
    """A name tells one check from another there, and in what is kept."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise typer.BadParameter(
            f"two checks are named {twice!r}; programs that read this format or file distinguish them by name only"
        )


def _keeper(append: Path | None) -> Callable[[Outcome], None]:
    """What keeps each outcome. A file that cannot be written is wrong usage, told before anything runs."""
    if append is None:
        return lambda outcome: None
    try:
        append_line(append, None)
    except OSError as error:
        raise typer.BadParameter(f"{append}: {(error.strerror or 'cannot be written').lower()}") from None
    return lambda outcome: _append(append, outcome)


def _append(file: Path, outcome: Outcome) -> None:
    """A disk that is full loses a line, and says so; it changes no verdict."""
    try:
        append_line(file, json_line(outcome, transcript=False))
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        print(f"{file}: {reason}: a result of {outcome.check} was not kept", file=sys.stderr)
