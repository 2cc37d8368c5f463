"""What a deployment refuses: definitions that would fail in the stack, and files that must not be uploaded.

A run from a laptop asks for none of it.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import available_timezones

from imapcheck.definition.access import TlsDefinition, TlsMode
from imapcheck.definition.files import NOTHING, problem_line
from imapcheck.definition.json_text import display_name
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.network.resolver import is_local_name
from imapcheck.stack.sending_rules import refused_sending

_NO_ZONES = {"Factory", "localtime"}
"""What a machine's zone files hold besides zones."""
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_MOST_OCTETS = 1 << 20
"""Of a file beside the definitions: all of the world's authorities are a fifth of it."""


def refusals(
    definition: CheckDefinition, source: str, now: datetime, *, allow_local_addresses: bool = False
) -> list[str]:
    """What the deployed function or CloudWatch would refuse, one line each, beginning with `source`."""
    return [
        problem_line(definition.source_of(field, source), field, found, wanted)
        for field, found, wanted in _refused(definition, now, allow_local_addresses)
    ]


def strays(folder: Path) -> list[str]:
    """One line for each entry of a folder of definitions that is neither one nor a file of certificates in PEM.

    The whole folder becomes a layer of the functions: a secret that lies there would be uploaded with it.
    """
    entries = [entry for entry in sorted(folder.iterdir()) if not (entry.suffix == ".json" and entry.is_file())]
    wanted = "definitions (NAME.json) and certificates in PEM alone, as everything in this folder is deployed"
    return [f"{display_name(entry)}: found {found}, expected {wanted}" for entry in entries if (found := _stray(entry))]


def _stray(entry: Path) -> str | None:
    if not entry.is_file():
        return "a folder" if entry.is_dir() else "something that is not a file"
    if entry.stat().st_size > _MOST_OCTETS:
        return f"a file of more than {_MOST_OCTETS >> 20} MiB"
    content = entry.read_bytes()
    if b"PRIVATE KEY-----" in content:
        return "a private key"
    return None if is_pem(content) else "a file that is neither a definition nor certificates"


def _refused(definition: CheckDefinition, now: datetime, allow_local_addresses: bool) -> Iterator[tuple[str, str, str]]:
    if definition.runs_in_stack and definition.logs_in and definition.secret is None:
        yield "secret", NOTHING, "a check that logs in needs one"
    yield from _refused_authority(definition, "tls", definition.tls, definition.tls_mode)
    yield from refused_sending(definition)
    if definition.send is not None:
        yield from _refused_authority(definition, "send.tls", definition.send.tls, definition.send.tls_mode)
    if definition.runs_in_stack and not allow_local_addresses:
        yield from _refused_hosts(definition)
    for index, mute in enumerate(definition.alarms.mute):
        if mute.timezone != "UTC" and mute.timezone not in available_timezones() - _NO_ZONES:
            yield f"alarms.mute.{index}.timezone", f'"{mute.timezone}"', "a time zone's name such as Europe/Berlin"
        if mute.at is not None and not -1 <= int(mute.at[:4]) - now.year <= 10:
            wanted = "a date and time that exists, from last year to in ten years"
            yield f"alarms.mute.{index}.at", f'"{mute.at}"', wanted


def _refused_hosts(definition: CheckDefinition) -> Iterator[tuple[str, str, str]]:
    """`check.steps.connection` refuses the same addresses, once the name is resolved."""
    for field, server in (("server", definition), ("send.server", definition.send)):
        if server is not None and is_local_name(server.host):
            kind = f"{server.host}, a loopback, link-local or unspecified address"
            yield field, kind, "a server that a check inside Lambda can reach, or no schedule"


def _refused_authority(
    definition: CheckDefinition, field: str, tls: TlsDefinition, mode: TlsMode
) -> Iterator[tuple[str, str, str]]:
    name, path = tls.ca_file, definition.path_of(tls.ca_file)
    if name is None or path is None:
        return
    if Path(name).is_absolute():
        yield f"{field}.ca_file", "an absolute path", "a file beside the definition, as nothing else is deployed"
    elif path.is_file() and not is_pem(path.read_bytes()):
        yield f"{field}.ca_file", f'"{name}"', "certificates in PEM (-----BEGIN CERTIFICATE-----)"
    elif path.is_file() and mode != "none" and not _loads(path):
        yield f"{field}.ca_file", f'"{name}"', "certificates in PEM that OpenSSL can load"


def _loads(path: Path) -> bool:
    from imapcheck.network.tls import client_context  # few definitions bring their own authorities

    try:
        client_context(verify=True, minimum_version="1.2", ca_path=path)
    except DefinitionError:
        return False
    return True


def is_pem(data: bytes) -> bool:
    """Blocks of certificates, as far as their beginnings tell."""
    blocks = list(_blocks(data))
    try:
        # DER begins every certificate with a SEQUENCE (RFC 5280 section 4.1)
        return bool(blocks) and all(base64.b64decode(b"".join(b.split()), validate=True)[:1] == b"\x30" for b in blocks)
    except ValueError:
        return False


def _blocks(data: bytes) -> Iterator[bytes]:
    """What stands between each BEGIN and the next END. It looks for either once, so that no file takes long."""
    at = 0
    while (begin := data.find(_BEGIN, at)) >= 0 and (end := data.find(_END, begin)) >= 0:
        yield data[begin + len(_BEGIN) : end]
        at = end
