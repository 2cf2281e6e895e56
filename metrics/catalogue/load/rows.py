"""Rows of a CSV file with their own texts, read as a stream, in bounded memory."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

from metrics.wording.errors import FileError

csv.field_size_limit(max(csv.field_size_limit(), 1 << 20))  # one limit for all systems
BLOCK_CHARACTERS = 1 << 16
MAX_CHARACTERS = 1 << 24  # of a row: if all of its cells are empty, they take 140 MB
MAX_LINES = 1 << 17  # of a row: each one takes 50 bytes and more beside its characters
_HINT = "a quote may be missing, or the file is cut; nothing was loaded"
_LINE_END = re.compile(r"(?:\r\n?|\n)\Z")


class Rows:
    """Rows of a CSV file, without empty lines.

    Args:
        name: of the file, in errors.
    """

    def __init__(self, name: str, file: io.BufferedReader) -> None:
        self._name = name
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._reader = csv.reader(chain.from_iterable(self._blocks()), strict=True)
        self._first = 1  # line of the row that is read, or was read last
        self._lines: list[str] = []  # those of this row, and others that were read with them
        self._lines_from = 1

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row, with the number of its first line.

        Raises:
            FileError: the file cannot be read completely.
        """
        reader = self._reader
        with self._errors():
            for cells in reader:
                if cells:
                    yield self._first, cells
                self._first = reader.line_num + 1

    @property
    def text(self) -> str:
        """The text of the row that was read last, without its line end."""
        before = self._lines_from
        return _LINE_END.sub("", "".join(self._lines[self._first - before : self._reader.line_num + 1 - before]))

    @property
    def has_end(self) -> bool:
        """Whether the last line that was read ends like a line."""
        return not self._lines or _LINE_END.search(self._lines[-1]) is not None

    def _blocks(self) -> Iterator[list[str]]:
        """Yield lines, many at once: a generator of single lines would take a twelfth of the reader's time.

        They end as the lines of a file do: `str.splitlines` knows more line ends.
        """
        while block := self._text.read(BLOCK_CHARACTERS):
            block += self._text.readline(MAX_CHARACTERS)
            begun = self._lines[self._first - self._lines_from :]
            if len(begun) > MAX_LINES or sum(map(len, begun)) + len(block) > MAX_CHARACTERS:
                raise self._too_long()
            lines = io.StringIO(block, newline="").readlines()
            self._lines, self._lines_from = begun + lines, self._first
            yield lines

    def _too_long(self) -> FileError:
        return FileError(
            f"{self._name} cannot be read as CSV",
            why=f"after line {self._reader.line_num:,}: a row of more than {MAX_CHARACTERS:,} characters "
            f"or {MAX_LINES:,} lines",
            hint=_HINT,
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise FileError(
                f"{self._name} cannot be read as CSV", why=f"line {self._reader.line_num}: {error}", hint=_HINT
            ) from error
        except UnicodeDecodeError as error:
            raise FileError(
                f"{self._name} is not UTF-8",
                why=f"it has a byte 0x{error.object[error.start]:02x} that is not valid there",
                hint="convert it; from Latin-1, for example: iconv -f latin1 -t utf-8; nothing was loaded",
            ) from error


def cells_of(text: str) -> list[str]:
    """Return the cells of a row's text."""
    return next(csv.reader(io.StringIO(text, newline="")), [])


def row_of(cells: Iterable[str]) -> str:
    """Return cells as the text of a row. The writer quotes only the characters of its own line end."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()[:-2]
