"""What may happen instead of the usual answer: a script maps a command's name to one of these."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.wire_server.connection import Connection

if TYPE_CHECKING:
    from support.wire_server.server import WireServer


@dataclass
class Exchange:
    """One command under way: what a script may look at and send through."""

    server: "WireServer"
    connection: "Connection"
    tag: bytes
    name: str
    line: bytes

    def send(self, data: bytes) -> None:
        self.connection.send(data)


type Action = Callable[[Exchange], bool | None]
"""Does something; True means that the usual answer follows."""


def delay(seconds: float) -> Action:
    """Wait, then answer as usual."""

    def act(exchange: Exchange) -> bool:
        time.sleep(seconds)
        return True

    return act


def once(action: Action) -> Action:
    """Do so the first time, then answer as usual."""
    done: list[Exchange] = []

    def act(exchange: Exchange) -> bool | None:
        done.append(exchange)
        return action(exchange) if len(done) == 1 else True

    return act


def hang(exchange: Exchange) -> None:
    """Never answer, until the client has gone."""
    exchange.connection.wait_until_gone(exchange.server.stopping)
    exchange.connection.close()


def close(exchange: Exchange) -> None:
    """Close the connection without a word."""
    exchange.connection.close()


def reset(exchange: Exchange) -> None:
    """Reset the connection."""
    exchange.connection.reset()


def drip(exchange: Exchange) -> None:
    """One octet every 0.2 s, without end."""
    for octet in b"* OK " + b"x" * 200:
        if exchange.server.stopping.wait(0.2):
            break
        exchange.send(bytes([octet]))


def endless_line(exchange: Exchange) -> None:
    """A line that does not end."""
    exchange.send(b"* OK ")
    while not exchange.server.stopping.is_set():
        exchange.send(b"x" * 65536)


def endless_lines(exchange: Exchange) -> None:
    """Untagged responses without end."""
    while not exchange.server.stopping.is_set():
        exchange.send(b"* 1 EXISTS\r\n* OK still here\r\n" * 2000)


def huge_literal(exchange: Exchange) -> None:
    """A literal of 2 GB, of which 64 KiB come."""
    name = b"4 FETCH (UID 4 BODY[]" if exchange.name == "UID FETCH" else b'LIST () "/"'
    exchange.send(b"* " + name + b" {2147483648}\r\n" + b"x" * 65536)
    hang(exchange)


def echo(exchange: Exchange) -> None:
    """The command comes back as the answer."""
    exchange.send(exchange.tag + b" " + exchange.line + b"\r\n")
    hang(exchange)


def reply(*lines: bytes, then: Action | None = None) -> Action:
    """Literal answers, `%t` standing for the tag; then `then`, or on with the session."""

    def act(exchange: Exchange) -> bool | None:
        for line in lines:
            exchange.send(line.replace(b"%t", exchange.tag) + b"\r\n")
        return then(exchange) if then is not None else None

    return act


def raw(data: bytes, then: Action | None = None) -> Action:
    """Octets as they are, `%t` standing for the tag."""

    def act(exchange: Exchange) -> bool | None:
        exchange.send(data.replace(b"%t", exchange.tag))
        return then(exchange) if then is not None else None

    return act


no = reply(b"%t NO not today")
bad = reply(b"%t BAD what is that")
bye = reply(b"* BYE maintenance", then=close)
garbage = reply(b"\x00\x9f}{ what", then=hang)
wrong_tag = reply(b"ZZ99 OK done", then=hang)
