"""Formats of an answer: JSON lines, CSV, and a table on a terminal."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table

from metrics.catalogue.query.run import Answer
from metrics.catalogue.query.values import AnswerColumn, Form, Value, json_writer, rows_as_text
from metrics.terminal.console import out, say_lines
from metrics.terminal.tables import say_table
from metrics.wording.errors import SettingsError
from metrics.wording.text import in_line, listed

_LINE_END = "\r\n"
_BETWEEN = 2  # columns of a table


def print_json(answer: Answer) -> None:
    """Print one JSON object per row and line.

    Raises:
        SettingsError: two columns have one name.
    """
    require_names(answer.columns, "JSON")
    writers = [(f"{json_writer(AnswerColumn('', 25))(column.name)}:", json_writer(column)) for column in answer.columns]

    def line(row: Sequence[Value]) -> str:
        return f"{{{','.join(key + write(value) for (key, write), value in zip(writers, row, strict=True))}}}"

    for batch in answer.batches():
        say_lines(map(line, batch))


def print_csv(answer: Answer) -> None:
    """Print CSV with a header, quoted by RFC 4180; lines end with a line feed, as those of other commands."""
    say_lines(csv_lines([[column.name for column in answer.columns]]))
    for batch in answer.batches():
        say_lines(csv_lines(rows_as_text(answer.columns, batch)))


def print_table(answer: Answer) -> None:
    """Print a table, some rows at a time; its columns may get wider as it grows, but not narrower."""
    names = [in_line(column.name) for column in answer.columns]
    widths = [cell_len(name) for name in names]
    for number, batch in enumerate(answer.batches()):
        rows = [[in_line(cell) for cell in row] for row in rows_as_text(answer.columns, batch)]
        for row in rows:
            widths = [max(width, cell_len(cell)) for width, cell in zip(widths, row, strict=True)]
        is_fitting = not out.is_terminal or sum(widths) + _BETWEEN * (len(widths) - 1) <= out.width
        table = Table(box=None, pad_edge=False, show_header=number == 0)
        for column, name, width in zip(answer.columns, names, widths, strict=True):
            is_number = column.form is Form.NUMBER and not column.is_array
            table.add_column(
                name,
                justify="right" if is_number else "left",
                no_wrap=is_number,
                overflow="fold",
                min_width=width if is_fitting else None,  # otherwise texts wrap
            )
        for row in rows:
            table.add_row(*row)
        say_table(table)


def require_names(columns: Sequence[AnswerColumn], what: str) -> None:
    """Check that no two columns have the same name.

    Raises:
        SettingsError: some have.
    """
    twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
    if twice:
        raise SettingsError(
            f"several columns are called {listed(twice)}, which {what} cannot tell apart",
            hint="name them by AS, or use --csv",
        )


def csv_lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as CSV, one string each; a quoted cell may contain line breaks."""
    lines: list[str] = []
    # The writer quotes the characters of its own line ends only, so these must be both.
    csv.writer(_Lines(lines.append), lineterminator=_LINE_END).writerows(rows)
    return [line.removesuffix(_LINE_END) for line in lines]


class _Lines(NamedTuple):
    """A file for a CSV writer, which writes a row at a time."""

    write: Callable[[str], None]
