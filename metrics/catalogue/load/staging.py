"""Staging: records are validated and copied into a temporary table; rejected ones are kept with their reasons."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from psycopg.sql import SQL, Composed

from metrics.catalogue.core.models import Model
from metrics.catalogue.core.reading import NO_KEY
from metrics.catalogue.core.records import RejectedError, Row, Tombstone
from metrics.catalogue.load import statements
from metrics.catalogue.load.formats import Records
from metrics.catalogue.load.loads import EXAMPLES, Connection, Load, Remark
from metrics.catalogue.load.rejected import escape
from metrics.postgres.connect import database_errors

CHUNK = 200_000
# Rejected records wait in memory until the COPY of a chunk has ended.
WAITING_BYTES = 1 << 18
_COPIED_AS = {"timestamptz": "int8"}  # in binary, they are the same; see `to_time`
MOVE_EVERY = 2_000  # records between two moves of the progress bar


class Staging:
    """Staging of the records of one load, within its transaction.

    Args:
        load: read and rejected records are added to its sums.
        move: called now and then, for the progress bar.

    Attributes:
        has_tombstones: whether there are any, so that rows may be gone.
        by_reason: numbers of rejected records.
        examples: the first ones, in words.
        remarks: on the files themselves.
        unreadable_keys: a remark on rejected records that may be those of any row.
    """

    def __init__(self, connection: Connection, model: Model, load: Load, move: Callable[[], None]) -> None:
        self._connection = connection
        self._model = model
        self._load = load
        self._move = move
        self._types = ["int8", *(_COPIED_AS.get(column.type, column.type) for column in model.columns)]
        self.has_tombstones = False
        self.by_reason: Counter[str] = Counter()
        self.examples: list[str] = []
        self.remarks: list[Remark] = []
        self.unreadable_keys = Remark("rejected records without a readable key, so no row was marked as gone", 0, [])
        self._rejected: list[Row] = []
        self._keys: list[Row] = []
        self._waiting_bytes = 0
        self._tombstones: list[Row] = []

    def take(self, records: Records, prefix: str = "") -> None:
        """Stage records, such as those of one file.

        Args:
            prefix: of each position: the name of the file, if there are several.

        Raises:
            FileError: the file cannot be read completely.
            DatabaseError: the database refuses.
        """
        received, is_left = iter(records.received), True
        with database_errors("records cannot be staged"):
            while is_left:
                is_left = self._copy_chunk(records, received, prefix)
                self._copy_waiting()
        self.remarks += records.remarks()

    def _copy_chunk(self, records: Records, received: Iterator[tuple[int, Any]], prefix: str) -> bool:
        """Copy records until the chunk is full, or too many rejected ones wait; return whether more may follow."""
        load, read, number = self._load, records.read, 0
        with self._connection.cursor().copy(statements.copy_staged(self._model)) as copy:
            copy.set_types(self._types)
            write = copy.write_row
            for number, (place, record) in enumerate(islice(received, CHUNK), 1):
                load.read += 1
                try:
                    row = read(record)
                except RejectedError as error:
                    self._reject(records, f"{prefix}{records.position_of(place)}", record, error)
                    if self._waiting_bytes > WAITING_BYTES:
                        return True
                else:
                    if isinstance(row, Tombstone):
                        self._tombstones.append((load.read, *row.key))
                        self.has_tombstones = True
                    else:
                        write((load.read, *row))
                if number % MOVE_EVERY == 0:
                    self._move()
        return number == CHUNK

    def _reject(self, records: Records, position: str, record: Any, error: RejectedError) -> None:
        text, is_escaped = escape(records.text_of(record))
        self._load.rejected += 1
        self.by_reason[error.reason] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{position}: {error.detail}")
        detail, _ = escape(error.detail)
        self._rejected.append((self._load.id, position, error.reason, detail, text, is_escaped))
        self._waiting_bytes += len(text) + len(error.detail) + 200
        if self._load.is_snapshot:
            self._keep_key(records, position, record)

    def _keep_key(self, records: Records, position: str, record: Any) -> None:
        """Keep the key of a rejected record: a snapshot does not mark its row as gone. To read it takes up to 20 µs."""
        key = records.key_of(record)
        if key is None:
            self.unreadable_keys.number += 1
            if len(self.unreadable_keys.examples) < EXAMPLES:
                self.unreadable_keys.examples.append(position)
        elif key != NO_KEY:
            self._keys.append(key)

    def _copy_waiting(self) -> None:
        """Copy what waited for the end of the COPY of rows: one connection can have one COPY at a time."""
        key_types = self._types[1 : 1 + self._model.key_size]
        self._copy(statements.COPY_REJECTED, [], self._rejected)
        self._copy(statements.copy_keys(self._model), key_types, self._keys)
        self._copy(statements.copy_tombstones(self._model), ["int8", *key_types], self._tombstones)
        self._rejected, self._keys, self._tombstones, self._waiting_bytes = [], [], [], 0

    def _copy(self, statement: SQL | Composed, types: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            with self._connection.cursor().copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
