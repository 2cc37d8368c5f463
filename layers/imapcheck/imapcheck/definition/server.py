"""Where a check connects to: the many ways to write a server, and the one meaning of each."""

import ipaddress
import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")
"""What Linux takes as the name of an interface (IFNAMSIZ), without what only tricks would use."""


class Protocol(NamedTuple):
    """A protocol's scheme in clear text, which becomes that of TLS with an `s`, and the port of each (RFC 8314)."""

    scheme: str
    port: int
    tls_port: int
    not_here: str

    @property
    def expected(self) -> str:
        """Words for an error."""
        return f"a URL such as {self.scheme}s://host:{self.tls_port}/ or a host, host:port, IPv4 or [IPv6]:port"


IMAP = Protocol("imap", 143, 993, "the mailbox belongs in search.mailbox")
SUBMISSION = Protocol("smtp", 587, 465, "nothing else is needed to send")


class Endpoint(NamedTuple):
    """A host in ASCII, a port and the TLS mode that the way of writing implies."""

    host: str
    port: int
    tls_mode: Literal["implicit", "starttls"]
    is_address: bool


def parse_server(text: str, tls_mode: str | None = None, protocol: Protocol = IMAP) -> Endpoint:
    """Read `server` or `send.server`; `tls_mode` is the definition's own, if it gives one.

    A bare host means TLS from the start; with a `tls_mode` of `starttls` or `none` its default port is the other.
    Raises ValueError with what was expected; the text never repeats user information.
    """
    if text != text.strip() or any(ord(char) < 0x21 or char == "\\" for char in text):
        raise ValueError(f"{protocol.expected}, without spaces")
    scheme, separator, _ = text.partition("://")
    if separator:
        modes: dict[str, Literal["implicit", "starttls"]] = {
            f"{protocol.scheme}s": "implicit", protocol.scheme: "starttls"
        }  # fmt: skip
        if scheme.lower() not in modes:
            raise ValueError(f"{protocol.expected}; the scheme is {' or '.join(modes)}")
        mode = implied = modes[scheme.lower()]
        host, port = _split_url(text, protocol)
    else:
        mode, implied = "implicit", "implicit" if tls_mode in (None, "implicit") else "starttls"
        host, port = _split_bare(text, protocol)
    host, is_address = _canonical_host(host, protocol)
    default_port = protocol.tls_port if implied == "implicit" else protocol.port
    return Endpoint(host, default_port if port is None else port, mode, is_address)


def canonical_host(text: str) -> str:
    """The form in which two ways of writing a host compare equal; raises ValueError."""
    return _canonical_host(text.removeprefix("[").removesuffix("]"), IMAP)[0]


def _split_url(text: str, protocol: Protocol) -> tuple[str, int | None]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(protocol.expected) from None
    if "@" in parts.netloc:
        raise ValueError("a URL without user information; credentials belong in the secret")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError(f"a URL without path, query or fragment; {protocol.not_here}")
    if not host or parts.netloc.endswith(":"):
        raise ValueError(protocol.expected)
    return host, _port(str(port)) if port is not None else None


def _split_bare(text: str, protocol: Protocol) -> tuple[str, int | None]:
    if "@" in text:
        raise ValueError("a host without user information; credentials belong in the secret")
    if match := re.fullmatch(r"\[([^\]]+)\](?::([0-9]+))?", text):
        return match[1], _port(match[2]) if match[2] else None
    if text.count(":") > 1:  # an IPv6 address without brackets cannot carry a port
        return text, None
    host, colon, port = text.partition(":")
    if colon and not port:
        raise ValueError(protocol.expected)
    return host, _port(port) if colon else None


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("a port from 1 to 65535")
    return int(text)


def _canonical_host(host: str, protocol: Protocol) -> tuple[str, bool]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        _require_plain_zone(address, protocol)
        return str(address), True
    name = _ascii_name(host, protocol).lower().removesuffix(".")
    labels = name.split(".")
    looks_like_address = labels[-1].isdigit()
    if len(name) > 253 or looks_like_address or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(protocol.expected)
    return name, False


def _require_plain_zone(address: ipaddress.IPv4Address | ipaddress.IPv6Address, protocol: Protocol) -> None:
    """A zone (RFC 4007 section 11) is free text to `ipaddress`, and would go as it is into templates and terminals."""
    zone = getattr(address, "scope_id", None)
    if zone is not None and not _ZONE.fullmatch(zone):
        raise ValueError(f"{protocol.expected}; the zone after % is the name of a network interface such as eth0")


def _ascii_name(host: str, protocol: Protocol) -> str:
    if host.isascii():
        return host
    import idna  # only for the few hosts that need it: its tables cost a cold start some milliseconds

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError(f"{protocol.expected}; this name is not a valid internationalised one") from None
