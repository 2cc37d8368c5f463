"""A terminal of a given size that a program runs in, and what stands on its screen in the end and on the way."""

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyte

_GIVE_UP = 60


@dataclass
class Seen:
    """`lines` is what a person could scroll through at the end; `frames` each screen on the way; `octets` all of it."""

    status: int
    lines: list[str]
    frames: list[str] = field(repr=False)
    cursor_hidden: bool
    seconds: float
    octets: bytes = field(repr=False)
    echoes: bool
    """What is typed, in the end."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def run_in_terminal(
    *arguments: str | Path,
    columns: int = 80,
    rows: int = 24,
    typed: Sequence[tuple[str, str]] = (),
    encoding: str = "utf-8",
    **environment: str,
) -> Seen:
    """Run `imapcheck` with `arguments`.

    `typed` are pairs: once the screen shows the first, the second is typed (`\\x03` is Ctrl-C). The encoding
    is the locale's: `utf-8` or `ascii`.
    """
    main, other = os.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    program = "from imapcheck.cli.app import main; main()"
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=other, stdout=other, stderr=other,
        env={
            "PATH": os.environ["PATH"], "XDG_STATE_HOME": os.environ.get("XDG_STATE_HOME", ""),
            "TERM": "xterm-256color", "PYTHONIOENCODING": encoding, **environment,
        },
        preexec_fn=lambda: os.login_tty(other),
    )  # fmt: skip
    os.close(other)
    screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=1)
    stream = pyte.ByteStream(screen)
    frames: list[str] = []
    waiting, octets = list(typed), b""
    while (data := _read(main, process, began)) is not None:
        stream.feed(data)
        octets += data
        frames.append("\n".join(line.rstrip() for line in screen.display))
        if waiting and waiting[0][0] in frames[-1]:
            os.write(main, waiting.pop(0)[1].encode())
    status = process.wait(10)
    seconds = time.monotonic() - began
    echoes = bool(termios.tcgetattr(main)[3] & termios.ECHO)
    os.close(main)
    history = ["".join(line[index].data for index in range(columns)).rstrip() for line in screen.history.top]
    lines = [*history, *(line.rstrip() for line in screen.display)]
    while lines and not lines[-1]:
        lines.pop()
    return Seen(status, lines, frames, screen.cursor.hidden, seconds, octets, echoes)


def _read(main: int, process: subprocess.Popen[bytes], began: float) -> bytes | None:
    """What comes next; None at the end."""
    while time.monotonic() < began + _GIVE_UP:
        with contextlib.suppress(OSError):  # EIO: the other side has closed
            if select.select([main], [], [], 0.2)[0]:
                return os.read(main, 65536) or None
            continue
        return None
    process.kill()
    raise TimeoutError("the program did not end")
