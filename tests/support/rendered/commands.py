"""What `imapcheck init` writes and says next, and what `imapcheck explain` knows."""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import typer

from imapcheck.cli import init as command
from imapcheck.cli.explain import explanation
from imapcheck.cli.look import Look
from imapcheck.definition.files import parse_definition
from support.full_results import available, refused
from support.more_results import unreachable
from support.rendered.paper import Paper, sheet

HOST = "imap.example.com"
PASSWORD = {"IMAPCHECK_USERNAME": "monitor", "IMAPCHECK_PASSWORD": "not shown"}
ADDRESS = {**PASSWORD, "IMAPCHECK_USERNAME": "monitor@mail.example"}


def init(host: str, mechanisms: tuple[str, ...], sent: str | None, environment: dict[str, str], **options: Any) -> str:
    """One call without a terminal; what the server offers is given."""
    definition = parse_definition({"server": f"imaps://{HOST}:993/", "authentication": "none"}, source="init")
    seen = Look(definition, options.pop("result", available()), mechanisms)
    logged_in = Look(definition, options.pop("login", available()), mechanisms, sent)
    paper, printed = Paper(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {"IMAPCHECK_USERNAME": "", **environment}),
        mock.patch.object(command, "look", return_value=seen),
        mock.patch.object(command, "log_in", return_value=logged_in),
        mock.patch.object(command, "console_for", return_value=paper.console),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        try:
            command.init(host, **options)
        except typer.Exit as left:
            printed.write(f"(exit status {left.exit_code})\n")
        written = [f"--- {file}\n{file.read_text()}" for file in sorted(Path().rglob("*.json"))]
    return paper.text.lstrip("\n") + printed.getvalue() + "".join(written)


CALLS: dict[str, Callable[[], str]] = {
    "everything is there": partial(init, HOST, ("plain",), "\\Sent", ADDRESS),
    "a mailbox by its name, a user without an address": partial(
        init, HOST, ("login", "cram-md5"), "Gesendet", PASSWORD
    ),
    "an address that is given": partial(init, HOST, ("plain",), "\\Sent", PASSWORD, address="me@mail.example"),
    "no message": partial(init, HOST, ("plain",), "\\Sent", ADDRESS, message=False),
    "no mailbox for sent mail": partial(init, HOST, ("plain",), None, ADDRESS),
    "no credentials": partial(init, HOST, ("scram-sha-256", "plain"), "\\Sent", {}),
    "a name without a password": partial(init, HOST, ("plain",), "\\Sent", {"IMAPCHECK_USERNAME": "monitor"}),
    "a token": partial(init, HOST, ("xoauth2", "oauthbearer"), None, {}),
    "the other token": partial(init, HOST, ("xoauth2",), None, ADDRESS),
    "no login": partial(init, HOST, (), None, {}),
    "not reached": partial(init, HOST, (), None, {}, result=unreachable("init")),
    "refused": partial(init, HOST, ("plain",), None, ADDRESS, login=refused("init")),
    "another file": partial(init, "IMAPS://Mail.Example:993/", (), None, {}, output=Path("my checks/mail.json")),
    "a name from a URL": partial(init, "imaps://Mail.Example:993/", (), None, {}),
    "a name of nothing": partial(init, "[::1]", (), None, {}),
}


def all_of_init() -> str:
    return "".join(sheet(title, call()) for title, call in CALLS.items())


def explain() -> str:
    """All of it, a category, a type, words that are neither; at several widths."""
    calls: tuple[tuple[str | None, int], ...] = (
        (None, 80), ("ssl", 30), ("Over-Quota", 120), ("timeout", 60), ("mailbox_not_there", 80), ("zzz", 80),
    )  # fmt: skip
    parts = []
    for word, columns in calls:
        with mock.patch.dict(os.environ, {"COLUMNS": str(columns)}):
            try:
                shown = explanation(word)
            except LookupError as error:
                shown = f"(LookupError) {error}"
        parts.append(sheet(f"{word}, columns {columns}", shown))
    return "".join(parts)


SCENES: dict[str, Callable[[], str]] = {"init.txt": all_of_init, "explain.txt": explain}
