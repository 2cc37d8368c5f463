"""`imapcheck init HOST`: look at a server, ask what it cannot see, write a definition that turns green."""

import getpass
import itertools
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from imapcheck.cli.credentials import HOST, PASSWORD, USERNAME
from imapcheck.cli.definition_file import NEVER, content_of, is_of_this_machine, name_of, schedule, write
from imapcheck.cli.init_sending import SenderUnusable, send_block
from imapcheck.cli.look import Look, log_in, look
from imapcheck.cli.status import INTERRUPTED, UNAVAILABLE, WRONG_USAGE
from imapcheck.definition.files import parse_definition
from imapcheck.definition.json_text import UnreadableError, display_name, read_object
from imapcheck.definition.monitoring import EVERY
from imapcheck.definition.plain import plain
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.output.outcome import Outcome
from imapcheck.output.terminal.screens import console_for, say
from imapcheck.output.terminal.verdict import verdict
from imapcheck.text import one_line

HELP = f"""\b
Examples:
  imapcheck init imap.example.com
  imapcheck init imap.example.com --username monitor@example.com
  imapcheck init imap.example.com --credentials secret.json --output events/mail.json
  imapcheck init --from mailboxes.csv --output events

\b
In a terminal, init asks for what is missing. Elsewhere it asks nothing: the
password comes from {PASSWORD} or --credentials. Only --secrets writes
passwords to a file. With {HOST} the password goes to that host and to
no other.
"""
_ADVICE = {
    FailureType.CERTIFICATE_UNTRUSTED: "If the authority is private, put its certificate beside the definition and pass"
    " it with --ca-file. Otherwise configure the server to send its intermediate certificates.",
    FailureType.AUTHENTICATION_FAILED: "Call init again with the right user name and password.",
}
"""Where the failure's own speaks of a definition or a secret, which do not exist yet."""


def init(
    host: Annotated[
        str | None, typer.Argument(metavar="HOST", help="A host, host:port, or URL such as imaps://host:993/.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--from", metavar="CSV", help="Many mailboxes: columns host, username, name, password_file."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the definition goes; default events/NAME.json. With --from: a folder."
        ),
    ] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --from: also write the credentials, for run --credentials."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --from: connect to the hosts without asking.")] = False,
    username: Annotated[str | None, typer.Option(metavar="NAME", help="Who logs in.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file with username, password and host.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="From and To of the test message; default: the user name.")
    ] = None,
    message: Annotated[bool, typer.Option(help="File a test message on every run, and find it again.")] = True,
    send: Annotated[
        str | None,
        typer.Option(metavar="SERVER", help="Really send mail through it, such as smtps://host:465/, and wait for it."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A private authority's certificate, beside the definition.")
    ] = None,
    every: Annotated[
        str,
        typer.Option(metavar="TIME", help="How often AWS runs it, such as 5m, or none; 5m if AWS can reach it."),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing definition.")] = False,
) -> None:
    """Look at a server and write a check definition that turns green."""
    if every not in ("", NEVER, *EVERY):
        raise typer.BadParameter(f"{every!r} is not {NEVER} or one of {', '.join(EVERY)}", param_hint="--every")
    if table is not None:
        from imapcheck.cli.init_many import init_many

        _refuse("--from", "works only with --output, --secrets, --yes, --no-message, --ca-file and --every",
                host, username, credentials, address, send, force)  # fmt: skip
        folder = output or Path("events")
        tls = {} if ca_file is None else {"ca_file": _beside(folder, ca_file)}
        raise typer.Exit(init_many(table, folder, secrets, tls, every, message=message, confirmed=yes))
    _refuse("--secrets, --yes", "works only with --from", secrets, yes)
    host = _required(host)
    path = output or Path("events", f"{_default_name(host, username, credentials)}.json")
    if path.exists() and not force:
        raise typer.BadParameter(f"{path} exists already; give another name: {_another(path)}", param_hint="--output")
    tls = {} if ca_file is None else {"ca_file": _beside(path.parent, ca_file)}
    try:
        looked = _seen(look(host, tls, path.parent))
        given = _credentials(looked, username, credentials)
        if given is not None and looked.authentication is not None:
            looked = _seen(log_in(looked, given, looked.authentication, path.parent))
        content = content_of(looked, path.stem, tls, _address(given, address, looked) if message else None)
        if send is not None:
            content["send"] = _send(send, looked, path, tls, _sent_to(given, address, looked))
        content |= schedule(every, looked)
        parse_definition({**content, "name": path.stem}, source=display_name(path), directory=path.parent)
    except (DefinitionError, CredentialsError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    except SenderUnusable as error:
        print(error, file=sys.stderr)
        raise typer.Exit(UNAVAILABLE) from None
    write(path, content)
    _tell_what_next(path, content, given, looked, username, credentials)


def _refuse(option: str, why: str, *given: object) -> None:
    if any(given):
        raise typer.BadParameter(why, param_hint=option)


def _required(host: str | None) -> str:
    if host is None:
        raise typer.BadParameter("give one, or --from with a table of mailboxes", param_hint="HOST")
    return host


def _default_name(host: str, username: str | None, credentials: Path | None) -> str:
    """The user's, as providers have many mailboxes; the host's where nobody is named yet."""
    if credentials is not None:
        try:
            username = username or str(read_object(credentials).get("username") or "")
        except UnreadableError:  # which is said where they are read
            username = None
    return name_of(username or os.environ.get(USERNAME) or host)


def _another(path: Path) -> str:
    numbers = (path.with_name(f"{path.stem}-{number}.json") for number in itertools.count(2))
    return f"--output {shlex.quote(str(next(file for file in numbers if not file.exists())))}"


def _beside(folder: Path, ca_file: Path) -> str:
    """The name of the certificate's file as the definition in `folder` calls it; only what is there is deployed.

    It is read from the working directory, as shells complete it, else from `folder`.
    """
    found = next((file for file in (ca_file, folder / ca_file) if file.is_file()), None)
    if found is None:
        raise typer.BadParameter(f"{ca_file}: no such file; it must be beside the definition", param_hint="--ca-file")
    whole, within = found.parent.resolve() / found.name, folder.resolve()
    if not whole.is_relative_to(within):
        raise typer.BadParameter(
            f"{ca_file}: put it into {folder} first, beside the definition", param_hint="--ca-file"
        )
    return whole.relative_to(within).as_posix()


def _seen(looked: Look) -> Look:
    """Say what was seen. Where it is a failure, nothing is written: the definition would not turn green."""
    result, definition = looked.result, looked.definition
    if result.available:
        return looked
    failures = tuple(replace(failure, advice=_ADVICE.get(failure.type, failure.advice)) for failure in result.failures)
    result = replace(result, failures=failures)
    say(console_for(), verdict(Outcome("init", result, asked=plain(definition))))
    raise typer.Exit(UNAVAILABLE)


def _credentials(looked: Look, username: str | None, file: Path | None) -> Credentials | None:
    """Who logs in: from a file, the environment or the terminal; None where nobody can be had."""
    if file is not None:
        source = f"credentials in {display_name(file)}"
        try:
            return Credentials.from_object(read_object(file), source=source)
        except UnreadableError as error:
            raise CredentialsError(f"{source}: {error}") from None
    if looked.authentication is None:
        return None
    asking = sys.stdin.isatty()
    username = username or os.environ.get(USERNAME)
    if username is None and asking:
        username = _asked("User name (empty: no login)", default="", show_default=False) or None
    password, host = os.environ.get(PASSWORD), os.environ.get(HOST) or looked.definition.host
    if username is not None and not password and asking:
        password, host = _password(username), looked.definition.host
    if not username or not password:
        return None
    content = {"username": username, "password": password, "host": host}
    return Credentials.from_object(content, source="init")


def _asked(question: str, **options: Any) -> str:
    """What is typed. Ctrl-C is told as everywhere (`main`), where typer would say "Aborted!" with status 1."""
    try:
        return str(typer.prompt(question, **options))
    except typer.Abort:
        raise _interrupted() from None


def _password(username: str) -> str:
    try:
        return getpass.getpass(f"Password of {one_line(username, 80)} (used now, kept nowhere): ")
    except (KeyboardInterrupt, EOFError):
        raise _interrupted() from None


def _interrupted() -> typer.Exit:
    print(file=sys.stderr)  # the question's line ends here
    return typer.Exit(INTERRUPTED)


def _address(given: Credentials | None, address: str | None, looked: Look) -> str | None:
    """Whose address the test message bears; None where no message can be filed."""
    if given is None or looked.sent is None:
        return None
    guess = given.username if "@" in given.username else f"{given.username}@{looked.definition.host}"
    if address is None and sys.stdin.isatty():
        address = _asked("Address of the mailbox", default=guess)
    return address or guess


def _sent_to(given: Credentials | None, address: str | None, looked: Look) -> str:
    """The address of the mailbox, as far as it can be guessed."""
    name = given.username if given is not None else "monitor"
    return address or (name if "@" in name else f"{name}@{looked.definition.host}")


def _send(server: str, looked: Look, path: Path, tls: dict[str, str], address: str) -> dict[str, Any]:
    if looked.authentication is None and looked.token_authentication is None:
        raise typer.BadParameter("the mailbox needs a login, so that the message can be found", param_hint="--send")

    def ask(question: str, guess: str) -> str:
        return _asked(question, default=guess) if sys.stdin.isatty() else guess

    return send_block(server, looked.definition, path.stem, address, tls, path.parent, ask)


def _tell_what_next(
    path: Path,
    content: dict[str, Any],
    given: Credentials | None,
    looked: Look,
    username: str | None,
    credentials: Path | None,
) -> None:
    print(f"{path}: written for {content['server']}, authentication {content['authentication']}")
    if looked.instead_of is not None:
        print(f"It is not for {looked.instead_of}, which did not work: {looked.reason}")
    if looked.authentication is not None and given is None:
        print("The login was not tried, so this check only logs in; with a user name and password init finds out more.")
    elif given is not None and looked.sent is None:
        print("No sent mailbox was found, so no message is filed. To file one, set new_message.mailbox.")
    if content["authentication"] == "none":
        print(f"Run it:  imapcheck run {shlex.quote(str(path))}")
        print(_when_it_runs(content, looked))
        return
    file = shlex.quote(str(credentials or "secret.json"))
    if credentials is None:
        name = given.username if given is not None else username or os.environ.get(USERNAME) or "..."
        print("Put its credentials into a file that only you can read, such as secret.json:")
        print(f"  {_secret(content['authentication'], name, looked.definition.host)}")
    own_sender = content.get("send", {}).get("secret")
    if own_sender is not None:
        print('It also has the sending login: "send": {"username": "...", "password": "...", "host": "..."}')
    print(f"Run it:  imapcheck run {shlex.quote(str(path))} --credentials {file}")
    print("In AWS the check reads its credentials from a secret:")
    print(f"  aws secretsmanager create-secret --name {content['secret']} --secret-string file://{file}")
    if own_sender is not None:
        print("Create one for the sending login too, with the sending server's host:")
        print(f"  aws secretsmanager create-secret --name {own_sender} --secret-string file://sender.json")
    print(_when_it_runs(content, looked))


def _when_it_runs(content: dict[str, Any], looked: Look) -> str:
    if "schedule" in content:
        return f"Once it is deployed (make deploy), AWS runs it every {content['schedule']['every']}, with alarms."
    if is_of_this_machine(looked):
        return f"AWS cannot reach {looked.definition.host}, so it has no schedule."
    return "It has no schedule: AWS runs it only when you call it by name."


def _secret(authentication: str, username: str, host: str) -> str:
    """The secret's JSON with dots for what is secret."""
    if authentication in ("xoauth2", "oauthbearer"):
        content = dict.fromkeys(("username", "host", "token_url", "client_id", "client_secret", "refresh_token"), "...")
        return json.dumps(content | {"username": username, "host": host})
    return json.dumps({"username": username, "password": "...", "host": host})
