"""`imapcheck init --send`: look at the submission server, ask what it cannot show, and make the block `send`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from imapcheck.check.sender_look import SenderLook, look_at_sender
from imapcheck.definition.access import Authentication
from imapcheck.definition.files import parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.server import SUBMISSION, parse_server
from imapcheck.wording import failure_line

_PREFERRED: tuple[Authentication, ...] = (
    "plain", "scram-sha-256", "scram-sha-1", "login", "cram-md5", "oauthbearer", "xoauth2",
)  # fmt: skip

type Ask = Callable[[str, str], str]
"""A question and its default; returns the default where nobody can be asked."""


class SenderUnusable(Exception):
    """The submission server could not be looked at; the text says why."""


def send_block(
    server: str, reader: CheckDefinition, name: str, address: str, tls: dict[str, str], directory: Path, ask: Ask
) -> dict[str, Any]:
    """`send` for the mailbox of `address`. A bare host is tried with TLS on 465, then with STARTTLS on 587.

    Raises `DefinitionError`, and `SenderUnusable` where the server cannot be used.
    """
    url, looked = _looked_at(server, tls, directory)
    sender = parse_server(url, protocol=SUBMISSION)
    mechanisms = {mechanism.lower() for mechanism in looked.mechanisms}
    authentication = next((known for known in _PREFERRED if known in mechanisms), None)
    block: dict[str, Any] = {"server": url}
    if authentication is None:
        block["authentication"] = "none"
    else:
        if sender.host != reader.host:
            block["secret"] = f"imapcheck/{name}-sender"
        if authentication != "plain":
            block["authentication"] = authentication
    block |= {"from": ask("Address that it sends from", address), "to": ask("Address whose mail arrives here", address)}
    return block | {"keep_for": "1d"} | ({"tls": tls} if tls else {})


def _looked_at(server: str, tls: dict[str, str], directory: Path) -> tuple[str, SenderLook]:
    urls = [server] if "://" in server else [f"smtps://{server}/", f"smtp://{server}/"]
    told: list[str] = []
    for url in urls:
        looked = look_at_sender(_definition(url, tls, directory))
        if looked.problem is None:
            return url, looked
        told.append(f"{url}: {failure_line(*looked.problem)}")
    raise SenderUnusable("\n".join(told))


def _definition(url: str, tls: dict[str, str], directory: Path) -> CheckDefinition:
    send = {"server": url, "from": "a@example.com", "to": "a@example.com", "tls": tls}
    content = {"name": "init", "server": "imaps://localhost/", "send": send}
    return parse_definition(content, source="init: --send", directory=directory)
