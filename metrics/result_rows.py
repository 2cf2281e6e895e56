"""Results as machines read them, lines of JSON or CSV, and as people do: a table with bars."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
from rich.bar import Bar
from rich.table import Table

from metrics.frames.event_clock import MINUTE_S
from metrics.frames.windows import SECOND_S, rfc3339
from metrics.kafka.results import Result
from metrics.recount.published import KINDS, Value, columns, row
from metrics.terminal import out, write_out

LEAST_BAR_COLUMNS, MOST_BAR_COLUMNS = 8, 40
COLORS = {SECOND_S: "cyan", MINUTE_S: "green"}

# Columns of the table, right-aligned but for the first two, and what they take: counts below ten million fit.
_WIDTHS = {"window (UTC)": 19, "of": 6, "users": 9, "frames": 9, "average": 11}
_BETWEEN = 2


class Printer(Protocol):
    """Prints results, some at a time."""

    def print(self, results: Sequence[Result]) -> None:
        """Print results."""


class JsonLines:
    """Prints each record as it was published, in a line of its own."""

    def print(self, results: Sequence[Result]) -> None:
        """Print results."""
        write_out(json_lines(results))


class Csv:
    """Prints CSV, its header first.

    Args:
        sizes_s: the sizes of the windows that come.
    """

    def __init__(self, sizes_s: Collection[int]) -> None:
        self._columns = columns(sizes_s)
        write_out(csv_lines([dict(zip(self._columns, self._columns, strict=True))], self._columns))

    def print(self, results: Sequence[Result]) -> None:
        """Print results."""
        write_out(csv_lines([row(result.size_s, result.window) for result in results], self._columns))


class BarTable:
    """Prints a table that grows, with a bar for each window.

    Args:
        sizes_s: the sizes of the windows that come.

    Attributes:
        largest: the most frames of a second and users of a minute so far, by the size: their bars have full length.
    """

    def __init__(self, sizes_s: Collection[int]) -> None:
        self.largest: dict[int, int] = {}
        self._sizes_s = sizes_s
        self._has_heading = False

    def scale_to(self, results: Iterable[Result]) -> None:
        """Let the bars of windows like these fit."""
        for result in results:
            self.largest[result.size_s] = max(self.largest.get(result.size_s, 0), result.window.number)

    def print(self, results: Sequence[Result]) -> None:
        """Print results."""
        self.scale_to(results)
        out.print(self.table(results, out.width))

    def table(self, results: Iterable[Result], width: int) -> Table:
        """Return results as rows; the heading is over the first of them."""
        names = [name for name in _WIDTHS if self._has(name)]
        table = Table(box=None, pad_edge=False, show_header=not self._has_heading)
        self._has_heading = True
        for name in names:
            is_text = name in ("window (UTC)", "of")
            table.add_column(name, justify="left" if is_text else "right", min_width=_WIDTHS[name], no_wrap=True)
        table.add_column("", no_wrap=True)
        room = width - sum(_WIDTHS[name] + _BETWEEN for name in names)
        bar_columns = max(LEAST_BAR_COLUMNS, min(MOST_BAR_COLUMNS, room))
        for result in results:
            if result.window.gap_s:
                table.add_row(f"gap of {result.window.gap_s:,} s")
            cells = _cells(result)
            table.add_row(*(cells[name] for name in names), self._bar(result, bar_columns))
        return table

    def _has(self, name: str) -> bool:
        if name == "of":
            return len(self._sizes_s) > 1
        return name != "users" or MINUTE_S in self._sizes_s

    def _bar(self, result: Result, bar_columns: int) -> Bar:
        size_s, number = result.size_s, result.window.number
        return Bar(self.largest[size_s] or 1, 0, number, width=bar_columns, color=COLORS[size_s])


def json_lines(results: Iterable[Result]) -> str:
    """Return each record as it was published; one that was published over several lines is put into one."""
    return "".join(f"{_line(result.value).decode(errors='replace')}\n" for result in results)


def _line(value: bytes) -> bytes:
    return msgspec.json.format(value, indent=-1) if b"\n" in value or b"\r" in value else value


def csv_lines(rows: Iterable[Mapping[str, Value]], names: Sequence[str]) -> str:
    """Return rows as CSV, the columns in this order; what a row has not is empty."""
    text = io.StringIO()
    csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cells(result: Result) -> dict[str, str]:
    window = result.window
    return {
        "window (UTC)": rfc3339(window.start).replace("T", " ").removesuffix("Z"),
        "of": KINDS[result.size_s],
        "users": f"{window.number:,}" if result.size_s == MINUTE_S else "-",
        "frames": f"{window.frames:,}",
        "average": f"{window.average:,.3f}",
    }
