"""The live line of a command of views that runs on: what it has taken and counted so far."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import NamedTuple

from rich.text import Text

from metrics.terminal.console import out, say
from metrics.terminal.live_line import LiveLine
from metrics.time.sliding_window import SlidingWindow
from metrics.wording.errors import MetricsError
from metrics.wording.text import per_second

REFRESH_S = 0.25
PRINT_S = 10.0
_BETWEEN = " · "
OVER_S = 5.0  # the rate on a terminal covers this time


class Figures(NamedTuple):
    """Numbers that a live line shows.

    Attributes:
        numbers: by name, in order.
        events: the number whose rate is shown.
    """

    numbers: Mapping[str, int]
    events: int


@contextmanager
def live_line(figures: Callable[[], Figures], stopping: Event, print_s: float = PRINT_S) -> Iterator[None]:
    """Show figures in a thread for the duration of the context: refreshed on a terminal, else printed now and then.

    Args:
        figures: called in the thread.
        stopping: set if standard output fails.
        print_s: how often a line is printed if it is not a terminal; only if a number has changed.

    Raises:
        FileError, OutputClosedError: standard output failed.
    """
    done = Event()
    show = _refresh if out.is_terminal else _print

    def run() -> None:
        try:
            show(figures, done, print_s)
        except MetricsError:
            stopping.set()
            raise

    with ThreadPoolExecutor(1, "live line") as threads:
        shown = threads.submit(run)
        try:
            yield
        finally:
            done.set()
        shown.result()


class _Line:
    """Figures in words, with the rate of the last `over_s` seconds."""

    def __init__(self, figures: Callable[[], Figures], over_s: float) -> None:
        self._figures = figures
        self._window = SlidingWindow(over_s, REFRESH_S, monotonic(), figures().events)

    def look(self) -> Figures:
        """Return the present figures, and move the rate on to now."""
        found = self._figures()
        self._window.add(monotonic(), found.events)
        return found

    def text(self, figures: Figures, width: int | None = None) -> str:
        """Return figures in words; only the first ones that fit, if there is a width."""
        began_s, before = self._window.beginning()
        parts = [f"{name} {number:,}" for name, number in figures.numbers.items()]
        parts.append(per_second(figures.events - before, "event", monotonic() - began_s))
        while width is not None and len(parts) > 1 and len(_BETWEEN.join(parts)) > width:
            parts.pop()
        return _BETWEEN.join(parts)


def _refresh(figures: Callable[[], Figures], done: Event, _: float) -> None:
    line = _Line(figures, OVER_S)
    with LiveLine() as live:
        while not done.wait(REFRESH_S):
            live.show(Text(line.text(line.look(), out.width), style="dim"))


def _print(figures: Callable[[], Figures], done: Event, print_s: float) -> None:
    line = _Line(figures, print_s)
    printed, printed_at_s = line.look().numbers, monotonic()
    while not done.wait(REFRESH_S):
        found = line.look()
        if found.numbers != printed and monotonic() - printed_at_s >= print_s:
            say(line.text(found))
            printed, printed_at_s = found.numbers, monotonic()
