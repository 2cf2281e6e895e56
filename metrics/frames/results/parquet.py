"""Results as a Parquet file."""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path

import msgspec

from metrics.errors import SettingsError
from metrics.files import atomic
from metrics.frames.records import columns, fields, row
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size

# Takes some ten megabytes of memory, and keeps the groups of a large file few.
GROUP_ROWS = 20_000
_LESS = "take fewer windows, by --from and --to"


def check() -> None:
    """Check that a Parquet file can be written.

    Raises:
        SettingsError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            "a Parquet file needs pyarrow, which is not installed",
            why=str(error),
            hint="pipenv sync --categories reports installs it, as does pip install pyarrow; "
            "--csv and --json work without it",
        ) from error


def write(path: Path, results: Iterable[Result], sizes: Collection[Size]) -> Counter[Size]:
    """Write results to a Parquet file, one group of rows at a time.

    The write is atomic: the complete file appears at the end, or none. Its columns are the fields of the records;
    start and end of windows are timestamps in UTC, so `datetime` is left out.

    Args:
        sizes: the sizes of the windows to write.

    Returns:
        The number of windows written of each size.

    Raises:
        FileError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    moment = pa.timestamp("s", tz="UTC")
    types = {"kind": pa.string(), "timestamp": moment, "end": moment}
    for size in sizes:
        types |= {field.name: pa.float64() for field in msgspec.structs.fields(fields(size)) if field.type is float}
    schema = pa.schema([(name, types.get(name, pa.int64())) for name in columns(sizes) if name != "datetime"])
    written: Counter[Size] = Counter()
    coming = iter(results)
    with (
        atomic.writing(path, _LESS) as file,
        atomic.write_errors(path, _LESS),
        ParquetWriter(file, schema) as writer,
    ):
        while group := list(islice(coming, GROUP_ROWS)):
            rows = [row(result.window) for result in group]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
            written.update(result.window.size for result in group)
    return written
