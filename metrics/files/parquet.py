"""Parquet files, written one group of rows at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

from metrics.files import atomic
from metrics.wording.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

# Takes some ten megabytes of memory, and keeps the groups of a large file few.
GROUP_ROWS = 20_000


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


def write(path: Path, schema: "pa.Schema", groups: "Iterable[pa.RecordBatch]", less: str) -> None:
    """Write groups of rows to a Parquet file.

    The write is atomic: the complete file appears at the end, or none.

    Args:
        less: how to write a smaller file; the hint when the disk is full.

    Raises:
        FileError: the file cannot be written.
    """
    from pyarrow.parquet import ParquetWriter

    with atomic.writing(path, less) as file, atomic.write_errors(path, less), ParquetWriter(file, schema) as writer:
        for group in groups:
            writer.write_batch(group)
