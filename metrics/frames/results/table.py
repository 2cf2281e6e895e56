"""Closed windows as a table that grows as they come, with a bar in each row."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from metrics.frames.core.windows import SECOND_S
from metrics.frames.records import KINDS
from metrics.terminal.console import out
from metrics.times import MINUTE_S, rfc3339

ROWS_AT_ONCE = 1_000
LEAST_BAR_COLUMNS, MOST_BAR_COLUMNS = 8, 40
COLORS = {SECOND_S: "cyan", MINUTE_S: "green"}

# Columns of the table, right-aligned but for the first two, and what they take: counts below ten million fit.
_WIDTHS = {"window (UTC)": 19, "of": 6, "users": 9, "frames": 9, "average": 11}
_BETWEEN = 2
_FIRST_TO_GO = ("average", "of")  # behind the bar, where a terminal is too narrow for all


class Row(NamedTuple):
    """A closed window.

    Attributes:
        size_s: the size of the window.
        users: None of a second.
        gap_s: how many seconds without windows lie before it.
    """

    size_s: int
    start: int
    frames: int
    users: int | None
    average: float
    gap_s: int

    @property
    def number(self) -> int:
        """What its bar shows: frames of a second, users of a minute."""
        return self.frames if self.users is None else self.users


class RecordTable:
    """Prints rows as windows close, the heading over the first of them.

    Args:
        sizes_s: the sizes of the windows that come.

    Attributes:
        largest: the largest number known of each size: its bar has full length. Rows that were not told before become
            known one by one, as they are printed.
    """

    def __init__(self, sizes_s: Collection[int], console: Console = out) -> None:
        self.largest: dict[int, int] = {}
        self._sizes_s = sizes_s
        self._console = console
        self._names = [name for name in _WIDTHS if self._has(name)]
        for name in _FIRST_TO_GO:
            if self._room() < 0 and name in self._names:
                self._names.remove(name)
        self._has_heading = False

    def scale_to(self, rows: Iterable[Row]) -> None:
        """Let the bars of windows like these fit."""
        for row in rows:
            self.largest[row.size_s] = max(self.largest.get(row.size_s, 0), row.number)

    def print(self, rows: Iterable[Row]) -> None:
        """Print rows, some at a time."""
        coming = iter(rows)
        while some := list(islice(coming, ROWS_AT_ONCE)):
            self._console.print(self._table(some))
            self._has_heading = True

    def _has(self, name: str) -> bool:
        if name == "of":
            return len(self._sizes_s) > 1
        return name != "users" or MINUTE_S in self._sizes_s

    def _table(self, rows: Iterable[Row]) -> Table:
        table = Table(box=None, pad_edge=False, show_header=not self._has_heading)
        for name in self._names:
            is_text = name in ("window (UTC)", "of")
            table.add_column(name, justify="left" if is_text else "right", min_width=_WIDTHS[name], no_wrap=True)
        bar_columns = self._bar_columns()
        if bar_columns:
            table.add_column("")  # the bar alone gives way, where numbers need more room
        for row in rows:
            if row.gap_s:
                table.add_row(f"gap of {row.gap_s:,} s", style="dim")
            bar = [self._bar(row, bar_columns)] if bar_columns else []
            table.add_row(*self._cells(row), *bar, style=self._style(row))
        return table

    def _room(self) -> int:
        """Return how many characters the columns leave, or lack where it is below 0."""
        return self._console.width + _BETWEEN - sum(_WIDTHS[name] + _BETWEEN for name in self._names)

    def _bar_columns(self) -> int:
        room = self._room() - _BETWEEN
        return min(MOST_BAR_COLUMNS, room) if room >= LEAST_BAR_COLUMNS else 0

    def _cells(self, row: Row) -> Iterator[str]:
        cells = {
            "window (UTC)": rfc3339(row.start).replace("T", " ").removesuffix("Z"),
            "of": KINDS[row.size_s],
            "users": "-" if row.users is None else f"{row.users:,}",
            "frames": f"{row.frames:,}",
            "average": f"{row.average:,.3f}",
        }
        return (cells[name] for name in self._names)

    def _bar(self, row: Row, bar_columns: int) -> Bar:
        self.scale_to([row])
        return Bar(self.largest[row.size_s] or 1, 0, row.number, width=bar_columns, color=COLORS[row.size_s])

    def _style(self, row: Row) -> str:
        """Let minutes stand out among their seconds."""
        return "bold" if row.size_s == MINUTE_S and SECOND_S in self._sizes_s else ""
