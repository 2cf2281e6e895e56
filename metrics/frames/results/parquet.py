"""Results as a Parquet file."""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path

from metrics.errors import SettingsError
from metrics.files import atomic
from metrics.frames.records import columns, row
from metrics.frames.results.read import Result

# Some ten megabytes of memory, and few enough groups in a large file.
GROUP_ROWS = 20_000
_LESS = "take fewer windows, by --from and --to"


def check() -> None:
    """See that a Parquet file can be written.

    Raises:
        SettingsError: what writes it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            "a Parquet file needs pyarrow, which is not installed",
            why=str(error),
            now="pipenv sync --categories reports installs it, as does pip install 'frames-metrics[reports]'; "
            "--csv and --json need nothing",
        ) from error


def write(path: Path, results: Iterable[Result], sizes_s: Collection[int]) -> Counter[int]:
    """Write results into a Parquet file, a group of rows at a time.

    The whole of it appears under its name at the end, or nothing does. Its columns are those of the records; the start
    and the end of windows are times in UTC, so it needs no `datetime`.

    Args:
        sizes_s: the sizes of the windows that come.

    Returns:
        How many windows of each size there are.

    Raises:
        FileError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    moment = pa.timestamp("s", tz="UTC")
    types = {"kind": pa.string(), "timestamp": moment, "end": moment}
    types |= dict.fromkeys(("avg_num_of_frames", "avg_users_per_minute"), pa.float64())
    schema = pa.schema([(name, types.get(name, pa.int64())) for name in columns(sizes_s) if name != "datetime"])
    written: Counter[int] = Counter()
    coming = iter(results)
    with (
        atomic.writing(path, _LESS) as file,
        atomic.write_errors(path, _LESS),
        ParquetWriter(file, schema) as writer,
    ):
        while group := list(islice(coming, GROUP_ROWS)):
            rows = [row(result.size_s, result.window) for result in group]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
            written.update(result.size_s for result in group)
    return written
