"""What people see of what is printed on standard output: in a pipe, or on a terminal of some width, styles left out."""

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from unittest.mock import patch

from metrics.terminal.console import out


def in_a_pipe(show: Callable[[], object]) -> str:
    with redirect_stdout(StringIO()) as printed, patch.multiple(out, _force_terminal=False, _color_system=None):
        show()
    return printed.getvalue()


def on_a_terminal(show: Callable[[], object], width: int) -> str:
    """Return what a terminal shows, without the blanks that end a line there."""
    with (
        redirect_stdout(StringIO()) as printed,
        patch.multiple(out, _force_terminal=True, _color_system=None, _width=width, _height=25),
    ):
        show()
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())
