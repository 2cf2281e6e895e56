"""Merging: the staged records change the table of their model, and are counted, each once."""

from metrics.catalogue.core.models import Model
from metrics.catalogue.load import statements
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.remarks import remarks


def merge(connection: Connection, model: Model, load: Load) -> None:
    """Merge staged rows into the table, and set the sums of the load.

    If another program inserts one of the keys meanwhile, the database refuses the transaction.

    Args:
        load: with the numbers of read and rejected records.
    """
    if connection.execute(statements.is_empty(model)).fetchone() == (True,):
        distinct = load.inserted = connection.execute(statements.fill(model), {"load": load.id}).rowcount
    else:
        merged = connection.execute(statements.merge(model), {"load": load.id, "as_of": load.as_of}).fetchone()
        assert merged is not None, "sums are one row"
        distinct, load.inserted, load.updated, load.returned = merged
    load.unchanged = distinct - load.inserted - load.updated
    load.repeated = load.read - load.rejected - distinct
    load.remarks = remarks(connection, model.name, statements.STAGED)


def merge_with_tombstones(connection: Connection, model: Model, load: Load) -> None:
    """Merge staged rows and tombstones, and set the sums of the load.

    A row before a tombstone of its key is merged, too, so the table does not depend on how records are split into
    batches. A tombstone updates a row, unless that is gone or does not exist: then it leaves the table unchanged.
    """
    connection.execute(statements.drop_superseded(model))
    merge(connection, model, load)
    marked = connection.execute(statements.mark_tombstones(model), {"load": load.id}).fetchone()
    assert marked is not None, "sums are one row"
    distinct, load.gone = marked
    load.updated += load.gone
    load.unchanged += distinct - load.gone
    load.repeated -= distinct
