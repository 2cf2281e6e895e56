"""One load: from its input into the table, in one transaction.

1. wait for other loads of the model, and begin a row in `catalogue_load`;
2. stage: read, validate, copy into a temporary table (`staging.py`);
3. check the limits; a load that exceeds one ends here, and only its rejected records are kept;
4. merge what is staged into the table and count (`merging.py`); of a snapshot, mark rows that are missing as gone;
5. commit, together with the sums of the load.

A process that is killed leaves nothing but the row of step 1, which is then listed as interrupted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import tzinfo
from typing import NamedTuple, Protocol

import psycopg

from metrics.catalogue.core.models import Model
from metrics.catalogue.load import limits, loads, merging, statements
from metrics.catalogue.load.formats import Records
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.rejected import Rejections, forget_rejected
from metrics.catalogue.load.staging import Staging
from metrics.postgres.connect import database_errors
from metrics.wording.errors import DataRefusedError, MetricsError, SettingsError
from metrics.wording.text import numbered

SAY_AFTER_S = 2
DEFAULT_LIMIT = Limit.of("", limits.DEFAULT)


class Input(Protocol):
    """Input of a load: records, and the stored bytes that they come from."""

    @property
    def collector(self) -> str:
        """Name of the collector, as it is stored."""

    @property
    def source(self) -> str:
        """Where the records come from, without credentials."""

    @property
    def as_of(self) -> int | None:
        """The load that the records are from: rows that it or a later one has changed stay; None: all may change."""

    @property
    def read_bytes(self) -> int:
        """Stored bytes that were read so far."""

    @property
    def size_bytes(self) -> int | None:
        """Stored bytes in all; None if that is not known."""

    def digest_ahead(self) -> str | None:
        """Return the SHA-256 of the stored bytes without reading them as records; None if that takes a second read."""

    def digest(self) -> str | None:
        """Return the SHA-256 of the stored bytes that were read; None if they have none."""

    def records(self, model: Model, zone: tzinfo | None) -> Iterator[tuple[str, Records]]:
        """Yield the records of each file, after a prefix for their positions."""

    def require_open(self, connection: Connection) -> None:
        """Check, while the model is locked, that no other load has taken the records.

        Raises:
            SettingsError: one has.
        """

    def settle(self, connection: Connection, load_id: int) -> None:
        """Mark the records as loaded or rejected by a load, in its transaction."""


class Options(NamedTuple):
    """Options of a load.

    Attributes:
        zone: of times without an offset; None: these are rejected.
    """

    model: Model
    zone: tzinfo | None = None
    is_snapshot: bool = False
    max_rejected: Limit = DEFAULT_LIMIT
    max_gone: Limit = DEFAULT_LIMIT
    again: bool = False
    is_dry_run: bool = False

    @property
    def time_zone(self) -> str | None:
        """Name of the zone of times without an offset."""
        return None if self.zone is None else str(self.zone)


class Outcome(NamedTuple):
    """Outcome of a load.

    Attributes:
        load: with its sums.
        same_as: the model's last load, if that had the same bytes: then nothing was loaded.
    """

    load: Load
    rejections: Rejections
    same_as: int | None = None


class LoadRefusedError(DataRefusedError):
    """A load that was refused; its rejected records are kept under its id."""

    def __init__(self, load: Load, what: str, *, why: str, hint: str) -> None:
        super().__init__(what, why=why, hint=hint)
        self.load = load


class Progress(Protocol):
    """Display of the progress of a load."""

    def say(self, line: str) -> None:
        """Show a line."""

    def move(self) -> None:
        """Note that more bytes were read."""

    def merge(self, records: int) -> None:
        """Note that everything was read, and is now merged into the table."""


def load(connection: Connection, options: Options, given: Input, progress: Progress) -> Outcome:
    """Load records into the table of their model.

    Raises:
        FileError: the input cannot be read completely; nothing was loaded.
        SettingsError: the records are older than a snapshot, or were tried again by another load.
        LoadRefusedError: more records were rejected, or are gone, than the limits allow; nothing was loaded, and the
            rejected records are kept.
        DatabaseError: the database refused, or was away; nothing was loaded, unless it was lost during the commit.
    """
    with loads.lock_model(connection, options.model, progress.say):
        given.require_open(connection)
        _require_current(connection, options.model, given)
        last = None if options.again else loads.last_committed(connection, options.model)
        if last is not None and not _would_be_the_same(options, last):
            last = None
        if last is not None and given.digest_ahead() == last.sha256:
            return Outcome(last, Rejections({}, []), same_as=last.id)
        with _begin(connection, options, given) as begun:
            return _load(connection, options, given, begun, last, progress)


def _require_current(connection: Connection, model: Model, given: Input) -> None:
    """Check that rejected records of a load are not older than a snapshot: the rows that it lacks are gone."""
    snapshot = None if given.as_of is None else loads.snapshot_after(connection, model, given.as_of)
    if snapshot is not None:
        raise SettingsError(
            f"load {given.as_of} is older than load {snapshot.id}, a snapshot",
            why="a snapshot has every record of its model, so older ones do not count any more",
            hint=f"try those that the snapshot rejected again: --rejected-of {snapshot.id}"
            if snapshot.rejected
            else "if they are still right, load them from a file",
        )


def _would_be_the_same(options: Options, last: Load) -> bool:
    """Return whether a load of the same bytes with these options would end as the last one did."""
    if last.sha256 is None or (last.is_snapshot, last.time_zone) != (options.is_snapshot, options.time_zone):
        return False
    return not last.rejected or options.max_rejected == DEFAULT_LIMIT


@contextmanager
def _begin(connection: Connection, options: Options, given: Input) -> Iterator[Load]:
    """Begin a load; if it does not end, store why. A dry run leaves nothing at all."""
    with connection.transaction(force_rollback=True) if options.is_dry_run else nullcontext():
        begun = loads.begin(connection, options.model, given.collector, given.source, is_snapshot=options.is_snapshot)
        begun.time_zone, begun.as_of = options.time_zone, given.as_of
        try:
            yield begun
        except BaseException as error:
            known = error if isinstance(error, MetricsError) else None
            with suppress(psycopg.Error):
                loads.give_up(connection, begun, "failed" if known else "interrupted", known)
            raise
        finally:
            with suppress(psycopg.Error):
                loads.unlock_load(connection, begun)


def _load(
    connection: Connection, options: Options, given: Input, begun: Load, last: Load | None, progress: Progress
) -> Outcome:
    """Stage, merge and commit; or keep the rejected records alone, and raise the refusal."""
    with database_errors("the load failed"), connection.transaction() as transaction:
        connection.execute(statements.create_staged(options.model, "DROP"))
        staging = Staging(connection, options.model, begun, progress.move)
        for prefix, records in given.records(options.model, options.zone):
            begun.columns = records.columns or None
            staging.take(records, prefix)
        begun.sha256, begun.bytes = given.digest(), given.read_bytes
        rejections = Rejections(dict(staging.by_reason), staging.examples)
        if last is not None and begun.sha256 == last.sha256:
            raise psycopg.Rollback(transaction)
        progress.merge(begun.read)
        refusal = _too_many_rejected(options, begun) or _merge(connection, options, staging, begun, progress.say)
        begun.remarks = [*staging.remarks, *begun.remarks]
        if refusal is None:
            given.settle(connection, begun.id)
        elif given.as_of is not None:
            forget_rejected(connection, begun.id)  # their first load still has them
        loads.store(connection, begun, "failed" if refusal else "done", str(refusal) if refusal else None)
    if last is not None and begun.sha256 == last.sha256:
        loads.forget(connection, begun)
        return Outcome(last, Rejections({}, []), same_as=last.id)
    if refusal is not None:
        raise refusal
    return Outcome(begun, rejections)


def _too_many_rejected(options: Options, begun: Load) -> DataRefusedError | None:
    limit = options.max_rejected
    if not limit.is_exceeded(begun.rejected, begun.read):
        return None
    verb = "is" if begun.rejected == 1 else "are"
    see = (
        ""
        if options.is_dry_run or begun.as_of is not None
        else f"see them: python app.py catalogue rejected --load {begun.id}\nor "
    )
    return LoadRefusedError(
        begun,
        f"{begun.rejected:,} of {numbered(begun.read, 'record')} {verb} wrong, so nothing was loaded",
        why=f"the limit is {limit.text}",
        hint=f"{see}allow more of them: --max-rejected N or P%",
    )


def _merge(
    connection: Connection, options: Options, staging: Staging, begun: Load, say: Callable[[str], None]
) -> DataRefusedError | None:
    """Merge what is staged into the table, unless too much is gone; set the sums of the load.

    A rejected record without a readable key may belong to any row; then it is not known which rows are gone.
    """
    model = options.model
    finds_gone = options.is_snapshot and not staging.unreadable_keys.number
    connection.execute(statements.ANALYZE_STAGED)
    _keep_writers_out(connection, model, say)
    if finds_gone:
        present, gone = connection.execute(statements.count_missing(model)).fetchone() or (0, 0)
        if options.max_gone.is_exceeded(gone, present):
            return _too_many_gone(options, gone, present, begun)
    with loads.lock_errors(f"another program has locked rows of the table {model.name}"):
        merging.merge(connection, model, begun)
    if finds_gone:
        begun.gone = connection.execute(statements.mark_gone(model), {"load": begun.id}).rowcount
    elif options.is_snapshot:
        begun.remarks.append(staging.unreadable_keys)
    return None


def _keep_writers_out(connection: Connection, model: Model, say: Callable[[str], None]) -> None:
    """Lock the table against other writers; wait for a transaction that has changed it."""
    [limit] = connection.execute("SELECT current_setting('lock_timeout')").fetchone() or ("",)
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{SAY_AFTER_S}s'")
            connection.execute(statements.keep_writers_out(model))
    except psycopg.errors.LockNotAvailable:
        changing = f"another program is changing the table {model.name}"
        say(f"{changing}; waiting for the end of its transaction …")
        with loads.lock_errors(changing):
            connection.execute(statements.keep_writers_out(model))
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (limit,))


def _too_many_gone(options: Options, gone: int, present: int, begun: Load) -> DataRefusedError:
    return LoadRefusedError(
        begun,
        f"{gone:,} of {numbered(present, 'row')} would be marked as gone, so nothing was loaded",
        why=f"the limit is {options.max_gone.text}, since this many missing rows suggest a cut file",
        hint="get the file again; or, if they really are gone: --max-gone N or P%",
    )
