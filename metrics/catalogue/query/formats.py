"""Formats of an answer: JSON lines, CSV, and a table on a terminal."""

import csv
import io
from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from metrics.catalogue.query.run import Answer
from metrics.catalogue.query.values import AnswerColumn, Form, Value, json_writer, rows_as_text
from metrics.errors import SettingsError
from metrics.terminal.console import say_lines
from metrics.terminal.tables import say_table
from metrics.text import in_line, listed


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
    say_lines([_csv([[column.name for column in answer.columns]])])
    for batch in answer.batches():
        if batch:
            say_lines([_csv(rows_as_text(answer.columns, batch))])


def print_table(answer: Answer) -> None:
    """Print a table, some rows at a time; the columns keep the width that they once had."""
    widths = [0] * len(answer.columns)
    for number, batch in enumerate(answer.batches()):
        rows = [[in_line(cell) for cell in row] for row in rows_as_text(answer.columns, batch)]
        table = Table(box=None, pad_edge=False, show_header=number == 0)
        for column, width in zip(answer.columns, widths, strict=True):
            is_number = column.form is Form.NUMBER and not column.is_array
            table.add_column(
                in_line(column.name),
                justify="right" if is_number else "left",
                no_wrap=is_number,
                overflow="fold",
                min_width=width,
            )
        for row in rows:
            table.add_row(*row)
        say_table(table)
        widths = [max(width, *map(len, cells)) for width, *cells in zip(widths, *rows, strict=True)]


def require_names(columns: Sequence[AnswerColumn], what: str) -> None:
    """Check that each column has a name of its own.

    Raises:
        SettingsError: some have not.
    """
    twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
    if twice:
        raise SettingsError(
            f"several columns are called {listed(twice)}, which {what} cannot tell apart",
            hint="name them by AS, or use --csv",
        )


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().removesuffix("\n")
