"""The input of a load that tries the rejected records of another one again."""

from collections.abc import Iterator
from datetime import tzinfo

from metrics.catalogue.core.models import Model
from metrics.catalogue.load.formats import Records, records_of_rows, records_of_texts
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.rejected import restore_nul
from metrics.errors import SettingsError
from metrics.postgres.connect import database_errors


class RejectedOf:
    """Rejected records of a load, by their own texts.

    Args:
        connection: not that of the load that reads them.

    Raises:
        SettingsError: that load was of another model, or rejected nothing.
    """

    collector = "rejected"
    read_bytes = 0
    size_bytes: int | None = None

    def __init__(self, connection: Connection, of: Load, model: Model) -> None:
        if of.model != model.name:
            raise SettingsError(f"load {of.id} was of {of.model}, not of {model.name}", hint=f"use --model {of.model}")
        if not of.rejected:
            raise SettingsError(
                f"load {of.id} rejected nothing", hint="see which loads did: python app.py catalogue loads"
            )
        self._connection = connection
        self._of = of
        self.source = f"rejected records of load {of.id}"
        self.as_of = of.id if of.as_of is None else of.as_of

    def digest_ahead(self) -> None:
        """Return None: texts in the database have no file's digest."""

    def digest(self) -> None:
        """Return None: texts in the database have no file's digest."""

    def records(self, model: Model, zone: tzinfo | None) -> Iterator[tuple[str, Records]]:
        """Yield the records, in the order in which they were rejected; their positions are numbers in that order."""
        if columns := self._of.columns:
            yield "", records_of_rows(model, self._texts(), "record", columns, zone)
        else:
            yield "", records_of_texts(model, self._texts(), "record", zone)

    def _texts(self) -> Iterator[tuple[int, str]]:
        read = database_errors("the rejected records cannot be read")
        with read, self._connection.transaction(), self._connection.cursor("rejected") as rows:
            rows.execute(
                "SELECT record, has_nul FROM catalogue_rejected WHERE load_id = %s ORDER BY id", (self._of.id,)
            )
            for number, (record, has_nul) in enumerate(rows, 1):
                yield number, restore_nul(record) if has_nul else record
