"""Results as machines read them, lines of JSON or CSV, and as people do: rows of a table."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from metrics.frames.records import Value, columns, row
from metrics.frames.results.read import Result
from metrics.frames.results.table import RecordTable
from metrics.frames.sizes import Size
from metrics.terminal.console import say_lines

Printer = Callable[[Sequence[Result]], None]  # prints results, some at a time


def print_json(results: Sequence[Result]) -> None:
    """Print each record as it was published, in a line of its own."""
    say_lines(json_lines(results))


def csv_printer(sizes: Sequence[Size]) -> Printer:
    """Print the header of CSV, and return what prints the rows.

    Args:
        sizes: the sizes of the windows that come.
    """
    names = columns(sizes)
    say_lines(csv_header(names))
    return lambda results: say_lines(csv_lines([row(result.window) for result in results], names))


def table_printer(table: RecordTable) -> Printer:
    """Return what prints rows of a table."""
    return lambda results: table.print(result.window for result in results)


def json_lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield each record as it was published; one that was published over several lines is put into one."""
    return (_line(result.value).decode(errors="replace") for result in results)


def _line(value: bytes) -> bytes:
    return msgspec.json.format(value, indent=-1) if b"\n" in value or b"\r" in value else value


def csv_header(names: Sequence[str]) -> list[str]:
    """Return the header of CSV with these columns, in a line."""
    return csv_lines([dict(zip(names, names, strict=True))], names)


def csv_lines(rows: Iterable[Mapping[str, Value]], names: Sequence[str]) -> list[str]:
    """Return rows as CSV, the columns in this order; what a row has not is empty, and no value has a line's end."""
    text = io.StringIO()
    csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n").writerows(rows)
    return text.getvalue().splitlines()
