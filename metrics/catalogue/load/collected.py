"""The input of a load that a collector reads: files, downloads, standard input."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.source import Source
from metrics.catalogue.collect.sources import SCHEMES
from metrics.catalogue.core.models import Model
from metrics.catalogue.load.formats import Records, csv_records, is_csv, json_records
from metrics.catalogue.load.loads import Connection
from metrics.wording.errors import FileError


class Collected:
    """Records from the sources of a collector.

    Args:
        asked: the collector that was asked for, if any; csv and json also say which format the files have.
    """

    as_of = None

    def __init__(self, sources: Sequence[Source], model: Model, asked: str | None) -> None:
        self._reading = Reading(sources)
        self._asked = asked
        self.collector = asked or _collector_of(sources[0], model)
        self.source = sources[0].name if len(sources) == 1 else f"{sources[0].name} and {len(sources) - 1} more"

    @property
    def read_bytes(self) -> int:
        """Stored bytes that were read so far."""
        return self._reading.read_bytes

    @property
    def size_bytes(self) -> int | None:
        """Stored bytes of all sources; None if that is not known."""
        return self._reading.size_bytes

    def digest_ahead(self) -> str | None:
        """Return the digest before reading records; None if the sources can be read only once."""
        return self._reading.digest_ahead()

    def digest(self) -> str:
        """Return the SHA-256 of the stored bytes, once all records were read."""
        return self._reading.sha256

    def require_open(self, connection: Connection) -> None:
        """Do nothing: no other load takes these records."""

    def settle(self, connection: Connection, load_id: int) -> None:
        """Do nothing: no other load takes these records."""

    def records(self, model: Model, zone: tzinfo | None) -> Iterator[tuple[str, Records]]:
        """Yield the records of each file.

        Raises:
            FileError: one cannot be read completely, or the columns of two CSV files differ.
        """
        columns: list[str] | None = None
        for number, part in enumerate(self._reading.parts()):
            opened = csv_records if is_csv(model, part.path_name, self._asked) else json_records
            records = opened(model, part.name, part.stream, zone)
            if columns is not None and records.columns != columns:
                raise FileError(
                    f"{part.name} has other columns than the file before it",
                    why=f"{','.join(records.columns) or 'JSON'} instead of {','.join(columns) or 'JSON'}",
                    hint="load them one by one",
                )
            columns = records.columns
            several = len(self._reading.sources) > 1 or number > 0
            yield f"{part.name}, " if several else "", records


def _collector_of(source: Source, model: Model) -> str:
    """Return the name of the collector of a source: that of its scheme, or the format of a local file."""
    scheme, is_url, _ = source.name.partition("://")
    if is_url:
        return next(collector for collector, schemes in SCHEMES.items() if scheme in (schemes or ()))
    return "csv" if is_csv(model, source.path_name, None) else "json"
