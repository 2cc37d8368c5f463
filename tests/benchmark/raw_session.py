"""The reference session over a raw TLS socket: the same octets as ours in single writes, and nothing else.

The floor that `overhead` and `round_trips` compare with. It reads no more than it must and checks nothing but OK.
"""

import base64
import re
import socket
import ssl
import time

STEPS = (
    "connect", "tls", "greeting", "capability", "authenticate", "namespace", "list", "examine", "search", "fetch",
    "locate_sent", "append", "logout",
)  # fmt: skip


class RawSession:
    """`run()` returns milliseconds by step."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, user: str, password: str, term: str) -> None:
        self._place, self._context, self._term = (host, port), context, term.encode()
        self._login = base64.b64encode(f"\0{user}\0{password}".encode())

    def run(self, message: bytes) -> dict[str, float]:
        times: dict[str, float] = {}
        last = time.perf_counter()

        def mark(step: str) -> None:
            nonlocal last
            now = time.perf_counter()
            times[step] = times.get(step, 0.0) + (now - last) * 1000
            last = now

        sock = socket.create_connection(self._place, 20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mark("connect")
        self._sock = self._context.wrap_socket(sock, server_hostname="localhost")
        mark("tls")
        self._file, self._count = self._sock.makefile("rb"), 0
        self._file.readline()
        mark("greeting")
        listing = b'LIST "" "%" RETURN (SUBSCRIBED CHILDREN)'
        for step, command in (
            ("capability", b"CAPABILITY"),
            ("authenticate", b"AUTHENTICATE PLAIN " + self._login),
            ("namespace", b"NAMESPACE"),
            ("list", b'LIST "" "INBOX"'),
            ("list", b'LIST (SPECIAL-USE) "" "*"'),
            ("list", listing),
            ("examine", b'EXAMINE "INBOX" (CONDSTORE)'),
        ):
            self._command(command)
            mark(step)
        found = self._command(b'UID SEARCH RETURN () CHARSET US-ASCII SUBJECT "' + self._term + b'"')
        mark("search")
        match = re.search(rb"ALL (\S+)", found)
        assert match is not None
        self._command(b"UID FETCH %s (BODY.PEEK[])" % re.split(rb"[,:]", match[1])[-1])
        mark("fetch")
        self._command(listing)
        mark("locate_sent")
        self._command(b'APPEND "Sent" {%d}' % len(message), message)
        mark("append")
        self._command(b"LOGOUT")
        mark("logout")
        self._sock.close()
        times["total"] = sum(times.values())
        return times

    def _command(self, command: bytes, literal: bytes = b"") -> bytes:
        self._count += 1
        tag = b"A%04d" % self._count
        self._sock.sendall(tag + b" " + command + b"\r\n")
        received = b""
        while True:
            line = self._file.readline()
            received += line
            if line.startswith(tag):
                assert line.startswith(tag + b" OK"), line
                return received
            if line.startswith(b"+"):
                self._sock.sendall(literal + b"\r\n")
            elif counted := re.search(rb"\{(\d+)\}\r\n$", line):
                self._file.read(int(counted[1]))
