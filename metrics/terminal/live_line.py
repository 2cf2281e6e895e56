"""A line at the bottom of a terminal, below all that is printed there while it is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.control import Control
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from metrics.terminal.console import err, out

# Rich itself erases one row, and only before what the same console prints. A terminal that was narrowed shows a long
# line in several rows. With the cursor left at its beginning, all of them are after it, whatever the terminal does.
_ERASE = Segments([Segment("\r\x1b[J", None, [(ControlType.CARRIAGE_RETURN,)])])
_BEGINNING = Control(ControlType.CARRIAGE_RETURN)


class LiveLine(RenderHook):
    """A line on a terminal that is erased before anything is printed on either console, and shown again after it.

    A terminal that cannot erase (TERM=dumb) shows no such line.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console = out) -> None:
        self._console = console
        self._text = Text(end="")
        self._is_shown = not console.is_dumb_terminal

    def start(self) -> None:
        """Begin to show the line, which is empty at first."""
        if not self._is_shown:
            return
        self._console.show_cursor(show=False)
        for console in _terminals():
            console.push_render_hook(self)

    def stop(self) -> None:
        """Erase the line."""
        if not self._is_shown:
            return
        for console in _terminals():
            console.pop_render_hook()
        self._console.print(_ERASE, end="")
        self._console.show_cursor()

    def __enter__(self) -> "LiveLine":
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    def show(self, text: Text) -> None:
        """Show a text in one row; what does not fit is left out."""
        if not self._is_shown:
            return
        line = text.copy()
        line.end = ""
        line.truncate(self._console.width, overflow="ellipsis")
        self._text = line
        self._console.print(Control())

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what is to be printed, with the line around it."""
        return [_ERASE, *renderables, self._text, _BEGINNING]


class _Erasing(RenderHook):
    """A hook that erases a progress bar, which is drawn again by itself, before a line is printed."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_ERASE, *renderables]


@contextmanager
def erased_by_errors() -> Iterator[None]:
    """Erase the row of the cursor before each line on standard error, for the duration of the context."""
    if err not in _terminals():
        yield
        return
    err.push_render_hook(_Erasing())
    try:
        yield
    finally:
        err.pop_render_hook()


def _terminals() -> list[Console]:
    return [console for console in (out, err) if console.is_terminal and not console.is_dumb_terminal]
