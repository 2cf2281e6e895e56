"""Output of `count`: records on standard output as windows close, everything else on standard error."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from time import monotonic

from metrics.files.line_reader import Lines
from metrics.frames.core.frame import Rejection
from metrics.frames.count.loop import FileLoop, LineNumber
from metrics.frames.figures import Figures, figures_table
from metrics.frames.records import Record
from metrics.frames.sizes import SIZES, Size, larger
from metrics.terminal.console import note, say_lines, shown, warn
from metrics.terminal.tables import note_table
from metrics.wording.text import numbered, pace, rate

NAMED = 3  # rejected frames of each reason that are reported with their places, without --verbose
Show = Callable[[Iterator[Record]], None]


def show_as_json(records: Iterator[Record]) -> None:
    """Print records as the main job publishes them, one per line."""
    say_lines(record.value().decode() for record in records)


class _ByEnd:
    """Sorter of records by the ends of their windows, across batches.

    A minute closes once event time has passed it, but the zero rows of its last seconds are known only when the next
    second with frames closes. So a minute waits for that second, and a larger window for the next smaller one.
    """

    def __init__(self) -> None:
        self._waiting: list[deque[Record]] = [deque() for _ in larger()]

    def ordered(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, these and earlier ones, that no smaller window can precede any more."""
        for record in records:
            place = SIZES.index(record.size)
            if place:
                self._waiting[place - 1].append(record)
            else:
                yield from self._with_those_before(record, 0)

    def _with_those_before(self, record: Record, place: int) -> Iterator[Record]:
        """Yield the windows of the next larger size that end before this one begins, then this one."""
        for waiting in self._waiting[place : place + 1]:
            while waiting and waiting[0].end <= record.start:
                yield from self._with_those_before(waiting.popleft(), place + 1)
        yield record

    def rest(self) -> Iterator[Record]:
        """Yield the waiting records, at the end of the input."""
        yield from sorted(chain.from_iterable(self._waiting), key=lambda record: (record.end, record.size.size_s))
        self._waiting = []


class CountReport:
    """Listener of the loop over files that prints its run.

    Args:
        show: prints records; consumes all of them.
        sizes: the sizes of the windows to show.
        move: called with the number of bytes read so far.
        most_named: number of rejected frames of each reason to report with their places; None for all.
    """

    def __init__(
        self,
        loop: FileLoop,
        lines: Lines,
        show: Show,
        sizes: Sequence[Size],
        move: Callable[[int], None],
        most_named: int | None,
    ) -> None:
        self._loop = loop
        self._lines = lines
        self._show: Show = lambda records: show(record for record in records if record.size in sizes)
        self._move = move
        self._most_named = most_named
        self._seen: Counter[str] = Counter()
        self._unnamed = 0
        self._started_s = monotonic()
        self._by_end = _ByEnd()
        self.read()

    def closed(self, records: Iterator[Record]) -> None:
        """Show the records of closed windows."""
        self._show(self._by_end.ordered(records))

    def rejected(self, place: LineNumber, rejection: Rejection) -> None:
        """Report a rejected frame, if it is among the first of its reason, or all are to be reported."""
        self._seen[rejection.reason] += 1
        if self._most_named is None or self._seen[rejection.reason] <= self._most_named:
            warn(f"{shown(place.path)}:{place.line}: rejected as {rejection.reason}: {rejection.detail}")
        else:
            self._unnamed += 1

    def read(self) -> None:
        """Keep the figures of whole batches: a run may be stopped within one, when they are inconsistent."""
        self._read_s = monotonic()
        self._figures = Figures.of(self._loop.counter)
        self._move(self._lines.read_bytes)

    def sum_up(self, what: str) -> None:
        """Print the last records, and the figures and speed up to the last whole batch.

        Args:
            what: how the run ended.
        """
        self._show(self._by_end.rest())
        if self._unnamed:
            note(f"and {numbered(self._unnamed, 'more rejected frame')}; --verbose reports each")
        tally = self._figures.tally
        pace_of = rate if self._lines.size_bytes is None else pace  # time per frame of a pipe includes waiting
        note(f"{what} {pace_of(tally.consumed, 'frame', self._read_s - self._started_s)}")
        note_table(figures_table({"total": self._figures}))
        if tally.is_wrong():
            share, wrong, decided = tally.error_rate, tally.wrong, tally.decided
            warn(f"{share:.1%} of the frames are late or rejected, {wrong:,} of {decided:,}: is this the right stream?")
