"""What people see on the terminal while the main job runs, and at its end.

Lines go to standard output, warnings and errors to standard error. A status line, colours and bars appear only where
standard output is a terminal.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import NamedTuple, NoReturn

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from metrics.errors import MetricsError
from metrics.frames.counter import Counter
from metrics.frames.windows import Record, SecondRecord, rfc3339
from metrics.kafka.input import Input

REFRESH_S = 0.25

out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(highlight=False, soft_wrap=True, markup=False, stderr=True)


def say(line: str) -> None:
    """Print one line on standard output."""
    out.print(line)


def warn(line: str) -> None:
    """Print one line on standard error."""
    err.print(f"warning: {line}", style="yellow")


def shown(path: Path) -> str:
    """Return a path as people here would name it: relative to where they are, if that is still there and above it."""
    with suppress(FileNotFoundError, ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def fail(error: MetricsError) -> None:
    """Print what stopped a command on standard error."""
    err.print(f"error: {error}", style="red")


def end_at_once(exit_code: int) -> NoReturn:
    """End the process without waiting for anything."""
    out.show_cursor()
    warn("ended at once; what was not committed is counted by the next run")
    os._exit(exit_code)


def pace(frames: int, seconds: float) -> str:
    """Return how many frames took how long."""
    return f"{frames:,} frames in {seconds:,.1f} s, {frames / seconds:,.0f} frames/s"


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, on a terminal only; gives the function that moves it to how much is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def record_line(record: Record) -> str:
    """Return a closed window as one line."""
    if isinstance(record, SecondRecord):
        return f"{record.key}  second {record.frames:>9,} frames        average {record.average:>11,.3f}"
    return (
        f"{record.key}  minute {record.users:>9,} unique users  average {record.average:>11,.3f}"
        f"  {record.frames:>11,} frames"
    )


class Report:
    """Shows a run of the loop: it is the loop's watcher.

    Where nothing can be shown any more, the run is over: it ends as by Ctrl-C, with all that was counted committed.

    Args:
        stopping: set when standard output failed.
        is_verbose: print a line for each closed window, and the execution metrics every print_interval frames.
    """

    def __init__(
        self, counter: Counter, source: Input, stopping: Event, *, is_verbose: bool, print_interval: int
    ) -> None:
        self._counter = counter
        self._source = source
        self._stopping = stopping
        self._failure: MetricsError | None = None
        self._is_verbose = is_verbose
        self._print_interval = print_interval
        self._started_s = self._read_s = self._shown_s = monotonic()
        self._frames = self._shown_frames = 0
        self._closed: list[str] = []
        self._before = Figures.of(counter)
        self._rejected_before = dict(counter.tally().rejected)
        self._live = Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else None

    def __enter__(self) -> "Report":
        if self._live:
            self._show(self._live.start)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._show(self._live.stop)

    def _show(self, print_something: Callable[[], None]) -> None:
        """Print; where that fails, keep the error until the loop has come to its end."""
        try:
            print_something()
        except MetricsError as error:
            self._failure = error
            self._stopping.set()

    def closed(self, record: Record) -> None:
        """Keep the line of a closed window until its record is committed."""
        if self._is_verbose:
            self._closed.append(record_line(record))

    def committed(self) -> None:
        """Print the windows that are now committed."""
        if self._closed:
            self._show(lambda: say("\n".join(self._closed)))
            self._closed.clear()

    def read(self, frames: int) -> None:
        """Count a batch, and show how things stand when it is time to."""
        now_s = monotonic()
        intervals = self._frames // self._print_interval
        if frames:
            self._frames += frames
            self._read_s = now_s
        if self._is_verbose and self._frames // self._print_interval > intervals:
            self._show(lambda: say(self.execution_metrics()))
        if self._live and now_s - self._shown_s >= REFRESH_S:
            self._show(partial(self._live.update, self._status(now_s), refresh=True))
            self._shown_s, self._shown_frames = now_s, self._frames

    def execution_metrics(self) -> str:
        """Return how fast this run is, up to its last frame, and how much it could not count, as one line."""
        elapsed_s = max(self._read_s - self._started_s, 1e-3)
        pace_us = f"{elapsed_s / self._frames * 1e6:,.1f}" if self._frames else "-"
        now, before = Figures.of(self._counter), self._before
        wrong = now.late + now.invalid - before.late - before.invalid
        return (
            f"{self._frames:,} frames in {elapsed_s:,.1f} s: {self._frames / elapsed_s:,.0f} frames/s, "
            f"{pace_us} µs a frame; late {now.late - before.late:,}, rejected {now.rejected - before.rejected:,}, "
            f"error rate {wrong / max(self._frames, 1):.3%}"
        )

    def _status(self, now_s: float) -> Text:
        rate = (self._frames - self._shown_frames) / (now_s - self._shown_s)
        newest = max(counter.clock.newest for counter in self._counter.partitions.values())
        event_time = rfc3339(newest) if newest >= 0 else "none yet"
        return Text(f"event time {event_time} · {rate:,.0f} frames/s · lag {self._source.lag():,}", style="dim")

    def sum_up(self) -> None:
        """Print what this run did, and what all runs of the consumer group did together.

        Raises:
            FileError, OutputClosedError: standard output failed, now or earlier.
        """
        table = Table("", "this run", "all runs", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        now, tally = Figures.of(self._counter), self._counter.tally()
        for name, before, after in zip(Figures._fields, self._before, now, strict=True):
            table.add_row(name.replace("_", " "), f"{after - before:,}", f"{after:,}")
        for reason, frames in sorted(tally.rejected.items()):
            table.add_row(f"rejected as {reason}", f"{frames - self._rejected_before.get(reason, 0):,}", f"{frames:,}")
        table.add_row("error rate", "", f"{tally.error_rate:.3%}")
        self._show(lambda: say(f"stopped after {self.execution_metrics()}"))
        self._show(lambda: out.print(table))
        if self._failure is not None:
            self._failure.now = "nothing is lost: what was counted is committed, and the next run goes on from there"
            raise self._failure


class Figures(NamedTuple):
    """What a consumer group did so far."""

    frames_consumed: int
    counted: int
    late: int
    late_but_in_their_minute: int
    invalid: int
    rejected: int
    seconds_published: int
    minutes_published: int

    @classmethod
    def of(cls, counter: Counter) -> "Figures":
        """Take the figures from a counter."""
        tally, windows = counter.tally(), counter.windows
        return cls(
            tally.consumed,
            tally.counted,
            tally.late,
            tally.joined,
            tally.invalid,
            sum(tally.rejected.values()),
            windows.seconds.windows,
            windows.minutes.windows,
        )
