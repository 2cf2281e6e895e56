"""The table of loads: each load with its state and its sums."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from msgspec import field
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

from metrics.catalogue.core.models import Model
from metrics.postgres.connect import database_error, database_errors
from metrics.wording.errors import MetricsError

Connection = psycopg.Connection[TupleRow]

OUTCOMES = ("inserted", "updated", "unchanged", "repeated", "rejected")  # each record that was read has one
SUMS = ("read", *OUTCOMES, "gone", "returned")
EXAMPLES = 3  # of a remark, of rejected records
NO_ANSWER = "the database does not answer"


class Remark(msgspec.Struct):
    """Records that were loaded, but are implausible by one rule."""

    rule: str
    number: int
    examples: list[str]


class Load(msgspec.Struct, kw_only=True):
    """One load, as in the table `catalogue_load`; `read` is the sum of the five after it.

    Attributes:
        as_of: the load that the records are from: rows that it or a later one has changed stay; None: all may change.
    """

    id: int
    model: str
    collector: str
    source: str
    sha256: str | None = None
    bytes: int | None = None
    columns: list[str] | None = None
    is_snapshot: bool = False
    time_zone: str | None = None
    as_of: int | None = None
    state: str = "running"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    rejected: int = 0
    gone: int = 0
    returned: int = 0
    remarks: list[Remark] = field(default_factory=list)
    error: str | None = None


_FIELDS = [each.name for each in msgspec.structs.fields(Load)]
# A load whose connection has ended was killed: one of files has loaded nothing, one of a topic what it has committed.
_STATE = SQL("CASE WHEN state = 'running' AND NOT catalogue_is_running(id) THEN 'interrupted' ELSE state END")
_MODEL_LOCK = "catalogue_lock('model.' || %s), 0"
_LOCK = "catalogue_lock('load'), %s::bigint::bit(32)::int"
_COLUMNS = SQL(", ").join(_STATE if name == "state" else Identifier(name) for name in _FIELDS)


def _load_of(values: Sequence[Any]) -> Load:
    return msgspec.convert(dict(zip(_FIELDS, values, strict=True)), Load)


def read_loads(
    connection: Connection, model: str | None = None, *, before: int | None = None, limit: int = 100
) -> list[Load]:
    """Return loads, the newest first.

    Args:
        model: only of this one.
        before: only those with a lower id.
    """
    conditions = {"model = %(model)s": model, "id < %(before)s": before}
    asked = [SQL(condition) for condition, value in conditions.items() if value is not None]
    query = SQL("SELECT {} FROM catalogue_load WHERE {} ORDER BY id DESC LIMIT %(limit)s").format(
        _COLUMNS, SQL(" AND ").join(asked) if asked else SQL("true")
    )
    return _query(connection, query, {"model": model, "before": before, "limit": limit})


def read_newest_loads(connection: Connection) -> list[Load]:
    """Return the newest load of each model, the newest first, except those that tried rejected records again."""
    newest = SQL("SELECT DISTINCT ON (model) id FROM catalogue_load WHERE as_of IS NULL ORDER BY model, id DESC")
    query = SQL("SELECT {} FROM catalogue_load WHERE id IN ({}) ORDER BY id DESC").format(_COLUMNS, newest)
    return _query(connection, query, {})


def changes(connection: Connection) -> str:
    """Return a text that differs once a load has changed a table; a load of a topic changes it while it runs."""
    query = "SELECT concat_ws(' ', sum(inserted), sum(updated), sum(gone)) FROM catalogue_load"
    with database_errors(NO_ANSWER):
        [text] = connection.execute(query).fetchone() or ("",)
    return str(text)


def find_load(connection: Connection, load_id: int) -> Load | None:
    """Return a load by its id; None if there is none."""
    found = _query(connection, SQL("SELECT {} FROM catalogue_load WHERE id = %s").format(_COLUMNS), (load_id,))
    return found[0] if found else None


def last_committed(connection: Connection, model: Model) -> Load | None:
    """Return the last load of a model that was committed; None before the first.

    A load of a topic counts in any state, since it commits while it runs; one that is running is the last.
    """
    query = SQL(
        "SELECT {} FROM catalogue_load WHERE model = %s AND (state = 'done' OR (collector = 'kafka' AND read > 0)) "
        "ORDER BY coalesce(finished_at, 'infinity') DESC, id DESC LIMIT 1"
    )
    found = _query(connection, query.format(_COLUMNS), (model.name,))
    return found[0] if found else None


def snapshot_after(connection: Connection, model: Model, load_id: int) -> Load | None:
    """Return the last snapshot of a model that was loaded after another load; None if there is none."""
    query = SQL(
        "SELECT {} FROM catalogue_load WHERE model = %s AND id > %s AND is_snapshot AND state = 'done' "
        "ORDER BY id DESC LIMIT 1"
    )
    found = _query(connection, query.format(_COLUMNS), (model.name, load_id))
    return found[0] if found else None


def _query(connection: Connection, query: Composed, values: Mapping[str, Any] | tuple[Any, ...]) -> list[Load]:
    with database_errors(NO_ANSWER), connection.cursor(row_factory=lambda _: _load_of) as cursor:
        return cursor.execute(query, values).fetchall()


def try_to_lock_model(connection: Connection, model: Model) -> bool:
    """Keep other loads of a model out until the end of the transaction; return false if one is running."""
    [is_free] = connection.execute(f"SELECT pg_try_advisory_xact_lock({_MODEL_LOCK})", (model.name,)).fetchone() or (
        False,
    )
    return bool(is_free)


@contextmanager
def lock_model(connection: Connection, model: Model, say: Callable[[str], None]) -> Iterator[None]:
    """Keep other loads of a model out until the end of the context; wait for one that is running.

    Args:
        say: called with a line if there is one.
    """
    with database_errors(NO_ANSWER):
        [is_free] = connection.execute(f"SELECT pg_try_advisory_lock({_MODEL_LOCK})", (model.name,)).fetchone() or (
            False,
        )
        if not is_free:
            running = f"another load of {model.name} is running"
            say(f"{running}; waiting for its end …")
            with lock_errors(running):
                connection.execute(f"SELECT pg_advisory_lock({_MODEL_LOCK})", (model.name,))
    settle_killed(connection, model)
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that was interrupted keeps its locks until it is closed
            connection.execute(f"SELECT pg_advisory_unlock({_MODEL_LOCK})", (model.name,))


@contextmanager
def lock_errors(what: str) -> Iterator[None]:
    """Name what a statement waited for, if the session limits the time of waiting for a lock.

    Raises:
        DatabaseError: the limit was reached; its cause is a LockNotAvailable.
    """
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise database_error(what, error, "try again later") from error


def settle_killed(connection: Connection, model: Model) -> None:
    """Mark loads of a model that were killed as interrupted: those that are still `running` without their lock."""
    query = (
        "UPDATE catalogue_load SET state = 'interrupted', finished_at = now() "
        "WHERE model = %s AND state = 'running' AND NOT catalogue_is_running(id)"
    )
    with database_errors(NO_ANSWER):
        connection.execute(query, (model.name,))


def begin(connection: Connection, model: Model, collector: str, source: str, *, is_snapshot: bool = False) -> Load:
    """Add a load; it is running until `store` says otherwise, or until this connection ends."""
    with database_errors("the load cannot begin"), connection.transaction():
        added = (
            "INSERT INTO catalogue_load (model, collector, source, is_snapshot) VALUES (%s, %s, %s, %s) RETURNING id"
        )
        [load_id] = connection.execute(added, (model.name, collector, source, is_snapshot)).fetchone() or (0,)
        begun = Load(id=load_id, model=model.name, collector=collector, source=source, is_snapshot=is_snapshot)
        lock_load(connection, begun)
        return begun


def lock_load(connection: Connection, load: Load) -> None:
    """Take the lock that shows that a load is running; shared, so that a lost connection does not delay it."""
    with database_errors(NO_ANSWER):
        connection.execute(f"SELECT pg_advisory_lock_shared({_LOCK})", (load.id,))


def store(connection: Connection, load: Load, state: str, error: str | None = None) -> None:
    """Store a load's sums and its state; unless that is running, it is finished now."""
    load.state, load.error = state, error
    written = [
        each for each in _FIELDS if each not in ("id", "model", "collector", "source", "started_at", "finished_at")
    ]
    values = {name: getattr(load, name) for name in written}
    values["remarks"] = Jsonb(msgspec.to_builtins(load.remarks))
    sets = SQL(", ").join(SQL("{} = {}").format(Identifier(name), SQL(f"%({name})s")) for name in written)
    query = SQL(
        "UPDATE catalogue_load SET {}, finished_at = CASE WHEN %(state)s <> 'running' THEN clock_timestamp() END "
        "WHERE id = %(id)s RETURNING started_at, finished_at"
    )
    with database_errors("the sums of the load cannot be stored"):
        found = connection.execute(query.format(sets), values | {"id": load.id}).fetchone()
    load.started_at, load.finished_at = found or (None, None)


def give_up(connection: Connection, load: Load, state: str, error: MetricsError | None) -> None:
    """Store that a load failed or was interrupted, if the database can be reached; nothing was loaded."""
    text = str(error) if error else None
    query = (
        "UPDATE catalogue_load SET state = %s, error = %s, finished_at = clock_timestamp() "
        "WHERE id = %s AND state = 'running'"
    )
    connection.execute(query, (state, text, load.id))


def forget(connection: Connection, load: Load) -> None:
    """Remove a load that was not needed."""
    with database_errors(NO_ANSWER):
        connection.execute("DELETE FROM catalogue_load WHERE id = %s", (load.id,))


def unlock_load(connection: Connection, load: Load) -> None:
    """Release the lock that shows that a load is running."""
    connection.execute(f"SELECT pg_advisory_unlock_shared({_LOCK})", (load.id,))


def add_batch(load: Load, batch: Load) -> Load:
    """Return a load with the sums and remarks of a batch added to it."""
    summed = {name: getattr(load, name) + getattr(batch, name) for name in SUMS}
    rules = {remark.rule: remark for remark in load.remarks}
    for remark in batch.remarks:
        before = rules.get(remark.rule, Remark(remark.rule, 0, []))
        rules[remark.rule] = Remark(
            remark.rule, before.number + remark.number, (before.examples + remark.examples)[:EXAMPLES]
        )
    return msgspec.structs.replace(load, **summed, remarks=[*rules.values()])
