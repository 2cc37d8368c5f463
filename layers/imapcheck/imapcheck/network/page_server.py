"""A server for a few pages and nothing else: whoever reaches its port may send anything.

A request may take so much time and length; a few are served at once, all others are turned away.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

MOST_AT_ONCE = 16
_MOST_OCTETS = 8192
_SECONDS = 5.0
"""For a request to come, and again for its answer to go."""
_PLAIN = "text/plain; charset=utf-8"
_REQUEST = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]{1,2000}) HTTP/1\.[01]")


class Page(NamedTuple):
    """An answer; without a body it is the status in words."""

    status: HTTPStatus
    body: str | None = None
    kind: str = _PLAIN


class PageServer:
    """Serves `pages` by their paths to GET and HEAD; raises OSError where it cannot listen."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self._pages = pages
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=MOST_AT_ONCE)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def start(self) -> None:
        """Serve from now on, until the process ends or `close`."""
        threading.Thread(target=self._serve, name="listen", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._socket.close()

    def _serve(self) -> None:
        while self._socket.fileno() >= 0:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # the client has gone, or no descriptor is left: others may come
                time.sleep(0.1)
                continue
            if not self._slots.acquire(blocking=False):
                connection.close()
                continue
            try:
                threading.Thread(target=self._answer, args=(connection,), name="page", daemon=True).start()
            except RuntimeError:  # no thread can be started
                self._slots.release()
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection:
                request = _head(connection, time.monotonic() + _SECONDS)
                if request is not None:
                    connection.settimeout(_SECONDS)  # for all of it
                    connection.sendall(self._response(request))
                    connection.shutdown(socket.SHUT_WR)
        except OSError:  # a client that leaves or does not read is its own matter
            pass
        finally:
            self._slots.release()

    def _response(self, request: bytes) -> bytes:
        match = _REQUEST.fullmatch(request.partition(b"\r\n")[0])
        if match is None:
            return _message(Page(HTTPStatus.BAD_REQUEST))
        if match[1] not in (b"GET", b"HEAD"):
            return _message(Page(HTTPStatus.METHOD_NOT_ALLOWED), "Allow: GET, HEAD\r\n")
        page = self._pages.get(match[2].partition(b"?")[0].decode("ascii"))
        whole = _message(Page(HTTPStatus.NOT_FOUND) if page is None else page())
        return whole if match[1] == b"GET" else whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _head(connection: socket.socket, ends: float) -> bytes | None:
    """What came up to the empty line; None where that does not come, in time or at all. A body is not read."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        left = ends - time.monotonic()
        if left <= 0 or len(octets) >= _MOST_OCTETS:
            return None
        connection.settimeout(left)
        part = connection.recv(_MOST_OCTETS - len(octets))
        if not part:
            return None
        octets += part
    return octets


def _message(page: Page, extra: str = "") -> bytes:
    status = page.status
    content = (f"{status.phrase}\n" if page.body is None else page.body).encode()
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: {page.kind}\r\nContent-Length: {len(content)}\r\n{extra}"
        "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
