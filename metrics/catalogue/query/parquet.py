"""An answer as a Parquet file with typed columns."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from metrics.catalogue.query.formats import require_names
from metrics.catalogue.query.run import Answer
from metrics.catalogue.query.values import AnswerColumn, Value, text_writer
from metrics.files import parquet
from metrics.wording.errors import SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

_LESS = "select fewer rows or columns"
MAX_DECIMAL_DIGITS = 76


def write(path: Path, answer: Answer) -> int:
    """Write an answer to a Parquet file, one group of rows at a time; return the number of rows.

    The write is atomic: the complete file appears at the end, or none. Integers, floats, booleans, dates and times have
    their own types; a numeric is a decimal if it declares its digits, otherwise a float. Anything else is text.

    Raises:
        SettingsError: two columns have the same name, or Parquet cannot represent a value.
        FileError: the file cannot be written.
    """
    import pyarrow as pa

    require_names(answer.columns, "Parquet")
    schema = pa.schema([(column.name, _type_of(column)) for column in answer.columns])
    rows = 0

    def groups() -> "Iterator[pa.RecordBatch]":
        nonlocal rows
        coming = chain.from_iterable(answer.batches())
        while group := list(islice(coming, parquet.GROUP_ROWS)):
            values = zip(*group, strict=True)
            arrays = [_array(column, cells) for column, cells in zip(answer.columns, values, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            rows += len(group)

    parquet.write(path, schema, groups(), _LESS)
    return rows


def _type_of(column: AnswerColumn) -> "pa.DataType":
    import pyarrow as pa

    types = {
        "int2": pa.int16(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "oid": pa.uint32(),
        "float4": pa.float32(),
        "float8": pa.float64(),
        "numeric": _decimal_of(column),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    return pa.string() if column.is_array else types.get(column.type_name, pa.string())


def _decimal_of(column: AnswerColumn) -> "pa.DataType":
    import pyarrow as pa

    if column.precision is None or column.scale is None or column.precision > MAX_DECIMAL_DIGITS:
        return pa.float64()
    return (
        pa.decimal256(column.precision, column.scale)
        if column.precision > 38
        else pa.decimal128(column.precision, column.scale)
    )


def _array(column: AnswerColumn, values: Sequence[Value]) -> "pa.Array":
    """Return the values of a column, converted from their text.

    Raises:
        SettingsError: Parquet cannot represent one.
    """
    import pyarrow as pa

    write = text_writer(column)
    texts = pa.array([None if value is None else write(value) for value in values], pa.string())
    try:
        return texts.cast(_type_of(column))
    except pa.ArrowInvalid as error:
        raise SettingsError(
            f"the column {column.name} has a value that Parquet cannot represent",
            why=str(error),
            hint=f"select {column.name}::text, or use --csv",
        ) from error
