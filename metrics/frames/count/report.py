"""What `count` shows: records on standard output as windows close; on standard error all that is no record."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from time import monotonic

from metrics.frames.core.frame import Rejection
from metrics.frames.core.lately import is_wrong
from metrics.frames.count.loop import FileLoop, Place
from metrics.frames.figures import Figures, figures_table
from metrics.frames.records import Record
from metrics.frames.results.table import RecordTable
from metrics.frames.sizes import SIZES, Size, larger
from metrics.terminal.console import err, note, say_lines, shown, warn
from metrics.text import numbered

NAMED = 3  # rejected frames of each reason that are told with their places, unless all are asked for


def show_as_json(records: Iterator[Record]) -> None:
    """Print records as the main job publishes them, a line each."""
    say_lines(record.value().decode() for record in records)


def shown_as_table(sizes: Sequence[Size]) -> Callable[[Iterator[Record]], None]:
    """Return what prints records of these sizes as rows of a table that grows."""
    return RecordTable(sizes).print


class _ByEnd:
    """Puts records in the order in which their windows end, whichever batch closed them.

    A minute closes once event time has passed it, but the zero rows of its last seconds are known only when the next
    second with frames closes; so a minute waits for that second, and a larger window for the next one that is smaller.
    """

    def __init__(self) -> None:
        self._waiting: list[deque[Record]] = [deque() for _ in larger()]

    def ordered(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield those of these records, and of earlier ones, that no smaller window can come before."""
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
        """Yield what still waits, where no more records come."""
        yield from sorted(chain.from_iterable(self._waiting), key=lambda record: (record.end, record.size.size_s))
        self._waiting = []


class CountReport:
    """Shows a run of the loop over files: it is the loop's watcher.

    Args:
        show: prints records; takes all of them.
        sizes: the sizes of the windows to show.
        move: told how many bytes of the files were read.
        most_named: how many rejected frames of each reason to tell with their places; None for all.
        pace: says how many frames took how long.
    """

    def __init__(
        self,
        loop: FileLoop,
        show: Callable[[Iterator[Record]], None],
        sizes: Sequence[Size],
        move: Callable[[int], None],
        most_named: int | None,
        pace: Callable[[int, float], str],
    ) -> None:
        self._loop = loop
        self._show = show
        self._sizes = sizes
        self._move = move
        self._most_named = most_named
        self._pace = pace
        self._seen: Counter[str] = Counter()
        self._unnamed = 0
        self._started_s = monotonic()
        self._by_end = _ByEnd()
        self.read()

    def closed(self, records: Iterator[Record]) -> None:
        """Show the records of the windows that are closed."""
        self._show_asked(self._by_end.ordered(records))

    def _show_asked(self, records: Iterator[Record]) -> None:
        self._show(record for record in records if record.size in self._sizes)

    def rejected(self, place: Place, rejection: Rejection) -> None:
        """Tell of a frame that counts for nothing, while those of its reason are few, or all are asked for."""
        self._seen[rejection.reason] += 1
        if self._most_named is None or self._seen[rejection.reason] <= self._most_named:
            warn(f"{shown(place.path)}:{place.line}: rejected as {rejection.reason}: {rejection.detail}")
        else:
            self._unnamed += 1

    def read(self) -> None:
        """Note what was counted so far: a run may be stopped in the middle of a batch, where figures do not agree."""
        self._read_s = monotonic()
        self._figures = Figures.of(self._loop.counter)
        self._move(self._loop.read_bytes)

    def sum_up(self, what: str) -> None:
        """Show the last records, and tell what was counted, up to the last whole batch, and how fast.

        Args:
            what: how it ended.
        """
        self._show_asked(self._by_end.rest())
        if self._unnamed:
            note(f"and {numbered(self._unnamed, 'more rejected frame')}; --verbose names each")
        note(f"{what} {self._pace(self._figures.tally.consumed, self._read_s - self._started_s)}")
        err.print(figures_table({"in all": self._figures}))
        tally = self._figures.tally
        if is_wrong(tally):
            share, wrong, decided = tally.error_rate, tally.wrong, tally.decided
            warn(f"{share:.1%} of the frames are late or rejected, {wrong:,} of {decided:,}: is it the right stream?")
