"""One client's connection, as the server sees it."""

import socket
import struct
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Connection:
    """One client: octets in, octets out, and a line reader that joins literals in."""

    sock: socket.socket
    received: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def close(self) -> None:
        try:
            self.sock.close()
        finally:
            raise Gone

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def wait_until_gone(self, stopping: threading.Event) -> None:
        """Read and forget until the client closes, 30 s have passed or the server stops."""
        self.sock.settimeout(0.02)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up and not stopping.is_set():
            try:
                if not self.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def line(self) -> bytes:
        while b"\n" not in self.received:
            self._fill()
        end = self.received.index(b"\n") + 1
        line = bytes(self.received[:end])
        del self.received[:end]
        return line.rstrip(b"\r\n")

    def wait(self, seconds: float) -> None:
        """Take in what comes within `seconds`, if anything does."""
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return
        except OSError as error:
            raise Gone from error
        finally:
            self.sock.settimeout(before)
        if not data:
            raise Gone
        self.received += data
        self.raw += data

    def exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            self._fill()
        data = bytes(self.received[:count])
        del self.received[:count]
        return data

    def _fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.received += data
        self.raw += data


class Gone(Exception):
    """The connection is over."""
