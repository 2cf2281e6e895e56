"""The input of a load that tries the rejected records of another one again."""

from collections.abc import Iterator
from datetime import tzinfo

from metrics.catalogue.core.models import Model
from metrics.catalogue.load.formats import Records, records_of_rows, records_of_texts
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.rejected import restore
from metrics.postgres.connect import database_errors
from metrics.wording.errors import SettingsError


class RejectedOf:
    """Rejected records of a load, by their own texts.

    Args:
        connection: not that of the load that reads them.

    Raises:
        SettingsError: that load was of another model.
    """

    collector = "rejected"
    read_bytes = 0
    size_bytes: int | None = None

    def __init__(self, connection: Connection, of: Load, model: Model) -> None:
        if of.model != model.name:
            raise SettingsError(f"load {of.id} was of {of.model}, not of {model.name}", hint=f"use --model {of.model}")
        self._connection = connection
        self._of = of
        self._last_id = 0
        self.source = f"rejected records of load {of.id}"
        self.as_of = of.id if of.as_of is None else of.as_of

    def require_open(self, connection: Connection) -> None:
        """Check that there are records that were not tried again.

        Raises:
            SettingsError: that load rejected nothing, or others have tried its records again.
        """
        of = self._of.id
        mine = "SELECT coalesce(retried_by, 0) FROM catalogue_rejected WHERE load_id = %s GROUP BY 1 ORDER BY 1"
        theirs = (
            "SELECT DISTINCT load_id FROM catalogue_rejected WHERE load_id = ANY(%s) AND retried_by IS NULL ORDER BY 1"
        )
        with database_errors("the rejected records cannot be read"):
            tries = [load_id for (load_id,) in connection.execute(mine, (of,))]
            still_open = [str(load_id) for (load_id,) in connection.execute(theirs, (tries,))]
        if not tries:
            raise SettingsError(
                f"load {of} has no rejected records", hint="see which loads do: python app.py catalogue loads"
            )
        if 0 not in tries:
            raise SettingsError(
                f"the records that load {of} rejected were tried again",
                why=f"the last time by load {tries[-1]}",
                hint=f"try those that were still wrong: --rejected-of {' or '.join(still_open)}"
                if still_open
                else "all of them were loaded, or tried again since",
            )

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
        """Mark the records as tried again, in the transaction of the load."""
        # A load that still runs may have rejected more meanwhile.
        connection.execute(
            "UPDATE catalogue_rejected SET retried_by = %s WHERE load_id = %s AND retried_by IS NULL AND id <= %s",
            (load_id, self._of.id, self._last_id),
        )
