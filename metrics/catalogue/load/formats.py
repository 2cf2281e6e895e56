"""Records in a file: rows of a CSV file, elements of a JSON array. Read as a stream, in bounded memory."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import tzinfo
from typing import Any, NamedTuple

from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.core.reading import NotJsonError, ReadRow, cells_reader, json_value, key_of, text_reader
from metrics.catalogue.core.records import Row, Tombstone
from metrics.catalogue.load.elements import Elements
from metrics.catalogue.load.loads import Remark
from metrics.catalogue.load.rows import Rows, cells_of, row_of
from metrics.wording.errors import FileError
from metrics.wording.text import listed


class Records(NamedTuple):
    """Records of one file, or of a batch.

    Attributes:
        received: yields each record with its place, such as its number or that of its first line.
        position_of: returns the position of a record in words, by its place.
        read: validates a record.
        text_of: returns the text of a record that was rejected, before the next one is received.
        key_of: returns the key of a record that was rejected, as `reading.key_of`.
        columns: of CSV; empty for JSON.
        remarks: returns remarks on the file itself, once all records were received.
    """

    received: Iterator[tuple[Any, Any]]
    position_of: Callable[[Any], str]
    read: ReadRow
    text_of: Callable[[Any], str]
    key_of: Callable[[Any], Row | None]
    columns: list[str]
    remarks: Callable[[], list[Remark]] = list


def records_of_rows(
    model: Model, received: Iterator[tuple[int, str]], unit: str, header: list[str], zone: tzinfo | None
) -> Records:
    """Return records that are texts of rows.

    Args:
        unit: of their positions.
        header: names of the columns.
    """
    read, key = cells_reader(model, header, zone), _key_of_cells(model, header, zone)
    return Records(
        received,
        f"{unit} {{}}".format,
        lambda text: read(cells_of(text)),
        str,
        lambda text: key(cells_of(text)),
        header,
    )


def _key_of_cells(model: Model, header: list[str], zone: tzinfo | None) -> Callable[[list[str]], Row | None]:
    def key(cells: list[str]) -> Row | None:
        if len(cells) != len(header):
            return None  # any of them may be missing
        return key_of(model, dict(zip(header, cells, strict=True)), zone, strict=False)

    return key


def records_of_texts(model: Model, received: Iterator[tuple[int, Any]], unit: str, zone: tzinfo | None) -> Records:
    """Return records that are JSON texts.

    Args:
        unit: of their positions.
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
    rows = Rows(name, file)
    received = iter(rows)
    _, header = next(received, (1, []))
    if not model.csv_columns or not set(model.csv_columns) <= set(header):
        raise _no_columns(model, name, header)
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise FileError(
            f"{name} has two columns called {twice[0]!r}",
            why=f"its first line is {row_of(header)!r}",
            hint="remove or rename one of them",
        )
    return Records(
        received,
        "line {}".format,
        cells_reader(model, header, zone),
        lambda _: rows.text,
        _key_of_cells(model, header, zone),
        header,
        lambda: _of_the_end(name, rows),
    )


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


def _of_the_end(name: str, rows: Rows) -> list[Remark]:
    return [] if rows.has_end else [Remark("files that may be cut, since the last line has no line end", 1, [name])]


def _of_model(model: Model, name: str, received: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, text in received:
        if number == 1:
            _require_model(model, name, text)
        yield number, text


def _no_columns(model: Model, name: str, header: list[str]) -> FileError:
    others = [other.name for other in MODELS.values() if other.csv_columns and set(other.csv_columns) <= set(header)]
    if not model.csv_columns:
        hint = f"load it as --model {others[0]}" if others else "use --collector json"
        return FileError(f"{name} is CSV, but the model {model.name} comes as JSON", hint=hint)
    missing = [column for column in model.csv_columns if column not in header]
    noun = "column" if len(missing) == 1 else "columns"
    return FileError(
        f"{name} has no {noun} {listed(missing)}",
        why=f"its first line is {row_of(header)!r}",
        hint=f"load it as --model {others[0]}" if others else f"its first line must name {row_of(model.csv_columns)}",
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
            why=f"its first record has {listed(list(first))}; the model {model.name} has {listed(model.fields)}",
            hint=f"load it as --model {others[0]}",
        )
