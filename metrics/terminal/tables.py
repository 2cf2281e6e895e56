"""Tables without lines: two spaces between columns, numbers right-aligned; folded if a terminal is too narrow."""

from collections.abc import Collection
from dataclasses import replace

from rich.table import Column, Table

from metrics.terminal.console import EscapingConsole, err, out, say, say_lines
from metrics.wording.text import in_line, shortened

TABLE_COLUMNS = 80
MAX_TEXT_COLUMNS = 36  # on a terminal; with two times of 20 characters beside it, it fits 80 columns
CUT_AT = 60  # characters of a foreign text

# A console as wide as any table, without styles.
_PLAIN = EscapingConsole(
    highlight=False, markup=False, emoji=False, width=100_000, force_terminal=False, color_system=None
)


def new_table(*titles: str, texts: Collection[str] = ()) -> Table:
    """Return a table without rows.

    Args:
        texts: titles of the columns with words. These are left-aligned, and wrap.
    """
    table = Table(box=None, pad_edge=False)
    for title in titles:
        if title in texts:
            table.add_column(title, overflow="fold")
        else:
            table.add_column(title, justify="right", no_wrap=True)
    return table


def cell(text: str) -> str:
    """Return a foreign text as a cell: in one line, and cut, since in a pipe a long cell widens every row."""
    return shortened(in_line(text), CUT_AT)


def say_table(table: Table) -> None:
    """Print a table on standard output.

    If that is not a terminal, or a narrow one, a row is one line without trailing blanks: a program may read it, and a
    terminal breaks the line rather than the words in its columns.
    """
    if out.is_terminal and out.width >= TABLE_COLUMNS:
        out.print(table)
    else:
        say_lines(lines(table))


def note_table(table: Table) -> None:
    """Print a table on standard error, if standard output is kept for the answer; in the same two forms."""
    is_wide = err.is_terminal and err.width >= TABLE_COLUMNS
    err.print(table if is_wide else "\n".join(lines(table)))


def say_folded(table: Table, before: str = "") -> None:
    """Print a table; on a terminal that is too narrow, as several tables one below the other."""
    pages = folded(table, out.width, before) if out.is_terminal else [table]
    for number, page in enumerate(pages):
        if number:
            say("")
        say_table(page)


def folded(table: Table, width: int, before: str = "") -> list[Table]:
    """Split the columns of a table that is too wide into several tables; each begins with the first column.

    Args:
        before: title of a column that always begins a new table, if the table is split at all.
    """
    first, *others = (
        column if column.no_wrap else replace(column, max_width=MAX_TEXT_COLUMNS) for column in table.columns
    )
    pages = [[first]]
    is_split = _width(_of([first, *others])) > width
    for column in others:
        page = [*pages[-1], column]
        if is_split and len(page) > 2 and (column.header == before or _width(_of(page)) > width):
            pages.append([first, column])
        else:
            pages[-1] = page
    return [_of(page) for page in pages]


def _of(columns: Collection[Column]) -> Table:
    table = Table(*(column.copy() for column in columns), box=None, pad_edge=False)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _width(table: Table) -> int:
    return _PLAIN.measure(table).maximum


def lines(table: Table) -> list[str]:
    """Return a table as plain text: one line per row, however long, without trailing blanks."""
    with _PLAIN.capture() as printed:
        _PLAIN.print(table)
    return [line.rstrip() for line in printed.get().split("\n") if line.strip()]
