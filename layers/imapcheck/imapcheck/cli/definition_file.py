"""The definition that `init` writes: what stands in it, what it is called, and where it goes."""

import json
import re
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import typer

from imapcheck.cli.look import Look
from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.plain import server_url

NEVER = "none"
_DEFAULT_EVERY = "5m"
_SUBJECT = "IMAP testing"


def name_of(text: str) -> str:
    """A check's name from a user name or a host: `monitor@example.com` is `monitor-at-example-com`."""
    text = text.strip().lower()
    bare = re.sub(r"^[a-z]+://|[:/].*$", "", text).replace("@", "-at-")
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:40].strip("-") or "mail"


def content_of(looked: Look, name: str, tls: dict[str, str], address: str | None) -> dict[str, Any]:
    """The definition: what it searches for is what it files, in the mailbox where that is filed."""
    content: dict[str, Any] = {"server": server_url(looked.definition)}
    authentication = looked.authentication or looked.token_authentication
    if authentication is None:
        content["authentication"] = "none"
    else:
        content |= {"secret": f"imapcheck/{name}", "authentication": authentication}
    if address is not None:
        content["search"] = {"subject": _SUBJECT, "mailbox": looked.sent, "min_matches": 0}
        content["new_message"] = {
            "from": address,
            "to": address,
            "subject": _SUBJECT,
            "message": "Sent by imapcheck to see that mail can be filed.\n",
            "keep_for": "1d",
        }
        if looked.sent != "\\Sent":
            content["new_message"]["mailbox"] = looked.sent
    return content | ({"tls": tls} if tls else {})


def schedule(every: str, looked: Look) -> dict[str, Any]:
    """Unless asked for none, or where AWS cannot get to the server: without it nothing would run the check there."""
    if every == NEVER or (not every and is_of_this_machine(looked)):
        return {}
    return {"schedule": {"every": every or _DEFAULT_EVERY}}


def is_of_this_machine(looked: Look) -> bool:
    """The server is on this machine, where no function of AWS gets to."""
    host = looked.definition.host
    return ip_address(host).is_loopback if looked.definition.host_is_address else host == "localhost"


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the definition, with `$schema` where that lies in `docs` beside its folder. Exits where it cannot."""
    schema = Path("docs/check.schema.json")
    if schema.is_file() and path.parent.resolve().parent == Path.cwd():
        content = {"$schema": f"../{schema}", **content}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"{path}: {(error.strerror or 'cannot be written').lower()}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
