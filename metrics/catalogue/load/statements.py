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


def _key(model: Model, of: str = "") -> Composed:
    return _list(_key_parts(model, of))


def _key_parts(model: Model, of: str = "") -> list[sql.Composable]:
    """Return the expressions of the key, as its index has them: texts without case."""
    return [
        SQL("lower({})").format(_name(column, of)) if column.type == "text" else _name(column, of)
        for column in model.key_columns
    ]


def create_staged(model: Model, on_commit: Literal["DROP", "DELETE ROWS"]) -> Composed:
    """Return the statement that creates the temporary tables of a load, or of each batch of a load."""
    definitions = [SQL("{} {}").format(Identifier(column.name), SQL(column.type)) for column in model.columns]
    return SQL(
        "CREATE TEMPORARY TABLE catalogue_staged (position int8, {columns}) ON COMMIT {on_commit};"
        "CREATE TEMPORARY TABLE catalogue_staged_key ({key}) ON COMMIT {on_commit};"
        "CREATE TEMPORARY TABLE catalogue_staged_tombstone (position int8, {key}) ON COMMIT {on_commit}"
    ).format(columns=_list(definitions), key=_list(definitions[: model.key_size]), on_commit=SQL(on_commit))


def copy_staged(model: Model) -> Composed:
    """Return the COPY of rows, each with its position before it."""
    return SQL("COPY {} (position, {}) FROM STDIN (FORMAT BINARY)").format(STAGED, _names(model.columns))


def copy_keys(model: Model) -> Composed:
    """Return the COPY of keys of rejected records."""
    return SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(STAGED_KEYS, _names(model.key_columns))


def copy_tombstones(model: Model) -> Composed:
    """Return the COPY of keys of tombstones, each with its position before it."""
    columns = _names(model.key_columns)
    return SQL("COPY {} (position, {}) FROM STDIN (FORMAT BINARY)").format(STAGED_TOMBSTONES, columns)


# A tenth of the usual sample distinguishes ten rows from ten million; more precision changes no plan here.
ANALYZE_STAGED = SQL("SET LOCAL default_statistics_target = 10; ANALYZE {}").format(STAGED)

COPY_REJECTED = SQL("COPY catalogue_rejected (load_id, position, reason, detail, record, is_escaped) FROM STDIN")


def drop_superseded(model: Model) -> Composed:
    """Return the statement that removes tombstones before a staged row of their key."""
    return SQL("DELETE FROM {} old USING {} new WHERE ({}) = ({}) AND old.position < new.position").format(
        STAGED_TOMBSTONES, STAGED, _key(model, "new"), _key(model, "old")
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


def keep_writers_out(model: Model) -> Composed:
    """Return the statement that keeps other writers out of the table until the commit, so that no key is added."""
    return SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(Identifier(model.name))


def is_empty(model: Model) -> Composed:
    """Return the query for whether the table has no rows, not even gone ones."""
    return SQL("SELECT NOT EXISTS (SELECT FROM {})").format(Identifier(model.name))


def fill(model: Model) -> Composed:
    """Return the statement that inserts the staged rows into an empty table. Parameter: `load`, its id."""
    names, load = _names(model.columns), SQL("%(load)s::int8")
    return SQL("INSERT INTO {} ({}, first_load, last_load) {}").format(
        Identifier(model.name), names, _last_of_each_key(model, [names, load, load])
    )


def merge(model: Model) -> Composed:
    """Return the statement that inserts the staged rows with new keys, and updates rows that differ from staged ones.

    Its result: numbers of distinct keys, of inserted and updated rows, and of updated ones that were gone.
    Parameters: `load`, its id; `as_of`, the load that the records are from: a row that this or a later one has changed
    stays (null: every row may change).

    Inserting with ON CONFLICT would look up each key and log its row twice: 4.5 instead of 2.9 CPU s a million rows.
    Updating with it finds the rows by the index, in their order. With UPDATE … FROM, a join may shuffle them, which
    took 1.2 times the processor time and twice the write-ahead log.
    """
    names, table = _names(model.columns), Identifier(model.name)
    # A key in other case is another spelling of it, and is stored as it came last.
    sets = [SQL("{} = excluded.{}").format(_name(column), _name(column)) for column in model.columns]
    return SQL(
        "WITH latest AS ({latest}), "
        "inserted AS (INSERT INTO {table} ({names}, first_load, last_load) SELECT {names}, %(load)s, %(load)s "
        "FROM latest WHERE is_new), "
        "updated AS (INSERT INTO {table} ({names}, first_load, last_load) SELECT {names}, %(load)s, %(load)s "
        "FROM latest WHERE is_changed "
        "ON CONFLICT ({key}) DO UPDATE SET {sets}, last_load = excluded.last_load, gone_at = NULL) "
        "SELECT count(*), count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_changed), "
        "count(*) FILTER (WHERE is_changed AND is_gone) FROM latest"
    ).format(latest=_latest(model), table=table, names=names, key=_key(model), sets=_list(sets))


def _latest(model: Model) -> Composed:
    """Return the query for the last staged row of each key, beside the row that the table has of it.

    The join is by the expressions that the staged rows were sorted by, so that it may follow the index of the table.
    """
    keys = [Identifier(f"key_{number}") for number in range(model.key_size)]
    named_key = [SQL("{} AS {}").format(part, name) for part, name in zip(_key_parts(model), keys, strict=True)]
    return SQL(
        "SELECT {new}, old.last_load IS NULL AS is_new, old.gone_at IS NOT NULL AS is_gone, "
        "(({new}) IS DISTINCT FROM ({old}) OR old.gone_at IS NOT NULL) "
        "AND old.last_load < coalesce(%(as_of)s, old.last_load + 1) AS is_changed "
        "FROM ({last}) new "
        "LEFT JOIN {table} old ON ({new_key}) = ({old_key})"
    ).format(
        new=_names(model.columns, "new"),
        old=_names(model.columns, "old"),
        last=_last_of_each_key(model, [_names(model.columns), *named_key]),
        table=Identifier(model.name),
        new_key=_list(SQL("new.{}").format(name) for name in keys),
        old_key=_key(model, "old"),
    )


def _last_of_each_key(model: Model, selected: Iterable[sql.Composable]) -> Composed:
    """Return the query for the last staged row of each key, in the order of the keys."""
    return SQL("SELECT DISTINCT ON ({key}) {selected} FROM {staged} ORDER BY {key}, position DESC").format(
        key=_key(model), selected=_list(selected), staged=STAGED
    )


def _is_missing(model: Model) -> Composed:
    """Return the condition that the key of a row is not in this load, not even in a rejected record."""
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
