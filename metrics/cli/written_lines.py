"""Lines that a command writes to a file or to standard output, with a progress bar and a report."""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

from metrics.files.line_writer import writing
from metrics.terminal.console import is_standard_output, note, say, shown
from metrics.terminal.progress import bar
from metrics.terminal.streams import binary_output
from metrics.wording.text import pace

STANDARD_OUTPUT = Path("-")


def write_lines(path: Path, lines: Iterable[bytes], count: int, noun: str) -> None:
    """Write lines to a file, or to standard output if its path is `-`, and report how fast.

    Args:
        path: its suffix says how the file is compressed.
        count: of the lines.
        noun: name of what one line contains.

    Raises:
        FileError, OutputClosedError: they cannot be written.
    """
    started_s = monotonic()
    if path == STANDARD_OUTPUT:
        with binary_output() as output:
            for line in lines:
                output.write(line + b"\n")
    else:
        with writing(path) as write, bar(f"writing {path.name}", count) as move:
            for number, line in enumerate(lines, 1):
                write(line)
                if number % 1000 == 0:
                    move(number)
    place = "to standard output" if path == STANDARD_OUTPUT else shown(path)
    report_on(path)(f"wrote {place}: {pace(count, noun, monotonic() - started_s)}")


def report_on(path: Path) -> Callable[[str], None]:
    """Return the function that prints a line about written lines: not on standard output if they are there."""
    return note if path == STANDARD_OUTPUT or is_standard_output(path) else say
