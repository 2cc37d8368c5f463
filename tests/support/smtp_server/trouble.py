"""What a hostile server may do instead of an answer; the rest is `wire_server`'s."""

from support.wire_server import Action, Exchange, reset


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


def stop_reading(last_words: bytes) -> Action:
    """Invite a message, and end the session with `last_words` while it comes."""

    def act(exchange: Exchange) -> None:
        exchange.send(b"354 go on\r\n")
        exchange.connection.line()
        exchange.send(last_words)
        reset(exchange)

    return act
