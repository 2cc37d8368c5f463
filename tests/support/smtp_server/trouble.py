"""What a hostile server may do instead of an answer; the rest is `wire_server`'s."""

from support.wire_server import Exchange


def drip(exchange: Exchange) -> None:
    """One octet every 0.2 s, without end."""
    for octet in b"250-" + b"x" * 200:
        if exchange.server.stopping.wait(0.2):
            break
        exchange.send(bytes([octet]))


def endless_line(exchange: Exchange) -> None:
    """A line that does not end."""
    exchange.send(b"250 ")
    while not exchange.server.stopping.is_set():
        exchange.send(b"x" * 65536)


def endless_lines(exchange: Exchange) -> None:
    """A reply of lines without end."""
    while not exchange.server.stopping.is_set():
        exchange.send(b"250-and more\r\n" * 4000)
