"""A live line on a terminal: it is glued to nothing, whichever console prints, and however the terminal is resized."""

from tests.terminal.pseudo_terminal import printed_on_a_terminal

ERASE = "\r\x1b[J"  # the row of the cursor, and all rows below it

SHOW = """
import logging
from rich.text import Text
from metrics.terminal import logs, streams
from metrics.terminal.console import say
from metrics.terminal.live_line import LiveLine
from metrics.terminal.progress import bar
streams.take_over()
logs.log_lines("INFO")
"""


def printed(code: str, columns: int = 80) -> str:
    text = printed_on_a_terminal(SHOW + code, columns)
    return text.replace("\r\n", "\n")


def test_log_lines_and_answers_replace_the_line_and_it_is_shown_below_them() -> None:
    code = """
with LiveLine() as line:
    line.show(Text("taken 1"))
    logging.getLogger("metrics").warning("no broker")
    say("an answer")
"""
    live = "taken 1\r"
    below = f"{ERASE}{live}{ERASE}warning: no broker\n{live}{ERASE}an answer\n{live}{ERASE}"
    assert printed(code) == f"\x1b[?25l{below}\x1b[?25h"


def test_a_line_that_a_narrowed_terminal_shows_in_several_rows_is_erased_as_a_whole() -> None:
    #   80 columns   |taken 1,000,000 · accepted 990,000
    #   20 columns   |taken 1,000,000 · ac      the cursor is in the first row, so ERASE takes both
    #                |cepted 990,000
    code = """
with LiveLine() as line:
    line.show(Text("taken 1,000,000 · accepted 990,000"))
"""
    assert f"taken 1,000,000 · accepted 990,000\r{ERASE}" in printed(code)


def test_a_line_that_does_not_fit_is_cut_to_one_row() -> None:
    code = """
with LiveLine() as line:
    line.show(Text("taken 1,000,000 · accepted"))
"""
    assert f"{ERASE}taken 1,000,000 · …\r" in printed(code, columns=19)


def test_a_log_line_replaces_a_progress_bar() -> None:
    code = """
with bar("loading", 10):
    logging.getLogger("metrics").warning("no broker")
"""
    assert f"{ERASE}warning: no broker\n" in printed(code)
