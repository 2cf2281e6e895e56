"""Formats of results: JSON lines and CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from metrics.frames.records import Value, columns
from metrics.frames.results.place import RecordPlace
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size
from metrics.terminal.console import say_lines

Printer = Callable[[Sequence[Result]], None]  # prints results, some at a time


def print_json(results: Sequence[Result]) -> None:
    """Print each record as published, one per line."""
    say_lines(map(json_line, results))


def csv_printer(sizes: Sequence[Size], *, with_places: bool) -> Printer:
    """Print a CSV header, and return the printer of the rows.

    Args:
        sizes: the sizes of the windows to print.
        with_places: whether the results have their places.
    """
    names = (*places(with_places=with_places), *columns(sizes))
    say_lines(csv_lines([dict(zip(names, names, strict=True))], names))
    return lambda results: say_lines(csv_lines([result.row() for result in results], names))


def places(*, with_places: bool) -> tuple[str, ...]:
    """Return the columns before those of the windows: those of the places, if the results have them."""
    return RecordPlace._fields if with_places else ()


def json_line(result: Result) -> str:
    """Return a record as published, as `value` beside its place if that is known; JSON over several lines is joined."""
    value = result.value
    line = msgspec.json.format(value, indent=-1) if b"\n" in value or b"\r" in value else value
    if result.place is not None:
        line = msgspec.json.encode(result.place._asdict() | {"value": msgspec.Raw(line)})
    return line.decode(errors="replace")


def csv_lines(rows: Iterable[Mapping[str, Value]], names: Sequence[str]) -> list[str]:
    """Return rows as CSV lines with the columns in this order; missing values are empty, and none has a line break."""
    text = io.StringIO()
    csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n").writerows(rows)
    return text.getvalue().splitlines()
