"""What people see on the terminal while the main job runs, and at its end.

Lines go to standard output, warnings and errors to standard error. A status line, colours and bars appear only where
standard output is a terminal.
"""

import os
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple, NoReturn

from rich import filesize
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from metrics.errors import MetricsError
from metrics.escaping import escaped, in_line
from metrics.files.jsonl import Frames, named
from metrics.frames.core.counter import Counter
from metrics.frames.core.windows import Record, SecondRecord, rfc3339
from metrics.kafka.job.runner import Job
from metrics.terminal.streams import require_open

REFRESH_S = 0.25
OVER_S = 5.0  # that a live rate is of
WAITING_SHARE = 0.1
TABLE_COLUMNS, LINE_COLUMNS = 80, 240


class EscapingConsole(Console):
    """A console whose text never is a command to the terminal; its own styles are."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Return what is shown of a string, in a line or in a cell of a table."""
        return super().render_str(escaped(text), **how)


out = EscapingConsole(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = EscapingConsole(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)


def say(text: str) -> None:
    """Print a line, or several, on standard output."""
    out.print(_fitted(text, out))


def say_lines(lines: Iterable[str]) -> None:
    """Print lines, a few or very many, on standard output, for machines as they are; all are out at the end.

    Raises:
        FileError, OutputClosedError: standard output is closed, or failed.
    """
    require_open()
    write, is_terminal = out.file.write, out.is_terminal
    for line in lines:
        write((escaped(line) if is_terminal else line) + "\n")
    out.file.flush()


def say_table(table: Table) -> None:
    """Print a table on standard output.

    Where that is no terminal, or a narrow one, a row is one line, which ends with its last word: a program may read it,
    and a terminal breaks it rather than the words in its columns.
    """
    if out.is_terminal and out.width >= TABLE_COLUMNS:
        out.print(table)
        return
    console = EscapingConsole(highlight=False, markup=False, emoji=False, width=LINE_COLUMNS)
    with console.capture() as printed:
        console.print(table)
    say_lines(line.rstrip() for line in printed.get().split("\n") if line.strip())


def is_standard_output(path: Path) -> bool:
    """Tell whether what is written to a path goes where standard output goes."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(1))
    return False


def note(line: str) -> None:
    """Print one line on standard error, where standard output is kept for the answer."""
    err.print(_fitted(line, err))


def warn(line: str) -> None:
    """Print one line on standard error."""
    err.print(_fitted(f"warning: {line}", err), style="yellow")


def _fitted(text: str, console: Console) -> str:
    """Wrap lines that a terminal is too narrow for, between words; addresses and paths stay in one piece.

    What is no terminal may be read by a program: there, a line stays a line.
    """
    if not console.is_terminal:
        return text
    wrapper = textwrap.TextWrapper(
        console.width, subsequent_indent=" " * 5, break_long_words=False, break_on_hyphens=False
    )
    lines = text.split("\n")
    return "\n".join(line if len(line) <= console.width else wrapper.fill(line) for line in lines)


def shown(path: Path) -> str:
    """Return a path as people here would name it: relative to where they are, if that is still there and above it."""
    with suppress(FileNotFoundError, ValueError):
        return in_line(str(path.relative_to(Path.cwd())))
    return named(path)


def name_of(frames: Frames) -> str:
    """Return what people call these frames: a file, a number of them, or standard input."""
    return shown(frames.paths[0]) if len(frames.paths) == 1 else numbered(len(frames.paths), "file")


def fail(error: MetricsError) -> None:
    """Print what stopped a command on standard error."""
    err.print(_fitted(f"error: {error}", err), style="red")


def end_at_once(exit_code: int, what_follows: str) -> NoReturn:
    """End the process without waiting for anything."""
    with suppress(MetricsError):  # a terminal that is gone needs no cursor
        out.show_cursor()
    warn(f"ended at once{what_follows}")
    os._exit(exit_code)


def numbered(number: int, noun: str) -> str:
    """Return a number of things: `1 frame`, `2,000 frames`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def pace(frames: int, seconds: float) -> str:
    """Return how many frames took how long, how fast that was, and what each took: nothing was waited for."""
    return rate(frames, seconds) + (f", {_cost(frames, seconds)}" if frames else "")


def rate(frames: int, seconds: float) -> str:
    """Return how many frames took how long, and how fast that was; where the input was waited for, no frame did."""
    decimals = 3 if seconds < 0.1 else 1 if seconds < 1000 else 0
    return f"{numbered(frames, 'frame')} in {seconds:,.{decimals}f} s: {_a_second(frames, seconds)}"


def _a_second(frames: int, seconds: float) -> str:
    per_second = frames / max(seconds, 1e-3)
    return f"{per_second:,.{3 if 0 < per_second < 10 else 0}f} frames/s"


def _cost(frames: int, seconds: float) -> str:
    return f"{1e6 * max(seconds, 1e-3) / frames:,.1f} µs each"


def throughput(size_bytes: int, seconds: float) -> str:
    """Return how many bytes went through a second: `125.3 MB/s`."""
    return f"{filesize.decimal(int(size_bytes / max(seconds, 1e-3)))}/s"


def metrics_line(pace_so_far: str, late: int, rejected: int, error_rate: float | None) -> str:
    """Return the execution metrics as one line."""
    return f"{pace_so_far}; late {late:,}, rejected {rejected:,}, error rate {_share(error_rate)}"


def _share(share: float | None) -> str:
    """Return a share as people read it; there is none of nothing."""
    return "-" if share is None else f"{share:.3%}"


@contextmanager
def bar(what: str | Callable[[], str], total: int | None, console: Console = out) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, on a terminal only; gives the function that moves it to how much is done.

    Args:
        what: what is done; what is called instead says it anew each time that the bar is drawn.
        total: how much there is; where that is not known, only what is done is shown.
    """
    says = _Saying(what if callable(what) else lambda: what)
    columns = (says,) if total is None else (says, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)


class _Saying(ProgressColumn):
    """What is done, in words that may change while nothing moves."""

    def __init__(self, says: Callable[[], str]) -> None:
        super().__init__()
        self._says = says

    def render(self, _: Task) -> Text:
        return Text(escaped(self._says()))


def record_line(record: Record) -> str:
    """Return a closed window as one line; counts and averages below ten million fit 80 columns."""
    if isinstance(record, SecondRecord):
        return f"{record.key}  second {_columns(record.frames, 'frame')}  avg {record.average:>11,.3f}"
    line = f"{record.key}  minute {_columns(record.users, 'user')}  avg {record.average:>11,.3f}"
    return f"{line}  {_columns(record.frames, 'frame')}".rstrip()


def _columns(number: int, noun: str) -> str:
    return "{:>9} {:<6}".format(*numbered(number, noun).split())


class Lately:
    """How fast frames came in the last OVER_S seconds, and what each took where they were not waited for.

    Args:
        now_s: when it begins.
    """

    def __init__(self, now_s: float) -> None:
        self._marks = deque([(now_s, 0, 0.0)])

    def note(self, now_s: float, frames: int, waited_s: float) -> None:
        """Take how many frames came so far, and how long they were waited for so far."""
        marks = self._marks
        if now_s - marks[-1][0] >= REFRESH_S:
            marks.append((now_s, frames, waited_s))
        while len(marks) > 1 and marks[1][0] <= now_s - OVER_S:
            marks.popleft()

    def rate(self, now_s: float, frames: int) -> str:
        """Return how fast frames came."""
        began_s, before, _ = self._marks[0]
        return _a_second(frames - before, now_s - began_s)

    def pace(self, now_s: float, frames: int, waited_s: float) -> str:
        """Return how fast frames came, and what each took unless the input was the limit."""
        began_s, before, waited_before_s = self._marks[0]
        took_s, came = now_s - began_s, frames - before
        cost = f", {_cost(came, took_s)}" if came and not is_waiting(took_s, waited_s - waited_before_s) else ""
        return self.rate(now_s, frames) + cost


def is_waiting(seconds: float, waited_s: float) -> bool:
    """Tell whether so much of a time was waited that what it took says nothing of the work."""
    return waited_s > seconds * WAITING_SHARE


class Report:
    """Shows a run of the loop: it is the loop's watcher.

    Where nothing can be shown any more, the run is over: it ends as by Ctrl-C, with all that was counted committed.

    Args:
        stopping: set when standard output failed.
        is_verbose: print a line for each closed window, and the execution metrics every print_interval frames.
    """

    def __init__(self, job: Job, stopping: Event, *, is_verbose: bool, print_interval: int) -> None:
        self._job = job
        self._stopping = stopping
        self._failure: MetricsError | None = None
        self._is_verbose = is_verbose
        self._print_interval = print_interval
        self._started_s = self._read_s = self._shown_s = monotonic()
        self._frames = 0
        self._waited_before_s = 0.0  # for earlier inputs of this run
        self._lately = Lately(self._started_s)
        self._closed: list[str] = []
        self._before = Figures.of(job.counter)
        self._rejected_before = dict(job.counter.tally().rejected)
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

    def committed(self, *_: object) -> None:
        """Print the windows that are now committed."""
        if self._closed:
            self._show(lambda: say("\n".join(self._closed)))
            self._closed.clear()

    def rewound(self) -> None:
        """Forget the windows that were not committed: they will be closed again, from another input."""
        self._closed.clear()
        self._waited_before_s = self._waited_s()

    def troubled(self, what: str) -> None:
        """Tell what is wrong with the broker, or that it no longer is."""
        self._show(lambda: warn(what))

    def read(self, frames: int, _: float) -> None:
        """Count a batch, and show how things stand when it is time to."""
        now_s = monotonic()
        intervals = self._frames // self._print_interval
        if frames:
            self._frames += frames
            self._read_s = now_s
        self._lately.note(now_s, self._frames, self._waited_s())
        if self._is_verbose and self._frames // self._print_interval > intervals:
            self._show(lambda: say(self.execution_metrics()))
        if self._live and now_s - self._shown_s >= REFRESH_S:
            self._show(partial(self._live.update, self._status(now_s), refresh=True))
            self._shown_s = now_s

    def execution_metrics(self) -> str:
        """Return how fast this run is by now, up to its last frame, and how much it could not count, as one line."""
        run, now_s = self._figures_of_run(), self._read_s
        so_far = f"{numbered(self._frames, 'frame')} in {now_s - self._started_s:,.1f} s"
        lately = self._lately.pace(now_s, self._frames, self._waited_s())
        return metrics_line(f"{so_far}, now {lately}", run.late, run.rejected, run.error_rate)

    def _pace(self) -> str:
        seconds = self._read_s - self._started_s
        return (rate if is_waiting(seconds, self._waited_s()) else pace)(self._frames, seconds)

    def _waited_s(self) -> float:
        return self._waited_before_s + self._job.source.waited_s

    def _figures_of_run(self) -> "Figures":
        return Figures.of(self._job.counter).since(self._before)

    def _status(self, now_s: float) -> Text:
        newest = max(counter.clock.newest for counter in self._job.counter.partitions.values())
        event_time = rfc3339(newest) if newest >= 0 else "none yet"
        rate = self._lately.rate(now_s, self._frames)
        line = f"event time {event_time} · {rate} · lag {sum(self._job.source.lags().values()):,}"
        return Text(line, style="dim", no_wrap=True, overflow="ellipsis")

    def sum_up(self) -> None:
        """Print what this run did, and what all runs of the consumer group did together.

        Raises:
            FileError, OutputClosedError: standard output failed, now or earlier.
        """
        all_rejected = self._job.counter.tally().rejected
        rejected = {reason: frames - self._rejected_before.get(reason, 0) for reason, frames in all_rejected.items()}
        table = figures_table(
            {
                "this run": (self._figures_of_run(), rejected),
                "all runs": (Figures.of(self._job.counter), all_rejected),
            }
        )
        self._show(lambda: say(f"stopped after {self._pace()}"))
        self._show(lambda: out.print(table))
        if self._failure is not None:
            self._failure.now = "nothing is lost: what was counted is committed, and the next run goes on from there"
            raise self._failure


class Figures(NamedTuple):
    """What a consumer group did so far, or one run of it.

    Of a run, `held` is below 0 where it let go of more frames than it took.
    """

    frames_consumed: int
    counted: int
    late: int
    late_but_in_their_minute: int
    invalid: int
    too_far_in_the_future: int
    held: int
    lost: int
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
            tally.future,
            tally.held,
            tally.lost,
            sum(tally.rejected.values()),
            windows.seconds.windows,
            windows.minutes.windows,
        )

    def since(self, before: "Figures") -> "Figures":
        """Return what was done since other figures were taken."""
        return Figures(*(now - then for now, then in zip(self, before, strict=True)))

    @property
    def error_rate(self) -> float | None:
        """Frames that did not count as they should, as a share of those decided on; None without any.

        A frame that is held is decided on by the run that lets go of it, and not by the one that read it.
        """
        decided = self.frames_consumed - self.held
        return (self.late + self.invalid + self.too_far_in_the_future) / decided if decided else None


def figures_table(columns: Mapping[str, tuple[Figures, Mapping[str, int]]]) -> Table:
    """Return figures as a table.

    Args:
        columns: the name of each, its figures, and its rejected frames by reason.
    """
    table = Table("", *columns, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    figures = [of_column for of_column, _ in columns.values()]
    for name, *numbers in zip(Figures._fields, *figures, strict=True):
        table.add_row(name.replace("_", " "), *(f"{number:,}" for number in numbers))
    by_reason = [rejected for _, rejected in columns.values()]
    for reason in sorted({reason for rejected in by_reason for reason in rejected}):
        table.add_row(f"rejected as {reason}", *(f"{rejected.get(reason, 0):,}" for rejected in by_reason))
    table.add_row("error rate", *(_share(of_column.error_rate) for of_column in figures))
    return table
