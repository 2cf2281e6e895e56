"""The SQL of a load, made from the table of models."""

from collections.abc import Iterable
from typing import Literal

from psycopg import sql
from psycopg.sql import SQL, Composed, Identifier

from metrics.catalogue.core.models import Model, TableColumn

# Of one load, in the order in which they came; the last one of a key counts.
STAGED = SQL("pg_temp.catalogue_staged")
# Keys of rejected records: with --snapshot, they are not gone.
STAGED_KEYS = SQL("pg_temp.catalogue_staged_key")
# Keys of rows that are gone, unless a later record of the key is staged.
STAGED_TOMBSTONES = SQL("pg_temp.catalogue_staged_tombstone")


def _list(parts: Iterable[sql.Composable]) -> Composed:
    return SQL(", ").join(parts)


def _names(columns: Iterable[TableColumn], of: str = "") -> Composed:
    return _list(_name(column, of) for column in columns)


def _name(column: TableColumn, of: str = "") -> sql.Composable:
    return Identifier(of, column.name) if of else Identifier(column.name)


def key_columns(model: Model) -> tuple[TableColumn, ...]:
    """Return the columns of the key."""
    return model.columns[: model.key]


def _key(model: Model, of: str = "") -> Composed:
    """Return the expressions of the key, as its index has them: texts without case."""
    return _list(
        SQL("lower({})").format(_name(column, of)) if column.type == "text" else _name(column, of)
        for column in key_columns(model)
    )


def create_staged(model: Model, on_commit: Literal["DROP", "DELETE ROWS"]) -> Composed:
    """Return the statement that creates the temporary tables of a load, or of each batch of a load."""
    definitions = [SQL("{} {}").format(Identifier(column.name), SQL(column.type)) for column in model.columns]
    return SQL(
        "CREATE TEMPORARY TABLE catalogue_staged (position int8, {columns}) ON COMMIT {on_commit};"
        "CREATE TEMPORARY TABLE catalogue_staged_key ({key}) ON COMMIT {on_commit};"
        "CREATE TEMPORARY TABLE catalogue_staged_tombstone (position int8, {key}) ON COMMIT {on_commit}"
    ).format(columns=_list(definitions), key=_list(definitions[: model.key]), on_commit=SQL(on_commit))


def copy_staged(model: Model) -> Composed:
    """Return the COPY of rows, each with its position before it."""
    return SQL("COPY {} (position, {}) FROM STDIN (FORMAT BINARY)").format(STAGED, _names(model.columns))


def copy_keys(model: Model) -> Composed:
    """Return the COPY of keys of rejected records."""
    return SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(STAGED_KEYS, _names(key_columns(model)))


def copy_tombstones(model: Model) -> Composed:
    """Return the COPY of keys of tombstones, each with its position before it."""
    columns = _names(key_columns(model))
    return SQL("COPY {} (position, {}) FROM STDIN (FORMAT BINARY)").format(STAGED_TOMBSTONES, columns)


COPY_REJECTED = SQL("COPY catalogue_rejected (load_id, position, reason, detail, record) FROM STDIN")


def drop_superseded(model: Model) -> Composed:
    """Return the statements that remove staged rows before a tombstone of their key, then tombstones before a row."""
    superseded = SQL("DELETE FROM {} old USING {} new WHERE ({}) = ({}) AND old.position < new.position")
    new, old = _key(model, "new"), _key(model, "old")
    return SQL("{}; {}").format(
        superseded.format(STAGED, STAGED_TOMBSTONES, new, old), superseded.format(STAGED_TOMBSTONES, STAGED, new, old)
    )


def mark_tombstones(model: Model) -> Composed:
    """Return the statement that marks rows as gone; its result: distinct keys, and rows that were marked.

    Parameter: `load`, its id.
    """
    return SQL(
        "WITH latest AS (SELECT DISTINCT {key} FROM {staged} old), "
        "marked AS (UPDATE {table} old SET gone_at = now(), last_load = %(load)s WHERE gone_at IS NULL "
        "AND EXISTS (SELECT FROM {staged} new WHERE ({new}) = ({key})) RETURNING 1) "
        "SELECT (SELECT count(*) FROM latest), (SELECT count(*) FROM marked)"
    ).format(key=_key(model, "old"), new=_key(model, "new"), staged=STAGED_TOMBSTONES, table=Identifier(model.name))


def count_returned(model: Model) -> Composed:
    """Return the query for how many rows that are gone have come again."""
    return SQL(
        "SELECT count(*) FROM {table} old WHERE gone_at IS NOT NULL AND EXISTS "
        "(SELECT FROM {staged} new WHERE ({new}) = ({old}))"
    ).format(table=Identifier(model.name), staged=STAGED, new=_key(model, "new"), old=_key(model, "old"))


def merge(model: Model) -> Composed:
    """Return the upsert of what is staged; its result: distinct, inserted and updated rows.

    Parameters: `load`, its id; `newest`, a row that a later load has changed stays (null: every row may change).

    A row with xmax = 0 was inserted; one that was updated had been locked by this transaction.
    """
    others = model.columns[model.key :]
    # A key in other case is another spelling of it, and is stored as it came last.
    compared = [_name(column, model.name) for column in model.columns]
    excluded = [_name(column, "excluded") for column in model.columns]
    sets = [SQL("{} = excluded.{}").format(_name(column), _name(column)) for column in (*key_columns(model), *others)]
    return SQL(
        "WITH latest AS MATERIALIZED ("
        "SELECT DISTINCT ON ({key}) {columns} FROM {staged} ORDER BY {key}, position DESC"
        "), merged AS ("
        "INSERT INTO {table} ({columns}, first_load, last_load) SELECT {columns}, %(load)s, %(load)s FROM latest "
        "ON CONFLICT ({key}) DO UPDATE SET {sets}, last_load = excluded.last_load, gone_at = NULL "
        "WHERE (({compared}) IS DISTINCT FROM ({excluded}) OR {table}.gone_at IS NOT NULL) "
        "AND {table}.last_load <= coalesce(%(newest)s, {table}.last_load) "
        "RETURNING xmax = 0 AS is_new) "
        "SELECT (SELECT count(*) FROM latest), count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) "
        "FROM merged"
    ).format(
        key=_key(model),
        columns=_names(model.columns),
        staged=STAGED,
        table=Identifier(model.name),
        sets=_list(sets),
        compared=_list(compared),
        excluded=_list(excluded),
    )


def _is_missing(model: Model) -> Composed:
    """Return the condition that a row has not come in this load, not even in a rejected record."""
    absent = SQL("NOT EXISTS (SELECT FROM {staged} new WHERE ({new}) = ({old}))")
    new, old = _key(model, "new"), _key(model, "old")
    return SQL("old.gone_at IS NULL AND {} AND {}").format(
        absent.format(staged=STAGED, new=new, old=old), absent.format(staged=STAGED_KEYS, new=new, old=old)
    )


def count_missing(model: Model) -> Composed:
    """Return the query for how many rows are present, and how many of these are missing from what is staged."""
    return SQL(
        "SELECT (SELECT count(*) FROM {table} WHERE gone_at IS NULL), "
        "(SELECT count(*) FROM {table} old WHERE {missing})"
    ).format(table=Identifier(model.name), missing=_is_missing(model))


def mark_gone(model: Model) -> Composed:
    """Return the statement that marks rows that are missing from what is staged. Parameter: `load`, its id."""
    return SQL("UPDATE {} old SET gone_at = now(), last_load = %(load)s WHERE {}").format(
        Identifier(model.name), _is_missing(model)
    )
