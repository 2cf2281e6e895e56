"""Records in a file: rows of a CSV file, elements of a JSON array. Read as a stream, in bounded memory."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import tzinfo
from typing import Any, NamedTuple

from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.core.reading import NotJsonError, ReadRow, cells_reader, json_value, key_of, text_reader
from metrics.catalogue.core.records import Row, Tombstone
from metrics.catalogue.load.elements import Elements
from metrics.catalogue.load.loads import Remark
from metrics.errors import FileError
from metrics.text import listed

CELL_BYTES = 1 << 20
csv.field_size_limit(CELL_BYTES)


class Records(NamedTuple):
    """Records of one file, or of a batch.

    Attributes:
        received: yields each record with its place: the number of its first line, or its number.
        position_of: returns a place in words.
        read: validates a record.
        text_of: returns the text of a record that was rejected.
        key_of: returns the key of a record that was rejected; None if it cannot be read.
        columns: of CSV; empty for JSON.
        remarks: returns what is odd about the file, once all records were received.
    """

    received: Iterator[tuple[Any, Any]]
    position_of: Callable[[Any], str]
    read: ReadRow
    text_of: Callable[[Any], str]
    key_of: Callable[[Any], Row | None]
    columns: list[str]
    remarks: Callable[[], list[Remark]] = list


class _CsvLines:
    """Lines of a file.

    Attributes:
        last: the last one so far, with its line end if it has one.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.last = "\n"

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.last = line
            yield line


def records_of_cells(
    model: Model, received: Iterator[tuple[int, Any]], unit: str, header: list[str], zone: tzinfo | None
) -> Records:
    """Return records that are rows of cells.

    Args:
        unit: of their places.
        header: names of the columns.
    """

    def key(cells: list[str]) -> Row | None:
        return key_of(model, dict(zip(header, cells, strict=False)), zone, strict=False)

    return Records(received, f"{unit} {{}}".format, cells_reader(model, header, zone), _line, key, header)


def records_of_texts(model: Model, received: Iterator[tuple[int, Any]], unit: str, zone: tzinfo | None) -> Records:
    """Return records that are JSON texts.

    Args:
        unit: of their places.
    """

    def key(text: str) -> Row | None:
        with suppress(NotJsonError):
            return key_of(model, json_value(text), zone, strict=True)
        return None

    return Records(received, f"{unit} {{}}".format, text_reader(model, zone), str, key, [])


# How files begin that are not text, and how to load them nevertheless.
_NO_TEXT = {
    b"\x1f\x8b": ("compressed by gzip", "give it a name that ends in .gz, or decompress it: zcat"),
    b"\xfd7zXZ": ("compressed by xz", "give it a name that ends in .xz, or decompress it: xzcat"),
    b"(\xb5/\xfd": ("compressed by zstd", "give it a name that ends in .zst, or decompress it: zstdcat"),
    b"PK\x03\x04": ("an archive", "give it a name that ends in .zip, or unpack it"),
    b"\xff\xfe": ("UTF-16", "convert it: iconv -f utf-16 -t utf-8"),
    b"\xfe\xff": ("UTF-16", "convert it: iconv -f utf-16 -t utf-8"),
}


def _require_text(name: str, file: io.BufferedReader) -> None:
    beginning = file.peek(8)
    for magic, (what, hint) in _NO_TEXT.items():
        if beginning.startswith(magic):
            raise FileError(f"{name} is {what}", why="CSV and JSON are read as UTF-8", hint=hint)


def is_csv(model: Model, path_name: str, collector: str | None) -> bool:
    """Return whether a file is CSV rather than JSON: as asked, or by its name, or as the model usually comes."""
    if collector in ("csv", "json"):
        return collector == "csv"
    suffixes = path_name.lower().split(".")[1:]
    return "csv" in suffixes or ("json" not in suffixes and bool(model.csv_columns))


def csv_records(model: Model, name: str, file: io.BufferedReader, zone: tzinfo | None) -> Records:
    """Open a CSV file with a header.

    Raises:
        FileError: a column is missing. Later, while it is read: it is cut, or not UTF-8.
    """
    _require_text(name, file)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    lines = _CsvLines(text)
    rows = csv.reader(lines, strict=True)
    with _csv_errors(name, rows):
        header = next(rows, [])
    if not model.csv_columns or not set(model.csv_columns) <= set(header):
        raise _no_columns(model, name, header)
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise FileError(
            f"{name} has two columns of the name {twice[0]!r}",
            why=f"its first line is {_line(header)!r}",
            hint="remove or rename one of them",
        )
    records = records_of_cells(model, _rows(name, rows), "line", header, zone)
    return records._replace(remarks=lambda: _of_the_end(name, lines.last))


def json_records(model: Model, name: str, file: io.BufferedReader, zone: tzinfo | None) -> Records:
    """Open a JSON array of records.

    Raises:
        FileError: it is not an array. Later, while it is read: it is cut, or not JSON.
    """
    _require_text(name, file)
    elements = Elements(name, file)
    records = records_of_elements(model, elements, zone)
    return records._replace(received=_of_model(model, name, records.received))


def records_of_elements(model: Model, elements: Elements, zone: tzinfo | None) -> Records:
    """Return records that are elements of a JSON array; its reader raises a FileError for what is not JSON."""
    records = records_of_texts(model, enumerate(elements, 1), "record", zone)

    def read(text: str) -> Row | Tombstone:
        try:
            return records.read(text)
        except NotJsonError as error:
            raise elements.not_json(str(error)) from error

    return records._replace(read=read)


def _of_the_end(name: str, last_line: str) -> list[Remark]:
    return [] if last_line.endswith(("\n", "\r")) else [Remark("file may be cut: its last line has no end", 1, [name])]


def _rows(name: str, rows: Any) -> Iterator[tuple[int, list[str]]]:
    first = rows.line_num + 1
    with _csv_errors(name, rows):
        for cells in rows:
            if cells:  # an empty line is not a record
                yield first, cells
            first = rows.line_num + 1


def _of_model(model: Model, name: str, received: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, text in received:
        if number == 1:
            _require_model(model, name, text)
        yield number, text


@contextmanager
def _csv_errors(name: str, rows: Any) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise FileError(
            f"{name} cannot be read as CSV",
            why=f"line {rows.line_num}: {error}",
            hint="a quote may be missing, or the file is cut; nothing was loaded",
        ) from error
    except UnicodeDecodeError as error:
        raise FileError(
            f"{name} is not UTF-8",
            why=f"it has a byte 0x{error.object[error.start]:02x} that begins no letter",
            hint="convert it; from Latin-1, for example: iconv -f latin1 -t utf-8; nothing was loaded",
        ) from error


def _no_columns(model: Model, name: str, header: list[str]) -> FileError:
    others = [other.name for other in MODELS.values() if other.csv_columns and set(other.csv_columns) <= set(header)]
    if not model.csv_columns:
        hint = f"load it as --model {others[0]}" if others else "use --collector json"
        return FileError(f"{name} is CSV, but the model {model.name} comes as JSON", hint=hint)
    missing = [column for column in model.csv_columns if column not in header]
    noun = "column" if len(missing) == 1 else "columns"
    return FileError(
        f"{name} has no {noun} {listed(missing)}",
        why=f"its first line is {_line(header)!r}",
        hint=f"load it as --model {others[0]}" if others else f"its first line must name {_line(model.csv_columns)}",
    )


def _require_model(model: Model, name: str, text: str) -> None:
    """Check that the first record has members of this model, rather than those of another one."""
    first = None
    with suppress(NotJsonError):
        first = json_value(text)
    if not isinstance(first, dict) or any(field in first for field in model.fields):
        return
    others = [other.name for other in MODELS.values() if set(other.fields) <= first.keys()]
    if others:
        raise FileError(
            f"{name} has records of another model",
            why=f"its first one has {listed(list(first))}; the model {model.name} has {listed(model.fields)}",
            hint=f"load it as --model {others[0]}",
        )


def _line(cells: Any) -> str:
    """Return cells as a line of CSV. The writer quotes only those characters of line ends that its own has."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()[:-2]
