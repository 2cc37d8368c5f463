"""What is drawn again and again on a terminal, and taken away in the end; and lines without blanks at their end."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment

_TICK = 0.5
_ENDS = (signal.SIGINT, signal.SIGTERM)


class Trimmed:
    """Something that rich lays out, without the blanks that fill its lines: they would be copied with the text."""

    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self._content, options, pad=False):
            while line and not line[-1].text.strip(" "):
                line.pop()
            if line:
                last = line.pop()
                yield from line
                yield Segment(last.text.rstrip(" "), last.style, last.control)
            yield Segment.line()


class LiveDisplay:
    """A rich `Live` that begins when there is something to show, redrawn on events, by `clock` also twice a second.

    Meanwhile the terminal does not echo: what is typed, the `^C` of Ctrl-C too, would move the cursor from where it is
    drawn anew, and leave lines of it behind.
    """

    def __init__(self, console: Console, content: Callable[[], RenderableType], *, clock: bool = True) -> None:
        self._live = Live(
            console=console, auto_refresh=False, transient=True, get_renderable=lambda: Trimmed(content())
        )
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._clock = clock
        self._echo = contextlib.ExitStack()

    def show(self) -> None:
        """Draw what there is now."""
        with self._lock:
            if self._stopped.is_set():
                return
            if not self._live.is_started:
                self._echo.enter_context(_without_echo())
                self._live.start()
                if self._clock:
                    threading.Thread(target=self._tick, name="clock", daemon=True).start()
            self._live.refresh()

    def stop(self) -> None:
        """Take it away and give the cursor back."""
        with self._lock, self._echo:
            self._stopped.set()
            self._live.stop()

    def _tick(self) -> None:
        while not self._stopped.wait(_TICK):
            self.show()


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """What is drawn within is drawn to its end: Ctrl-C and SIGTERM count after it. In the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextlib.contextmanager
def _without_echo() -> Iterator[None]:
    """Of the terminal that is typed on, where there is one."""
    try:
        import termios
    except ImportError:  # POSIX alone has it
        termios = None  # type: ignore[assignment]
    if termios is None or sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    termios.tcsetattr(keyboard, termios.TCSANOW, [*before[:3], before[3] & ~termios.ECHO, *before[4:]])
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)
