"""All tables of views as plain dictionaries, and what they must be after the plain recount."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from metrics.kafka.job.sql_sink import Connection
from metrics.views.core.recount import Recount

Records = Mapping[tuple[int, int], bytes | None]  # by partition and offset


class Tables(NamedTuple):
    """The rows of each table by their keys; times in seconds since the epoch."""

    counts: dict[int, tuple[int, ...]]
    users: int
    invalid: dict[tuple[int, int], tuple[str, ...]]
    viewers: set[int]
    media: dict[int, tuple[int, ...]]
    user_media: dict[tuple[int, int], int]
    media_quarter: dict[tuple[int, int], tuple[int, ...]]
    media_minute: dict[tuple[int, int], tuple[int, ...]]
    quarter: dict[int, tuple[int, ...]]
    minute: dict[int, tuple[int, ...]]


class _Reader:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode()).fetchall()

    def by_key(self, keys: int, query: str) -> dict[Any, Any]:
        """Return rows by their first columns, or by the first one alone."""
        return {row[:keys] if keys > 1 else row[0]: row[keys:] for row in self.rows(query)}


_AT = "extract(epoch FROM start_at)::bigint"
_SUMS = "waypoints, starts, stops, ends"
_KEPT = "start_at >= (SELECT since FROM minutes_kept)"


def read_tables(connection: Connection) -> Tables:
    """Return all rows that count: minutes before `minutes_kept.since` do not."""
    read = _Reader(connection)
    invalid = read.by_key(2, "SELECT partition, record_offset, reasons FROM invalid")
    user_media = read.by_key(2, "SELECT media_id, user_id, waypoints FROM user_media")
    [(users,)] = read.rows("SELECT coalesce(sum(users), 0)::bigint FROM counts")
    return Tables(
        read.by_key(1, "SELECT partition, read, counted, duplicates, invalid FROM counts"),
        users,
        {key: tuple(reasons) for key, (reasons,) in invalid.items()},
        {user for (user,) in read.rows("SELECT user_id FROM viewer")},
        read.by_key(1, f"SELECT media_id, {_SUMS}, viewers, sum_sq::bigint FROM media"),
        {key: waypoints for key, (waypoints,) in user_media.items()},
        read.by_key(2, f"SELECT media_id, {_AT}, {_SUMS} FROM media_quarter"),
        read.by_key(2, f"SELECT media_id, {_AT}, {_SUMS} FROM media_minute WHERE {_KEPT}"),
        read.by_key(1, f"SELECT {_AT}, {_SUMS} FROM quarter"),
        read.by_key(1, f"SELECT {_AT}, {_SUMS} FROM minute WHERE {_KEPT}"),
    )


def recounted(connection: Connection, records: Records) -> Tables:
    """Return the tables that these records make, if each id counts from the partition that `seen` says."""
    read = _Reader(connection)
    [(since,)] = read.rows("SELECT extract(epoch FROM since)::bigint FROM minutes_kept")
    seen = {identity.bytes: partition for identity, partition in read.rows("SELECT id, partition FROM seen")}
    counted = set[bytes]()

    def is_first(digest: bytes, partition: int) -> bool:
        is_counted = digest not in counted and seen.get(digest) == partition
        if is_counted:
            counted.add(digest)
        return is_counted

    recount = Recount(since, is_first)
    for (partition, offset), value in sorted(records.items()):
        recount.take(partition, offset, value)
    assert counted == set(seen), "each id in `seen` is that of a record"
    return Tables(
        {number: (c.read, c.counted, c.duplicates, c.invalid) for number, c in recount.counts.items()},
        len(recount.viewers),
        recount.invalid,
        recount.viewers,
        {media: tuple(sums) for media, sums in recount.media().items()},
        dict(recount.user_media),
        _tuples(recount.media_quarter.items()),
        _tuples(recount.media_minute.items()),
        _tuples(recount.quarter().items()),
        _tuples(recount.minute().items()),
    )


def _tuples(rows: Iterable[tuple[Any, list[int]]]) -> dict[Any, tuple[int, ...]]:
    return {key: tuple(sums) for key, sums in rows}


def check_counted_once(connection: Connection, records: Records) -> None:
    """Check every table against the plain recount of all records of the topic."""
    found, expected = read_tables(connection), recounted(connection, records)
    for name in Tables._fields:
        assert getattr(found, name) == getattr(expected, name), name
    for read, counted, duplicates, invalid in found.counts.values():
        assert read == counted + duplicates + invalid
