"""The server: a listener, and a thread for each connection."""

import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Self

from support.wire_server.connection import Connection, Gone
from support.wire_server.dialect import Dialect
from support.wire_server.script import Action, Exchange
from support.wire_server.session import Session


class WireServer:
    """Serves each connection in a thread until the context ends."""

    def __init__(
        self,
        dialect: Dialect | None = None,
        script: Mapping[str, Action] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.dialect = dialect or Dialect()
        self.script = dict(script or {})
        self.commands: list[str] = []
        self.appended: list[bytes] = []
        self.sessions: list[Connection] = []
        self.connections = 0
        self.stopping = threading.Event()
        self.tls, self.starttls = tls, starttls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=200)
        self.host, self.port = host, self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.close()
        # close() does not wake accept(): a connection of our own does.
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as nudge:
            nudge.settimeout(0.2)
            nudge.connect_ex((self.host, self.port))
        for thread in self._threads:
            thread.join(5)

    def session(self, connection: Connection) -> Session:
        """Who answers one connection; a server that keeps mail has another one (`mail_server`)."""
        return Session(self, connection)

    @property
    def raw(self) -> bytes:
        """Every octet that clients sent, TLS and SASL taken off, in the order of their connections."""
        return b"".join(bytes(connection.raw) for connection in self.sessions)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.stopping.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(30)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        self.sessions.append(connection)
        try:
            if "CONNECT" in self.script:
                self.script["CONNECT"](Exchange(self, connection, b"", "CONNECT", b""))
            if self.tls is not None:
                if "TLS" in self.script and not self.script["TLS"](Exchange(self, connection, b"", "TLS", b"")):
                    return
                connection.sock = self.tls.wrap_socket(sock, server_side=True)
            self.session(connection).run()
        except (Gone, OSError):
            pass
        finally:
            connection.sock.close()
