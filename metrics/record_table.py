"""Records of closed windows as a table that grows as they come, with a bar in each row."""

from collections.abc import Iterable, Iterator
from itertools import islice

from rich.bar import Bar
from rich.console import RenderableType
from rich.table import Table

from metrics.frames.windows import MinuteRecord, Record, SecondRecord
from metrics.terminal import out

ROWS_AT_ONCE = 1_000
# With two columns between any two of these, 80.
COLUMNS = (("window", 6), ("start", 20), ("frames", 9), ("users", 9), ("average", 11), ("", 15))
NUMBERS = COLUMNS[2:5]


class RecordTable:
    """Prints rows as windows close.

    How large counts become is known at the end only, and rows do not wait for it: a bar is full where its count, frames
    of a second or users of a minute, is the largest so far.
    """

    def __init__(self) -> None:
        self._most: dict[type[Record], int] = {SecondRecord: 0, MinuteRecord: 0}
        self._has_header = False

    def show(self, records: Iterator[Record]) -> None:
        """Print the rows of records."""
        while some := list(islice(records, ROWS_AT_ONCE)):
            out.print(self._table(some))
            self._has_header = True

    def _table(self, records: Iterable[Record]) -> Table:
        table = Table(box=None, pad_edge=False, show_header=not self._has_header)
        for name, width in COLUMNS:
            table.add_column(name, width=width, no_wrap=True, justify="right" if (name, width) in NUMBERS else "left")
        for record in records:
            if record.gap_s:
                table.add_row("gap", f"{record.gap_s:,} s", style="dim")
            table.add_row(*self._row(record), style="bold" if isinstance(record, MinuteRecord) else "")
        return table

    def _row(self, record: Record) -> Iterator[RenderableType]:
        is_second = isinstance(record, SecondRecord)
        size = record.frames if isinstance(record, SecondRecord) else record.users
        most = self._most[type(record)] = max(size, self._most[type(record)])
        yield "second" if is_second else "minute"
        yield record.key
        yield f"{record.frames:,}"
        yield "" if is_second else f"{size:,}"
        yield f"{record.average:,.3f}"
        yield Bar(most or 1, 0, size)
