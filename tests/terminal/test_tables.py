"""Tables: a row is a line in a pipe; on a terminal that is too narrow, columns come below each other."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from rich.table import Table

from metrics.terminal.tables import new_table, say_folded, say_table
from tests.terminal.shown import in_a_pipe, on_a_terminal

PROJECT = Path(__file__).resolve().parents[2]


def table(name: str = "frames") -> Table:
    made = new_table("name", "state", "number", "largest", texts=["name", "state"])
    made.add_row(name, "full", "1", "1,234,567")
    made.add_row("b", "empty", "12,345", "")
    return made


LINES = """\
name    state  number    largest
frames  full        1  1,234,567
b       empty  12,345
"""


def test_words_begin_at_the_left_and_numbers_end_at_the_right() -> None:
    assert in_a_pipe(partial(say_table, table())) == in_a_pipe(partial(say_folded, table())) == LINES
    assert on_a_terminal(partial(say_folded, table()), 80) == LINES
    assert on_a_terminal(partial(say_folded, table()), 32) == LINES


def test_on_a_narrow_terminal_the_table_is_split_and_the_first_column_repeated() -> None:
    assert (
        on_a_terminal(partial(say_folded, table()), 31)
        == """\
name    state  number
frames  full        1
b       empty  12,345

name      largest
frames  1,234,567
b
"""
    )


def test_the_column_to_fold_before_begins_a_table_if_the_table_is_split() -> None:
    assert on_a_terminal(partial(say_folded, table(), "number"), 32) == LINES
    assert (
        on_a_terminal(partial(say_folded, table(), "number"), 31)
        == """\
name    state
frames  full
b       empty

name    number    largest
frames       1  1,234,567
b       12,345
"""
    )


def test_a_terminal_too_narrow_for_anything_still_shows_every_cell() -> None:
    printed = on_a_terminal(partial(say_folded, table()), 1)
    assert printed.split("\n\n") == [
        "name    state\nframes  full\nb       empty",
        "name    number\nframes       1\nb       12,345",
        "name      largest\nframes  1,234,567\nb\n",
    ]


def test_a_long_name_wraps_in_its_column_on_a_terminal_and_is_one_line_in_a_pipe() -> None:
    long = table("x" * 249)
    assert f"{'x' * 249}  full        1  1,234,567\n" in in_a_pipe(partial(say_folded, long))
    first, second, *_ = on_a_terminal(partial(say_folded, long), 80).splitlines()[1:]
    assert first == "x" * 36 + "  full        1  1,234,567"
    assert second == "x" * 36


@pytest.mark.parametrize("columns", [60, 80])
def test_styles_are_not_shown_as_text(columns: int) -> None:
    code = "from tests.terminal.test_tables import say_table, table; say_table(table())"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COLUMNS": f"{columns}", "TERM": "xterm", "FORCE_COLOR": "1"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert r"\x1b" not in printed
    assert "12,345" in printed
