"""The display of the main job, while it runs and at its end."""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event
from time import monotonic

from rich.text import Text

from metrics.frames.figures import Figures, figures_table, metrics_line
from metrics.frames.job.listener import Listener
from metrics.frames.job.processor import FrameProcessor
from metrics.frames.records import Record
from metrics.frames.sizes import Counts
from metrics.terminal.console import out, say
from metrics.terminal.live_line import LiveLine
from metrics.terminal.tables import say_table
from metrics.time.moments import rfc3339
from metrics.time.sliding_window import SlidingWindow
from metrics.wording.errors import MetricsError
from metrics.wording.text import cost_each, numbered, pace, per_second, rate

log = logging.getLogger(__name__)

OVER_S = 5.0  # a live rate covers this time
WAITING_SHARE = 0.1
REFRESH_S = 0.25


def record_line(record: Record) -> str:
    """Return a closed window as one line; with numbers below ten million, it fits 80 columns."""
    size = record.size
    line = f"{record.key}  {size.name:<6} {_columns(record.number, size.unit)}  avg {record.average:>11,.3f}"
    return line if size.counts is Counts.FRAMES else f"{line}  {_columns(record.frames, 'frame')}".rstrip()


def _columns(number: int, noun: str) -> str:
    return "{:>9} {:<6}".format(*numbered(number, noun).split())


class LiveRate:
    """The rate of frames in the last OVER_S seconds, given how many have come so far."""

    def __init__(self, now_s: float) -> None:
        self._window = SlidingWindow(OVER_S, REFRESH_S, now_s, (0, 0.0))

    def add(self, now_s: float, frames: int, waited_s: float) -> None:
        """Move on to now, with the frames so far and the seconds spent waiting for them."""
        self._window.add(now_s, (frames, waited_s))

    def rate(self, now_s: float, frames: int) -> str:
        """Return the rate of frames."""
        began_s, (before, _) = self._window.beginning()
        return per_second(frames - before, "frame", now_s - began_s)

    def pace(self, now_s: float, frames: int, waited_s: float) -> str:
        """Return the rate of frames, and the time that each took unless the input was the limit."""
        began_s, (before, waited_before_s) = self._window.beginning()
        took_s, came = now_s - began_s, frames - before
        cost = f", {cost_each(came, took_s)}" if came and not is_waiting(took_s, waited_s - waited_before_s) else ""
        return self.rate(now_s, frames) + cost


def is_waiting(seconds: float, waited_s: float) -> bool:
    """Return whether too much of the time was waiting for it to measure the work."""
    return waited_s > seconds * WAITING_SHARE


class Report(Listener):
    """Display of a run: a listener of the loop.

    If standard output fails, the run ends as after Ctrl-C: everything counted so far is committed.

    Args:
        stopping: set when standard output failed.
        is_verbose: whether to print a line for each closed window, and execution metrics every print_interval frames.
    """

    def __init__(self, job: FrameProcessor, stopping: Event, *, is_verbose: bool, print_interval: int) -> None:
        self._job = job
        self._stopping = stopping
        self._failure: MetricsError | None = None
        self._is_verbose = is_verbose
        self._print_interval = print_interval
        self._started_s = self._read_s = self._shown_s = monotonic()
        self._frames = 0
        self._waited_before_s = 0.0  # for earlier inputs of this run
        self._live_rate = LiveRate(self._started_s)
        self._closed: list[str] = []
        self._before = Figures.of(job.counter)
        self._live = LiveLine() if out.is_terminal else None

    def __enter__(self) -> "Report":
        if self._live:
            self._show(self._live.start)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._show(self._live.stop)

    def _show(self, print_something: Callable[[], None]) -> None:
        """Print; on failure, keep the error until the loop has ended."""
        try:
            print_something()
        except MetricsError as error:
            self._failure = error
            self._stopping.set()

    def closed(self, record: Record) -> None:
        """Keep the line of a closed window until its record is committed."""
        if self._is_verbose:
            self._closed.append(record_line(record))

    def committed(self, *_: object) -> None:
        """Print the windows that are now committed."""
        if self._closed:
            self._show(lambda: say("\n".join(self._closed)))
            self._closed.clear()

    def rewound(self) -> None:
        """Forget the windows that were not committed: they will be closed again, from another input."""
        self._closed.clear()
        self._waited_before_s = self._waited_s()

    def warned(self, line: str) -> None:
        """Log it."""
        log.warning(line)

    def read(self, frames: int, _: float) -> None:
        """Count a batch, and update the display when due."""
        now_s = monotonic()
        intervals = self._frames // self._print_interval
        if frames:
            self._frames += frames
            self._read_s = now_s
        self._live_rate.add(now_s, self._frames, self._waited_s())
        if self._is_verbose and self._frames // self._print_interval > intervals:
            self._show(lambda: say(self.execution_metrics()))
        if self._live and now_s - self._shown_s >= REFRESH_S:
            self._show(partial(self._live.show, self._status(now_s)))
            self._shown_s = now_s

    def execution_metrics(self) -> str:
        """Return the rate of this run up to its last frame, and the share it could not count, as one line."""
        now_s = self._read_s
        so_far = f"{numbered(self._frames, 'frame')} in {now_s - self._started_s:,.1f} s"
        pace_now = self._live_rate.pace(now_s, self._frames, self._waited_s())
        return metrics_line(f"{so_far}, now {pace_now}", self._figures_of_run().tally)

    def _pace(self) -> str:
        seconds = self._read_s - self._started_s
        return (rate if is_waiting(seconds, self._waited_s()) else pace)(self._frames, "frame", seconds)

    def _waited_s(self) -> float:
        return self._waited_before_s + self._job.source.waited_s

    def _figures_of_run(self) -> Figures:
        return Figures.of(self._job.counter).since(self._before)

    def _status(self, now_s: float) -> Text:
        newest = max(counter.clock.newest for counter in self._job.counter.partitions.values())
        event_time = rfc3339(newest) if newest >= 0 else "none yet"
        rate = self._live_rate.rate(now_s, self._frames)
        line = f"event time {event_time} · {rate} · lag {sum(self._job.source.lags().values()):,}"
        return Text(line, style="dim")

    def sum_up(self) -> None:
        """Print the figures of this run, and of all runs of the consumer group together.

        Raises:
            FileError, OutputClosedError: standard output failed, now or earlier.
        """
        table = figures_table({"this run": self._figures_of_run(), "all runs": Figures.of(self._job.counter)})
        self._show(lambda: say(f"stopped after {self._pace()}"))
        self._show(lambda: say_table(table))
        if self._failure is not None:
            self._failure.hint = "nothing is lost: what was counted is committed, and the next run resumes from there"
            raise self._failure
