"""Closed windows as a table that grows as they arrive, with a bar in each row."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, repeat

from rich.bar import Bar
from rich.console import Console, JustifyMethod
from rich.table import Table

from metrics.frames.records import Record
from metrics.frames.results.place import RecordPlace
from metrics.frames.sizes import SIZES, Counts, Size
from metrics.terminal.console import out
from metrics.terminal.tables import lines
from metrics.time.moments import rfc3339

ROWS_AT_ONCE = 1_000
MIN_BAR_COLUMNS, MAX_BAR_COLUMNS = 8, 40
COLORS = ("cyan", "green", "yellow", "magenta", "blue")

# The columns: their least widths, in which counts below ten million fit, and cells. All but texts are right-aligned.
_COLUMNS: dict[str, tuple[int, Callable[[Record], str]]] = {
    "window": (20, lambda record: rfc3339(record.start)),
    "kind": (6, lambda record: record.size.name),
    "users": (9, lambda record: "" if record.size.counts is Counts.FRAMES else f"{record.number:,}"),
    "frames": (9, lambda record: f"{record.frames:,}"),
    "average": (11, lambda record: f"{record.average:,.3f}"),
}
_TEXTS = ("window", "kind")
# Columns of a place. Its key is the start of the window, and its topic is that of the kind.
_OF_PLACE: dict[str, tuple[int, Callable[[RecordPlace], str]]] = {
    "partition": (9, lambda place: f"{place.partition}"),
    "offset": (9, lambda place: f"{place.offset:,}"),
    "timestamp_ms": (13, lambda place: "" if place.timestamp_ms is None else f"{place.timestamp_ms}"),
}
_BETWEEN = 2
_FIRST_TO_GO = ("average", "kind")  # if a terminal is too narrow for all, after the bar


class RecordTable:
    """Table that prints records as windows close, with one heading.

    Args:
        sizes: the sizes of the windows to print.
        with_places: whether the records have their places.

    Attributes:
        largest: the largest number so far of each size; its bar has full length. Printed records are included one by
            one, records passed to `scale_to` in advance.
    """

    def __init__(self, sizes: Sequence[Size], console: Console = out, *, with_places: bool = False) -> None:
        self.largest: dict[Size, int] = {}
        self._sizes = sizes
        self._console = console
        has_users = Counts.USERS in {size.counts for size in sizes}
        is_shown = {"kind": len(sizes) > 1, "users": has_users}
        self._names = [name for name in _COLUMNS if is_shown.get(name, True)]
        self._of_place = [*_OF_PLACE] if with_places else []
        for name in _FIRST_TO_GO if console.is_terminal else ():
            if self._room() < 0 and name in self._names:
                self._names.remove(name)
        self._has_heading = False

    def scale_to(self, records: Iterable[Record]) -> None:
        """Scale the bars to these records."""
        for record in records:
            self.largest[record.size] = max(self.largest.get(record.size, 0), record.number)

    def print(self, records: Iterable[Record], places: Iterable[RecordPlace | None] = repeat(None)) -> None:
        """Print records, some at a time.

        Args:
            places: of each record, if the table has them.
        """
        coming = zip(records, places, strict=False)
        while some := list(islice(coming, ROWS_AT_ONCE)):
            table = self._table(some)
            self._console.print(table if self._console.is_terminal else "\n".join(lines(table)))
            self._has_heading = True

    def _table(self, rows: Iterable[tuple[Record, RecordPlace | None]]) -> Table:
        table = Table(box=None, pad_edge=False, show_header=not self._has_heading)
        for name, width in self._widths().items():
            justify: JustifyMethod = "left" if name in _TEXTS else "right"
            table.add_column(name, justify=justify, min_width=width, no_wrap=True)
        bar_columns = self._bar_columns()
        if bar_columns:
            table.add_column("")  # only the bar shrinks if numbers need more room
        for record, place in rows:
            if record.gap_s:
                table.add_row(f"gap of {record.gap_s:,} s", style="dim")
            bar = [self._bar(record, bar_columns)] if bar_columns else []
            style = "" if record.size is self._sizes[0] else "bold"  # larger windows stand out among seconds
            cells = [_COLUMNS[name][1](record) for name in self._names]
            cells += [_OF_PLACE[name][1](place) for name in self._of_place if place]
            table.add_row(*cells, *bar, style=style)
        return table

    def _room(self) -> int:
        """Return how many characters are left beside the columns; below 0, how many are missing."""
        return self._console.width + _BETWEEN - sum(width + _BETWEEN for width in self._widths().values())

    def _widths(self) -> dict[str, int]:
        """Return the least width of each column but the bar, in order."""
        of_windows = {name: _COLUMNS[name][0] for name in self._names}
        return of_windows | {name: _OF_PLACE[name][0] for name in self._of_place}

    def _bar_columns(self) -> int:
        room = self._room() - _BETWEEN
        return min(MAX_BAR_COLUMNS, room) if room >= MIN_BAR_COLUMNS else 0

    def _bar(self, record: Record, bar_columns: int) -> Bar:
        self.scale_to([record])
        color = COLORS[SIZES.index(record.size) % len(COLORS)]
        return Bar(self.largest[record.size] or 1, 0, record.number, width=bar_columns, color=color)
