"""Standard output and error that outlive their reader, and that write whatever the locale."""

import io
import os
import select
import sys
from typing import TextIO

_STANDARD_ERROR = 2


def make_patient() -> None:
    """From now on a reader that has gone loses what follows and changes nothing else, the exit status least of all.

    What cannot be written for another reason is told once, and `output_lost` knows. A stream that was closed before
    the start is /dev/null: else the next file or connection would take its number, and what is printed.
    """
    _open_what_is_closed()
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)


def _open_what_is_closed() -> None:
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", _STANDARD_ERROR, "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, so mostly this one
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def output_lost() -> bool:
    """Standard output could not be written in full, as on a full disk; a reader that has gone is not meant."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Patient) and raw.lost


def warn(text: str) -> None:
    """A line on standard error, at once: a service's journal takes it."""
    print(f"imapcheck: warning: {text}", file=sys.stderr, flush=True)


def write_utf8() -> None:
    """Standard output in UTF-8, for formats that say so, whatever the locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _patient(stream: TextIO) -> TextIO:
    """`stream` by way of `_Patient`. What the locale cannot write is escaped; a stream of a test is left alone."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    raw = _Patient(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors="backslashreplace", line_buffering=True
    )


class _Patient(io.FileIO):
    """A descriptor that goes on as /dev/null once nothing can be written to it, silently where a pipe was closed."""

    lost = False
    """Something could not be written, though somebody may still read it."""

    def write(self, data: object, /) -> int:
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self.fileno()], [])  # a pipe that does not block, and is full
            return written
        except OSError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            if not isinstance(error, BrokenPipeError) and self.fileno() != _STANDARD_ERROR:
                self.lost = True
                os.write(
                    _STANDARD_ERROR, f"standard output: {(error.strerror or 'cannot be written').lower()}\n".encode()
                )
            return super().write(data)  # type: ignore[arg-type]
