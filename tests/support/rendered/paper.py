"""Terminals of a fixed size that keep what was written on them."""

import contextlib
import io
import re
from collections.abc import Callable, Iterator

from rich.console import Console

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
_CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-ln-z]|\r")


class Paper:
    """A terminal, or with `pipe` a pipe; what its encoding cannot write is escaped, as the command line does."""

    def __init__(
        self, columns: int = 80, encoding: str = "utf-8", *, pipe: bool = False, colours: bool = False
    ) -> None:
        self._octets = io.BytesIO()
        file = io.TextIOWrapper(self._octets, encoding=encoding, errors="backslashreplace", write_through=True)
        self._encoding = encoding
        self.console = Console(
            file=file, width=columns, height=40, force_terminal=not pipe, highlight=False, legacy_windows=False,
            color_system="standard" if colours else None, _environ={"TERM": "xterm"},
        )  # fmt: skip

    @property
    def text(self) -> str:
        """Lines without what only moves the cursor; a colour is written as `[1;31]`."""
        written = self._octets.getvalue().decode(self._encoding)
        lines = _COLOUR.sub(lambda match: f"[{match[1]}]", _CONTROL.sub("", written)).split("\n")
        return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"

    @property
    def hidden_cursors(self) -> tuple[int, int]:
        """How often the cursor was taken away, and how often it was given back."""
        written = self._octets.getvalue().decode(self._encoding)
        return written.count("\x1b[?25l"), written.count("\x1b[?25h")

    @property
    def left(self) -> str:
        """What was written once the cursor was back, and so stays."""
        written = self._octets.getvalue().decode(self._encoding).rpartition("\x1b[?25h")[2]
        return _CONTROL.sub("", written)

    @property
    def frames(self) -> str:
        """What stood on one line, one after the other, each once."""
        pieces = [
            piece.strip()
            for piece in re.split(r"\r|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A", self._octets.getvalue().decode())
        ]
        lines = "\n".join(piece for at, piece in enumerate(pieces) if piece and piece not in pieces[:at]).split("\n")
        return "\n".join(line.rstrip() for line in lines) + "\n"


def sheet(title: str, text: str) -> str:
    """A part of a file under its title."""
    return f"=== {title}\n{text}{'' if text.endswith('\n') else '\n'}\n"


def on_papers(draw: Callable[[Console], None], **papers: Paper) -> str:
    """The same drawn on each."""
    parts = []
    for title, paper in papers.items():
        with standard_error() as error:
            draw(paper.console)
        told = f"(standard error)\n{error.getvalue()}" if error.getvalue() else ""
        shown = "" if paper.text == "\n" else paper.text
        parts.append(sheet(title.replace("_", " "), shown + told or "(nothing)\n"))
    return "".join(parts)


@contextlib.contextmanager
def standard_error() -> Iterator[io.StringIO]:
    """What is said there meanwhile."""
    with contextlib.redirect_stderr(io.StringIO()) as error:
        yield error
