"""Merging: the staged records change the table of their model, and are counted, each once."""

from metrics.catalogue.core.models import Model
from metrics.catalogue.load import statements
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.remarks import remarks


def merge(connection: Connection, model: Model, load: Load, newest: int | None = None) -> None:
    """Merge staged rows into the table, and set the sums of the load.

    Args:
        load: with the numbers of read and rejected records.
        newest: a row that a load after this one has changed stays as it is; None: every row may change.
    """
    [load.returned] = connection.execute(statements.count_returned(model)).fetchone() or (0,)
    merged = connection.execute(statements.merge(model), {"load": load.id, "newest": newest}).fetchone()
    assert merged is not None, "sums are one row"
    distinct, load.inserted, load.updated = merged
    load.unchanged = distinct - load.inserted - load.updated
    load.repeated = load.read - load.rejected - distinct
    load.remarks = remarks(connection, model.name, statements.STAGED)


def merge_with_tombstones(connection: Connection, model: Model, load: Load) -> None:
    """Merge staged rows and tombstones, and set the sums of the load.

    A tombstone updates a row, unless that is gone already or does not exist: then it leaves the table unchanged.
    """
    connection.execute(statements.drop_superseded(model))
    merge(connection, model, load)
    marked = connection.execute(statements.mark_tombstones(model), {"load": load.id}).fetchone()
    assert marked is not None, "sums are one row"
    distinct, load.gone = marked
    load.updated += load.gone
    load.unchanged += distinct - load.gone
    load.repeated -= distinct
