"""The input of a load that tries the rejected records of another one again."""

from collections.abc import Iterator
from datetime import tzinfo

from metrics.catalogue.core.models import Model
from metrics.catalogue.load.formats import Records, records_of_rows, records_of_texts
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.rejected import restore
from metrics.errors import SettingsError
from metrics.postgres.connect import database_errors


class RejectedOf:
    """Rejected records of a load, by their own texts.

    Args:
        connection: not that of the load that reads them.

    Raises:
        SettingsError: that load was of another model, rejected nothing, or its records were tried again.
    """

    collector = "rejected"
    read_bytes = 0
    size_bytes: int | None = None

    def __init__(self, connection: Connection, of: Load, model: Model) -> None:
        if of.model != model.name:
            raise SettingsError(f"load {of.id} was of {of.model}, not of {model.name}", hint=f"use --model {of.model}")
        _require_some(connection, of)
        self._connection = connection
        self._of = of
        self._last_id = 0
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
            query = "SELECT id, record, is_escaped FROM catalogue_rejected WHERE load_id = %s AND retried_by IS NULL"
            rows.execute(f"{query} ORDER BY id", (self._of.id,))
            for number, (self._last_id, record, is_escaped) in enumerate(rows, 1):
                yield number, restore(record) if is_escaped else record

    def settle(self, connection: Connection, load_id: int) -> None:
        """Note that the records were tried again; a load that runs may have rejected more meanwhile."""
        connection.execute(
            "UPDATE catalogue_rejected SET retried_by = %s WHERE load_id = %s AND retried_by IS NULL AND id <= %s",
            (load_id, self._of.id, self._last_id),
        )


def _require_some(connection: Connection, of: Load) -> None:
    """Check that a load rejected records that were not tried again."""
    query = (
        "SELECT count(*) FILTER (WHERE retried_by IS NULL), max(retried_by) FROM catalogue_rejected WHERE load_id = %s"
    )
    with database_errors("the rejected records cannot be read"):
        left, retried_by = connection.execute(query, (of.id,)).fetchone() or (0, None)
    if not left and retried_by is None:
        raise SettingsError(f"load {of.id} rejected nothing", hint="see which loads did: python app.py catalogue loads")
    if not left:
        raise SettingsError(
            f"the records that load {of.id} rejected were tried again",
            why=f"by load {retried_by}, which rejected those that were still wrong",
            hint=f"try these again: --rejected-of {retried_by}",
        )
