"""The console: lines go to standard output, warnings and errors to standard error.

A status line, colours and bars appear only on a terminal.
"""

import os
import textwrap
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

from rich import filesize
from rich.console import Console
from rich.text import Text

from metrics.files.line_reader import Lines
from metrics.files.paths import named
from metrics.files.project import IS_CLONE
from metrics.terminal.streams import require_open
from metrics.wording.errors import MetricsError
from metrics.wording.text import escaped, in_line, numbered

INDENT = 5
LAST_WORDS_S = 0.5


class EscapingConsole(Console):
    """A console that escapes control characters in all text, and keeps its own styles."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Return a string as it is shown, in a line or in a cell of a table."""
        return super().render_str(escaped(text), **how)


out = EscapingConsole(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = EscapingConsole(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)


def as_started(text: str) -> str:
    """Return a text that names `python app.py`, the command line in a clone, with the command that is installed."""
    return text if IS_CLONE else text.replace("python app.py", "metrics")


def say(text: str, indent: int = INDENT, style: str = "") -> None:
    """Print one or more lines on standard output.

    Args:
        indent: of the continuation of a line that a terminal is too narrow for, in columns.
    """
    out.print(_fitted(text, out, indent), style=style)


def say_lines(lines: Iterable[str]) -> None:
    """Print any number of lines on standard output, unchanged unless it is a terminal, and flush it.

    Raises:
        FileError, OutputClosedError: standard output is closed, or failed.
    """
    require_open()
    write, is_terminal = out.file.write, out.is_terminal
    for line in lines:
        write((escaped(line) if is_terminal else line) + "\n")
    out.file.flush()


def is_standard_output(path: Path) -> bool:
    """Return whether a path is the file of standard output."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(1))
    return False


def note(line: str) -> None:
    """Print one line on standard error, if standard output is kept for the answer."""
    err.print(_fitted(line, err))


def warn(line: str) -> None:
    """Print one line on standard error."""
    err.print(_fitted(f"warning: {line}", err), style="yellow")


def end_echo() -> None:
    """End the line in which a terminal has shown `^C`, so that the next one begins at its left."""
    if err.is_terminal:
        err.line()


def _fitted(text: str, console: Console, indent: int = INDENT) -> str:
    """Wrap lines that a terminal is too narrow for, between words; addresses and paths stay in one piece.

    Elsewhere a line stays a line, since a program may read it.
    """
    text = as_started(text)
    if not console.is_terminal:
        return text
    wrapper = textwrap.TextWrapper(
        console.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    lines = text.split("\n")
    return "\n".join(line if len(line) <= console.width else wrapper.fill(line) for line in lines)


def shown(path: Path) -> str:
    """Return a path relative to the working folder, if that exists and contains it."""
    with suppress(FileNotFoundError, ValueError):
        return in_line(str(path.relative_to(Path.cwd())))
    return named(path)


def name_of(lines: Lines) -> str:
    """Return the name of the source of these lines: a file, a number of files, or standard input."""
    return shown(lines.paths[0]) if len(lines.paths) == 1 else numbered(len(lines.paths), "file")


def fail(error: MetricsError | str) -> None:
    """Print the error that stopped a command on standard error."""
    err.print(_fitted(f"error: {error}", err), style="red")


def end_at_once(exit_code: int, say_last: Callable[[], object] = lambda: None) -> NoReturn:
    """End the process without waiting for anything.

    Args:
        say_last: prints the last words, in a thread: a terminal that takes no output, as after Ctrl-S, or a full pipe
            delays the end by at most LAST_WORDS_S.
    """

    def speak() -> None:
        with suppress(MetricsError):  # a closed terminal needs neither words nor a cursor
            say_last()
            out.show_cursor()

    try:
        speaker = Thread(target=speak, daemon=True)
        speaker.start()
        speaker.join(LAST_WORDS_S)
    finally:
        os._exit(exit_code)


def throughput(size_bytes: int, seconds: float) -> str:
    """Return a rate of bytes: `125.3 MB/s`."""
    return f"{filesize.decimal(int(size_bytes / max(seconds, 1e-3)))}/s"
