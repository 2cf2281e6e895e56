"""Results as a Parquet file."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from metrics.files import parquet
from metrics.frames.records import columns, fields
from metrics.frames.results.formats import places
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size

if TYPE_CHECKING:
    import pyarrow as pa

_LESS = "take fewer windows, by --from and --to"


def write(
    path: Path, results: Iterable[Result], sizes: Collection[Size], *, with_places: bool = False
) -> Counter[Size]:
    """Write results to a Parquet file, one group of rows at a time.

    The write is atomic: the complete file appears at the end, or none. Its columns are the fields of the records;
    start and end of windows are timestamps in UTC, so `datetime` is left out.

    Args:
        sizes: the sizes of the windows to write.
        with_places: whether the results have their places, which are columns then.

    Returns:
        The number of windows written of each size.

    Raises:
        FileError: the file cannot be written.
    """
    import pyarrow as pa

    moment = pa.timestamp("s", tz="UTC")
    types = {"kind": pa.string(), "timestamp": moment, "end": moment, "topic": pa.string(), "key": pa.string()}
    for size in sizes:
        types |= {field.name: pa.float64() for field in msgspec.structs.fields(fields(size)) if field.type is float}
    names = (*places(with_places=with_places), *columns(sizes))
    schema = pa.schema([(name, types.get(name, pa.int64())) for name in names if name != "datetime"])
    written: Counter[Size] = Counter()
    coming = iter(results)

    def groups() -> "Iterator[pa.RecordBatch]":
        while group := list(islice(coming, parquet.GROUP_ROWS)):
            yield pa.RecordBatch.from_pylist([result.row() for result in group], schema)
            written.update(result.window.size for result in group)

    parquet.write(path, schema, groups(), _LESS)
    return written
